"""Signing in and out, throttling, links that work once, and what was typed when a session ended."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.config import Settings
from portal.db.records import AuditEvent, Draft, OneTimeLink, Person, SignIn, SignInAttempt
from portal.factory import create_app
from portal.services import invitations, passwords, people, people_passwords
from portal.services.actors import COMMAND_LINE
from tests.support.people import a_person, hashed_once
from tests.support.visitor import PASSWORD, Visitor


def wrong(visitor: Visitor, email: str, address: str = "10.0.0.1") -> TestResponse:
    return visitor.post("/sign-in", {"email": email, "password": "not the one"}, environ_base={"REMOTE_ADDR": address})


def a_link(session: Session, email: str = "new@fennimore.example") -> str:
    now = datetime.now(UTC)
    token = invitations.create_person(session, email, "", "biller", COMMAND_LINE, now, real_now=now)
    session.commit()
    return token


def test_signing_in_leads_to_the_page_that_was_asked_for(session: Session, visitor: Visitor) -> None:
    a_person(session)
    asked = visitor.get("/connections?x=1")

    answer = visitor.post(
        "/sign-in", {"email": " Biller@Fennimore.example ", "password": PASSWORD, "next": "/connections?x=1"}
    )

    assert "next=/connections" in asked.headers["Location"].replace("%2F", "/")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/connections?x=1"
    assert visitor.get("/connections?x=1").status_code == 200


def test_an_unknown_address_and_a_wrong_password_get_the_same_words(session: Session, visitor: Visitor) -> None:
    a_person(session)

    known, unknown = wrong(visitor, "biller@fennimore.example"), wrong(visitor, "nobody@fennimore.example")

    said = [visitor.page(answer).select_one("#why").get_text() for answer in (known, unknown)]  # type: ignore[union-attr]
    assert known.status_code == unknown.status_code == 422
    assert said[0] == said[1]
    assert "E-mail and password do not match." in said[0]


def test_an_unknown_address_costs_a_hash_as_well(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str | None] = []

    def note(_password: str, found: str | None) -> bool:
        checked.append(found)
        return False

    monkeypatch.setattr(passwords, "fits", note)
    a_person(session)

    for email in ("biller@fennimore.example", "nobody@fennimore.example"):
        people_passwords.authenticate(session, email=email, password="x", demo=False)

    assert checked == [hashed_once(), None]
    monkeypatch.undo()
    assert not passwords.fits("nobody's", None)


def test_after_five_wrong_passwords_this_address_waits_and_another_does_not(session: Session, visitor: Visitor) -> None:
    a_person(session)
    answers = [wrong(visitor, "biller@fennimore.example") for _ in range(5)]
    right = {"email": "biller@fennimore.example", "password": PASSWORD}

    here = visitor.post("/sign-in", right, environ_base={"REMOTE_ADDR": "10.0.0.1"})
    elsewhere = visitor.post("/sign-in", right, environ_base={"REMOTE_ADDR": "10.0.0.2"})

    assert "After 3 more tries this address waits 15 minutes." in answers[1].get_data(as_text=True)
    assert here.status_code == 429
    assert "15 min" in here.get_data(as_text=True)
    assert elsewhere.status_code == 303


def test_the_wait_ends_by_itself(session: Session, visitor: Visitor) -> None:
    a_person(session)
    for _ in range(5):
        wrong(visitor, "biller@fennimore.example", "127.0.0.1")
    session.execute(sa.update(SignInAttempt).values(at=datetime.now(UTC) - timedelta(minutes=16)))
    session.commit()

    assert visitor.sign_in("biller@fennimore.example").status_code == 303


def test_many_addresses_for_one_password_are_throttled_too(session: Session, visitor: Visitor) -> None:
    now = datetime.now(UTC)
    session.add_all(SignInAttempt(email=f"p{n}@x.example", address="10.0.0.1", at=now) for n in range(50))
    session.commit()

    assert wrong(visitor, "another@x.example").status_code == 429


def test_signing_in_rotates_the_session_and_forgets_what_the_cookie_held(session: Session, visitor: Visitor) -> None:
    a_person(session)
    with visitor.client.session_transaction() as before:
        before["planted"] = "by somebody else"
    visitor.sign_in("biller@fennimore.example")
    with visitor.client.session_transaction() as cookie:
        first = cookie["sign_in"]
        assert "planted" not in cookie

    visitor.post("/sign-out")
    visitor.sign_in("biller@fennimore.example")

    with visitor.client.session_transaction() as cookie:
        assert cookie["sign_in"] != first


def test_signing_out_ends_the_session_on_the_server(app: Flask, signed_in_as: Callable[[str], Visitor]) -> None:
    visitor = signed_in_as("biller")
    with visitor.client.session_transaction() as cookie:
        stolen = dict(cookie)

    visitor.post("/sign-out")

    thief = Visitor(app)
    with thief.client.session_transaction() as cookie:
        cookie.update(stolen)
    assert thief.get("/").status_code == 303


def test_a_session_lives_twelve_hours_however_much_it_is_used(
    session: Session, signed_in_as: Callable[[str], Visitor]
) -> None:
    visitor = signed_in_as("biller")
    session.execute(sa.update(SignIn).values(created_at=datetime.now(UTC) - timedelta(hours=11, minutes=59)))
    session.commit()
    assert visitor.get("/").status_code == 200

    session.execute(sa.update(SignIn).values(created_at=datetime.now(UTC) - timedelta(hours=12, seconds=1)))
    session.commit()

    assert visitor.get("/").status_code == 303
    assert "You were signed out after 12 hours." in visitor.get("/sign-in").get_data(as_text=True)


def test_using_a_session_is_noted(session: Session, signed_in_as: Callable[[str], Visitor]) -> None:
    visitor = signed_in_as("biller")
    session.execute(sa.update(SignIn).values(seen_at=datetime.now(UTC) - timedelta(hours=1)))
    session.commit()

    visitor.get("/")

    session.expire_all()
    assert datetime.now(UTC) - session.scalars(sa.select(SignIn.seen_at)).one() < timedelta(minutes=1)


def count(session: Session, record: type) -> int:
    """Count records, and let go of the store: the test's session would keep others from writing."""
    session.rollback()
    found = session.scalar(sa.select(sa.func.count()).select_from(record)) or 0
    session.rollback()
    return found


