"""What follows when the picture of the PSA, or what its words mean, has changed: cards anew, stale pushes stopped."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.domain.periods import local_day
from portal.services import pushes
from portal.services.card_remaking import cards_anew


def remake(session: Session, *, now: datetime, zone: ZoneInfo) -> None:
    """Make the cards of the months that are looked at anew, and stop what was not sent for agreements that are gone.

    Args:
        session: A writing session: the one in which the picture changed.
        now: By the business clock.
        zone: The portal's time zone.
    """
    cards_anew(session, now=now, zone=zone)
    pushes.stop_stale(session, now=now, zone=zone, today=local_day(now, zone))
