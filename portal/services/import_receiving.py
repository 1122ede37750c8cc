"""Takes files in: what is told of them, and whether their bytes count already. Reading them is another step."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageImport, Vendor
from portal.domain.periods import Period, day_text, local_day
from portal.services.actors import Actor, require
from portal.services.errors import Conflict, Invalid, NotFound
from portal.services.import_uploads import Stored, keep
from portal.services.import_words import IN_WORDS, record, same_words, title_of
from portal.vendors.packed import wrapping_of
from portal.vendors.profiles import FileProfile

AHEAD = timedelta(days=1)  # how far ahead of our clock a vendor's may be
LONGEST_NAME = 200  # characters of a file name that are kept
SMALL = 1 << 20  # bytes of a text that a request may read by itself: about 15,000 rows, in a second
SMALL_PACKED = 64 << 10  # likewise of a workbook or a packed text
_OPEN = ("reading", "ready", "failed")
_FRESH = {
    "rows_read": 0,
    "rows_counted": 0,
    "rows_left_out": 0,
    "rows_with_problem": 0,
    "counts": 0,
    "progress_done": 0,
    "progress_total": None,
    "covers_first": None,
    "covers_last": None,
    "reader": None,
    "heartbeat_at": None,
    "tries": 0,
    "phase": "",
    "message": "",
    "state": "reading",
}


def receive(
    session: Session,
    *,
    vendor: Vendor,
    filename: str,
    uploads: Path,
    by: Actor,
    now: datetime,
    zone: ZoneInfo,
    path: Path | None = None,
    content: bytes | None = None,
    stored: Stored | None = None,
    profile: FileProfile | None = None,
    profile_id: int | None = None,
    period: Period | str | None = None,
    counted_at: datetime | None = None,
    complete: bool | None = None,
) -> UsageImport:
    """Take a file in. Nothing of it is read yet, and nothing counts.

    Args:
        session: A writing session.
        vendor: Whose file it is.
        filename: As the person's machine names it.
        uploads: The folder where files are kept, named by their content.
        by: Who imports it.
        now: By the business clock.
        zone: The portal's time zone.
        path: The file; or:
        content: What it holds; or:
        stored: What `keep` gave, so that a large file is copied before any transaction is open.
        profile: How it is read; none: as a saved profile that fits, a ready-made one, or a first guess.
        profile_id: The saved profile, where one is used.
        period: The month it tells of; none: the month of `counted_at` in the portal's zone.
        counted_at: When the vendor counted; aware; none: what the file says of it, otherwise now.
        complete: It lists every account of the vendor; a partial one says nothing of what it leaves out. None: as
            the last file that was read in this way, or as a ready-made profile says.

    Returns:
        The import: `reading`, or `same` where these bytes count already.

    Raises:
        NotAllowed: The role is too low.
        Invalid: No file, no such month, or a moment that lies in the future.
    """
    require(by, "biller", "import usage")
    moment = now if counted_at is None else counted_at
    month = month_of(period, moment, zone)
    refuse_future(moment, now, zone)
    kept = stored or keep(uploads, path=path, content=content)
    found = UsageImport(
        vendor_id=vendor.id,
        vendor=vendor,
        profile_id=profile_id,
        spec={} if profile is None else profile.to_spec(),
        filename=Path(filename.replace("\\", "/")).name[-LONGEST_NAME:] or "file",
        sha256=kept.sha256,
        size=kept.size,
        state="reading",
        period=str(month),
        counted_at=moment,
        complete=bool(complete),
        notes=_guesses(profile, period, counted_at, complete),
        imported_by=by.name,
        imported_at=now,
    )
    session.add(found)
    session.flush()
    earlier = same_bytes(session, found)
    if earlier is not None:
        found.state, found.message = "same", same_words(earlier, zone)
        session.flush()
    return found


def read_again(
    session: Session,
    import_id: int,
    *,
    profile: FileProfile | None,
    by: Actor,
    now: datetime,
    zone: ZoneInfo,
    profile_id: int | None = None,
    period: Period | str | None = None,
    counted_at: datetime | None = None,
    complete: bool | None = None,
) -> UsageImport:
    """Let a file that does not count be read in another way, as the same import. A reader at work on it stops.

    Args:
        session: A writing session.
        import_id: An import that is being read, was checked, or could not be read.
        profile: How it is read now; a person said so, so its open questions are answered. None: choose anew.
        by: Who says so.
        now: By the business clock.
        zone: The portal's time zone.
        profile_id: The saved profile, where one is used; none: as before.
        period: The month; none: as before, or that of the moment of counting where nobody said the month.
        counted_at: The moment of counting; none: as before.
        complete: None: as before.

    Raises:
        NotAllowed: The role is too low.
        NotFound: There is no such import.
        Conflict: It counts, is held, or was dropped.
        Invalid: No such month, or a moment that lies in the future.
    """
    require(by, "biller", "import usage")
    found = session.get(UsageImport, import_id, populate_existing=True, with_for_update=True)
    if found is None:
        raise NotFound(f"There is no import {import_id}.")
    if found.state not in _OPEN:
        raise Conflict(f"{found.filename} {IN_WORDS[found.state]}, so it is not read again. Nothing was changed.")
    moment = counted_at or found.counted_at or now
    guessed = set(found.notes.get("guessed", []))
    if period is None and not (counted_at is not None and "period" in guessed):
        period = found.period
    else:
        guessed.discard("period")
    month = month_of(period, moment, zone)
    refuse_future(moment, now, zone)
    guessed -= {"counted_at"} if counted_at is not None else set()
    guessed -= {"complete"} if complete is not None else set()
    for name, value in _FRESH.items():
        setattr(found, name, value)
    found.spec = {} if profile is None else profile.to_spec()
    found.profile_id = profile_id if profile_id is not None else found.profile_id
    found.period, found.counted_at = str(month), moment
    found.complete = found.complete if complete is None else complete
    found.fallen, found.notes = {}, {"guessed": sorted(guessed)}
    found.imported_by = by.name
    session.flush()
    return found


def is_small(found: UsageImport, path: Path) -> bool:
    """Tell whether a request may read a file by itself: with or without a worker, its preview is there at once."""
    return found.size <= (SMALL_PACKED if wrapping_of(path) else SMALL)


def same_bytes(session: Session, found: UsageImport) -> UsageImport | None:
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


def month_question(session: Session, found: UsageImport) -> dict[str, Any] | None:
    """Ask for the month where nobody said one and the same content counts for another: it may be the same file."""
    if not {"period", "counted_at"} <= set(found.notes.get("guessed", [])):
        return None
    months = session.scalars(
        sa.select(UsageImport.period)
        .where(
            UsageImport.vendor_id == found.vendor_id,
            UsageImport.sha256 == found.sha256,
            UsageImport.period != found.period,
            UsageImport.state.in_(("committed", "held")),
        )
        .order_by(UsageImport.period.desc())
    ).all()
    if not months:
        return None
    return {
        "kind": "month",
        "field": "period",
        "sentence": f"The same content counts for {months[0]} already. Which month does this file tell of?",
        "choices": [
            [found.period, f"{found.period}: it counts there too"],
            [months[0], f"{months[0]}: it is the same file, and changes nothing"],
        ],
    }


def drop(
    session: Session, import_id: int, *, by: Actor, now: datetime, zone: ZoneInfo, reason: str = ""
) -> UsageImport:
    """Forget a file that was never committed. What was read of it goes later, a piece at a time.

    Args:
        session: A writing session.
        import_id: The import.
        by: Who drops it.
        now: By the business clock.
        zone: The portal's time zone.
        reason: Why, in a person's words.

    Raises:
        NotAllowed: The role is too low.
        NotFound: There is no such import.
        Conflict: It counts, or is held.
    """
    del zone
    require(by, "biller", "import usage")
    found = session.get(UsageImport, import_id, populate_existing=True, with_for_update=True)
    if found is None:
        raise NotFound(f"There is no import {import_id}.")
    if found.state not in (*_OPEN, "same"):
        raise Conflict(f"{found.filename} {IN_WORDS[found.state]}. It counts; undo it instead. Nothing was changed.")
    found.state, found.message, found.reader = "dropped", "Never committed.", None
    record(
        session, found, "drop", by=by, now=now, after="dropped", reason=reason, sentence=f"Dropped {title_of(found)}."
    )
    session.flush()
    return found


def month_of(period: Period | str | None, moment: datetime, zone: ZoneInfo) -> Period:
    """Give the month that a file tells of.

    Raises:
        Invalid: The moment has no time zone, or there is no such month.
    """
    if moment.tzinfo is None:
        raise Invalid("The moment of counting needs a time zone.", {"counted_at": "Add an offset, such as -04:00."})
    if isinstance(period, Period):
        return period
    try:
        return Period.of(moment, zone) if not period else Period.parse(period)
    except (ValueError, OverflowError) as error:
        raise Invalid(str(error), {"period": "Write it as 2026-10."}) from error


def refuse_future(moment: datetime, now: datetime, zone: ZoneInfo) -> None:
    """Refuse a moment of counting that is still to come.

    Raises:
        Invalid: It is.
    """
    if moment > now + AHEAD:
        raise Invalid(
            f"The file cannot have been counted on {day_text(local_day(moment, zone))}: that day is still to come.",
            {"counted_at": "Choose the day on which the vendor counted."},
        )


def _guesses(
    profile: FileProfile | None, period: Period | str | None, counted_at: datetime | None, complete: bool | None
) -> dict[str, list[str]]:
    """Note what nobody said, so that the file itself may say it."""
    said = {"profile": profile, "period": period or None, "counted_at": counted_at, "complete": complete}
    return {"guessed": sorted(name for name, value in said.items() if value is None)}
