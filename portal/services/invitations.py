"""Links that work once: the first password of somebody invited, and another one after a reset.

Only the hash of a link is kept. Where a link goes by mail, the waiting mail holds it sealed. Lives run on real time.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import OneTimeLink, Person
from portal.services import audit, mail, people_passwords, sessions
from portal.services.actors import SYSTEM, Actor
from portal.services.errors import Conflict, Invalid, NotFound, Refused
from portal.services.notices import Post
from portal.services.people import (
    DEMO_PEOPLE,
    LONGEST_EMAIL,
    LONGEST_NAME,
    actor_of,
    check_role,
    folded_email,
    person_by_id,
)
from portal.services.sealing import Sealer

LINK_LIVES = timedelta(days=3)
OWN_RESET_LIVES = timedelta(hours=1)  # of a link that somebody asked for at the door
SHOWN = 20  # links that are over, on the list
FIRST, RESET = "first", "reset"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_GONE = "This link was used before, was taken back, or is too old. An admin can give you a new one."


class LinkGone(Refused):
    """The link was used, has expired, was taken back, or never was one."""

    status = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class ByMail:
    """What sending a link by mail needs.

    Args:
        post: How the portal is reached, and when.
        sealer: Seals the waiting mail, since the link is in it.
    """

    post: Post
    sealer: Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLink:
    """A link on the admins' list.

    Args:
        state: waits, used, expired, or taken back.
        mailed: Whether it also went by mail.
    """

    id: int
    person: Person
    purpose: str
    state: str
    made_at: datetime | None
    made_by: str
    expires_at: datetime
    mailed: bool


def create_person(
    session: Session,
    email: str,
    name: str,
    role: str,
    by: Actor,
    now: datetime,
    *,
    real_now: datetime,
    by_mail: ByMail | None = None,
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
        by_mail: Also send the link there; none: it is only handed on.

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
    check_role(role)
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
        details={"by_mail": by_mail is not None},
    )
    return new_link(session, person, purpose=FIRST, by=by, real_now=real_now, by_mail=by_mail)


def reset_password(
    session: Session,
    person_id: int,
    *,
    by: Actor,
    now: datetime,
    real_now: datetime,
    by_mail: ByMail | None = None,
) -> str:
    """Give a person a link to set a new password. The old password works until the link is used.

    Returns:
        The token of a link that works once. Earlier links work no more.

    Raises:
        Conflict: The person is switched off.
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
        details={"by_mail": by_mail is not None},
    )
    purpose = RESET if person.password_hash else FIRST
    return new_link(session, person, purpose=purpose, by=by, real_now=real_now, by_mail=by_mail)


def mail_own_reset(session: Session, email: str, *, now: datetime, real_now: datetime, by_mail: ByMail) -> None:
    """Mail a link to whoever has an e-mail address, if somebody has it. What is done takes as long for nobody."""
    kept = folded_email(email)
    person = session.scalar(sa.select(Person).where(Person.email == kept, Person.active.is_(True)))
    if person is None or kept in DEMO_PEOPLE:
        by_mail.sealer.seal(_body(secrets.token_urlsafe(32), RESET, OWN_RESET_LIVES, by_mail.post))
        return
    audit.record(
        session,
        what="sign-in",
        action="person.reset",
        by=Actor("somebody"),
        now=now,
        sentence=f"Asked at the door for a link by mail for {person.name} ({person.email}).",
    )
    new_link(session, person, purpose=RESET, by=SYSTEM, real_now=real_now, by_mail=by_mail, lives=OWN_RESET_LIVES)


def new_link(
    session: Session,
    person: Person,
    *,
    purpose: str,
    by: Actor,
    real_now: datetime,
    by_mail: ByMail | None = None,
    lives: timedelta = LINK_LIVES,
) -> str:
    """Make a link that works once; earlier ones of this person work no more."""
    session.execute(
        sa.update(OneTimeLink)
        .where(OneTimeLink.person_id == person.id, OneTimeLink.used_at.is_(None), OneTimeLink.revoked_at.is_(None))
        .values(revoked_at=real_now)
    )
    token = secrets.token_urlsafe(32)
    link = OneTimeLink(
        person_id=person.id,
        token_hash=sessions.token_hash(token),
        purpose=purpose,
        expires_at=real_now + lives,
        used_at=None,
        made_at=real_now,
        made_by=by.name,
        revoked_at=None,
        mailed=by_mail is not None,
    )
    session.add(link)
    session.flush()
    if by_mail is not None:
        subject = "you may sign in" if purpose == FIRST else "a link to set a new password"
        mail.queue(
            session,
            recipient=person.email,
            cause=f"link {link.id}",
            subject=f"Countersign: {subject}",
            body=mail.SEALED + by_mail.sealer.seal(_body(token, purpose, lives, by_mail.post)),
            real_now=real_now,
        )
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
            OneTimeLink.revoked_at.is_(None),
            OneTimeLink.expires_at > real_now,
            Person.active.is_(True),
        )
    ).one_or_none()
    if row is None:
        raise LinkGone(_GONE)
    return row[0], row[1]


