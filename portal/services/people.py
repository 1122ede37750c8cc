"""People: who may sign in, and in which role."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Person
from portal.db.records.people import ROLES
from portal.services import audit, passwords, people_admins, sessions, sign_in_rules
from portal.services.actors import Actor
from portal.services.errors import Invalid, NotFound

LONGEST_NAME = 80
LONGEST_EMAIL = 254
DEMO_PASSWORD = "countersign-demo"  # noqa: S105 - the demo's well-known password, refused elsewhere
DEMO_PEOPLE = {
    "biller@demo.example": ("Dana", "biller"),
    "manager@demo.example": ("Marcus", "manager"),
    "admin@demo.example": ("Priya", "admin"),
    "viewer@demo.example": ("Victor", "viewer"),
}
THEMES = ("system", "light", "dark")


def folded_email(email: str) -> str:
    """Bring an e-mail address to the form in which it is kept."""
    return email.strip().lower()


def nobody_yet(session: Session) -> bool:
    """Tell whether the portal has no person at all."""
    return session.scalar(sa.select(sa.func.count()).select_from(Person)) == 0


def in_order() -> sa.Select[Person]:
    """Give the query of all people: those who may sign in first, by name."""
    return sa.select(Person).order_by(Person.active.desc(), Person.name, Person.id)


def everybody(session: Session) -> list[Person]:
    """List all people: those who may sign in first, by name."""
    return list(session.scalars(in_order()))


def person_by_id(session: Session, person_id: int) -> Person:
    """Give a person.

    Raises:
        NotFound: There is none.
    """
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound("There is no such person.")
    return person


def person_by_email(session: Session, email: str) -> Person:
    """Give the person with an e-mail address.

    Raises:
        NotFound: There is none.
    """
    person = session.scalar(sa.select(Person).where(Person.email == folded_email(email)))
    if person is None:
        raise NotFound(f"Nobody has the e-mail address {email.strip()}. “flask users list” shows who there is.")
    return person


def whom_to_ask(session: Session, roles: Sequence[str], most: int = 3) -> list[str]:
    """Name some people who may sign in and have one of the roles: admins first, whoever was here last first."""
    query = sa.select(Person.name).where(Person.role.in_(roles), Person.active.is_(True))
    latest = (Person.role != "admin", Person.last_sign_in_at.is_(None), Person.last_sign_in_at.desc(), Person.name)
    return list(session.scalars(query.order_by(*latest).limit(most)))


def last_admin(session: Session) -> int | None:
    """Give the only admin who can sign in, if there is only one; that one cannot be switched off or demoted."""
    found = people_admins.who_can_enter(session, passwords=sign_in_rules.read(session).passwords)
    return next(iter(found)) if len(found) == 1 else None


def actor_of(person: Person, *, address: str | None = None) -> Actor:
    """Give a person as the one who does something."""
    return Actor(name=person.name, person_id=person.id, role=person.role, address=address)


def set_role(session: Session, person_id: int, *, role: str, by: Actor, now: datetime, real_now: datetime) -> Person:
    """Give a person another role. Their sessions end: they sign in anew, as what they are then.

    Raises:
        Invalid: There is no such role.
        Conflict: The last admin would be gone.
    """
    person = person_by_id(session, person_id)
    check_role(role)
    before = person.role
    if before == role:
        return person
    if before == "admin" and person.active:
        people_admins.keep_one(session, person, f"{person.name} is the only admin and stays one")
    person.role = role
    ended = sessions.end_sessions(session, person.id, now=real_now)
    audit.record(
        session,
        what="setting",
        action="person.role",
        by=by,
        now=now,
        sentence=f"Made {person.name} ({person.email}) {'an' if role == 'admin' else 'a'} {role}.",
        before=before,
        after=role,
        details={"sessions_ended": ended},
    )
    session.flush()
    return person


def switch_off(session: Session, person_id: int, *, by: Actor, now: datetime, real_now: datetime) -> Person:
    """Switch a person off: every session ends at once, and no password or link works any more.

    Raises:
        Conflict: This is the last admin.
    """
    person = person_by_id(session, person_id)
    if not person.active:
        return person
    if person.role == "admin":
        people_admins.keep_one(session, person, f"{person.name} is the only admin and cannot be switched off")
    person.active = False
    ended = sessions.end_sessions(session, person.id, now=real_now)
    audit.record(
        session,
        what="setting",
        action="person.off",
        by=by,
        now=now,
        sentence=f"Switched {person.name} ({person.email}) off.",
        before="on",
        after="off",
        details={"sessions_ended": ended},
    )
    session.flush()
    return person


def switch_on(session: Session, person_id: int, *, by: Actor, now: datetime) -> Person:
    """Let a person who was switched off sign in again, with the password they had."""
    person = person_by_id(session, person_id)
    if person.active:
        return person
    person.active = True
    audit.record(
        session,
        what="setting",
        action="person.on",
        by=by,
        now=now,
        sentence=f"Switched {person.name} ({person.email}) on again.",
        before="off",
        after="on",
    )
    session.flush()
    return person


def end_sessions_of(session: Session, person_id: int, *, by: Actor, now: datetime, real_now: datetime) -> int:
    """End all sessions of a person, who may sign in again."""
    person = person_by_id(session, person_id)
    ended = sessions.end_sessions(session, person.id, now=real_now)
    audit.record(
        session,
        what="sign-in",
        action="person.sessions-ended",
        by=by,
        now=now,
        sentence=f"Ended the sessions of {person.name} ({person.email}).",
        details={"sessions_ended": ended},
    )
    return ended


def end_own_sessions(
    session: Session, person_id: int, *, by: Actor, now: datetime, real_now: datetime, but: int
) -> int:
    """End one's own sessions, but the one in hand.

    Returns:
        How many were alive.
    """
    ended = sessions.end_sessions(session, person_id, now=real_now, but=but)
    if ended:
        audit.record(
            session,
            what="sign-in",
            action="person.sessions-ended",
            by=by,
            now=now,
            sentence="Ended their own other sessions.",
            details={"sessions_ended": ended},
        )
    return ended


def end_session_of(
    session: Session, person_id: int, sign_in_id: int, *, by: Actor, now: datetime, real_now: datetime
) -> Person:
    """End one session of a person.

    Raises:
        NotFound: This person has no such session.
    """
    person = person_by_id(session, person_id)
    sessions.end_session(session, sign_in_id, person_id=person.id, now=real_now)
    own = by.person_id == person.id
    audit.record(
        session,
        what="sign-in",
        action="person.sessions-ended",
        by=by,
        now=now,
        sentence="Ended a session of their own." if own else f"Ended a session of {person.name} ({person.email}).",
        details={"sessions_ended": 1},
    )
    return person


def set_preferences(session: Session, person_id: int, values: Mapping[str, Any]) -> None:
    """Keep how a person likes the screens; the keys that are left out stay as they are."""
    person = person_by_id(session, person_id)
    person.preferences = {**(person.preferences or {}), **values}
    session.flush()


def make_demo_people(session: Session, *, now: datetime) -> None:
    """Make the demo's four people; those who are there stay."""
    there = set(session.scalars(sa.select(Person.email).where(Person.email.in_(DEMO_PEOPLE))))
    for email, (name, role) in DEMO_PEOPLE.items():
        if email not in there:
            session.add(
                Person(
                    email=email,
                    name=name,
                    role=role,
                    password_hash=passwords.hashed(DEMO_PASSWORD),
                    active=True,
                    preferences={},
                    created_at=now,
                    last_sign_in_at=None,
                )
            )
    session.flush()


def check_role(role: str) -> None:
    """Refuse what is no role.

    Raises:
        Invalid: With the sentence under `role`.
    """
    if role not in ROLES:
        sentence = f"There is no role “{role}”. There are {', '.join(ROLES[:-1])} and {ROLES[-1]}."
        raise Invalid(sentence, {"role": sentence})
