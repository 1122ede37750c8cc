"""Browsers in which a person has signed in before. They are no proof of who somebody is, only of who is no stranger.

A browser keeps one random token; the store keeps its hash together with the person, so that several people may share
a browser and nobody learns from the store which they are.
"""

import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import KnownBrowser, Person
from portal.services.sessions import token_hash

LIVES = timedelta(days=180)
MOST = 20  # of one person; the one that was used longest ago is forgotten


def find(session: Session, token: str | None, *, email: str, now: datetime) -> int | None:
    """Tell which known browser of the person with an e-mail this is, if it is one."""
    if not token:
        return None
    person_id = session.scalar(sa.select(Person.id).where(Person.email == email))
    known = sa.select(KnownBrowser.id).where(
        KnownBrowser.token_hash == _mark(token, person_id or 0), KnownBrowser.used_at > now - LIVES
    )
    return session.scalar(known)


def remember(session: Session, token: str | None, *, person_id: int, now: datetime) -> str:
    """Know a browser from now on.

    Args:
        session: A writing session.
        token: What the browser keeps already, if it does.
        person_id: Who has just signed in.
        now: Real time.

    Returns:
        What it is to keep.
    """
    kept = token if token and len(token) <= 100 else secrets.token_urlsafe(32)  # noqa: PLR2004 - longer than ours
    mark = _mark(kept, person_id)
    found = session.scalar(sa.select(KnownBrowser).where(KnownBrowser.token_hash == mark))
    if found is None:
        session.add(KnownBrowser(person_id=person_id, token_hash=mark, used_at=now))
    else:
        found.used_at = now
    session.flush()
    mine = sa.select(KnownBrowser.id).where(KnownBrowser.person_id == person_id)
    newest = mine.order_by(KnownBrowser.used_at.desc(), KnownBrowser.id.desc()).limit(MOST)
    session.execute(
        sa.delete(KnownBrowser).where(
            KnownBrowser.person_id == person_id,
            sa.or_(KnownBrowser.used_at <= now - LIVES, KnownBrowser.id.not_in(newest)),
        )
    )
    return kept


def forget(session: Session, person_id: int) -> None:
    """Know no browser of a person any more."""
    session.execute(sa.delete(KnownBrowser).where(KnownBrowser.person_id == person_id))


def _mark(token: str, person_id: int) -> str:
    return token_hash(f"{token}:{person_id}")
