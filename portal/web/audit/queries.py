"""Events as the trail shows them."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.services import audit, audit_reading
from portal.services.audit_reading import MOST_COUNTED
from portal.web.audit.filters import AuditFilter
from portal.web.filters import quantity

PER_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of events.

    Args:
        days: Events by day in the portal's zone, newest first.
        newest: The newest number when the first page was shown.
        newer: How many events have come since then.
        older: The number below which the next page begins; none: there is no more.
        counted: How many events there are, in words; empty where it was not counted.
        looked_back_to: The day back to which events were looked through; none: all were.
        words_back_to: Likewise, for words of sentences and reasons.
        words_day: The same as a day, for the filter that looks through older ones.
    """

    days: list[tuple[date, list[AuditEvent]]]
    newest: int
    newer: int
    older: int | None
    counted: str
    looked_back_to: datetime | None
    words_back_to: datetime | None
    words_day: str = ""


def page_of(session: Session, wanted: AuditFilter, zone: ZoneInfo) -> Page:
    """Read a page of events."""
    newest = audit.head(session)[0]
    upto = min(wanted.upto or newest, newest)
    question = wanted.question(zone, upto)
    found = audit_reading.find(session, question, before=wanted.before, count=PER_PAGE)
    days: list[tuple[date, list[AuditEvent]]] = []
    for event in found.events:
        day = event.at.astimezone(zone).date()
        if not days or days[-1][0] != day:
            days.append((day, []))
        days[-1][1].append(event)
    return Page(
        days=days,
        newest=upto,
        newer=audit_reading.newer_than(session, question, upto) if newest > upto else 0,
        older=found.older,
        counted=_counted(found.total, narrowed=wanted.narrowed),
        looked_back_to=found.looked_back_to,
        words_back_to=found.words_back_to,
        words_day="" if found.words_back_to is None else found.words_back_to.astimezone(zone).date().isoformat(),
    )


def names(session: Session) -> list[str]:
    """List who has an event, by name."""
    return audit_reading.distinct(session, AuditEvent.person, most=500)


def _counted(total: int | None, *, narrowed: bool) -> str:
    """Say how many events there are, up to a bound."""
    if total is None:
        return ""
    if narrowed and total > MOST_COUNTED:
        return f"More than {quantity(MOST_COUNTED)} events match"
    one = total == 1
    return f"{quantity(total)} event{'' if one else 's'}{(' matches' if one else ' match') if narrowed else ''}"
