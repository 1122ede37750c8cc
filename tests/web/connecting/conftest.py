"""A portal whose connection is set on screen, beside a ConnectWise over HTTP."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.db.records import Connection
from portal.jobs import doing
from portal.sandbox.server import running
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]
Work = Callable[[], None]
SMALL = Path(__file__).parents[2] / "samples" / "small"
GUID = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    """A ConnectWise over HTTP."""
    with running(SMALL) as served:
        yield served.base_url


@pytest.fixture
def work(app: Flask) -> Work:
    """Lets a worker answer what was asked."""

    def answer() -> None:
        with app.app_context():
            for question_id in doing.due_questions():
                doing.do_question(question_id)

    return answer


def typed(base: str, **values: Any) -> dict[str, Any]:
    return {
        "url": f"{base}/v4_6_release/apis/3.0", "company": "sandbox", "public_key": "portal",
        "private_key": "portal-secret", "client_id": GUID, "allow_private": "1", "do": "save", **values,
    }  # fmt: skip


def stored(session: Session) -> Connection | None:
    session.rollback()
    session.expire_all()
    found = session.get(Connection, "connectwise")
    session.commit()
    return found


def kept(session: Session) -> Connection:
    found = stored(session)
    assert found is not None
    return found


def after(admin: Visitor, work: Work, fields: dict[str, Any]) -> TestResponse:
    """Send the form, let a worker answer, and look at the page it leads to."""
    asked = admin.post("/connections/connectwise", fields)
    assert asked.status_code == 303, admin.page(asked).select_one(".notice")
    work()
    return admin.get(asked.headers["Location"])


def wrong(admin: Visitor, answer: TestResponse) -> set[str]:
    return {str(each["name"]) for each in admin.page(answer).select("[aria-invalid=true]")}


def dump(engine: sa.Engine) -> str:
    """Everything that the store holds, as text."""
    with engine.connect() as connection:
        found = sa.MetaData()
        found.reflect(connection)
        return "\n".join(str(row) for table in found.sorted_tables for row in connection.execute(sa.select(table)))