def the_draft(session: Session) -> Draft:
    session.rollback()
    draft = session.scalars(sa.select(Draft)).one()
    session.commit()
    return draft


def ended(session: Session) -> None:
    session.execute(sa.update(SignIn).values(ended_at=datetime.now(UTC)))
    session.commit()


def test_what_was_typed_when_the_session_ended_is_kept_offered_and_never_sent_by_itself(
    session: Session, signed_in_as: Callable[[str], Visitor]
) -> None:
    visitor = signed_in_as("admin")
    token = visitor.token()
    ended(session)
    typed = {"email": "new@fennimore.example", "name": "Nora", "role": "biller", "csrf_token": token}

    answer = visitor.post("/people", typed)
    back = visitor.post("/sign-in", {"email": "admin@fennimore.example", "password": PASSWORD, "next": "/people"})
    offered = visitor.page(visitor.get(back.headers["Location"]))

    assert answer.headers["Location"].startswith("/sign-in")
    assert count(session, Person) == 1
    form = offered.select_one("form[action='/people']")
    assert form is not None
    assert form.select_one("input[name=name]")["value"] == "Nora"  # type: ignore[index]
    assert "csrf_token" not in str(the_draft(session).fields)

    fields = {str(each["name"]): str(each.get("value", "")) for each in form.select("input[name]")}
    sent = visitor.post("/people", fields)

    assert sent.status_code == 200
    assert count(session, Person) == 2
    assert count(session, Draft) == 0


def test_passwords_and_keys_are_not_kept(session: Session, signed_in_as: Callable[[str], Visitor]) -> None:
    visitor = signed_in_as("admin")
    token = visitor.token()
    ended(session)

    visitor.post("/connections/connectwise", {"url": "na.example", "private_key": "sesame", "csrf_token": token})
    visitor.post("/profile/password", {"old": "the one of now", "password": "y", "csrf_token": token})
    visitor.post("/profile/two-step/off", {"code": "123456", "csrf_token": token})
    visitor.post("/people/sign-in/company", {"title": "Us", "client_secret": "shared word", "csrf_token": token})

    kept = session.scalars(sa.select(Draft.fields).order_by(Draft.id)).all()
    assert kept[0] == {"typed": [["url", "na.example"]]}
    for secret in ("sesame", "password", "the one of now", "123456", "shared word"):
        assert secret not in str(kept)


def test_a_draft_is_its_owners_alone(session: Session, signed_in_as: Callable[[str], Visitor]) -> None:
    admin = signed_in_as("admin")
    token = admin.token()
    ended(session)
    admin.post("/people", {"name": "Nora", "csrf_token": token})
    draft = the_draft(session).id

    other = signed_in_as("manager")

    assert other.get(f"/kept/{draft}").status_code == 404
    assert other.post(f"/kept/{draft}/drop").status_code == 404


def test_a_draft_can_be_thrown_away(session: Session, signed_in_as: Callable[[str], Visitor]) -> None:
    visitor = signed_in_as("admin")
    token = visitor.token()
    ended(session)
    visitor.post("/people", {"name": "Nora", "csrf_token": token})
    visitor.sign_in("admin@fennimore.example")
    draft = the_draft(session).id

    answer = visitor.post(f"/kept/{draft}/drop", {"next": "/people"})

    assert answer.headers["Location"] == "/people"
    assert visitor.get(f"/kept/{draft}").status_code == 404


def test_an_ended_session_moves_the_whole_browser(session: Session, signed_in_as: Callable[[str], Visitor]) -> None:
    visitor = signed_in_as("biller")
    ended(session)

    answer = visitor.get("/connections", swapping="sources")

    assert answer.headers["HX-Redirect"] == "/sign-in?next=/connections"
    assert not answer.get_data()


