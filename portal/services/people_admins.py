"""The last admin: somebody must always be able to sign in who can let others in.

Every question here is asked inside the writing transaction of the change, and there is one writer at a time, so that
two admins who remove each other at the same moment cannot both succeed.
"""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import CompanyIdentity, CompanyProvider, Person
from portal.services import sign_in_rules
from portal.services.errors import Conflict


def by_company() -> sa.ColumnElement[bool]:
    """Give the condition that a person has signed in by the company's sign-in as it is set up now."""
    return sa.exists().where(
        CompanyIdentity.person_id == Person.id,
        CompanyIdentity.issuer == CompanyProvider.issuer,
        CompanyProvider.active.is_(True),
    )


def who_can_enter(session: Session, *, passwords: bool, company: bool = True) -> set[int]:
    """Find the admins who can sign in.

    Args:
        session: For reading, inside the transaction of the change.
        passwords: Whether passwords count.
        company: Whether the company's sign-in counts.

    Returns:
        Their ids.
    """
    ways: list[sa.ColumnElement[bool]] = []
    if passwords:
        ways.append(Person.password_hash.is_not(None))
    if company:
        ways.append(by_company())
    if not ways:
        return set()
    query = sa.select(Person.id).where(Person.role == "admin", Person.active.is_(True), sa.or_(*ways))
    return set(session.scalars(query))


def keep_one(session: Session, person: Person, sentence: str) -> None:
    """Refuse to lose the last admin who can sign in.

    Args:
        session: A writing session.
        person: Who would be an admin no more.
        sentence: What is refused, without its full stop.

    Raises:
        Conflict: No other admin can sign in.
    """
    session.flush()
    if who_can_enter(session, passwords=sign_in_rules.read(session).passwords) <= {person.id}:
        raise Conflict(f"{sentence}. Make somebody else an admin first.")


def keep_a_way(session: Session, *, passwords: bool, company: bool, sentence: str) -> None:
    """Refuse to close the last way by which an admin can sign in.

    Args:
        session: A writing session.
        passwords: Whether passwords would be left.
        company: Whether the company's sign-in would be left.
        sentence: What is refused, and what to do first.

    Raises:
        Conflict: No admin could sign in any more.
    """
    session.flush()
    if not who_can_enter(session, passwords=passwords, company=company):
        raise Conflict(sentence)
