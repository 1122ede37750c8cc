"""What a file says against the month before: new, changed, unchanged, gone, the largest movements first."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageCount, UsageImport, VendorAccount, VendorService
from portal.domain.periods import Period
from portal.domain.quantities import plus
from portal.domain.usage import CountKey
from portal.services.usage_store import last_accepted, standing_of
from portal.web.mapping.prices import Feeds, read_feeds

INLINE = 8  # movements on the check page
AT_ONCE = 20_000  # counts up to which the check page compares by itself
PER_PAGE = 100
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One count that differs.

    Args:
        before: Units before; none: it was not reported.
        now: Units now; none: it is not in the file.
        units: The difference.
        money: About how much that is a month; none where the service feeds no priced product.
    """

    account: str
    name: str
    service: str
    term: str
    before: Decimal | None
    now: Decimal | None
    units: Decimal
    money: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A file against the month before.

    Args:
        period: The month it is compared with; empty: with the vendor's last file.
        nothing_before: No file of this vendor has counted before.
        gone: No longer reported; a part says of none that it is gone.
        rows: What differs, the most money first, then the most units.
    """

    period: str
    nothing_before: bool
    new: int
    changed: int
    unchanged: int
    gone: int
    rows: Sequence[Movement]
    money: Decimal | None


def compared(session: Session, found: UsageImport) -> Compared:
    """Compare what an import counts with the month before, or where that has none with the last file that counts.

    A file that lists only a part says nothing of what it leaves out, which still holds: only what it names is compared.
    """
    period, before = _before(session, found)
    now, names = _now(session, found)
    feeds = read_feeds(session)
    rows, total = [], None
    new = changed = unchanged = gone = 0
    for key in before.keys() | now.keys() if found.complete else now.keys():
        old, units = before.get(key), now.get(key)
        if old == units:
            unchanged += 1
            continue
        new, changed, gone = (
            new + (old is None),
            changed + (old is not None and units is not None),
            gone + (units is None),
        )
        one = _movement(found.vendor_id, key, names.get(key.account, ""), old, units, feeds)
        if one.money is not None:
            total = plus(total or _ZERO, one.money)
        rows.append(one)
    rows.sort(
        key=lambda one: (-abs(one.money or _ZERO), -abs(one.units), one.name.casefold(), one.account, one.service)
    )
    return Compared(
        period=period,
        nothing_before=not before,
        new=new,
        changed=changed,
        unchanged=unchanged,
        gone=gone,
        rows=rows,
        money=total,
    )


def _before(session: Session, found: UsageImport) -> tuple[str, dict[CountKey, Decimal]]:
    if found.period is None or found.counted_at is None:
        return "", {}
    previous = str(Period.parse(found.period).previous)
    standing = standing_of(session, found.vendor_id, previous)
    if not standing:
        previous = ""
        standing = last_accepted(session, found.vendor_id, until=found.counted_at, without=found.id)
    return previous, {key: count.quantity for key, count in standing.items()}


def _now(session: Session, found: UsageImport) -> tuple[dict[CountKey, Decimal], dict[str, str]]:
    query = (
        sa.select(
            VendorAccount.external_id,
            VendorService.external_id,
            VendorService.term,
            UsageCount.quantity,
        )
        .join_from(UsageCount, VendorAccount, VendorAccount.id == UsageCount.account_id)
        .join(VendorService, VendorService.id == UsageCount.service_id)
        .where(UsageCount.import_id == found.id)
    )
    counts = {CountKey(account, service, term): units for account, service, term, units in session.execute(query)}
    names = sa.select(VendorAccount.external_id, VendorAccount.name).where(VendorAccount.vendor_id == found.vendor_id)
    return counts, {row[0]: row[1] for row in session.execute(names)}


def _movement(
    vendor_id: int, key: CountKey, name: str, before: Decimal | None, now: Decimal | None, feeds: Feeds
) -> Movement:
    units = plus(now or _ZERO, -(before or _ZERO))
    return Movement(
        account=key.account,
        name=name or key.account,
        service=key.service,
        term=key.term,
        before=before,
        now=now,
        units=units,
        money=feeds.money(vendor_id, [(key.service, key.term, units)]),
    )
