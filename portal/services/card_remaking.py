"""Makes the cards anew after something that they rest on has changed, in the same transaction."""

from collections.abc import Collection, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, PsaCompany
from portal.domain.periods import Period, local_day
from portal.services import service_lines
from portal.services.card_making import make_cards

_COMPANIES_A_TIME = 400  # of all companies; each time costs the same again, and more of them more memory


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
    if company_ids is None:
        service_lines.refresh(session, current)
    earlier = {current.previous} | ({Period.parse(period)} if period is not None else set())
    months = [
        month
        for month in sorted(earlier - {current})
        if session.scalar(sa.select(sa.exists().where(Card.period == str(month))))
    ]
    for group in groups(session) if company_ids is None else [company_ids]:
        for month in (*months, current):
            make_cards(session, period=month, today=today, now=now, zone=zone, company_ids=group)


def groups(session: Session, size: int = _COMPANIES_A_TIME) -> Iterator[Collection[int] | None]:
    """Give all companies in groups, so that the memory needed does not grow with them; a few are none: all at once."""
    number = session.scalar(sa.select(sa.func.count(PsaCompany.id))) or 0
    if number <= size:
        yield None
        return
    with_cards = sa.select(Card.company_id).distinct()
    ids = sorted({*session.scalars(sa.select(PsaCompany.id)), *session.scalars(with_cards)})
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
