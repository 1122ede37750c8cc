"""Makes the cards anew after something that they rest on has changed, in the same transaction."""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card
from portal.domain.periods import Period, local_day
from portal.services.card_making import make_cards


def cards_anew(
    session: Session,
    *,
    now: datetime,
    zone: ZoneInfo,
    period: str | None = None,
    company_ids: Collection[int] | None = None,
) -> None:
    """Make the cards of the current month anew, and those of the month before while it has any.

    Args:
        session: A writing session: the one in which the change was made.
        now: By the business clock.
        zone: The portal's time zone.
        period: The month that the change is about, if it is about one; made anew too, if it has cards.
        company_ids: Only these companies; none: all.
    """
    session.flush()
    today = local_day(now, zone)
    current = Period.holding(today)
    earlier = {current.previous} | ({Period.parse(period)} if period is not None else set())
    for month in sorted(earlier - {current}):
        if session.scalar(sa.select(sa.exists().where(Card.period == str(month)))):
            make_cards(session, period=month, today=today, now=now, zone=zone, company_ids=company_ids)
    make_cards(session, period=current, today=today, now=now, zone=zone, company_ids=company_ids)
