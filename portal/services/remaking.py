"""What follows when the picture of the PSA, or what its words mean, has changed: cards anew, stale pushes stopped."""

import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.db.records import Setting
from portal.domain.periods import local_day
from portal.services import pushes
from portal.services.actors import SYSTEM
from portal.services.card_remaking import cards_anew, groups

_COMPANIES_A_STEP = 200  # so that nobody who decides waits for long; each step costs the same again, whatever its size
_BREATH = 0.1  # seconds of real time between two steps, in which those who wait for the store get it
_ALL_MADE = "cards_all_made"  # the day on which everybody's cards were last made; it is no setting that people make


def remake(session: Session, *, now: datetime, zone: ZoneInfo, company_ids: Collection[int] | None = None) -> None:
    """Make the cards of the months that are looked at anew, and stop what was not sent for agreements that are gone.

    Args:
        session: A writing session: the one in which the picture changed.
        now: By the business clock.
        zone: The portal's time zone.
        company_ids: Only these companies' cards can be different. That is made use of only where everybody's cards
            were made on the same day, since a day that begins may change any card. None: all.
    """
    today = local_day(now, zone)
    session.flush()
    if company_ids is None or not all_made_on(session, today):
        cards_anew(session, now=now, zone=zone)
        _note_all_made(session, today, now)
    elif company_ids:
        cards_anew(session, now=now, zone=zone, company_ids=company_ids)
    pushes.stop_stale(session, now=now, zone=zone, today=today)


def begin_day(open_session: Callable[[], AbstractContextManager[Session]], *, now: datetime, zone: ZoneInfo) -> None:
    """Make everybody's cards anew for a day that has begun, unless that is done: an end date may have passed.

    Cards of one company do not rest on those of another, so a few companies at a time are made, each time in a
    transaction of their own; whoever decides meanwhile waits for one of them at most. Cut off half-way, it is done
    again as a whole.

    Args:
        open_session: Opens one writing transaction and commits it at its end.
        now: By the business clock.
        zone: The portal's time zone.
    """
    today = local_day(now, zone)
    with open_session() as session:
        if all_made_on(session, today):
            return
        steps = list(groups(session, _COMPANIES_A_STEP))
    for step in steps:
        with open_session() as session:
            if all_made_on(session, today):
                return  # a sync or another worker was quicker
            cards_anew(session, now=now, zone=zone, company_ids=step)
        if step is not steps[-1]:
            time.sleep(_BREATH)  # bounded by the number of steps: lets those who decide write between two
    with open_session() as session:
        _note_all_made(session, today, now)
        pushes.stop_stale(session, now=now, zone=zone, today=today)


def _note_all_made(session: Session, today: date, now: datetime) -> None:
    session.merge(Setting(name=_ALL_MADE, value={"day": today.isoformat()}, set_by=SYSTEM.name, set_at=now))


def all_made_on(session: Session, today: date) -> bool:
    """Tell whether everybody's cards were last made on this day."""
    noted = session.get(Setting, _ALL_MADE, populate_existing=True)
    return noted is not None and noted.value.get("day") == today.isoformat()
