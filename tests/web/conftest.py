"""Fixtures of the screens' tests: people who are signed in."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.records import Person
from tests.support.people import a_person
from tests.support.visitor import Visitor


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
