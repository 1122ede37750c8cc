"""The second step: set up on the profile, asked for on a page of its own, each code taken once."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import segno
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, HalfSignIn, Notice, Person, RecoveryCode, SignInAttempt, TwoStep
from portal.domain import one_time_codes
from tests.support.people import a_person
from tests.support.visitor import PASSWORD, Visitor

SignedInAs = Callable[[str], Visitor]
EMAIL = "biller@fennimore.example"


def code(secret: bytes, steps: int = 0) -> str:
    """The code that the app shows, some steps from now."""
    return one_time_codes.code_of(secret, one_time_codes.step_at(datetime.now(UTC)) + steps)


def switched_on(visitor: Visitor) -> tuple[bytes, list[str]]:
    """Set the second step up on the screen; gives the secret as the page shows it, and the recovery codes."""
    visitor.post("/profile/two-step/begin")
    shown = visitor.page(visitor.get("/profile/two-step")).select_one("#secret")
    assert shown is not None
    secret = one_time_codes.from_text("".join(shown.get_text().split()))
    answer = visitor.post("/profile/two-step/confirm", {"code": code(secret, -1)})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return secret, [each.get_text() for each in visitor.page(answer).select(".codes code")]


@pytest.fixture
def with_app(signed_in_as: SignedInAs) -> tuple[bytes, list[str]]:
    """A biller whose second step is on: the app's secret, and the recovery codes."""
    return switched_on(signed_in_as("biller"))


def test_the_picture_holds_what_the_text_says(signed_in_as: SignedInAs) -> None:
    biller = signed_in_as("biller")
    biller.post("/profile/two-step/begin")

    page = biller.page(biller.get("/profile/two-step"))

    secret = one_time_codes.from_text("".join(page.select_one("#secret").get_text().split()))  # type: ignore[union-attr]
    address = one_time_codes.address_of(secret, account=EMAIL, issuer="Countersign")
    expected = segno.make(address, error="m").svg_inline(border=4, omitsize=True)
    drawn = page.select("svg.qr path")[-1]["d"]
    assert str(drawn) in expected
    assert not page.select("svg.qr[style], svg.qr [style]")


def test_the_secret_is_sealed_and_the_recovery_codes_are_hashed(
    session: Session, with_app: tuple[bytes, list[str]]
) -> None:
    secret, codes = with_app

    session.rollback()
    stored = session.scalars(sa.select(TwoStep.secret)).one()
    hashes = session.scalars(sa.select(RecoveryCode.code_hash)).all()
    assert one_time_codes.as_text(secret) not in stored
    assert len(codes) == len(set(codes)) == len(hashes) == 10
    assert not any(code.replace("-", "") in kept for code in codes for kept in hashes)


def test_a_wrong_first_code_leaves_it_off(signed_in_as: SignedInAs, visitor: Visitor) -> None:
    biller = signed_in_as("biller")
    biller.post("/profile/two-step/begin")

    answer = biller.post("/profile/two-step/confirm", {"code": "000000"})

    assert answer.status_code == 422
    assert biller.page(answer).select_one("input[name=code][aria-invalid=true]") is not None
    assert visitor.sign_in(EMAIL).headers["Location"] == "/"


def test_after_the_password_the_code_is_asked_for_and_leads_on(
    with_app: tuple[bytes, list[str]], visitor: Visitor
) -> None:
    first = visitor.post("/sign-in", {"email": EMAIL, "password": PASSWORD, "next": "/cards?q=a"})
    assert first.headers["Location"] == "/sign-in/code"
    assert visitor.get("/profile").status_code == 303
    field = visitor.page(visitor.get("/sign-in/code")).select_one("input[autocomplete=one-time-code]")
    assert field is not None

    answer = visitor.post("/sign-in/code", {"code": code(with_app[0])})

    assert answer.headers["Location"] == "/cards?q=a"
    assert visitor.get("/profile").status_code == 200
    assert "with password and code" in visitor.get("/profile").get_data(as_text=True)


def test_a_code_works_once(app: Flask, with_app: tuple[bytes, list[str]]) -> None:
    one, two = Visitor(app), Visitor(app)
    for each in (one, two):
        each.sign_in(EMAIL)
    shown = code(with_app[0])

    assert one.post("/sign-in/code", {"code": shown}).status_code == 303
    again = two.post("/sign-in/code", {"code": shown})

    assert again.status_code == 422
    assert "was used already" in again.get_data(as_text=True)


@pytest.mark.parametrize("kind", ["code", "recovery"])
def test_of_many_who_give_one_code_at_once_one_gets_in(
    app: Flask, with_app: tuple[bytes, list[str]], kind: str
) -> None:
    visitors = [Visitor(app) for _ in range(4)]
    for each in visitors:
        each.sign_in(EMAIL)
    tokens = [each.token() for each in visitors]
    shown = code(with_app[0]) if kind == "code" else with_app[1][0]

    def give(number: int) -> int:
        fields = {"code": shown, "csrf_token": tokens[number]}
        return visitors[number].post("/sign-in/code", fields, token=False).status_code

    with ThreadPoolExecutor(4) as together:
        answers = sorted(together.map(give, range(4)))

    assert answers == [303, 422, 422, 422]


def test_a_recovery_code_works_once_and_is_counted(
    session: Session, with_app: tuple[bytes, list[str]], visitor: Visitor
) -> None:
    recovery = with_app[1][3]
    visitor.sign_in(EMAIL)
    assert visitor.post("/sign-in/code", {"code": f" {recovery.upper()} "}).status_code == 303
    assert "9 recovery codes left." in visitor.get("/profile").get_data(as_text=True)
    visitor.post("/sign-out")

    visitor.sign_in(EMAIL)

    assert visitor.post("/sign-in/code", {"code": recovery}).status_code == 422
    said = session.scalars(sa.select(AuditEvent.sentence).where(AuditEvent.action == "person.recovery-used")).all()
    assert said == ["Used a recovery code; 9 are left."]


