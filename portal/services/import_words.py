"""Imports in words: what was read, what became of it, and its audit events."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.db.records import UsageImport
from portal.domain.periods import day_text, local_day
from portal.services import audit
from portal.services.actors import Actor
from portal.services.import_reading import Reading

IN_WORDS = {
    "reading": "is being read",
    "ready": "was checked, not committed",
    "failed": "could not be read",
    "committed": "was committed",
    "held": "is held",
    "same": "was read before",
    "rejected": "was rejected",
    "undone": "was undone",
    "dropped": "was dropped",
}


def unusable(reading: Reading) -> str:
    """Say which field to look at in a file without one usable line."""
    if not reading.read:
        return "The file has no line of data under its headers. Choose another header line, or another sheet."
    if reading.problems:
        return (
            "Not one line can be counted; see the problem of each. Look at the columns' meanings and the number marks."
        )
    return "Every line carries money only, so nothing is counted. Look at the charge words."


def same_words(earlier: UsageImport, zone: ZoneInfo) -> str:
    """Say that the same bytes count already, and since when."""
    day = day_text(local_day(earlier.committed_at or earlier.imported_at, zone))
    return f"Same content as {earlier.filename}, read on {day}: nothing changed."


def arithmetic(found: UsageImport) -> str:
    """Say the arithmetic: "412 lines - 9 left out - 3 with a problem = 400 that count, 380 counts"."""
    words = ["1 line" if found.rows_read == 1 else f"{found.rows_read} lines"]
    if found.rows_left_out:
        words.append(f"{found.rows_left_out} left out")
    if found.rows_with_problem:
        words.append(f"{found.rows_with_problem} with a problem")
    lines = " - ".join(words)
    equals = f" = {found.rows_counted} that count" if len(words) > 1 else ""
    counts = "1 count" if found.counts == 1 else f"{found.counts} counts"
    return f"{lines}{equals}, {counts} for {found.period}"


def title_of(found: UsageImport) -> str:
    """Name an import."""
    return f"{found.filename} of {found.vendor.title}"


def record(
    session: Session,
    found: UsageImport,
    action: str,
    *,
    by: Actor,
    now: datetime,
    sentence: str,
    after: str,
    before: str | None = None,
    reason: str = "",
) -> None:
    """Append the audit event of what became of an import."""
    details = {
        "import": found.id,
        "vendor": found.vendor.slug,
        "file": found.filename,
        "sha256": found.sha256,
        "period": found.period,
        "counted_at": found.counted_at.isoformat() if found.counted_at else None,
        "complete": found.complete,
        "rows": found.rows_read,
        "counts": found.counts,
        "problems": found.rows_with_problem,
    }
    audit.record(
        session,
        what="usage",
        action=f"usage.{action}",
        by=by,
        now=now,
        sentence=sentence,
        before=before,
        after=after,
        reason=reason or None,
        details=details,
    )
