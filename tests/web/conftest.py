"""Fixtures of the screens' tests: people who are signed in."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.records import Person
from portal.extensions import db
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


@pytest.fixture
def queries(app: Flask) -> Callable[[], int]:
    """Counts the statements that the app has sent to the store so far."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    with app.app_context():
        sa.event.listen(db.engine, "before_cursor_execute", note)
    return lambda: len(sent)
