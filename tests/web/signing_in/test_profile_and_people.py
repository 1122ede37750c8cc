"""The profile's choice of formats, sessions that end, and what stands on a person's page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, Person, SignIn
from portal.web.access import may
from portal.web.locale_choice import LOCALES, current_locale
from portal.web.locales import MINUS
from tests.support.people import a_person
from tests.support.visitor import PASSWORD, Visitor

SignedInAs = Callable[[str], Visitor]
MOMENT = datetime(2026, 11, 3, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "day", "short", "time", "number", "money", "month"),
    [
        ("own", "3 Nov 2026", "3 Nov", "14:05", "1,061.5", MINUS + "$1,214.05", "November 2026"),
        ("en-US", "Nov 3, 2026", "Nov 3", "2:05\u00a0PM", "1,061.5", MINUS + "$1,214.05", "November 2026"),
        ("en-GB", "3 Nov 2026", "3 Nov", "14:05", "1,061.5", MINUS + "$1,214.05", "November 2026"),
        ("de", "03.11.2026", "03.11.", "14:05", "1.061,5", MINUS + "1.214,05\u00a0$", "November 2026"),
        ("fr", "3 nov. 2026", "3 nov.", "14:05", "1\u202f061,5", MINUS + "1\u202f214,05\u00a0$", "novembre 2026"),
    ],
)
def test_each_locale_writes_its_own_way(
    tag: str, day: str, short: str, time: str, number: str, money: str, month: str
) -> None:
    locale = LOCALES[tag]

    assert (locale.day(MOMENT.date()), locale.day(MOMENT.date(), year=False)) == (day, short)
    assert (locale.time(MOMENT), locale.number(Decimal("1061.5")), locale.number(-3)) == (time, number, MINUS + "3")
    assert (locale.money(Decimal("-1214.054"), "$"), locale.period(MOMENT.date())) == (money, month)


def test_the_choice_is_kept_shown_and_given_to_every_page(
    app: Flask, session: Session, signed_in_as: SignedInAs
) -> None:
    app.add_url_rule("/which", "which", may("read")(lambda: current_locale().tag))
    viewer = signed_in_as("viewer")

    viewer.post("/profile", {"locale": "de"})

    page = viewer.page(viewer.get("/profile"))
    assert viewer.get("/which").get_data(as_text=True) == "de"
    assert [each["value"] for each in page.select("input[name=locale][checked]")] == ["de"]
    assert len(page.select("input[name=locale]")) == len(LOCALES) == 20
    assert "America/New_York, the portal" in page.get_text()
    viewer.post("/profile", {"locale": "tlh"})
    session.rollback()
    assert session.scalars(sa.select(Person.preferences)).one()["locale"] == "own"


def test_a_session_that_nobody_uses_ends_after_two_hours(session: Session, signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("biller")
    session.execute(sa.update(SignIn).values(seen_at=datetime.now(UTC) - timedelta(hours=1, minutes=59)))
    session.commit()
    assert visitor.get("/profile").status_code == 200
    session.execute(sa.update(SignIn).values(seen_at=datetime.now(UTC) - timedelta(hours=2, seconds=1)))
    session.commit()

    assert visitor.post("/profile", {"theme": "dark", "csrf_token": "x"}, token=False).status_code == 303

    assert "You were signed out after 2 hours without a click." in visitor.get("/sign-in").get_data(as_text=True)


def test_an_admin_sees_the_sessions_of_a_person_and_ends_one(session: Session, signed_in_as: SignedInAs) -> None:
    first, second, admin = signed_in_as("biller"), signed_in_as("biller"), signed_in_as("admin")
    session.rollback()
    person = session.scalars(sa.select(Person.id).where(Person.role == "biller")).one()
    session.execute(sa.update(SignIn).values(agent="Mozilla/5.0 (iPhone) Safari/605", address="203.0.113.9"))
    session.commit()
    forms = admin.page(admin.get(f"/people/{person}")).select("section[aria-labelledby=h-sessions] tbody form")
    text = admin.get(f"/people/{person}").get_data(as_text=True)

    answer = admin.post(str(forms[-1]["action"]))

    assert len(forms) == 2
    assert "Safari on an iPhone" in text
    assert "203.0.113.9" in text
    assert "with a password" in text
    assert answer.headers["Location"] == f"/people/{person}"
    assert sorted([first.get("/profile").status_code, second.get("/profile").status_code]) == [200, 303]
    said = session.scalars(sa.select(AuditEvent.sentence).where(AuditEvent.action == "person.sessions-ended")).all()
    assert said == ["Ended a session of Dana (biller@fennimore.example)."]


def test_a_session_of_somebody_else_is_not_ended_under_the_wrong_person(
    session: Session, signed_in_as: SignedInAs
) -> None:
    admin = signed_in_as("admin")
    other = a_person(session, "viewer").id
    own = session.scalars(sa.select(SignIn.id)).one()
    session.rollback()

    assert admin.post(f"/people/{other}/sessions/{own}/end").status_code == 404
    assert admin.get("/people").status_code == 200


def test_more_people_and_sessions_need_no_more_queries(
    session: Session, signed_in_as: SignedInAs, queries: Callable[[], int]
) -> None:
    admin = signed_in_as("admin")
    counts = []
    for more in range(2):
        for number in range(more * 8):
            a_person(session, "viewer", email=f"p{number}@x.example", name=f"P{number}")
        admin.get("/people")
        before = queries()
        admin.get("/people")
        counts.append(queries() - before)

    assert counts[0] == counts[1]


def test_how_people_sign_in_says_what_cannot_be_used(signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")

    for typed, field in (
        ({"title": "", "issuer": "https://login.example.com", "client_id": "c"}, "title"),
        ({"title": "T", "issuer": "login.example.com", "client_id": "c"}, "issuer"),
        ({"title": "T", "issuer": "http://login.example.com", "client_id": "c"}, "issuer"),
        ({"title": "T", "issuer": "https://127.0.0.1:1", "client_id": "c"}, "issuer"),
        ({"title": "T", "issuer": "https://169.254.169.254", "client_id": "c", "allow_private": "1"}, "issuer"),
        ({"title": "T", "issuer": "https://login.example.com", "client_id": "c", "role_map": "heads"}, "role_map"),
        ({"title": "T", "issuer": "https://login.example.com", "client_id": "c", "role_claim": "g",
          "role_map": "heads = king"}, "role_map"),
    ):  # fmt: skip
        answer = admin.post("/people/sign-in/company", typed)
        page = admin.page(answer)
        assert answer.status_code == 422, typed
        assert page.select_one(f"[name={field}][aria-invalid=true]") is not None, typed
        assert str(page.select_one("input[name=client_id]")["value"]) == "c"  # type: ignore[index]


def test_passwords_stay_while_no_admin_came_another_way(signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")

    answer = admin.post("/people/sign-in/passwords", {"on": "0"})

    assert answer.status_code == 409
    assert "No admin has signed in by the company" in answer.get_data(as_text=True)
    assert admin.post("/people/sign-in/company/switch", {"on": "0"}).status_code == 404


def test_whoever_sits_at_an_open_session_cannot_guess_the_password(signed_in_as: SignedInAs) -> None:
    biller = signed_in_as("biller")
    new = "four words side by side"

    answers = [biller.post("/profile/password", {"old": f"guess {n}", "password": new}) for n in range(6)]
    right = biller.post("/profile/password", {"old": PASSWORD, "password": new})

    assert [each.status_code for each in answers] == [422] * 5 + [429]
    assert (right.status_code, biller.get("/profile").status_code) == (429, 200)
    assert "Too many wrong passwords" in right.get_data(as_text=True)
