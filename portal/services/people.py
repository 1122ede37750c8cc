"""People: who may sign in, in which role, and the links with which they set a password."""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import OneTimeLink, Person
from portal.db.records.people import ROLES
from portal.services import audit, passwords, sessions
from portal.services.actors import Actor
from portal.services.errors import Conflict, Invalid, NotFound, Refused

LINK_LIVES = timedelta(days=3)
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
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class LinkGone(Refused):
    """The link was used, has expired, or never was one."""

    status = 410


def folded_email(email: str) -> str:
    """Bring an e-mail address to the form in which it is kept."""
    return email.strip().lower()


def nobody_yet(session: Session) -> bool:
    """Tell whether the portal has no person at all."""
    return session.scalar(sa.select(sa.func.count()).select_from(Person)) == 0


def everybody(session: Session) -> list[Person]:
    """List all people: those who may sign in first, by name."""
    return list(session.scalars(sa.select(Person).order_by(Person.active.desc(), Person.name, Person.id)))


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


def actor_of(person: Person, *, address: str | None = None) -> Actor:
    """Give a person as the one who does something."""
    return Actor(name=person.name, person_id=person.id, role=person.role, address=address)


def create_person(
    session: Session, email: str, name: str, role: str, by: Actor, now: datetime, *, real_now: datetime
) -> str:
    """Add a person, who sets a password with the link.

    Args:
        session: A writing session.
        email: Kept in lower case.
        name: Empty: taken from the address.
        role: One of viewer, biller, manager, admin.
        by: Who adds them.
        now: Business time, for the audit trail.
        real_now: Real time, from which the link's life runs.

    Returns:
        The token of a link that works once.

    Raises:
        Invalid: A value cannot be used.
        Conflict: Somebody has this address already.
    """
    kept = folded_email(email)
    if not _EMAIL.fullmatch(kept) or len(kept) > LONGEST_EMAIL:
        sentence = f"“{email.strip()}” is not an e-mail address. Write it like dana@example.com."
        raise Invalid(sentence, {"email": sentence})
    if kept in DEMO_PEOPLE:
        sentence = "The addresses at demo.example belong to the demo. Choose another one."
        raise Invalid(sentence, {"email": sentence})
    _check_role(role)
    if session.scalar(sa.select(Person.id).where(Person.email == kept)) is not None:
        raise Conflict(f"Somebody with the address {kept} is here already. Reset their password instead.")
    called = " ".join(name.split())[:LONGEST_NAME] or kept.partition("@")[0]
    person = Person(
        email=kept,
        name=called,
        role=role,
        password_hash=None,
        active=True,
        preferences={},
        created_at=now,
        last_sign_in_at=None,
    )
    session.add(person)
    session.flush()
    audit.record(
        session,
        what="setting",
        action="person.invite",
        by=by,
        now=now,
        sentence=f"Invited {called} ({kept}) as {role}.",
        after=role,
    )
    return new_link(session, person, purpose="first", real_now=real_now)


def reset_password(session: Session, person_id: int, *, by: Actor, now: datetime, real_now: datetime) -> str:
    """Give a person a link to set a new password. The old password works until the link is used.

    Returns:
        The token of a link that works once. Earlier links work no more.
    """
    person = person_by_id(session, person_id)
    if not person.active:
        raise Conflict(f"{person.name} is switched off. Switch them on first.")
    audit.record(
        session,
        what="setting",
        action="person.reset",
        by=by,
        now=now,
        sentence=f"Made a new sign-in link for {person.name} ({person.email}).",
    )
    return new_link(session, person, purpose="reset", real_now=real_now)


def new_link(session: Session, person: Person, *, purpose: str, real_now: datetime) -> str:
    """Make a link that works once; earlier ones of this person work no more."""
    session.execute(
        sa.update(OneTimeLink)
        .where(OneTimeLink.person_id == person.id, OneTimeLink.used_at.is_(None))
        .values(used_at=real_now)
    )
    token = secrets.token_urlsafe(32)
    session.add(
        OneTimeLink(
            person_id=person.id,
            token_hash=sessions.token_hash(token),
            purpose=purpose,
            expires_at=real_now + LINK_LIVES,
            used_at=None,
        )
    )
    session.flush()
    return token


