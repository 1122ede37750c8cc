"""Refusals in the trail: who was refused what, and what they were told, without a flood of them filling it.

Within an hour the first five refusals of one thing to one person (or one address) are events of their own. Further
ones are only counted, and the count becomes one event when the hour is over. When more than 200 such pairs were
counted in an hour, all others share one row. So a thousand requests a second add at most some 1,200 events an hour,
and none of them is left untold.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditRefusal
from portal.services import audit
from portal.services.actors import Actor

WINDOW = timedelta(hours=1)
EACH = 5  # refusals of one thing to one person that are events of their own
PAIRS = 200
OTHERS = "others"
LONGEST = 500  # characters of what they were told


def note(
    session: Session,
    *,
    by: Actor,
    asked: str,
    status: int,
    sentence: str,
    now: datetime,
    key: str = "",
    about: Mapping[str, Any] | None = None,
    typed: Mapping[str, str] | None = None,
) -> bool:
    """Note one refusal.

    Args:
        session: A writing session.
        by: Who was refused.
        asked: What was asked, as a path or a command.
        status: As of HTTP: 403, 409, 422 or 429.
        sentence: What the person was told.
        now: By the business clock.
        key: What counts as the same thing; by default what was asked.
        about: Columns of the event for the card that it was about.
        typed: What the person had typed or seen.

    Returns:
        Whether it became an event of its own.
    """
    who = by.address or by.name if by.person_id is None else str(by.person_id)
    pair = f"{status} {who} {key or asked}"[:200]
    row = _row(session, pair)
    if row is None and (session.scalar(sa.select(sa.func.count()).select_from(AuditRefusal)) or 0) >= PAIRS:
        tell(session, now=now)  # what is over makes room
        if (session.scalar(sa.select(sa.func.count()).select_from(AuditRefusal)) or 0) >= PAIRS:
            pair, by = OTHERS, Actor("several", role=by.role)
            row = _row(session, pair)
    if row is not None and not timedelta() <= now - row.since < WINDOW:
        _close(session, row, now=now)
        row = None
    if row is None:
        row = AuditRefusal(about=pair, since=now, last_at=now, person=by.name, what="", sentence="")
        row.told = row.untold = 0
        session.add(row)
    row.last_at, row.person, row.person_id, row.address = now, by.name, by.person_id, by.address
    row.what, row.sentence = asked[:LONGEST], sentence[:LONGEST]
    own = row.told < EACH
    if own:
        row.told += 1
        audit.record(
            session,
            what="refusal",
            action=f"refused.{status}",
            by=by,
            now=now,
            sentence=f"Was refused. {sentence[:LONGEST]}" if sentence else "Was refused.",
            details={"asked": asked[:LONGEST], "typed": dict(typed or {})},
            **dict(about or {}),
        )
    else:
        row.untold += 1
    session.flush()
    return own


def any_over(session: Session, *, now: datetime) -> bool:
    """Tell whether an hour of some refusals is over; reads only."""
    return bool(session.scalar(sa.select(sa.exists().where(_over(now)))))


def tell(session: Session, *, now: datetime) -> int:
    """Write the counts of the hours that are over into the trail, and forget them.

    Returns:
        How many counts there were.
    """
    over = session.scalars(sa.select(AuditRefusal).where(_over(now)).order_by(AuditRefusal.id)).all()
    for row in over:
        _close(session, row, now=now)
    return len(over)


def _over(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(AuditRefusal.since <= now - WINDOW, AuditRefusal.since > now)


def _row(session: Session, about: str) -> AuditRefusal | None:
    return session.scalars(sa.select(AuditRefusal).where(AuditRefusal.about == about)).one_or_none()


def _close(session: Session, row: AuditRefusal, *, now: datetime) -> None:
    if row.untold:
        again = "once more" if row.untold == 1 else f"{row.untold} more times"
        audit.record(
            session,
            what="refusal",
            action="refused.more",
            by=Actor(row.person, row.person_id, address=row.address),
            now=now,
            sentence=f"Was refused {again} within an hour. {row.sentence}",
            details={
                "asked": row.what,
                "times": row.untold,
                "from": row.since.isoformat(),
                "to": row.last_at.isoformat(),
            },
        )
    session.delete(row)
    session.flush()