def use_link(
    session: Session,
    token: str,
    *,
    password: str,
    address: str | None,
    now: datetime,
    real_now: datetime,
    post: Post | None = None,
) -> Person:
    """Set the password behind a link. The link is used up, and all sessions of the person end.

    Raises:
        LinkGone: The link does not work (any more).
        Conflict: Passwords are not taken.
        Invalid: The password is too weak; the link still works.
    """
    link, person = link_owner(session, token, real_now=real_now)
    people_passwords.refuse_without_passwords(session)
    people_passwords.check_strength(session, person, password)
    claimed = session.scalar(
        sa.update(OneTimeLink)
        .where(OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None))
        .values(used_at=real_now)
        .returning(OneTimeLink.id)
    )
    if claimed is None:
        raise LinkGone(_GONE)
    by = actor_of(person, address=address)
    people_passwords.set_password(session, person, password, by=by, now=now, real_now=real_now, post=post)
    return person


def revoke(session: Session, link_id: int, *, by: Actor, now: datetime, real_now: datetime) -> Person:
    """Take a link back that nobody has used.

    Returns:
        Whose it was.

    Raises:
        NotFound: There is no such link.
        Conflict: It works no more anyway.
    """
    link = session.get(OneTimeLink, link_id)
    if link is None:
        raise NotFound("There is no such link.")
    person = person_by_id(session, link.person_id)
    if _state(link, real_now) != "waits":
        raise Conflict(f"This link of {person.name} works no more anyway.")
    link.revoked_at = real_now
    audit.record(
        session,
        what="setting",
        action="person.link-revoked",
        by=by,
        now=now,
        sentence=f"Took back the sign-in link of {person.name} ({person.email}).",
    )
    session.flush()
    return person


def listed(session: Session, *, real_now: datetime, person_id: int | None = None) -> list[ListedLink]:
    """List the links: all that wait, then the newest of those that are over."""
    query = sa.select(OneTimeLink, Person).join(Person, Person.id == OneTimeLink.person_id)
    if person_id is not None:
        query = query.where(OneTimeLink.person_id == person_id)
    rows = session.execute(query.order_by(OneTimeLink.id.desc()).limit(SHOWN * 5)).all()
    found = [
        ListedLink(
            id=link.id,
            person=person,
            purpose=link.purpose,
            state=_state(link, real_now),
            made_at=link.made_at,
            made_by=link.made_by or "",
            expires_at=link.expires_at,
            mailed=bool(link.mailed),
        )
        for link, person in rows
    ]
    waiting = [each for each in found if each.state == "waits"]
    return waiting + [each for each in found if each.state != "waits"][:SHOWN]


def _state(link: OneTimeLink, real_now: datetime) -> str:
    if link.used_at is not None:
        return "used"
    if link.revoked_at is not None:
        return "taken back"
    return "waits" if link.expires_at > real_now else "expired"


def _body(token: str, purpose: str, lives: timedelta, post: Post) -> str:
    """Write the mail. It names nobody but the portal, so that one who gets it by mistake learns nothing."""
    what = (
        "Somebody has given you a place in Countersign. Choose your password here:"
        if purpose == FIRST
        else "Somebody, perhaps you, asked for a link to set a new password in Countersign:"
    )
    hours = int(lives.total_seconds() // 3600)
    life = f"{hours // 24} days" if hours >= 48 else f"{hours} {'hour' if hours == 1 else 'hours'}"  # noqa: PLR2004 - two days
    return (
        f"{what}\n\n{post.base_url}/link/{token}\n\nThe link works once, for {life}. If you did not expect it, "
        "leave it alone: nothing changes until it is used.\n"
    )
