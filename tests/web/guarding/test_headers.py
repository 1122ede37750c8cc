"""What browsers are told with every answer, whatever the address and whoever asks."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.wrappers import Response

from portal.config import Settings
from portal.factory import create_app
from portal.web.access import may
from portal.web.security import POLICY
from tests.support.visitor import Visitor
from tests.web.guarding.routes import address, rules

ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
TYPES_WITHOUT_CHARSET = {"application/json", "application/x-ndjson"}  # they are UTF-8 by their own rules


def faults(answer: Response, path: str = "") -> Iterator[str]:
    """Say what is wrong with what an answer tells browsers."""
    for name, value in ALWAYS.items():
        if answer.headers.getlist(name) != [value]:
            yield f"{name} is {answer.headers.getlist(name)}"
    refused = answer.headers.get("Permissions-Policy", "")
    if not {"camera=()", "geolocation=()", "microphone=()", "payment=()", "usb=()"} <= set(refused.split(", ")):
        yield "allows a page what none needs"
    if any(name.startswith("Access-Control-") for name in answer.headers.keys()):  # noqa: SIM118 - pairs else
        yield "lets other sites in"
    if path.startswith("/static/") and answer.status_code == 200:
        return
    if answer.headers.get("Cache-Control") != "no-store":
        yield f"may be kept: {answer.headers.get('Cache-Control')}"
    if answer.data and answer.mimetype not in TYPES_WITHOUT_CHARSET and answer.mimetype_params.get("charset") is None:
        yield f"has no charset: {answer.content_type}"


@pytest.mark.parametrize("role", ["stranger", "admin"])
def test_every_answer_has_the_policy_whole(app: Flask, signed_in_as: Callable[[str], Visitor], role: str) -> None:
    visitor = Visitor(app) if role == "stranger" else signed_in_as(role)
    token, found, asked = visitor.token(), [], 0
    for rule, method in rules(app):
        if rule.endpoint == "sign_in.leave":
            continue
        path = address(rule, {})
        data = {"csrf_token": token} if method == "POST" else None
        for headers in ({}, {"HX-Request": "true", "HX-Target": "main"}):
            with visitor.client.open(path, method=method, data=data, headers=headers) as answer:
                found += [f"{method} {path} {answer.status_code}: {fault}" for fault in faults(answer)]
                asked += 1

    assert asked > 200
    assert not found, "\n".join(found[:20])


def test_errors_have_it_too(app: Flask, signed_in_as: Callable[[str], Visitor]) -> None:
    app.testing = False

    @app.get("/breaks")
    @may("read")
    def breaks() -> str:
        raise RuntimeError

    visitor = signed_in_as("biller")
    answers = [
        visitor.get("/nothing/here"),
        visitor.get("/breaks"),
        visitor.get("/people"),
        visitor.get("/cards?q=%00"),
        visitor.client.post("/sign-in", data={"email": "x"}),
        visitor.client.post("/cards"),
        visitor.client.post("/profile", data={"theme": "x" * 5_000_000}),
        visitor.client.open("/cards", method="TRACE"),
        visitor.client.open("/cards", method="PROPFIND"),
    ]

    assert [answer.status_code for answer in answers] == [404, 500, 403, 400, 400, 405, 413, 405, 405]
    assert not [fault for answer in answers for fault in faults(answer)]


def test_nothing_in_the_policy_is_an_exception() -> None:
    parts = dict(part.strip().partition(" ")[::2] for part in POLICY.split(";"))

    assert parts == {
        "default-src": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'", "form-action": "'self'",
        "object-src": "'none'",
    }  # fmt: skip


@pytest.fixture
def over_tls(settings: Settings) -> Flask:
    """The portal, reached by https."""
    app = create_app(replace(settings, base_url="https://countersign.example.com"))
    app.testing = True
    return app


def test_over_tls_every_answer_says_so_for_a_year_and_below(over_tls: Flask) -> None:
    visitor = Visitor(over_tls)

    for path in ("/sign-in", "/nothing", "/cards", "/static/favicon.svg"):
        with visitor.client.get(path) as answer:
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains", path


def test_over_tls_cookies_are_this_hosts_alone(over_tls: Flask) -> None:
    answer = over_tls.test_client().get("/sign-in", base_url="https://countersign.example.com")

    for cookie in answer.headers.getlist("Set-Cookie"):
        assert cookie.startswith("__Host-countersign_")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie


def test_a_browser_that_is_known_is_so_by_a_cookie_that_scripts_do_not_see(
    signed_in_as: Callable[[str], Visitor],
) -> None:
    visitor = signed_in_as("viewer")

    cookie = visitor.client.get_cookie("countersign_browser")

    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Lax", "/")


def test_signing_out_takes_what_was_read_from_the_browser(signed_in_as: Callable[[str], Visitor]) -> None:
    answer = signed_in_as("viewer").post("/sign-out")

    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_no_answer_names_what_serves_it_or_a_version(app: Flask) -> None:
    with Visitor(app).client.get("/sign-in") as answer:
        assert "Server" not in answer.headers
        assert "X-Powered-By" not in answer.headers


def test_a_page_that_says_there_is_no_such_file_is_kept_by_nobody(signed_in_as: Callable[[str], Visitor]) -> None:
    answer = signed_in_as("viewer").get("/static/cards.css?v=1")

    assert answer.status_code == 404
    assert "Vera" in answer.get_data(as_text=True)
    assert answer.headers["Cache-Control"] == "no-store"
