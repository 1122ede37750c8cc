"""The first admin: made by whoever reads what the portal's machine prints, and by nobody else."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from portal.services.first_admin import is_code, set_up_code
from tests.support.database import SECRET
from tests.support.served import Browser, at_once, served
from tests.support.visitor import Visitor

GOOD = {
    "code": set_up_code(SECRET),
    "email": "Ada@fennimore.example",
    "name": "Ada",
    "password": "lamp otter ninety vinegar",
}


def test_the_first_visit_of_a_bare_portal_leads_to_making_the_first_admin(visitor: Visitor) -> None:
    sent = visitor.get("/cards")
    asked = visitor.get(sent.headers["Location"])

    assert asked.headers["Location"] == "/setup/first"
    page = visitor.get("/setup/first").get_data(as_text=True)
    assert "flask --app app setup-code" in page
    assert set_up_code(SECRET) not in page


def test_the_code_makes_an_admin_who_is_signed_in_and_led_to_the_guide(visitor: Visitor) -> None:
    answer = visitor.post("/setup/first", GOOD)

    assert answer.headers["Location"] == "/setup"
    assert visitor.get("/setup").headers["Location"] == "/setup/start"
    assert "Ada" in visitor.get("/people").get_data(as_text=True)
    assert "Invited Ada (ada@fennimore.example) as admin." in visitor.get("/audit").get_data(as_text=True)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"code": "AAAA-AAAA-AAAA"}, "This is not the set-up code."),
        ({"code": ""}, "This is not the set-up code."),
        ({"email": "nobody"}, "is not an e-mail address"),
        ({"password": "short"}, "12"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nobody_is_made(
    visitor: Visitor, wrong: dict[str, str], sentence: str
) -> None:
    answer = visitor.post("/setup/first", GOOD | wrong)

    page = visitor.page(answer)
    assert answer.status_code == 422
    assert sentence in page.select_one(".error-text").get_text()  # type: ignore[union-attr]
    assert page.select_one("[autofocus]")["name"] == next(iter(wrong))  # type: ignore[index]
    assert visitor.get("/setup/first").status_code == 200


def test_the_code_opens_nothing_once_somebody_is_here(visitor: Visitor, signed_in_as: Callable[[str], Visitor]) -> None:
    signed_in_as("viewer")

    answer = visitor.post("/setup/first", GOOD)

    assert answer.headers["Location"] == "/sign-in"
    assert visitor.get("/setup/first").headers["Location"] == "/setup"
    assert "opens nothing any more" in visitor.get("/sign-in").get_data(as_text=True)


def test_wrong_codes_make_a_place_wait(visitor: Visitor) -> None:
    for _ in range(5):
        assert visitor.post("/setup/first", GOOD | {"code": "AAAA"}).status_code == 422

    answer = visitor.post("/setup/first", GOOD)

    assert answer.status_code == 429
    assert "flask --app app users create" in answer.get_data(as_text=True)


def test_of_two_at_the_same_moment_one_becomes_admin(app: Flask) -> None:
    with served(app) as url, Browser(url) as first, Browser(url) as second:
        tokens = {}
        for each in (first, second):
            page = each.get("/setup/first").text
            found = re.search(r'name="csrf_token" value="([^"]+)"', page)
            assert found is not None
            tokens[each] = found[1]
        answers = at_once(
            [
                lambda: first.post("/setup/first", GOOD | {"csrf_token": tokens[first]}),
                lambda: second.post("/setup/first", GOOD | {"email": "eve@x.example", "csrf_token": tokens[second]}),
            ]
        )

    assert sorted(each.headers["Location"] for each in answers) == ["/setup", "/sign-in"]


def test_the_command_prints_the_code_while_nobody_is_here(app: Flask, signed_in_as: Callable[[str], Visitor]) -> None:
    before = app.test_cli_runner().invoke(args=["setup-code"])
    signed_in_as("admin")
    after = app.test_cli_runner().invoke(args=["setup-code"])
    at_start = app.test_cli_runner().invoke(args=["setup-code", "--at-start"])

    assert set_up_code(SECRET) in before.output
    assert set_up_code(SECRET) not in after.output
    assert "opens nothing any more" in after.output
    assert at_start.output == ""


def test_a_code_is_read_however_it_is_written() -> None:
    code = set_up_code(SECRET)

    assert re.fullmatch(r"([A-Z2-7]{4}-){2}[A-Z2-7]{4}", code)
    assert is_code(f" {code.lower().replace('-', ' ')} ", SECRET)
    assert is_code(code.replace("O", "0").replace("I", "1").replace("B", "8"), SECRET)
    assert not is_code(code[:-1], SECRET)
    assert not is_code(code, "another-key")
