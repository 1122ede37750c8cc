"""Makes the cards anew after a file began to count, or no longer does: those of the companies that it can concern.

Also tells before a file is taken back whose count changes.
"""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AccountMapping, Card, UsageCount, UsageImport, VendorAccount
from portal.domain.mapping import AccountMap, ServiceMap
from portal.domain.periods import Period, local_day
from portal.domain.quantities import plus, times
from portal.domain.usage import UsageFile, standing_counts
from portal.services import service_lines
from portal.services.card_making import DECIDABLE
from portal.services.card_picture import mapping_maps
from portal.services.card_remaking import cards_anew
from portal.services.remaking import all_made_on
from portal.services.usage_store import files_of

_COMPANIES_A_TIME = 400  # each time costs the same again, and more of them more memory


def cards_of_file(session: Session, found: UsageImport, *, now: datetime, zone: ZoneInfo) -> None:
    """Make the cards anew that a file concerns; where a day began of which not all cards were made yet, all.

    Args:
        session: A writing session: the one in which the file was committed or taken back.
        found: The import.
        now: By the business clock.
        zone: The portal's time zone.
    """
    session.flush()
    today = local_day(now, zone)
    if not all_made_on(session, today):
        cards_anew(session, now=now, zone=zone, period=found.period)
        return
    service_lines.refresh(session, Period.holding(today))
    concerned = companies_of_file(session, found)
    for start in range(0, len(concerned), _COMPANIES_A_TIME):
        some = concerned[start : start + _COMPANIES_A_TIME]
        cards_anew(session, now=now, zone=zone, period=found.period, company_ids=some)


def companies_of_file(session: Session, found: UsageImport) -> list[int]:
    """List the companies whose counts a file can change, by id.

    A complete file takes away what it does not name, so it concerns every company that the vendor's accounts are
    mapped to; a partial one those of the accounts that it names.
    """
    query = sa.select(AccountMapping.company_id).where(
        AccountMapping.vendor_id == found.vendor_id, AccountMapping.company_id.is_not(None)
    )
    if not found.complete:
        named = (
            sa.select(VendorAccount.external_id)
            .join(UsageCount, UsageCount.account_id == VendorAccount.id)
            .where(UsageCount.import_id == found.id)
        )
        query = query.where(AccountMapping.account_external_id.in_(named))
    return sorted({one for one in session.scalars(query) if one is not None})


def cards_that_change(session: Session, found: UsageImport, *, today: date) -> tuple[int, int]:
    """Count the cards whose count changes when a file is taken back: those not decided, and those decided.

    The number of queries does not grow with cards or counts.

    Args:
        session: For reading.
        found: An import that counts.
        today: In the portal's time zone.
    """
    period = Period.parse(str(found.period))
    files = files_of(session, found.vendor_id, str(period))
    maps = mapping_maps(session, day=period.looked_at(today))
    slug = found.vendor.slug
    now, then = (_fed(slug, some, *maps) for some in (files, [one for one in files if one.id != found.id]))
    changed = {pair for pair in now.keys() | then.keys() if now.get(pair) != then.get(pair)}
    cards = session.execute(
        sa.select(Card.company_id, Card.product, Card.state).where(
            Card.period == str(period), Card.gone_at.is_(None), Card.state != "stale"
        )
    )
    states = [state for company_id, product, state in cards if (company_id, product) in changed]
    undecided = sum(state in DECIDABLE for state in states)
    return undecided, len(states) - undecided


def _fed(
    slug: str, files: Iterable[UsageFile], accounts: AccountMap, services: ServiceMap
) -> dict[tuple[int, str], Decimal]:
    """Sum what the files of a vendor count by company and product."""
    sums: dict[tuple[int, str], Decimal] = {}
    for key, count in standing_counts(files).items():
        company = accounts.get((slug, key.account))
        products = services.get((slug, key.service, key.term))
        if isinstance(company, int) and isinstance(products, tuple):
            for target in products:
                pair = (company, target.product)
                sums[pair] = plus(sums.get(pair, Decimal(0)), times(count.quantity, target.factor))
    return sums
