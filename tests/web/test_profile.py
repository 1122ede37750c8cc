"""The profile: what a person sets about themselves."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.records import Person, SignIn
from tests.support.visitor import PASSWORD, Visitor

SignedInAs = Callable[[str], Visitor]


def test_the_theme_is_set_by_the_server(signed_in_as: SignedInAs) -> None:
    viewer = signed_in_as("viewer")
    before = viewer.page(viewer.get("/")).html

    viewer.post("/profile", {"theme": "dark", "letter_keys": "1"})

    after = viewer.page(viewer.get("/")).html
    assert before is not None
    assert "data-theme" not in before.attrs
    assert after is not None
    assert after["data-theme"] == "dark"


def test_letter_keys_can_be_switched_off(signed_in_as: SignedInAs) -> None:
    viewer = signed_in_as("viewer")

    viewer.post("/profile", {"theme": "system"})

    assert viewer.page(viewer.get("/")).select_one("body[data-letters=off]") is not None


def test_an_unknown_theme_becomes_that_of_the_system(session: Session, signed_in_as: SignedInAs) -> None:
    signed_in_as("biller").post("/profile", {"theme": "neon", "ask_above": "$150.50"})

    session.rollback()
    assert session.scalars(sa.select(Person.preferences)).one() == {
        "theme": "system",
        "density": "comfortable",
        "letter_keys": False,
        "ask_above": "150.5",
        "locale": "own",
    }


def test_a_wrong_amount_keeps_what_was_typed(signed_in_as: SignedInAs) -> None:
    biller = signed_in_as("biller")

    answer = biller.post("/profile", {"theme": "dark", "ask_above": "1O"})

    field = biller.page(answer).select_one("input[name=ask_above][aria-invalid=true]")
    assert answer.status_code == 422
    assert field is not None
    assert field["value"] == "1O"
    assert "Did you mean 10?" in answer.get_data(as_text=True)


def test_another_password_needs_the_one_of_now_and_ends_the_other_sessions(signed_in_as: SignedInAs) -> None:
    here, elsewhere = signed_in_as("biller"), signed_in_as("biller")
    new = "four words side by side"

    wrong = here.post("/profile/password", {"old": "a guess", "password": new})
    weak = here.post("/profile/password", {"old": PASSWORD, "password": "short"})
    assert (wrong.status_code, weak.status_code) == (422, 422)
    assert elsewhere.get("/").status_code == 200

    assert here.post("/profile/password", {"old": PASSWORD, "password": new}).status_code == 303

    assert here.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 303
    assert elsewhere.sign_in("biller@fennimore.example").status_code == 422
    assert elsewhere.sign_in("biller@fennimore.example", new).status_code == 303


@pytest.mark.parametrize("path", ["/profile/sessions/end", "one"])
def test_other_sessions_can_be_ended(session: Session, signed_in_as: SignedInAs, path: str) -> None:
    elsewhere = signed_in_as("biller")
    session.rollback()
    first = session.scalars(sa.select(SignIn.id)).one()
    session.commit()
    here = signed_in_as("biller")

    here.post(f"/profile/sessions/{first}/end" if path == "one" else path)

    assert elsewhere.get("/").status_code == 303
    assert here.get("/").status_code == 200


def test_somebody_elses_session_is_404(session: Session, signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")
    session.rollback()
    theirs = session.scalars(sa.select(SignIn.id)).one()
    session.commit()

    answer = signed_in_as("viewer").post(f"/profile/sessions/{theirs}/end")

    assert answer.status_code == 404
    assert admin.get("/").status_code == 200


def test_browsers_are_named_as_people_know_them(app: Flask) -> None:
    name = app.jinja_env.filters["browser"]

    assert name("Mozilla/5.0 (X11; Linux x86_64) Chrome/140 Safari/537") == "Chrome on Linux"
    assert name("Mozilla/5.0 (Windows NT 10.0) Firefox/140") == "Firefox on Windows"
    assert name("curl/8") == "Another browser"
    assert name(None) == "Another browser"


def test_more_sessions_need_no_more_queries(signed_in_as: SignedInAs, queries: Callable[[], int]) -> None:
    viewer = signed_in_as("viewer")
    viewer.get("/profile")
    before = queries()
    viewer.get("/profile")
    few = queries() - before
    for _ in range(4):
        signed_in_as("viewer")

    viewer.get("/profile")
    before = queries()
    viewer.get("/profile")

    assert queries() - before == few
