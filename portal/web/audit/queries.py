"""Events as the trail shows them."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.web.audit.filters import AuditFilter

PER_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of events.

    Args:
        days: Events by day in the portal's zone, newest first.
        newest: The newest number when the first page was shown.
        newer: How many events have come since then.
        older: The number below which the next page begins; none: there is no more.
    """

    days: list[tuple[date, list[AuditEvent]]]
    newest: int
    newer: int
    older: int | None
    total: int


def page_of(session: Session, wanted: AuditFilter, zone: ZoneInfo) -> Page:
    """Read a page of events."""
    where = wanted.conditions(zone)
    newest = session.scalar(sa.select(sa.func.max(AuditEvent.n))) or 0
    upto = wanted.upto or newest
    count = sa.select(sa.func.count()).select_from(AuditEvent)
    total = session.scalar(count.where(AuditEvent.n <= upto, *where)) or 0
    newer = (session.scalar(count.where(AuditEvent.n > upto, *where)) or 0) if newest > upto else 0
    query = sa.select(AuditEvent).where(AuditEvent.n <= upto, *where)
    if wanted.before is not None:
        query = query.where(AuditEvent.n < wanted.before)
    events = session.scalars(query.order_by(AuditEvent.n.desc()).limit(PER_PAGE + 1)).all()
    days: list[tuple[date, list[AuditEvent]]] = []
    for event in events[:PER_PAGE]:
        day = event.at.astimezone(zone).date()
        if not days or days[-1][0] != day:
            days.append((day, []))
        days[-1][1].append(event)
    older = events[PER_PAGE - 1].n if len(events) > PER_PAGE else None
    return Page(days=days, newest=upto, newer=newer, older=older, total=total)


def names(session: Session) -> list[str]:
    """List who has an event, by name."""
    return list(session.scalars(sa.select(AuditEvent.person).distinct().order_by(AuditEvent.person)))
