"""What follows when the picture of the PSA, or what its words mean, has changed: cards anew, stale pushes stopped."""

from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card
from portal.domain.periods import Period, local_day
from portal.services import cards, pushes


def remake(session: Session, *, now: datetime, zone: ZoneInfo) -> None:
    """Make the cards of the current month anew, and those of the month before while it has any.

    Args:
        session: A writing session: the one in which the picture changed.
        now: By the business clock.
        zone: The portal's time zone.
    """
    period, today = Period.of(now, zone), local_day(now, zone)
    before = str(period.previous)
    if session.scalar(sa.select(sa.exists().where(Card.period == before))):
        cards.make_cards(session, period=period.previous, today=today, now=now, zone=zone)
    cards.make_cards(session, period=period, today=today, now=now, zone=zone)
    pushes.stop_stale(session, now=now, zone=zone, today=today)
