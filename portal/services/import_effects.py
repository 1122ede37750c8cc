"""What committing a file would do: newer counts, new and vanished accounts, a feed that is held."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageImport, VendorAccount, VendorService
from portal.domain.periods import Period
from portal.domain.quantities import plain, plus
from portal.domain.usage import (
    HELD_AT_LEAST,
    HELD_SHARE,
    CountKey,
    StandingCount,
    UsageFile,
    UsageKey,
    fallen_accounts,
    is_held,
    standing_counts,
)
from portal.services import settings_store
from portal.services.import_movements import compared, movements, movements_json, worth_of
from portal.services.import_staging import NEVER
from portal.services.usage_store import files_of, last_accepted, standing_of

HELD_FEED = "held_feed"  # the setting: {"at_least": accounts, "share": part of the vendor's accounts, as "1/5"}
_NAMED = 100  # accounts and services that are listed by name

Counts = Mapping[CountKey, Decimal]


@dataclass(frozen=True, slots=True)
class Fall:
    """Accounts that fell, against the vendor's last accepted file.

    Args:
        accounts: By account: units last time and now, over all its services.
        of: How many accounts the last accepted file had.
        held: So many fell that a person has to look first.
    """

    accounts: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    of: int = 0
    held: bool = False


def fall_of(session: Session, found: UsageImport, counts: Counts) -> Fall:
    """Tell which accounts have fallen, and whether the feed is held.

    A file that would not stand anyway, since a later complete one of its period was accepted, is never held.
    """
    if found.counted_at is None or _is_outdone(session, found):
        return Fall()
    before = last_accepted(session, found.vendor_id, until=found.counted_at, without=found.id)
    previous = {key: count.quantity for key, count in before.items()}
    fallen = fallen_accounts(previous, counts, found.complete)
    total = len({key.account for key in previous})
    last, now = _by_account(previous), _by_account(counts)
    zero = Decimal(0)
    return Fall(
        accounts={account: (last.get(account, zero), now.get(account, zero)) for account in fallen},
        of=total,
        held=_holds(session, len(fallen), total),
    )


def _holds(session: Session, fallen: int, total: int) -> bool:
    """Tell whether so many fallen accounts hold a feed, by the setting `held_feed` or its defaults."""
    limits = settings_store.get(session, HELD_FEED, {"at_least": HELD_AT_LEAST, "share": str(HELD_SHARE)})
    return is_held(fallen, total, at_least=int(limits["at_least"]), share=Fraction(limits["share"]))


def effects(
    session: Session, found: UsageImport, counts: Counts, names: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Say what committing would do, as JSON for the import's notes, and which accounts fall where it would be held.

    Args:
        session: For reading.
        found: The import, with period, moment and completeness.
        counts: What the file says.
        names: Names by account id.
    """
    files = files_of(session, found.vendor_id, str(found.period))
    before = standing_counts(files)
    after = standing_counts([*files, _as_file(found, counts, files)])
    accounts = set(
        session.scalars(
            sa.select(VendorAccount.external_id).where(
                VendorAccount.vendor_id == found.vendor_id, VendorAccount.seen_at > NEVER
            )
        )
    )
    services = {
        (external, term)
        for external, term in session.execute(
            sa.select(VendorService.external_id, VendorService.term).where(
                VendorService.vendor_id == found.vendor_id, VendorService.seen_at > NEVER
            )
        )
    }
    new_accounts = sorted({key.account for key in counts} - accounts)
    new_services = sorted({(key.service, key.term) for key in counts} - services)
    gone = sorted({key.account for key in before} - {key.account for key in after})
    changed = [key for key, count in after.items() if key not in before or before[key].quantity != count.quantity]
    fall = fall_of(session, found, counts)
    said: dict[str, Any] = {
        "basis": basis_of(session, found),
        "new_accounts": len(new_accounts),
        "new_account_names": [f"{names.get(one) or one}" for one in new_accounts[:_NAMED]],
        "new_services": len(new_services),
        "new_service_names": [" ".join(one).strip() for one in new_services[:_NAMED]],
        "gone_accounts": len(gone),
        "gone_account_ids": gone[:_NAMED],
        "newer_counts": len(changed),
        "removed_counts": len(before.keys() - after.keys()),
        "stands": any(count.file_id == found.id for count in after.values()),
        "would_hold": {"fallen": len(fall.accounts), "of": fall.of} if fall.held else None,
    }
    held_now = {key: count.quantity for key, count in _of_vendor(before).items()}
    holds_then = {key: count.quantity for key, count in _of_vendor(after).items()}
    month = Period.parse(str(found.period))
    last = {
        key: count.quantity
        for key, count in standing_of(session, found.vendor_id, month.previous).items()
        if found.complete or key in holds_then  # a part says nothing of what it leaves out
    }
    against = month.previous if last or not held_now else month
    base = last or held_now
    said |= compared(held_now or last, holds_then)
    moved = movements(base, holds_then, worth_of(session, found.vendor_id, month.last))
    said["against"] = str(against)
    said["movements"] = movements_json(session, found.vendor_id, moved)
    return said, fallen_json(fall) if fall.held else {}


def basis_of(session: Session, found: UsageImport) -> list[Any]:
    """Tell on what a comparison rests; as long as it is the same, so is what the comparison said."""
    query = sa.select(UsageImport.id).where(UsageImport.vendor_id == found.vendor_id, UsageImport.state == "committed")
    files = session.scalars(query.order_by(UsageImport.id)).all()
    limits = settings_store.get(session, HELD_FEED, {})
    moment = None if found.counted_at is None else found.counted_at.isoformat()
    return [*files, found.period, moment, found.complete, str(sorted(limits.items()))]


def fallen_json(fall: Fall) -> dict[str, list[str]]:
    """Write the accounts that fell for the import's record: units last time and now."""
    return {account: [plain(last), plain(now)] for account, (last, now) in fall.accounts.items()}


def _of_vendor(standing: Mapping[UsageKey, StandingCount]) -> dict[CountKey, StandingCount]:
    """Leave the vendor out of the keys: all are of one."""
    return {CountKey(account, service, term): one for (_vendor, account, service, term), one in standing.items()}


def _as_file(found: UsageImport, counts: Counts, files: list[UsageFile]) -> UsageFile:
    if found.counted_at is None:
        raise ValueError("An import that was read has the moment of its counting.")
    return UsageFile(
        id=found.id,
        vendor=str(found.vendor_id),
        counted_at=found.counted_at,
        complete=found.complete,
        sequence=1 + max((file.sequence for file in files), default=0),
        counts=counts,
    )


def _is_outdone(session: Session, found: UsageImport) -> bool:
    """Tell whether a later complete file of the period was accepted."""
    query = sa.select(UsageImport.id).where(
        UsageImport.vendor_id == found.vendor_id,
        UsageImport.period == found.period,
        UsageImport.state == "committed",
        UsageImport.complete.is_(True),
        UsageImport.counted_at > found.counted_at,
        UsageImport.id != found.id,
    )
    return session.execute(query.limit(1)).first() is not None


def _by_account(counts: Mapping[CountKey, Decimal]) -> dict[str, Decimal]:
    units: dict[str, Decimal] = {}
    for key, quantity in counts.items():
        units[key.account] = plus(units.get(key.account, Decimal(0)), quantity)
    return units
