"""Fixtures of the screens' tests: people who are signed in."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.records import Person
from portal.services import passwords
from tests.support.visitor import PASSWORD, Visitor

ROLES = ("viewer", "biller", "manager", "admin")
NAMES = {"viewer": "Vera", "biller": "Dana", "manager": "Marcus", "admin": "Priya"}


@cache
def hashed_once() -> str:
    """The usual password's hash, made once a run: it takes its time on purpose."""
    return passwords.hashed(PASSWORD)


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


@pytest.fixture
def signed_in_as(app: Flask, session: Session) -> Callable[[str], Visitor]:
    """Gives a visitor who has signed in with a role; asked again, the same person in another browser."""

    def sign_in(role: str) -> Visitor:
        email = f"{role}@fennimore.example"
        if session.query(Person).filter_by(email=email).one_or_none() is None:
            a_person(session, role)
        session.commit()
        visitor = Visitor(app)
        answer = visitor.sign_in(email)
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return visitor

    return sign_in