def test_the_tape_of_an_ended_session_does_not_move_the_browser(
    session: Session, signed_in_as: Callable[[str], Visitor]
) -> None:
    visitor = signed_in_as("biller")
    ended(session)

    answer = visitor.get("/tape", swapping="tape")

    assert "HX-Redirect" not in answer.headers
    assert "You are signed out." in answer.get_data(as_text=True)
    assert "hx-get" not in answer.get_data(as_text=True)


def test_a_form_without_the_sessions_token_changes_nothing(
    session: Session, signed_in_as: Callable[[str], Visitor]
) -> None:
    visitor = signed_in_as("admin")

    answer = visitor.post("/people", {"email": "new@fennimore.example", "role": "admin"}, token=False)

    assert answer.status_code == 400
    assert "Nothing was changed." in answer.get_data(as_text=True)
    assert count(session, Person) == 1


def test_a_portal_without_people_leads_to_making_the_first_admin(session: Session, visitor: Visitor) -> None:
    before = visitor.get("/sign-in")
    a_person(session)

    assert before.headers["Location"] == "/setup/first"
    assert visitor.get("/sign-in").status_code == 200


def test_who_is_signed_in_does_not_sign_in_again(signed_in_as: Callable[[str], Visitor]) -> None:
    answer = signed_in_as("viewer").get("/sign-in?next=/audit")

    assert answer.headers["Location"] == "/audit"


def test_somebody_switched_off_cannot_sign_in(session: Session, visitor: Visitor) -> None:
    a_person(session, active=False)

    assert visitor.sign_in("biller@fennimore.example").status_code == 422


def test_the_demos_people_are_refused_outside_the_demo(session: Session, visitor: Visitor) -> None:
    people.make_demo_people(session, now=datetime.now(UTC))
    session.commit()

    assert visitor.sign_in("admin@demo.example", "countersign-demo").status_code == 422


def test_the_demos_people_may_enter_the_demo(settings: Settings, session: Session) -> None:
    people.make_demo_people(session, now=datetime.now(UTC))
    session.commit()
    visitor = Visitor(create_app(replace(settings, demo=True)))

    assert visitor.sign_in("viewer@demo.example", "countersign-demo").status_code == 303


def test_sign_ins_stand_in_the_audit_trail(session: Session, visitor: Visitor) -> None:
    a_person(session)
    wrong(visitor, "biller@fennimore.example")
    visitor.sign_in("biller@fennimore.example")
    visitor.post("/sign-out")

    actions = session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.n)).all()

    assert actions == ["sign-in.refused", "sign-in.done", "sign-in.ended"]


def test_a_link_sets_the_password_once(session: Session, visitor: Visitor) -> None:
    token = a_link(session)
    page = visitor.get(f"/link/{token}")

    answer = visitor.post(f"/link/{token}", {"password": "four words side by side"})
    again = visitor.post(f"/link/{token}", {"password": "another four words here"})

    assert "new@fennimore.example" in page.get_data(as_text=True)
    assert answer.headers["Location"] == "/sign-in"
    assert again.status_code == 410
    assert visitor.get(f"/link/{token}").status_code == 410
    assert visitor.sign_in("new@fennimore.example", "four words side by side").status_code == 303


def test_a_weak_password_leaves_the_link_working(session: Session, visitor: Visitor) -> None:
    token = a_link(session)

    for weak in ("short", "passwordpassword", "aaaaaaaaaaaaaa", "new@fennimore.example"):
        answer = visitor.post(f"/link/{token}", {"password": weak})
        assert answer.status_code == 422, weak
        assert visitor.page(answer).select_one("input[aria-invalid=true][autofocus]") is not None

    assert visitor.post(f"/link/{token}", {"password": "four words side by side"}).status_code == 303


def test_an_old_link_does_not_work(session: Session, visitor: Visitor) -> None:
    token = a_link(session)
    session.execute(sa.update(OneTimeLink).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    session.commit()

    assert visitor.get(f"/link/{token}").status_code == 410


def test_a_reset_ends_every_session_once_the_link_is_used(
    session: Session, signed_in_as: Callable[[str], Visitor], visitor: Visitor
) -> None:
    signed = signed_in_as("biller")
    person = session.scalars(sa.select(Person)).one()
    now = datetime.now(UTC)
    token = invitations.reset_password(session, person.id, by=COMMAND_LINE, now=now, real_now=now)
    session.commit()
    assert signed.get("/").status_code == 200

    visitor.post(f"/link/{token}", {"password": "four words side by side"})

    assert signed.get("/").status_code == 303


def test_a_session_that_was_ended_is_not_called_too_old(
    session: Session, signed_in_as: Callable[[str], Visitor]
) -> None:
    visitor = signed_in_as("biller")
    ended(session)
    for _ in range(3):
        visitor.get("/connections", swapping="sources")

    notices = visitor.page(visitor.get("/sign-in")).select(".notice")

    assert [notice.get_text(" ", strip=True) for notice in notices] == ["Your session was ended."]
