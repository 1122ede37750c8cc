"""Which counts stand: the accepted files of a period, read from the store and judged by the rules."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageCount, UsageImport, VendorAccount, VendorService
from portal.domain.periods import Period
from portal.domain.usage import CountKey, StandingCount, UsageFile, UsageKey, standing_counts


def standing_usage(
    session: Session, period: Period, zone: ZoneInfo | None = None
) -> dict[int, dict[CountKey, StandingCount]]:
    """Give the counts of a period that hold, by vendor id, then by (account, service, term).

    Args:
        session: For reading.
        period: The month.
        zone: Not needed: a file's month was settled when it was read. Callers may pass it.
    """
    del zone
    return _by_vendor(standing_counts(_files(session, UsageImport.period == str(period))))


def standing_of(
    session: Session, vendor_id: int, period: Period | str, *, until: datetime | None = None, without: int | None = None
) -> dict[CountKey, StandingCount]:
    """Give the counts of one vendor that hold in a period.

    Args:
        session: For reading.
        vendor_id: The vendor.
        period: The month.
        until: Only files that were counted by then.
        without: Leave out this import.
    """
    where = [UsageImport.vendor_id == vendor_id, UsageImport.period == str(period)]
    if until is not None:
        where.append(UsageImport.counted_at <= until)
    if without is not None:
        where.append(UsageImport.id != without)
    return _by_vendor(standing_counts(_files(session, *where))).get(vendor_id, {})


def files_of(session: Session, vendor_id: int, period: str) -> list[UsageFile]:
    """Give the accepted files of one vendor and month, as the rules see them."""
    return _files(session, UsageImport.vendor_id == vendor_id, UsageImport.period == period)


def last_accepted(
    session: Session, vendor_id: int, *, until: datetime, without: int | None = None
) -> dict[CountKey, StandingCount]:
    """Give what held of a vendor when its last accepted file was counted: that file, over which it lies.

    Of a vendor whose last file was partial, the complete one below it counts too: a correction of two accounts is
    no measure for the next whole file.

    Args:
        session: For reading.
        vendor_id: The vendor.
        until: Only files that were counted by then.
        without: Leave out this import.
    """
    query = (
        sa.select(UsageImport.period)
        .where(UsageImport.vendor_id == vendor_id, UsageImport.state == "committed", UsageImport.counted_at <= until)
        .order_by(UsageImport.counted_at.desc(), UsageImport.id.desc())
        .limit(1)
    )
    if without is not None:
        query = query.where(UsageImport.id != without)
    period = session.execute(query).scalar_one_or_none()
    return {} if period is None else standing_of(session, vendor_id, period, until=until, without=without)


def days_covered(session: Session, counts: Iterable[tuple[int, int, int]]) -> set[tuple[date, date]]:
    """Give the days that counts cover, first and last, as their files say it; of many files there is nothing said.

    Args:
        session: For reading.
        counts: Import, account and service, by our ids.
    """
    wanted = set(counts)
    if not wanted:
        return set()
    query = sa.select(
        UsageCount.import_id,
        UsageCount.account_id,
        UsageCount.service_id,
        UsageCount.covers_first,
        UsageCount.covers_last,
    ).where(
        UsageCount.import_id.in_({one[0] for one in wanted}),
        UsageCount.account_id.in_({one[1] for one in wanted}),
        UsageCount.covers_first.is_not(None),
    )
    return {
        (first, last)
        for import_id, account_id, service_id, first, last in session.execute(query)
        if (import_id, account_id, service_id) in wanted and first is not None and last is not None
    }


def _files(session: Session, *where: sa.ColumnElement[bool]) -> list[UsageFile]:
    """Read the accepted files that a condition chooses, with their counts."""
    imports = session.execute(
        sa.select(
            UsageImport.id,
            UsageImport.vendor_id,
            UsageImport.counted_at,
            UsageImport.complete,
            UsageImport.committed_at,
        ).where(UsageImport.state == "committed", *where)
    ).all()
    order = {one.id: place for place, one in enumerate(sorted(imports, key=lambda one: (one.committed_at, one.id)))}
    counts: dict[int, dict[CountKey, Decimal]] = {one.id: {} for one in imports}
    rows = session.execute(
        sa.select(
            UsageCount.import_id,
            VendorAccount.external_id,
            VendorService.external_id,
            VendorService.term,
            UsageCount.quantity,
        )
        .join(UsageImport, UsageImport.id == UsageCount.import_id)
        .join(VendorAccount, VendorAccount.id == UsageCount.account_id)
        .join(VendorService, VendorService.id == UsageCount.service_id)
        .where(UsageImport.state == "committed", *where)
    )
    for import_id, account, service, term, quantity in rows:
        counts[import_id][CountKey(account, service, term)] = quantity
    return [
        UsageFile(
            id=one.id,
            vendor=str(one.vendor_id),
            counted_at=one.counted_at,
            complete=one.complete,
            sequence=order[one.id],
            counts=counts[one.id],
        )
        for one in imports
    ]


def _by_vendor(standing: Mapping[UsageKey, StandingCount]) -> dict[int, dict[CountKey, StandingCount]]:
    found: dict[int, dict[CountKey, StandingCount]] = {}
    for (vendor, account, service, term), count in standing.items():
        found.setdefault(int(vendor), {})[CountKey(account, service, term)] = count
    return found