def link_owner(session: Session, token: str, *, real_now: datetime) -> tuple[OneTimeLink, Person]:
    """Give a link that still works, and whose it is.

    Raises:
        LinkGone: It does not work (any more).
    """
    row = session.execute(
        sa.select(OneTimeLink, Person)
        .join(Person, Person.id == OneTimeLink.person_id)
        .where(
            OneTimeLink.token_hash == sessions.token_hash(token),
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > real_now,
            Person.active.is_(True),
        )
    ).one_or_none()
    if row is None:
        raise LinkGone("This link was used before or is too old. An admin can give you a new one.")
    return row[0], row[1]


def use_link(
    session: Session, token: str, *, password: str, address: str | None, now: datetime, real_now: datetime
) -> Person:
    """Set the password behind a link. The link is used up, and all sessions of the person end.

    Raises:
        LinkGone: The link does not work (any more).
        Invalid: The password is too weak; the link still works.
    """
    link, person = link_owner(session, token, real_now=real_now)
    passwords.check_new(password, email=person.email)
    claimed = session.scalar(
        sa.update(OneTimeLink)
        .where(OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None))
        .values(used_at=real_now)
        .returning(OneTimeLink.id)
    )
    if claimed is None:
        raise LinkGone("This link was used a moment ago. An admin can give you a new one.")
    _set_password(session, person, password, by=actor_of(person, address=address), now=now, real_now=real_now)
    return person


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
) -> None:
    """Change one's own password. All other sessions end.

    Raises:
        Invalid: The old one is wrong, or the new one too weak.
    """
    person = person_by_id(session, person_id)
    if not passwords.fits(old, person.password_hash):
        sentence = "This is not your password of now."
        raise Invalid(sentence, {"old": sentence})
    passwords.check_new(new, email=person.email)
    _set_password(session, person, new, by=by, now=now, real_now=real_now, but=keep_sign_in)


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
    return person if right else None


def set_role(session: Session, person_id: int, *, role: str, by: Actor, now: datetime) -> Person:
    """Give a person another role; it holds at their next click.

    Raises:
        Invalid: There is no such role.
        Conflict: The last admin would be gone.
    """
    person = person_by_id(session, person_id)
    _check_role(role)
    before = person.role
    if before == role:
        return person
    if before == "admin" and person.active:
        _keep_an_admin(session, person, f"{person.name} is the only admin and stays one")
    person.role = role
    audit.record(
        session,
        what="setting",
        action="person.role",
        by=by,
        now=now,
        sentence=f"Made {person.name} ({person.email}) {'an' if role == 'admin' else 'a'} {role}.",
        before=before,
        after=role,
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
        _keep_an_admin(session, person, f"{person.name} is the only admin and cannot be switched off")
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


def _set_password(
    session: Session,
    person: Person,
    password: str,
    *,
    by: Actor,
    now: datetime,
    real_now: datetime,
    but: int | None = None,
) -> None:
    first = person.password_hash is None
    person.password_hash = passwords.hashed(password)
    ended = sessions.end_sessions(session, person.id, now=real_now, but=but)
    audit.record(
        session,
        what="sign-in",
        action="person.password",
        by=by,
        now=now,
        sentence="Set the first password." if first else "Set another password.",
        details={"sessions_ended": ended},
    )
    session.flush()


def _check_role(role: str) -> None:
    if role not in ROLES:
        sentence = f"There is no role “{role}”. There are {', '.join(ROLES[:-1])} and {ROLES[-1]}."
        raise Invalid(sentence, {"role": sentence})


def _keep_an_admin(session: Session, person: Person, sentence: str) -> None:
    """Refuse to lose the last admin who can sign in."""
    others = session.scalar(
        sa.select(sa.func.count())
        .select_from(Person)
        .where(Person.role == "admin", Person.active.is_(True), Person.id != person.id)
    )
    if not others:
        raise Conflict(f"{sentence}. Make somebody else an admin first.")
