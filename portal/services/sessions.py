"""Sign-ins: throttled attempts, and sessions that end on the server. All of it runs on real time."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Person, SignIn, SignInAttempt
from portal.services.errors import NotFound, Refused

LIFE = timedelta(hours=12)  # of a session, however much it is used
SEEN_EVERY = timedelta(minutes=5)  # how exactly "last seen" is kept
TRIES = 5  # wrong passwords from one address for one e-mail, until both wait
TRIES_OF_ADDRESS = 50  # wrong passwords from one address for whatever e-mail
WAIT = timedelta(minutes=15)
KEPT = timedelta(days=1)  # how long an attempt is remembered


class Throttled(Refused):
    """Too many wrong passwords from one address."""

    status = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who is signed in, as of this very request.

    Args:
        id: The person's.
        sign_in_id: The session's.
        preferences: theme, density, letter_keys, ask_above.
    """

    id: int
    name: str
    email: str
    role: str
    sign_in_id: int
    preferences: Mapping[str, Any] = field(default_factory=dict)


def token_hash(token: str) -> str:
    """Give what is stored of a token. Tokens are long and random, so that a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def note_attempt(session: Session, *, email: str, address: str | None, now: datetime) -> int:
    """Count an attempt before its password is looked at, so that many at once do not slip through.

    An e-mail waits for one address only: nobody can lock out a person who sits elsewhere.

    Returns:
        How many wrong ones are left after this one.

    Raises:
        Throttled: This address has used up its attempts.
    """
    session.execute(sa.delete(SignInAttempt).where(SignInAttempt.at < now - KEPT))
    here = sa.select(SignInAttempt.at).where(
        SignInAttempt.address.is_not_distinct_from(address), SignInAttempt.at > now - WAIT
    )
    times = session.scalars(here.where(SignInAttempt.email == email).order_by(SignInAttempt.at)).all()
    of_address = session.scalar(sa.select(sa.func.count()).select_from(here.subquery())) or 0
    if len(times) >= TRIES:
        minutes = max(1, -(-int((times[-TRIES] + WAIT - now).total_seconds()) // 60))
        raise Throttled(
            f"Too many wrong passwords from your address. Try again in {minutes} min, or ask an admin for a new link."
        )
    if of_address >= TRIES_OF_ADDRESS:
        raise Throttled("Too many wrong passwords from your address. Try again in 15 min.")
    session.add(SignInAttempt(email=email, address=address, at=now))
    session.flush()
    return TRIES - len(times) - 1


def forget_attempts(session: Session, *, email: str, address: str | None) -> None:
    """Forget the attempts of an address for an e-mail: the right password was given."""
    session.execute(
        sa.delete(SignInAttempt).where(
            SignInAttempt.email == email, SignInAttempt.address.is_not_distinct_from(address)
        )
    )


def start_session(session: Session, person: Person, *, address: str | None, agent: str, now: datetime) -> str:
    """Start a session.

    Args:
        session: A writing session.
        person: Who signed in.
        address: Where from.
        agent: The browser, as it names itself.
        now: Real time.

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
        sa.select(SignIn, Person)
        .join(Person, Person.id == SignIn.person_id)
        .where(
            SignIn.token_hash == token_hash(token),
            SignIn.ended_at.is_(None),
            SignIn.created_at > now - LIFE,
            Person.active.is_(True),
        )
    ).one_or_none()
    if row is None:
        return None
    sign_in, person = row
    return (
        SignedIn(
            id=person.id,
            name=person.name,
            email=person.email,
            role=person.role,
            sign_in_id=sign_in.id,
            preferences=dict(person.preferences or {}),
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
    ended_at = session.scalar(sa.select(SignIn.ended_at).where(SignIn.token_hash == token_hash(token)))
    hours = int(LIFE.total_seconds() // 3600)
    return "Your session was ended." if ended_at is not None else f"You were signed out after {hours} hours."


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
    """End the sessions of a person.

    Args:
        session: A writing session.
        person_id: Whose.
        now: Real time.
        but: A session that goes on.

    Returns:
        How many were alive.
    """
    query = sa.update(SignIn).where(
        SignIn.person_id == person_id, SignIn.ended_at.is_(None), SignIn.created_at > now - LIFE
    )
    if but is not None:
        query = query.where(SignIn.id != but)
    ended = session.scalars(query.values(ended_at=now).returning(SignIn.id)).all()
    return len(ended)


def living_sessions(session: Session, *, now: datetime, person_id: int | None = None) -> list[SignIn]:
    """List the sessions that still live, newest first."""
    query = sa.select(SignIn).where(SignIn.ended_at.is_(None), SignIn.created_at > now - LIFE)
    if person_id is not None:
        query = query.where(SignIn.person_id == person_id)
    return list(session.scalars(query.order_by(SignIn.seen_at.desc(), SignIn.id.desc())))
