"""Sessions, which live on the server and end there. All of it runs on real time."""

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import HalfSignIn, Person, SignIn, TwoStep
from portal.services import sign_in_rules
from portal.services.errors import NotFound

LIFE = timedelta(hours=12)  # of a session, however much it is used
IDLE = timedelta(hours=2)  # of a session that nobody uses
SEEN_EVERY = timedelta(minutes=5)  # how exactly "last seen" is kept
COMPANY = "company"  # how somebody signed in: password, code, recovery, company


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who is signed in, as of this very request.

    Args:
        id: The person's.
        sign_in_id: The session's.
        preferences: theme, density, letter_keys, ask_above, locale.
        must_set_up: Their role needs a second step, and they have none yet.
    """

    id: int
    name: str
    email: str
    role: str
    sign_in_id: int
    preferences: Mapping[str, Any] = field(default_factory=dict)
    must_set_up: bool = False


def token_hash(token: str) -> str:
    """Give what is stored of a token. Tokens are long and random, so that a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def start_session(
    session: Session, person: Person, *, address: str | None, agent: str, now: datetime, how: str = "password"
) -> str:
    """Start a session.

    Args:
        session: A writing session.
        person: Who signed in.
        address: Where from.
        agent: The browser, as it names itself.
        now: Real time.
        how: password, code (after a password), recovery (likewise), or company.

    Returns:
        Its token, which is kept nowhere but with the visitor.
    """
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            person_id=person.id,
            token_hash=token_hash(token),
            address=address,
            agent=agent[:200],
            created_at=now,
            seen_at=now,
            how=how,
        )
    )
    person.last_sign_in_at = now
    session.flush()
    return token


def find_session(session: Session, token: str, *, now: datetime) -> tuple[SignedIn, datetime] | None:
    """Find who a token belongs to, if the session still lives and the person may still sign in.

    Returns:
        The person and when the session was last seen.
    """
    row = session.execute(
        sa.select(SignIn, Person, TwoStep.confirmed_at, sign_in_rules.stored())
        .join(Person, Person.id == SignIn.person_id)
        .outerjoin(TwoStep, TwoStep.person_id == Person.id)
        .where(SignIn.token_hash == token_hash(token), _alive(now), Person.active.is_(True))
    ).one_or_none()
    if row is None:
        return None
    sign_in, person, two_step_since, stored = row
    needed = person.role in sign_in_rules.of_value(stored).two_step_for and sign_in.how != COMPANY
    return (
        SignedIn(
            id=person.id,
            name=person.name,
            email=person.email,
            role=person.role,
            sign_in_id=sign_in.id,
            preferences=dict(person.preferences or {}),
            must_set_up=needed and two_step_since is None,
        ),
        sign_in.seen_at,
    )


def owner_of_ended(session: Session, token: str) -> int | None:
    """Tell whose session a token was, ended or not; none for a token that never was one, or a person switched off."""
    return session.scalar(
        sa.select(Person.id)
        .join(SignIn, SignIn.person_id == Person.id)
        .where(SignIn.token_hash == token_hash(token), Person.active.is_(True))
    )


def why_ended(session: Session, token: str) -> str:
    """Say why a session is over, as a sentence for whose it was."""
    found = session.scalar(sa.select(SignIn).where(SignIn.token_hash == token_hash(token)))
    if found is not None and found.ended_at is not None:
        return "Your session was ended."
    if found is not None and found.created_at + LIFE > found.seen_at + IDLE:
        return f"You were signed out after {_hours(IDLE)} hours without a click."
    return f"You were signed out after {_hours(LIFE)} hours."


def _hours(length: timedelta) -> int:
    return int(length.total_seconds() // 3600)


def _alive(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(SignIn.ended_at.is_(None), SignIn.created_at > now - LIFE, SignIn.seen_at > now - IDLE)


def mark_seen(session: Session, sign_in_id: int, *, now: datetime) -> None:
    """Remember that a session was used."""
    session.execute(sa.update(SignIn).where(SignIn.id == sign_in_id).values(seen_at=now))


def end_session(session: Session, sign_in_id: int, *, person_id: int, now: datetime) -> None:
    """End one session of a person.

    Raises:
        NotFound: This person has no such session.
    """
    sign_in = session.get(SignIn, sign_in_id)
    if sign_in is None or sign_in.person_id != person_id:
        raise NotFound("There is no such session of yours.")
    if sign_in.ended_at is None:
        sign_in.ended_at = now
    session.flush()


def end_sessions(session: Session, person_id: int, *, now: datetime, but: int | None = None) -> int:
    """End the sessions of a person, and the sign-ins that wait for their second step.

    Args:
        session: A writing session.
        person_id: Whose.
        now: Real time.
        but: A session that goes on.

    Returns:
        How many were alive.
    """
    halves = sa.update(HalfSignIn).where(HalfSignIn.person_id == person_id, HalfSignIn.over_at.is_(None))
    session.execute(halves.values(over_at=now))
    query = sa.update(SignIn).where(SignIn.person_id == person_id, _alive(now))
    if but is not None:
        query = query.where(SignIn.id != but)
    ended = session.scalars(query.values(ended_at=now).returning(SignIn.id)).all()
    return len(ended)


def living_sessions(session: Session, *, now: datetime, person_id: int | None = None) -> list[SignIn]:
    """List the sessions that still live, newest first."""
    query = sa.select(SignIn).where(_alive(now))
    if person_id is not None:
        query = query.where(SignIn.person_id == person_id)
    return list(session.scalars(query.order_by(SignIn.seen_at.desc(), SignIn.id.desc())))


def living_counts(session: Session, person_ids: Collection[int], *, now: datetime) -> dict[int, int]:
    """Count the sessions of some people that still live; who has none is left out."""
    query = sa.select(SignIn.person_id, sa.func.count()).where(_alive(now), SignIn.person_id.in_(person_ids))
    return dict(session.execute(query.group_by(SignIn.person_id)).all())
