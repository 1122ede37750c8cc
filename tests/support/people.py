"""People for tests of screens."""

from datetime import UTC, datetime
from functools import cache

from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from portal.db.records import Person
from tests.support.visitor import PASSWORD

NAMES = {"viewer": "Vera", "biller": "Dana", "manager": "Marcus", "admin": "Priya"}


@cache
def hashed_once() -> str:
    """The usual password's hash, made once a run and with little work: tests sign in hundreds of times."""
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


def a_person(session: Session, role: str = "biller", *, email: str = "", name: str = "", active: bool = True) -> Person:
    """Add a person with the usual password, and commit."""
    person = Person(
        email=email or f"{role}@fennimore.example",
        name=name or NAMES[role],
        role=role,
        password_hash=hashed_once(),
        active=active,
        preferences={},
        created_at=datetime(2026, 10, 1, tzinfo=UTC),
        last_sign_in_at=None,
    )
    session.add(person)
    session.commit()
    return person
