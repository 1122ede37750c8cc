"""Who people are at the company's own sign-in, and letting them in by it.

An account there belongs to a person here by its issuer and subject, never by its e-mail alone: that is asked once, at
the first sign-in, and only where somebody was invited or an admin has said so.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import CompanyIdentity, CompanyProvider, CompanyReturn, OneTimeLink, Person
from portal.db.records.people import ROLES
from portal.services import audit, invitations, people, people_admins, people_telling, sessions, sign_in_rules
from portal.services.actors import Actor
from portal.services.company_tokens import Claims
from portal.services.errors import Conflict, NotFound, Refused
from portal.services.notices import Post

RETURN_LIVES = timedelta(hours=1)  # longer than anybody is on the way
_BY = "the company's sign-in"


class NotKnownHere(Refused):
    """The company's sign-in knows somebody whom the portal does not know."""

    status = 422


def identity_of(session: Session, person_id: int) -> CompanyIdentity | None:
    """Give who a person is at the company's sign-in as it is set up now, or none."""
    return session.scalar(
        sa.select(CompanyIdentity)
        .join(CompanyProvider, CompanyProvider.issuer == CompanyIdentity.issuer)
        .where(CompanyIdentity.person_id == person_id)
    )


def who_is_linked(session: Session) -> set[int]:
    """Find everybody who can sign in by the company's sign-in as it is set up now, by id."""
    linked = sa.select(CompanyIdentity.person_id).join(
        CompanyProvider, CompanyProvider.issuer == CompanyIdentity.issuer
    )
    return set(session.scalars(linked))


def take_return(session: Session, state: str, *, real_now: datetime) -> None:
    """Use up a way back, so that it is not taken twice, by whichever worker.

    Raises:
        Conflict: It was taken before.
    """
    session.execute(sa.delete(CompanyReturn).where(CompanyReturn.at < real_now - RETURN_LIVES))
    mark = hashlib.sha256(state.encode()).hexdigest()
    if session.get(CompanyReturn, mark) is not None:
        raise Conflict("This sign-in was taken before. Begin again.")
    session.add(CompanyReturn(state_hash=mark, at=real_now))
    session.flush()


def enter(
    session: Session,
    provider: CompanyProvider,
    claims: Claims,
    *,
    demo: bool,
    linking: int | None,
    invited_with: str | None,
    address: str | None,
    now: datetime,
    real_now: datetime,
    post: Post | None = None,
) -> Person:
    """Find the person who a believed token is about, link them where that may be, and give them their role.

    Args:
        session: A writing session.
        provider: The company's sign-in.
        claims: What the token says.
        demo: Whether this is the demo; elsewhere its people are refused.
        linking: Who is signed in and asked to be linked.
        invited_with: The token of the link that somebody holds who was invited.
        address: Where from.
        now: By the business clock.
        real_now: Real time.
        post: What mails need; none where none are sent.

    Raises:
        NotKnownHere: Nobody here is linked to that account, and nothing links them.
        Conflict: The account or the person is linked otherwise already.
    """
    known = session.scalar(
        sa.select(CompanyIdentity).where(
            CompanyIdentity.issuer == provider.issuer, CompanyIdentity.subject == claims.subject
        )
    )
    if known is not None:
        person = people.person_by_id(session, known.person_id)
        if linking is not None and linking != person.id:
            raise Conflict("This account is linked to somebody else here. Nothing was changed. Ask an admin.")
        known.used_at = real_now
    else:
        person = _to_link(session, provider, claims, linking, invited_with, real_now=real_now)
        _link(session, provider, person, claims, address=address, now=now, real_now=real_now, post=post)
    if not person.active or (not demo and person.email in people.DEMO_PEOPLE):
        raise NotKnownHere("This account may not sign in here any more. Ask an admin.")
    _give_role(session, provider, person, claims.rest, now=now, real_now=real_now)
    session.flush()
    return person


