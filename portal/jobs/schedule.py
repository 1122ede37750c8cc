"""The schedule, by the business clock and in the portal's time zone: quick and full syncs, cards anew at midnight."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.db.records import Setting
from portal.domain.periods import local_day
from portal.services import key_expiry, mapping_accounts, remaking, sync
from portal.services.actors import SYSTEM
from portal.services.connections import get_connectwise
from portal.services.errors import Refused

QUICK_EVERY = timedelta(minutes=15)
FULL_AT = time(2, 0)
_NAME = "schedule"  # what the schedule did last; it is no setting that people make, so no event tells of it


def follow(session: Session, *, now: datetime, zone: ZoneInfo) -> list[int]:
    """Start what is due.

    A full sync runs once a night from 02:00 on, and at once where a night was missed; a quick one every quarter of an
    hour after the first full one. When a new day begins, cards are made anew without any sync: an end date may have
    passed, or a month begun; and what was left out up to a day is unmapped again.

    Args:
        session: A writing session.
        now: By the business clock.
        zone: The portal's time zone.

    Returns:
        The syncs that were queued.
    """
    done = _done(session)
    before = dict(done)
    today = local_day(now, zone)
    if done.get("cards_day") != today.isoformat():
        done["cards_day"] = today.isoformat()
        mapping_accounts.end_exclusions(session, now=now, zone=zone)
        if not remaking.all_made_on(session, today):
            remaking.remake(session, now=now, zone=zone)
    key_expiry.tell(session, today=today, now=now)
    queued = []
    connection = get_connectwise(session)
    if connection is not None and connection.last_full_at is not None:
        night = datetime.combine(today, FULL_AT, zone)
        full_is_old = connection.last_full_at < night <= now
        if full_is_old and done.get("full_day") != today.isoformat():
            queued += _request(session, "full", now)
            if queued:  # else another run is active, and the night's full one is asked for again after it
                done["full_day"] = today.isoformat()
        elif _quick_is_due(done, connection.last_read_at, now):
            queued += _request(session, "quick", now)
            if queued:
                done["quick_at"] = now.isoformat()
    if done != before:
        _keep(session, done, now)
    return queued


def _quick_is_due(done: dict[str, Any], last_read_at: datetime | None, now: datetime) -> bool:
    """Tell whether the last read, and the last try, are long enough ago; a clock that was set back does not stop it."""
    asked = done.get("quick_at")
    moments = [last_read_at, None if asked is None else datetime.fromisoformat(asked)]
    return all(one is None or not timedelta() <= now - one < QUICK_EVERY for one in moments)


def _request(session: Session, kind: str, now: datetime) -> list[int]:
    try:
        return [sync.request_sync(session, kind, by=SYSTEM, now=now).id]
    except Refused:  # another run is active
        return []


def _done(session: Session) -> dict[str, Any]:
    found = session.get(Setting, _NAME, populate_existing=True)
    return {} if found is None else dict(found.value)


def _keep(session: Session, done: dict[str, Any], now: datetime) -> None:
    found = session.get(Setting, _NAME)
    if found is None:
        session.add(Setting(name=_NAME, value=done, set_by=SYSTEM.name, set_at=now))
    else:
        found.value, found.set_at = done, now
    session.flush()
