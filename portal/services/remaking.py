"""What follows when the picture of the PSA, or what its words mean, has changed: cards anew, stale pushes stopped."""

from collections.abc import Collection
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.db.records import Setting
from portal.domain.periods import local_day
from portal.services import pushes
from portal.services.actors import SYSTEM
from portal.services.card_remaking import cards_anew

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
    if company_ids is None or not _all_made_on(session, today):
        cards_anew(session, now=now, zone=zone)
        session.merge(Setting(name=_ALL_MADE, value={"day": today.isoformat()}, set_by=SYSTEM.name, set_at=now))
    elif company_ids:
        cards_anew(session, now=now, zone=zone, company_ids=company_ids)
    pushes.stop_stale(session, now=now, zone=zone, today=today)


def _all_made_on(session: Session, today: date) -> bool:
    noted = session.get(Setting, _ALL_MADE, populate_existing=True)
    return noted is not None and noted.value.get("day") == today.isoformat()
