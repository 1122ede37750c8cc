"""Setting, changing and checking a person's password."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Connection, Person
from portal.services import audit, known_browsers, passwords, people_telling, sessions, sign_in_rules
from portal.services.actors import Actor
from portal.services.errors import Conflict, Invalid
from portal.services.notices import Post
from portal.services.people import DEMO_PEOPLE, folded_email, person_by_id

NO_PASSWORDS = "Passwords are not taken here. Sign in with the company's sign-in."


def authenticate(session: Session, *, email: str, password: str, demo: bool) -> Person | None:
    """Find the person whom an e-mail and a password belong to. An unknown e-mail takes as long as a wrong password.

    Args:
        session: For reading.
        email: As typed.
        password: As typed.
        demo: Whether this is the demo; elsewhere its well-known sign-ins are refused.
    """
    kept = folded_email(email)
    person = session.scalar(sa.select(Person).where(Person.email == kept, Person.active.is_(True)))
    if not demo and kept in DEMO_PEOPLE:
        person = None
    right = passwords.fits(password, person.password_hash if person is not None else None)
    return person if right and sign_in_rules.read(session).passwords else None


def change_password(
    session: Session,
    person_id: int,
    *,
    old: str,
    new: str,
    keep_sign_in: int,
    by: Actor,
    now: datetime,
    real_now: datetime,
    post: Post | None = None,
) -> None:
    """Change one's own password. All other sessions end.

    Raises:
        Conflict: Passwords are not taken.
        Invalid: The old one is wrong, or the new one too weak.
    """
    person = person_by_id(session, person_id)
    refuse_without_passwords(session)
    if not passwords.fits(old, person.password_hash):
        sentence = "This is not your password of now."
        raise Invalid(sentence, {"old": sentence})
    check_strength(session, person, new)
    set_password(session, person, new, by=by, now=now, real_now=real_now, but=keep_sign_in, post=post)


def refuse_without_passwords(session: Session) -> None:
    """Refuse what sets a password where none is taken.

    Raises:
        Conflict: With a sentence.
    """
    if not sign_in_rules.read(session).passwords:
        raise Conflict(NO_PASSWORDS)


def check_strength(session: Session, person: Person, password: str) -> None:
    """Refuse a weak password; the person's name and e-mail and the company's names count as guessed.

    Raises:
        Invalid: With the sentence under `password`.
    """
    company = session.scalars(sa.select(Connection.company)).all()
    passwords.check_new(password, email=person.email, known=[person.name, *company])


def set_password(
    session: Session,
    person: Person,
    password: str,
    *,
    by: Actor,
    now: datetime,
    real_now: datetime,
    but: int | None = None,
    post: Post | None = None,
) -> None:
    """Set a password that was checked; every session but one ends, and no browser is known any more."""
    first = person.password_hash is None
    person.password_hash = passwords.hashed(password)
    ended = sessions.end_sessions(session, person.id, now=real_now, but=but)
    known_browsers.forget(session, person.id)
    audit.record(
        session,
        what="sign-in",
        action="person.password",
        by=by,
        now=now,
        sentence="Set the first password." if first else "Set another password.",
        details={"sessions_ended": ended},
    )
    if not first:
        people_telling.tell(
            session,
            person,
            "Your password was changed, and your other sessions have ended. If it was not you, tell an admin.",
            subject="your password was changed",
            now=now,
            post=post,
            real_now=real_now,
        )
    session.flush()