def unlink(
    session: Session, person: Person, *, by: Actor, now: datetime, real_now: datetime, post: Post | None = None
) -> None:
    """Take away who a person is at the company's sign-in. All their sessions end.

    Raises:
        NotFound: They are not linked.
        Conflict: No admin could sign in any more.
    """
    identity = identity_of(session, person.id)
    if identity is None:
        raise NotFound(f"{person.name} is not linked.")
    session.delete(identity)
    people_admins.keep_a_way(
        session,
        passwords=sign_in_rules.read(session).passwords,
        company=True,
        sentence=f"{person.name} is the only admin who can sign in. Let passwords be taken first.",
    )
    ended = sessions.end_sessions(session, person.id, now=real_now)
    audit.record(
        session,
        what="sign-in",
        action="person.unlinked",
        by=by,
        now=now,
        sentence=f"Took the company's sign-in away from {person.name} ({person.email}).",
        before=identity.subject,
        details={"issuer": identity.issuer, "sessions_ended": ended},
    )
    people_telling.tell(
        session,
        person,
        f"{by.name} took the link to the company's sign-in away from you.",
        subject="your sign-in was changed",
        now=now,
        post=post,
        real_now=real_now,
    )


def _to_link(
    session: Session,
    provider: CompanyProvider,
    claims: Claims,
    linking: int | None,
    invited_with: str | None,
    *,
    real_now: datetime,
) -> Person:
    """Find whom a new account is to be linked to: who asked for it, who was invited, or whom the e-mail names."""
    if linking is not None:
        return people.person_by_id(session, linking)
    if invited_with is not None:
        link, person = invitations.link_owner(session, invited_with, real_now=real_now)
        link.used_at = real_now
        return person
    by_email = sa.select(Person).where(Person.email == claims.email, Person.active.is_(True))
    named = session.scalar(by_email) if claims.email else None
    if named is not None and (provider.link_by_email or _is_invited(session, named, real_now)):
        _use_up(session, named, real_now)
        return named
    admins = people.whom_to_ask(session, ("admin",))
    whom = f" Ask {' or '.join(admins)} to invite you." if admins else ""
    raise NotKnownHere(f"The company's sign-in knows you, but nobody here is linked to that account.{whom}")


def _is_invited(session: Session, person: Person, real_now: datetime) -> bool:
    """Tell whether somebody was invited and has never come: they have no password and no account yet."""
    if person.password_hash is not None or person.last_sign_in_at is not None:
        return False
    return bool(session.scalar(sa.select(sa.exists().where(*_open_links(person, real_now)))))


def _open_links(person: Person, real_now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        OneTimeLink.person_id == person.id,
        OneTimeLink.used_at.is_(None),
        OneTimeLink.revoked_at.is_(None),
        OneTimeLink.expires_at > real_now,
    )


def _use_up(session: Session, person: Person, real_now: datetime) -> None:
    session.execute(sa.update(OneTimeLink).where(*_open_links(person, real_now)).values(used_at=real_now))


def _link(
    session: Session,
    provider: CompanyProvider,
    person: Person,
    claims: Claims,
    *,
    address: str | None,
    now: datetime,
    real_now: datetime,
    post: Post | None,
) -> None:
    taken = sa.exists().where(CompanyIdentity.issuer == provider.issuer, CompanyIdentity.person_id == person.id)
    if session.scalar(sa.select(taken)):
        raise Conflict(f"{person.name} is linked to another account there already. Nothing was changed. Ask an admin.")
    session.add(
        CompanyIdentity(
            person_id=person.id,
            issuer=provider.issuer,
            subject=claims.subject,
            linked_at=real_now,
            used_at=real_now,
        )
    )
    audit.record(
        session,
        what="sign-in",
        action="person.linked",
        by=people.actor_of(person, address=address),
        now=now,
        sentence=f"Linked {person.name} ({person.email}) to an account of {provider.title}.",
        after=claims.subject,
        details={"issuer": provider.issuer},
    )
    people_telling.tell(
        session,
        person,
        f"An account of {provider.title} can sign in as you now. If it was not you, tell an admin.",
        subject="your sign-in was changed",
        now=now,
        post=post,
        real_now=real_now,
    )


def _give_role(
    session: Session,
    provider: CompanyProvider,
    person: Person,
    claims: Mapping[str, Any],
    *,
    now: datetime,
    real_now: datetime,
) -> None:
    """Give the highest role that an admin has mapped; a token that names none of those changes nothing."""
    value = claims.get(provider.role_claim) if provider.role_claim else None
    values = value if isinstance(value, list) else [value]
    given = {str(provider.role_map[each]) for each in values if isinstance(each, str) and each in provider.role_map}
    if not given:
        return
    role = max(given, key=ROLES.index)
    if role == person.role:
        return
    try:
        people.set_role(session, person.id, role=role, by=Actor(_BY), now=now, real_now=real_now)
    except Conflict:
        return  # the last admin stays one, whatever a token says
