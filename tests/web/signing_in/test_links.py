"""Links that work once: by hand and by mail, listed with their state, taken back; and one asked for at the door."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import MailServer, Settings
from portal.db.records import Mail, OneTimeLink, Person
from portal.factory import create_app
from portal.services import mail
from portal.services.sealing import Sealer
from tests.support.database import SECRET
from tests.support.people import a_person
from tests.support.post_office import open_office
from tests.support.visitor import Visitor

NEW = "four words side by side"
NORA = {"email": "nora@fennimore.example", "name": "Nora", "role": "biller", "by_mail": "1"}


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """A portal that sends mails, unless the test says otherwise."""
    if "without_mails" in request.keywords or getattr(request, "param", "") == "none":
        return settings
    server = MailServer(host="127.0.0.1", port=1, tls="none", user=None, password="", sender="portal@x.example")
    return replace(settings, mail=server)


def link_in(visitor: Visitor, answer: object) -> str:
    """The path of the link that a page shows."""
    shown = visitor.page(answer).select_one("#link")  # type: ignore[arg-type]
    assert shown is not None
    return str(shown["value"]).removeprefix("http://127.0.0.1:8000")


def states(session: Session) -> list[tuple[bool, bool]]:
    session.rollback()
    found = session.execute(
        sa.select(OneTimeLink.used_at.is_not(None), OneTimeLink.revoked_at.is_not(None)).order_by(OneTimeLink.id)
    )
    result = [(bool(used), bool(revoked)) for used, revoked in found]
    session.rollback()
    return result


def test_an_invitation_goes_by_mail_and_only_its_hash_and_a_sealed_mail_are_kept(
    session: Session, settings: Settings, signed_in_as: Callable[[str], Visitor], visitor: Visitor
) -> None:
    admin = signed_in_as("admin")
    shown = link_in(admin, admin.post("/people", NORA))
    token = shown.removeprefix("/link/")
    session.rollback()
    waiting = session.scalars(sa.select(Mail)).one()
    kept = waiting.body
    session.rollback()
    assert kept.startswith(mail.SEALED)
    assert token not in kept

    with open_office() as office:
        assert settings.mail is not None
        taken = mail.send_due(
            lambda: nullcontext(session), replace(settings.mail, port=office.port),
            real_now=lambda: datetime.now(UTC), sealer=Sealer((SECRET,)),
        )  # fmt: skip
        session.commit()
        (letter,) = office.mails()

    body = letter.get_content()
    assert (taken, letter["To"]) == (1, "nora@fennimore.example")
    assert "Nora" not in body
    path = re.search(r"http://127.0.0.1:8000(/link/\S+)", body)
    assert path is not None
    assert path[1] == shown
    assert visitor.post(path[1], {"password": NEW}).status_code == 303


def test_links_are_listed_with_their_state_and_one_that_waits_is_taken_back(
    session: Session, signed_in_as: Callable[[str], Visitor], visitor: Visitor
) -> None:
    admin = signed_in_as("admin")
    path = link_in(admin, admin.post("/people", NORA))
    row = admin.page(admin.get("/people")).select_one("section[aria-labelledby=h-links] tbody tr")
    assert row is not None
    assert "Nora" in row.get_text()
    assert "Waits" in row.get_text()
    assert "by mail" in row.get_text()
    form = row.select_one("form")
    assert form is not None

    admin.post(str(form["action"]))

    assert states(session) == [(False, True)]
    assert visitor.get(path).status_code == 410
    assert "Taken back" in admin.get("/people").get_data(as_text=True)
    assert admin.post(str(form["action"])).status_code == 409
    assert admin.post("/people/links/999/revoke").status_code == 404


def test_used_and_old_links_are_listed_as_such(
    session: Session, signed_in_as: Callable[[str], Visitor], visitor: Visitor
) -> None:
    admin = signed_in_as("admin")
    visitor.post(link_in(admin, admin.post("/people", NORA)), {"password": NEW})
    admin.post("/people", NORA | {"email": "olga@fennimore.example"})
    session.execute(
        sa.update(OneTimeLink)
        .where(OneTimeLink.used_at.is_(None))
        .values(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    )
    session.commit()

    text = admin.page(admin.get("/people")).select_one("section[aria-labelledby=h-links]").get_text()  # type: ignore[union-attr]

    assert "Used" in text
    assert "Expired" in text


def test_at_the_door_a_known_and_an_unknown_e_mail_get_the_same_answer(session: Session, visitor: Visitor) -> None:
    a_person(session)

    answers = []
    for email in ("biller@fennimore.example", "nobody@fennimore.example"):
        answer = visitor.post("/sign-in/forgot", {"email": email})
        page = visitor.page(visitor.get("/sign-in")).select_one(".notice")
        answers.append((answer.status_code, answer.headers["Location"], page.get_text() if page else ""))

    assert answers[0] == answers[1]
    assert "If somebody here has this e-mail, a link is on its way" in answers[0][2]
    session.rollback()
    assert session.scalars(sa.select(Mail.recipient)).all() == ["biller@fennimore.example"]


def test_a_link_asked_for_at_the_door_holds_for_an_hour_and_changes_nothing_until_used(
    session: Session, visitor: Visitor
) -> None:
    a_person(session)
    visitor.post("/sign-in/forgot", {"email": "biller@fennimore.example"})

    session.rollback()
    life = session.scalars(sa.select(OneTimeLink.expires_at)).one() - datetime.now(UTC)
    session.rollback()
    assert timedelta(minutes=55) < life <= timedelta(hours=1)
    assert visitor.sign_in("biller@fennimore.example").status_code == 303


def test_nobody_has_their_mailbox_filled(session: Session, visitor: Visitor) -> None:
    a_person(session)

    answers = [visitor.post("/sign-in/forgot", {"email": "biller@fennimore.example"}) for _ in range(7)]

    assert [each.status_code for each in answers] == [303] * 5 + [429] * 2
    session.rollback()
    assert session.scalar(sa.select(sa.func.count()).select_from(Mail)) == 5


@pytest.mark.parametrize("settings", ["none"], indirect=True)
def test_without_mails_nobody_is_offered_one(app: Flask, signed_in_as: Callable[[str], Visitor]) -> None:
    stranger, admin = Visitor(app), signed_in_as("admin")

    assert stranger.get("/sign-in/forgot").status_code == 404
    assert "/sign-in/forgot" not in stranger.get("/sign-in").get_data(as_text=True)
    assert "by mail" not in admin.get("/people").get_data(as_text=True)
    admin.post("/people", NORA)
    assert admin.page(admin.get("/people")).select_one("section[aria-labelledby=h-links] tbody tr") is not None


def test_a_link_makes_the_browser_known_so_that_strangers_do_not_hold_it_up(
    session: Session, signed_in_as: Callable[[str], Visitor], app: Flask
) -> None:
    admin, owner, stranger = signed_in_as("admin"), Visitor(app), Visitor(app)
    owner.post(link_in(admin, admin.post("/people", NORA)), {"password": NEW})
    for _ in range(5):
        stranger.sign_in("nora@fennimore.example", "a guess of mine")

    assert stranger.sign_in("nora@fennimore.example", NEW).status_code == 429
    assert owner.sign_in("nora@fennimore.example", NEW).status_code == 303
    session.rollback()
    assert session.scalars(sa.select(Person.last_sign_in_at).where(Person.name == "Nora")).one() is not None


def test_where_no_passwords_are_taken_no_link_sets_one(
    settings: Settings, session: Session, signed_in_as: Callable[[str], Visitor]
) -> None:
    admin = signed_in_as("admin")
    path = link_in(admin, admin.post("/people", NORA))
    visitor = Visitor(create_app(settings))
    session.execute(
        sa.text("INSERT INTO setting (name, value, set_by, set_at) VALUES ('sign_in', :value, 'x', :at)"),
        {"value": '{"passwords": false}', "at": "2026-10-28 00:00:00"},
    )
    session.commit()

    assert not visitor.page(visitor.get(path)).select("input[name=password]")
    token = visitor.page(visitor.get("/sign-in")).select_one("input[name=csrf_token]")
    assert token is None
    assert admin.client.post(path, data={"password": NEW, "csrf_token": admin.token()}).status_code == 409
