"""How much is unmapped, counted by the store from the lines of accounts: for the heading of the mapping pages."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AccountLine, UsageCount, UsageImport, VendorService
from portal.domain.money import two_places
from portal.domain.periods import Period
from portal.domain.quantities import plus
from portal.services import settings_store
from portal.services.account_pages import summed
from portal.services.mapping_lists import HOME_CURRENCY
from portal.services.service_maps import service_mappings


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFigures:
    """What is on no card because it is unmapped: the figures of `mapping.missing` without its lists.

    Args:
        accounts: As long as there are unmapped accounts.
        services: Likewise services.
        units: Each (account, service) once, though it may stand under both.
        money: About how much a month, by currency.
    """

    accounts: range
    services: range
    units: Decimal
    money: dict[str, Decimal]


def missing_figures(session: Session, today: date) -> MissingFigures:
    """Count what is unmapped in the month of a day, without reading accounts or counts."""
    seen = sa.and_(AccountLine.hidden.is_(False), AccountLine.units.is_not(None))
    unmapped = sa.and_(AccountLine.state == "unmapped", seen)
    accounts, units, money = session.execute(
        sa.select(sa.func.count(), summed(AccountLine.units), summed(AccountLine.money))
        .select_from(AccountLine)
        .where(unmapped)
    ).one()
    loose = session.execute(
        sa.select(summed(AccountLine.loose_units)).where(AccountLine.state == "mapped")
    ).scalar_one()
    currency = str(settings_store.get(session, "home_currency", HOME_CURRENCY)["code"])
    return MissingFigures(
        accounts=range(accounts),
        services=range(_services(session, today)),
        units=plus(units, loose),
        money={currency: two_places(money)} if money else {},
    )


def _services(session: Session, today: date) -> int:
    """Count the services without a product that carry a count of an account which is neither excluded nor hidden."""
    mapped = service_mappings(session, today)
    columns = (VendorService.id, VendorService.vendor_id, VendorService.external_id, VendorService.term)
    loose = [row.id for row in session.execute(sa.select(*columns)) if tuple(row[1:]) not in mapped]
    if not loose:
        return 0
    files = _files_that_hold(session, Period.holding(today))
    carries = sa.exists().where(
        UsageCount.service_id == VendorService.id,
        UsageCount.import_id.in_(files),
        AccountLine.account_id == UsageCount.account_id,
        AccountLine.state != "excluded",
        sa.or_(AccountLine.state == "mapped", AccountLine.hidden.is_(False)),
    )
    found = 0
    for start in range(0, len(loose), 400):
        query = sa.select(sa.func.count()).select_from(VendorService)
        found += session.scalar(query.where(VendorService.id.in_(loose[start : start + 400]), carries)) or 0
    return found


def _files_that_hold(session: Session, period: Period) -> list[int]:
    """Give the accepted files of a month: of each vendor the latest complete one and what was counted after it."""
    rows = session.execute(
        sa.select(UsageImport.id, UsageImport.vendor_id, UsageImport.complete)
        .where(UsageImport.state == "committed", UsageImport.period == str(period))
        .order_by(UsageImport.counted_at, UsageImport.committed_at, UsageImport.id)
    )
    holding: dict[int, list[int]] = {}
    for import_id, vendor_id, complete in rows:
        if complete:
            holding[vendor_id] = []
        holding.setdefault(vendor_id, []).append(import_id)
    return [import_id for ids in holding.values() for import_id in ids]
