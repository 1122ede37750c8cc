"""Makes the cards anew after the usage or the mapping changed, in the same transaction."""

from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card
from portal.domain.periods import Period, local_day
from portal.services import cards


def cards_anew(session: Session, *, now: datetime, zone: ZoneInfo, period: str | None = None) -> None:
    """Make the cards of the current period anew, and those of an earlier one that has cards.

    Args:
        session: A writing session.
        now: By the business clock.
        zone: The portal's time zone.
        period: The month that the change is about, if it is about one.
    """
    today = local_day(now, zone)
    current = Period.holding(today)
    session.flush()
    _make(session, current, now, zone)
    if period is not None and period != str(current):
        known = session.execute(sa.select(Card.id).where(Card.period == period).limit(1)).first()
        if known is not None:
            _make(session, Period.parse(period), now, zone)


def _make(session: Session, period: Period, now: datetime, zone: ZoneInfo) -> None:
    cards.make_cards(session, period=period, today=local_day(now, zone), now=now, zone=zone)
