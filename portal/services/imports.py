"""Imports of usage: previewed, committed once, held where many accounts fall, undone as a whole.

The same bytes change nothing. A later count supersedes, it never overwrites.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.db.records import UsageImport, Vendor
from portal.domain.periods import Period, day_text, local_day
from portal.domain.usage import CountKey, held_reason
from portal.services.actors import Actor, require
from portal.services.card_remaking import cards_anew
from portal.services.errors import Conflict, Invalid, NotFound
from portal.services.import_effects import effects, fall_of, fallen_json
from portal.services.import_names import make_missing, restore_names, store_counts, take_names
from portal.services.import_reading import Reading, pending_of, quantities, read_rows
from portal.services.import_uploads import keep
from portal.services.import_vendors import (
    find_profile,
    profiles_of,
    save_profile,
    similar_vendor,
    slug_of,
    vendor_by_name,
)
from portal.services.import_words import IN_WORDS, arithmetic, record, same_words, title_of, unusable
from portal.vendors.errors import Unreadable
from portal.vendors.profiles import FileProfile
from portal.vendors.row_values import When

__all__ = [
    "commit",
    "drop",
    "find_profile",
    "preview",
    "profiles_of",
    "reject_held",
    "release_held",
    "save_profile",
    "similar_vendor",
    "slug_of",
    "undo",
    "vendor_by_name",
]

AHEAD = timedelta(days=1)  # how far ahead of our clock a vendor's may be
LONGEST_NAME = 200  # characters of a file name that are kept


def preview(
    session: Session,
    *,
    vendor: Vendor,
    profile: FileProfile,
    filename: str,
    uploads: Path,
    by: Actor,
    now: datetime,
    zone: ZoneInfo,
    path: Path | None = None,
    content: bytes | None = None,
    period: Period | str | None = None,
    counted_at: datetime | None = None,
    complete: bool = False,
    profile_id: int | None = None,
) -> UsageImport:
    """Read a file without letting it count.

    Args:
        session: A writing session.
        vendor: Whose file it is.
        profile: How it is read.
        filename: As the person's machine names it.
        uploads: The folder where files are kept, named by their content.
        by: Who imports it.
        now: By the business clock.
        zone: The portal's time zone.
        path: The file; or:
        content: What it holds.
        period: The month it tells of; none: the month of `counted_at` in the portal's zone.
        counted_at: When the vendor counted; aware; none: now.
        complete: It lists every account of the vendor; a partial one says nothing of what it leaves out.
        profile_id: The saved profile, where one was used.

    Returns:
        The import: `ready` with its rows, problems and effects (`notes`); `same` where these bytes count already; or
        `failed` with the reason in `message`.

    Raises:
        Invalid: No file, no such month, or a moment that lies in the future.
    """
    require(by, "biller", "import usage")
    moment = now if counted_at is None else counted_at
    month = _month(period, moment, zone)
    if moment > now + AHEAD:
        raise Invalid(
            f"The file cannot have been counted on {day_text(local_day(moment, zone))}: that day is still to come.",
            {"counted_at": "Choose the day on which the vendor counted."},
        )
    stored = keep(uploads, path=path, content=content)
    found = UsageImport(
        vendor_id=vendor.id,
        vendor=vendor,
        profile_id=profile_id,
        spec=profile.to_spec(),
        filename=Path(filename.replace("\\", "/")).name[-LONGEST_NAME:] or "file",
        sha256=stored.sha256,
        size=stored.size,
        state="reading",
        period=str(month),
        counted_at=moment,
        complete=complete,
        imported_by=by.name,
        imported_at=now,
    )
    session.add(found)
    session.flush()
    earlier = _same_bytes(session, found)
    if earlier is not None:
        found.state, found.message = "same", same_words(earlier, zone)
        session.flush()
        return found
    try:
        when = When(day=local_day(moment, zone), first=month.first, last=month.last)
        reading = read_rows(session, found.id, stored.path, profile, when=when)
    except Unreadable as error:
        found.state, found.message = "failed", str(error)
        session.flush()
        return found
    _settle(session, found, reading)
    return found


def commit(
    session: Session, import_id: int, *, by: Actor, now: datetime, zone: ZoneInfo, cards: bool = True
) -> UsageImport:
    """Let a previewed file count, once.

    Args:
        session: A writing session.
        import_id: A `ready` import.
        by: Who commits it.
        now: By the business clock.
        zone: The portal's time zone.
        cards: Make the cards anew; a caller that commits several files makes them once at the end.

    Returns:
        The import: `committed`; `held` where too many accounts fall; `same` where these bytes were committed meanwhile.

    Raises:
        NotFound: There is no such import.
        Conflict: It is not ready: committed already, dropped, or it could not be read.
    """
    found = _claim(session, import_id, ("ready",), "committed", "Only a checked file can be committed.", by=by)
    earlier = _same_bytes(session, found)
    if earlier is not None:
        found.state, found.message, found.pending = "same", same_words(earlier, zone), None
        session.flush()
        return found
    pending: dict[str, Any] = found.pending or {"counts": [], "accounts": [], "services": []}
    counts = {CountKey(*row[:3]): Decimal(row[3]) for row in pending["counts"]}
    fall = fall_of(session, found, counts)
    found.state, found.committed_at = ("held", None) if fall.held else ("committed", now)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict("Somebody has just committed the same file. Nothing was changed.") from error
    make_missing(session, found, pending)
    store_counts(
        session, found, {**pending, "counts": [[*row[:3], Decimal(row[3]), row[4]] for row in pending["counts"]]}
    )
    if fall.held:
        found.fallen = fallen_json(fall)
        reason = held_reason(len(fall.accounts))
        found.message = f"{reason[:1].upper()}{reason[1:]}. It counts only after somebody has released it."
        record(session, found, "held", by=by, now=now, after="held", sentence=f"Held {title_of(found)}: {reason}.")
        session.flush()
        return found
    _accept(
        session,
        found,
        pending,
        by=by,
        now=now,
        action="commit",
        sentence=f"Committed {title_of(found)}: {arithmetic(found)}.",
    )
    if cards:
        cards_anew(session, now=now, zone=zone, period=found.period)
    return found


def undo(
    session: Session, import_id: int, *, by: Actor, now: datetime, zone: ZoneInfo, reason: str = ""
) -> UsageImport:
    """Take a committed file back as a whole; what it superseded holds again. Arguments as for `commit`.

    Raises:
        NotFound: There is no such import.
        Conflict: It does not count.
    """
    found = _claim(session, import_id, ("committed",), "undone", "Only a committed file can be undone.", by=by)
    restore_names(session, found)
    _set_age(session, found.vendor)
    found.message = f"Undone by {by.name} on {day_text(local_day(now, zone))}."
    record(
        session, found, "undo", by=by, now=now, before="committed", after="undone", reason=reason,
        sentence=f"Took back {title_of(found)}: {arithmetic(found)}.",
    )  # fmt: skip
    cards_anew(session, now=now, zone=zone, period=found.period)
    return found


def drop(
    session: Session, import_id: int, *, by: Actor, now: datetime, zone: ZoneInfo, reason: str = ""
) -> UsageImport:
    """Forget a file that was checked and never committed. Arguments as for `commit`.

    Raises:
        NotFound: There is no such import.
        Conflict: It counts, or is held.
    """
    del zone
    found = _claim(
        session, import_id, ("ready", "failed", "same", "reading"), "dropped", "It counts; undo it instead.", by=by
    )
    found.pending, found.message = None, "Never committed."
    record(
        session, found, "drop", by=by, now=now, after="dropped", reason=reason, sentence=f"Dropped {title_of(found)}."
    )
    session.flush()
    return found


def release_held(
    session: Session, import_id: int, *, by: Actor, now: datetime, zone: ZoneInfo, reason: str = ""
) -> UsageImport:
    """Let a held file count, though many accounts fall; a manager may. Arguments as for `commit`.

    Raises:
        NotAllowed: The role is too low.
        NotFound: There is no such import.
        Conflict: It is not held.
    """
    found = _claim(
        session, import_id, ("held",), "committed", "Only a held file can be released.", by=by, role="manager"
    )
    found.committed_at = now
    pending: dict[str, Any] = found.pending or {"counts": [], "accounts": [], "services": []}
    sentence = f"Released {title_of(found)}, in which {len(found.fallen)} accounts fall: {arithmetic(found)}."
    _accept(session, found, pending, by=by, now=now, action="release", sentence=sentence, reason=reason)
    cards_anew(session, now=now, zone=zone, period=found.period)
    return found


def reject_held(
    session: Session, import_id: int, *, by: Actor, now: datetime, zone: ZoneInfo, reason: str = ""
) -> UsageImport:
    """Throw a held file away; what held before goes on holding; a manager may. Arguments as for `commit`.

    Raises:
        NotAllowed: The role is too low.
        NotFound: There is no such import.
        Conflict: It is not held.
    """
    found = _claim(
        session, import_id, ("held",), "rejected", "Only a held file can be rejected.", by=by, role="manager"
    )
    found.pending = None
    found.message = f"Rejected by {by.name} on {day_text(local_day(now, zone))}."
    record(
        session, found, "reject", by=by, now=now, before="held", after="rejected", reason=reason,
        sentence=f"Rejected {title_of(found)}, in which {len(found.fallen)} accounts fall.",
    )  # fmt: skip
    session.flush()
    return found


def _settle(session: Session, found: UsageImport, reading: Reading) -> None:
    """Store what was read: counts, problems, effects; a file without a usable line has failed."""
    counted = reading.counted
    found.rows_read, found.rows_counted = reading.read, reading.rows_counted
    found.rows_left_out, found.rows_with_problem = reading.left_out, reading.problems
    found.counts = len(counted.counts)
    if not counted.counts:
        found.state = "failed"
        found.notes = reading.notes
        found.message = unusable(reading)
        session.flush()
        return
    counts = {CountKey(*key): quantity for key, quantity in quantities(counted).items()}
    names = {account: name for account, (name, _status) in counted.accounts.items()}
    found.notes = {**reading.notes, "effects": effects(session, found, counts, names)}
    found.pending = pending_of(counted)
    found.state, found.message = "ready", f"Checked, not committed: {arithmetic(found)}."
    session.flush()


def _accept(
    session: Session,
    found: UsageImport,
    pending: dict[str, Any],
    *,
    by: Actor,
    now: datetime,
    action: str,
    sentence: str,
    reason: str = "",
) -> None:
    """Let an import count: names, age, audit."""
    take_names(session, found, pending)
    found.pending = None
    found.message = f"Committed: {arithmetic(found)}."
    session.flush()
    _set_age(session, found.vendor)
    record(session, found, action, by=by, now=now, after="committed", sentence=sentence, reason=reason)


def _claim(
    session: Session,
    import_id: int,
    expected: tuple[str, ...],
    state: str,
    else_sentence: str,
    *,
    by: Actor,
    role: str = "biller",
) -> UsageImport:
    """Take an import from a state that is expected to the next one; of two people one wins.

    The next state is written last where the database would refuse it before its time.

    Raises:
        NotAllowed: The role is too low.
        NotFound: There is no such import.
        Conflict: It is in another state.
    """
    require(by, role, "import usage" if role == "biller" else "settle a held file")
    found = session.get(UsageImport, import_id, populate_existing=True, with_for_update=True)
    if found is None:
        raise NotFound(f"There is no import {import_id}.")
    if found.state not in expected:
        raise Conflict(f"{found.filename} {IN_WORDS[found.state]}. {else_sentence} Nothing was changed.")
    if expected != ("ready",):
        found.state = state
        session.flush()
    return found


def _same_bytes(session: Session, found: UsageImport) -> UsageImport | None:
    """Give the import of the same bytes, vendor and month that counts or is held; none where there is none."""
    return session.scalars(
        sa.select(UsageImport)
        .where(
            UsageImport.vendor_id == found.vendor_id,
            UsageImport.sha256 == found.sha256,
            UsageImport.period == found.period,
            UsageImport.state.in_(("committed", "held")),
            UsageImport.id != found.id,
        )
        .limit(1)
    ).first()


def _set_age(session: Session, vendor: Vendor) -> None:
    """Age runs from the last commit that still holds."""
    vendor.last_commit_at = session.execute(
        sa.select(UsageImport.committed_at)
        .where(UsageImport.vendor_id == vendor.id, UsageImport.state == "committed")
        .order_by(UsageImport.committed_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    session.flush()


def _month(period: Period | str | None, moment: datetime, zone: ZoneInfo) -> Period:
    if moment.tzinfo is None:
        raise Invalid("The moment of counting needs a time zone.", {"counted_at": "Add an offset, such as -04:00."})
    if isinstance(period, Period):
        return period
    try:
        return Period.of(moment, zone) if not period else Period.parse(period)
    except (ValueError, OverflowError) as error:
        raise Invalid(str(error), {"period": "Write it as 2026-10."}) from error
