"""Every route says who may open it, and every role gets the answer that follows."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from werkzeug.routing import IntegerConverter, Rule

from portal.services.errors import NotAllowed
from portal.web.access import PUBLIC, ROLES_OF, declared, may, own_path
from tests.support.visitor import Visitor

ROLES = ("viewer", "biller", "manager", "admin")
PUBLIC_ENDPOINTS = {
    "static", "health.live", "health.ready", "sign_in.form", "sign_in.enter", "sign_in.link", "sign_in.set_password",
    "sign_in.code", "sign_in.take_code", "sign_in.forgot", "sign_in.send_link", "sign_in.company",
    "sign_in.company_back", "setup.first", "setup.make_first", "today.tape", "callbacks.receive",
}  # fmt: skip


def rules(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every rule with each of its methods."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


def address(rule: Rule) -> str:
    """An address of a rule; records with such a number do not exist."""
    values = {name: _value(rule, name) for name in rule.arguments}
    return str(rule.build(values, append_unknown=False)[1])  # type: ignore[index]


def _value(rule: Rule, name: str) -> object:
    return 999_999 if isinstance(rule._converters[name], IntegerConverter) else "nothing-like-this"


def test_every_route_says_who_may_open_it(app: Flask) -> None:
    silent = [rule.endpoint for rule, _ in rules(app) if declared(app, rule.endpoint) is None]

    assert not silent


def test_only_these_routes_are_open_to_strangers(app: Flask) -> None:
    found = {rule.endpoint for rule, _ in rules(app) if declared(app, rule.endpoint) == PUBLIC}

    assert found == PUBLIC_ENDPOINTS


def test_rights_are_those_that_exist(app: Flask) -> None:
    found = {declared(app, rule.endpoint) for rule, _ in rules(app)} - {PUBLIC}

    assert found <= set(ROLES_OF)


def test_nothing_that_changes_something_is_a_viewers_but_what_is_their_own(app: Flask) -> None:
    own = {"sign_in.leave", "sign_in.drop_kept", "notices.dismiss", "notices.choose_mail", "views.default"}
    found = {
        rule.endpoint
        for rule, method in rules(app)
        if method != "GET" and declared(app, rule.endpoint) == "read" and not rule.endpoint.startswith("profile.")
    }

    assert found <= own


def test_a_stranger_is_asked_to_sign_in_everywhere_else(app: Flask, visitor: Visitor) -> None:
    token = visitor.token()
    for rule, method in rules(app):
        if declared(app, rule.endpoint) == PUBLIC:
            continue
        path = address(rule)
        answer = visitor.client.open(path, method=method, data={"csrf_token": token} if method != "GET" else None)
        assert answer.status_code == 303, (method, path, answer.status_code)
        assert answer.headers["Location"].startswith("/sign-in"), (method, path)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_the_answer_of_the_matrix(app: Flask, signed_in_as: Callable[[str], Visitor], role: str) -> None:
    visitor = signed_in_as(role)
    token = visitor.token()
    for rule, method in rules(app):
        right = declared(app, rule.endpoint)
        if right == PUBLIC or rule.endpoint == "sign_in.leave":
            continue
        path = address(rule)
        answer = visitor.client.open(path, method=method, data={"csrf_token": token} if method != "GET" else None)
        answer.close()
        may = role in ROLES_OF[str(right)]
        assert (answer.status_code == 403) is not may, (method, path, role, answer.status_code)
        assert answer.status_code < 500, (method, path, role, answer.status_code)


def test_a_view_that_says_nothing_is_refused(app: Flask, signed_in_as: Callable[[str], Visitor]) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "a secret")

    answer = signed_in_as("admin").get("/forgotten")

    assert answer.status_code == 403
    assert "a secret" not in answer.get_data(as_text=True)


def test_an_unknown_right_is_refused_when_the_view_is_written() -> None:
    with pytest.raises(ValueError, match="no right"):
        may("everything")


def test_a_changed_role_ends_the_session_and_holds_from_the_next_sign_in_on(
    signed_in_as: Callable[[str], Visitor],
) -> None:
    biller, admin = signed_in_as("biller"), signed_in_as("admin")
    assert biller.get("/people").status_code == 403
    person = next(
        str(row["id"]).removeprefix("person-")
        for row in admin.page(admin.get("/people")).select("tr[id^=person-]")
        if "biller@" in row.get_text()
    )

    admin.post(f"/people/{person}/role", {"role": "admin", "seen": "biller"})

    assert biller.get("/people").headers["Location"].startswith("/sign-in")
    assert biller.sign_in("biller@fennimore.example").status_code == 303
    assert biller.get("/people").status_code == 200


def test_a_page_that_a_role_may_not_open_says_which_may_and_whom_to_ask(
    signed_in_as: Callable[[str], Visitor],
) -> None:
    signed_in_as("admin")

    page = signed_in_as("biller").get("/people").get_data(as_text=True)

    assert "Only admins may open this page; you are signed in as a biller." in page
    assert "Priya can do it for you." in page
    assert "Priya can give you another role." in page


@pytest.mark.parametrize(
    ("asked", "goes_on"),
    [
        ("/cards?q=a%20b&open=3", "/cards?q=a%20b&open=3"),
        ("//elsewhere.example", "/"),
        ("/\\elsewhere.example", "/"),
        ("https://elsewhere.example/", "/"),
        ("/cards\r\nSet-Cookie: a=b", "/"),
        ("/ cards", "/"),
        ("cards", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_after_sign_in_only_own_paths_are_gone_on_to(asked: str | None, goes_on: str) -> None:
    assert own_path(asked) == goes_on


def test_refusals_for_a_missing_right_carry_403() -> None:
    assert NotAllowed.status == 403