def test_five_wrong_codes_end_the_sign_in_and_hold_this_address_up(
    session: Session, with_app: tuple[bytes, list[str]], visitor: Visitor
) -> None:
    visitor.sign_in(EMAIL)
    answers = [visitor.post("/sign-in/code", {"code": "000000"}) for _ in range(5)]

    assert [each.status_code for each in answers] == [422] * 4 + [303]
    assert "Begin again." in visitor.get("/sign-in").get_data(as_text=True)
    visitor.sign_in(EMAIL)
    assert visitor.post("/sign-in/code", {"code": code(with_app[0])}).status_code == 429
    session.execute(sa.update(SignInAttempt).values(at=datetime.now(UTC) - timedelta(minutes=16)))
    session.commit()
    assert visitor.post("/sign-in/code", {"code": code(with_app[0])}).status_code == 303


def test_the_second_step_waits_ten_minutes(
    session: Session, with_app: tuple[bytes, list[str]], visitor: Visitor
) -> None:
    visitor.sign_in(EMAIL)
    session.execute(sa.update(HalfSignIn).values(started_at=datetime.now(UTC) - timedelta(minutes=11)))
    session.commit()

    assert visitor.get("/sign-in/code").headers["Location"] == "/sign-in"
    assert visitor.post("/sign-in/code", {"code": code(with_app[0])}).headers["Location"] == "/sign-in"


def test_without_a_password_there_is_no_second_step(visitor: Visitor) -> None:
    assert visitor.get("/sign-in/code").headers["Location"] == "/sign-in"
    assert visitor.post("/sign-in/code", {"code": "000000"}).headers["Location"] == "/sign-in"


def test_switching_it_on_and_off_ends_the_other_sessions(session: Session, signed_in_as: SignedInAs) -> None:
    here, elsewhere = signed_in_as("biller"), signed_in_as("biller")
    secret, _ = switched_on(here)
    assert elsewhere.get("/").status_code == 303
    assert here.get("/").status_code == 200

    assert here.post("/profile/two-step/off", {"code": "000000"}).status_code == 422
    assert here.post("/profile/two-step/off", {"code": code(secret)}).status_code == 303

    session.rollback()
    assert session.scalars(sa.select(RecoveryCode)).all() == []
    session.rollback()
    assert elsewhere.sign_in(EMAIL).headers["Location"] == "/"


def test_new_recovery_codes_take_the_place_of_the_earlier_ones(signed_in_as: SignedInAs, visitor: Visitor) -> None:
    biller = signed_in_as("biller")
    secret, earlier = switched_on(biller)

    answer = biller.post("/profile/two-step/codes", {"code": code(secret)})

    new = [each.get_text() for each in biller.page(answer).select(".codes code")]
    assert not set(new) & set(earlier)
    visitor.sign_in(EMAIL)
    assert visitor.post("/sign-in/code", {"code": earlier[0]}).status_code == 422
    assert visitor.post("/sign-in/code", {"code": new[0]}).status_code == 303


def test_a_role_that_needs_it_is_led_to_it_and_nowhere_else(signed_in_as: SignedInAs) -> None:
    biller, admin = signed_in_as("biller"), signed_in_as("admin")
    typed = {"card_id": "1", "csrf_token": biller.token()}

    admin.post("/people/sign-in/two-step", {"two_step_for": ["biller", "manager"]})

    assert biller.get("/cards").headers["Location"] == "/profile/two-step"
    assert biller.get("/cards", swapping="cards").headers["HX-Redirect"] == "/profile/two-step"
    assert biller.client.post("/cards/approve", data=typed).headers["Location"] == "/profile/two-step"
    assert "your role needs a second step" in biller.get("/profile/two-step").get_data(as_text=True)
    biller.client.post("/profile/two-step/begin", data=typed)
    shown = biller.page(biller.get("/profile/two-step")).select_one("#secret")
    secret = one_time_codes.from_text("".join(shown.get_text().split()))  # type: ignore[union-attr]
    biller.client.post("/profile/two-step/confirm", data=typed | {"code": code(secret, -1)})
    assert biller.get("/cards").status_code == 200
    assert biller.post("/profile/two-step/off", {"code": code(secret)}).status_code == 409


def test_an_admin_takes_it_off_a_person_who_is_told(session: Session, signed_in_as: SignedInAs) -> None:
    biller, admin = signed_in_as("biller"), signed_in_as("admin")
    switched_on(biller)
    session.rollback()
    person = session.scalars(sa.select(Person.id).where(Person.email == EMAIL)).one()
    session.commit()

    answer = admin.post(f"/people/{person}/two-step/reset")

    assert answer.headers["Location"] == f"/people/{person}"
    assert biller.get("/").status_code == 303
    assert biller.sign_in(EMAIL).headers["Location"] == "/"
    assert "Priya took the second step off your sign-in." in biller.get("/").get_data(as_text=True)
    assert session.scalars(sa.select(Notice.person_id).distinct()).all() == [person]
    event = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "person.two-step-reset")).one()
    assert (event.person, bool(re.search("Dana", event.sentence))) == ("Priya", True)


def test_nobody_but_admins_takes_it_off(session: Session, signed_in_as: SignedInAs) -> None:
    manager = signed_in_as("manager")
    person = a_person(session, "viewer").id

    assert manager.post(f"/people/{person}/two-step/reset").status_code == 403
