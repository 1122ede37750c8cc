"""What is written down where somebody changed what the person saw: both numbers, who, when, and what of ours stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from portal.connectwise import Addition
from portal.db.records import PushStep
from portal.domain.periods import day_text, local_day
from portal.domain.quantities import plain
from portal.services.push_asking import Asking
from portal.services.push_looking import Look, Moved, facts_of
from portal.services.push_settling import Settling, stands, until_words
from portal.services.push_work import Work


@dataclass(frozen=True, slots=True)
class Who:
    """Who changed a line last, and when, as far as ConnectWise says."""

    by: str
    at: datetime | None


def who_changed(asking: Asking, work: Work, look: Look) -> Who:
    """Ask who changed what is not as expected: the line tells, else ConnectWise's audit trail."""
    return Who(*asking.who(work.agreement_id, _latest(look.moved), work.product))


def changed(at: Settling, row: PushStep | None, look: Look, lines: Sequence[Addition], who: Who) -> None:
    """Write it down, and stop.

    Args:
        at: The transaction.
        row: The step that was not done; none: it was, and another line is not as expected.
        look: What is not as expected.
        lines: All lines of the agreement.
        who: Who changed it.
    """
    own = _own_words(row)
    if row is not None:
        row.state = "changed"
    today = local_day(at.now, at.zone)
    ours = [line for line in lines if line.product == at.card.product and _active(line, today)]
    has = sum((line.quantity for line in ours), Decimal(0))
    saw = at.push.decision.seen.get("psa") or "0"
    vendor = at.push.decision.seen.get("vendor")
    when = "" if who.at is None else f" since {_moment(who.at, at)}"
    by = f", by {who.by}" if who.by else ""
    counts = "" if vendor is None else f"; the vendors count {vendor}"
    what = f"You saw {saw}; ConnectWise has {plain(has)}{when}{by}{counts}."
    if plain(has) == saw:
        what = f"The lines in ConnectWise are not those that you saw{when}{by}: {_moved_words(look.moved)}."
    cause = f"{what} {own or stands(at.push.steps)}"
    moment = None if who.at is None else who.at.isoformat()
    at.push.found = {
        "saw": saw,
        "has": plain(has),
        "vendor": vendor,
        "by": who.by or None,
        "at": moment,
        "changed_by": who.by or None,
        "changed_at": moment,
        "lines": [
            {"id": one.line_id, "saw": one.before, "has": None if one.line is None else facts_of(one.line)}
            for one in look.moved
        ],
    }
    at.end("changed_in_psa", cause)
    at.tell("push.changed_in_psa", cause, before=saw, after=has, details=at.push.found)
    at.remake()


def _own_words(row: PushStep | None) -> str:
    """Say what became of our own write, where it may have stood before somebody changed it; else ""."""
    match None if row is None else row.state:
        case "sent":
            return "Our own write had arrived, and somebody changed it since; it was not sent again."
        case "intent":
            return "The answer to our own write was lost, so it may have stood for a moment; it was not sent again."
        case _:
            return ""


def _latest(moved: Sequence[Moved]) -> Addition | None:
    lines = [one.line for one in moved if one.line is not None]
    return max(lines, key=lambda line: line.last_updated or datetime.min.replace(tzinfo=UTC), default=None)


def _moved_words(moved: Sequence[Moved]) -> str:
    words = []
    for one in moved:
        if one.line is None:
            words.append(f"line {one.line_id} is gone")
        elif one.before is None:
            words.append(f"line {one.line_id} with {plain(one.line.quantity)} is new")
        elif one.before == facts_of(one.line):
            words.append(f"line {one.line_id} was edited")
        else:
            words.append(f"line {one.line_id} has {plain(one.line.quantity)}{until_words(one.line)}")
    return ", ".join(words)


def _active(line: Addition, today: date) -> bool:
    begun = line.effective_date is None or line.effective_date <= today
    return begun and (line.cancelled_date is None or line.cancelled_date >= today)


def _moment(moment: datetime, at: Settling) -> str:
    local = moment.astimezone(at.zone)
    same_day = local.date() == at.now.astimezone(at.zone).date()
    return f"{local:%H:%M}" if same_day else f"{day_text(local.date())}, {local:%H:%M}"
