"""When ConnectWise's private key expires: typed with the keys, and shown where somebody looks."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from portal.db.records import Connection
from tests.support.database import NOW
from tests.support.visitor import Visitor
from tests.web.connecting.conftest import Work, after, kept, typed
from tests.web.looking import one, words

SignedInAs = Callable[[str], Visitor]
TODAY = date(2026, 10, 28)


@pytest.fixture
def connected(session: Session) -> Connection:
    connection = Connection(
        name="connectwise", url="https://na.example/v4_6_release/apis/3.0", company="c", public_key="p",
        sealed_private_key="s", key_tail="9f2c", client_id="g", set_by="Priya", set_at=NOW, last_read_at=NOW,
        last_full_at=NOW, key_expires=TODAY + timedelta(days=12),
    )  # fmt: skip
    session.add(connection)
    session.commit()
    return connection


def test_the_day_is_stored_with_the_keys_and_stands_in_the_form(
    sandbox: str, signed_in_as: SignedInAs, session: Session, work: Work
) -> None:
    admin = signed_in_as("admin")

    after(admin, work, typed(sandbox, key_expires="2027-03-01"))
    page = admin.page(admin.get("/connections/connectwise"))

    assert kept(session).key_expires == date(2027, 3, 1)
    assert one(page, "input[name=key_expires]")["value"] == "2027-03-01"
    after(admin, work, typed(sandbox, key_expires="", private_key=""))
    assert kept(session).key_expires is None


def test_what_is_no_day_is_said_at_its_field_and_changes_nothing(
    sandbox: str, signed_in_as: SignedInAs, session: Session
) -> None:
    admin = signed_in_as("admin")

    answer = admin.post("/connections/connectwise", typed(sandbox, key_expires="2027-02-30"))

    assert answer.status_code == 422
    assert "is not a day" in words(one(admin.page(answer), "#f-key_expires-error"))
    session.rollback()
    assert session.get(Connection, "connectwise") is None


@pytest.mark.parametrize("role", ["viewer", "admin"])
@pytest.mark.usefixtures("connected")
def test_today_and_the_connection_say_that_a_key_expires_soon(role: str, signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as(role)

    needs = one(visitor.page(visitor.get("/")), "section[aria-labelledby=h-next]")
    card = one(visitor.page(visitor.get("/connections")), "#source-connectwise")

    assert "private key expires in 12 days" in words(needs)
    assert "9 Nov" in words(needs)
    assert "expires in 12 days" in words(card)
    leads_to_settings = [link for link in needs.select("a") if link["href"] == "/connections/connectwise"]
    assert bool(leads_to_settings) == (role == "admin")


def test_a_key_that_lasts_longer_needs_nobody(
    session: Session, connected: Connection, signed_in_as: SignedInAs
) -> None:
    connected.key_expires = TODAY + timedelta(days=31)
    session.commit()
    viewer = signed_in_as("viewer")

    assert "private key" not in words(one(viewer.page(viewer.get("/")), "section[aria-labelledby=h-next]"))
    assert "expires in 31 days" in words(one(viewer.page(viewer.get("/connections")), "#source-connectwise"))
