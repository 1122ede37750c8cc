"""How much goes over the wire: answers are pressed, the token in them is masked, and pages stay light."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from portal.config import ROOT
from portal.masked_tokens import mask, unmask
from tests.support.visitor import Visitor

SignIn = Callable[[str], Visitor]
STATIC = sorted(path.relative_to(ROOT / "static").as_posix() for path in (ROOT / "static").rglob("*.*"))
PRESSED = {"Accept-Encoding": "gzip, br"}
PAGE, ASSETS = 100_000, 200_000  # bytes, pressed


def test_a_page_is_pressed_for_whoever_takes_it(signed_in_as: SignIn) -> None:
    visitor = signed_in_as("biller")

    pressed = visitor.client.get("/profile", headers=PRESSED)
    plain = visitor.client.get("/profile")

    assert pressed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in pressed.headers["Vary"]
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Profile of" in gzip.decompress(pressed.data).decode()
    assert len(pressed.data) == int(pressed.headers["Content-Length"]) < len(plain.data) / 2


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept-Encoding": "identity"},
        {"Accept-Encoding": "gzip;q=0"},
        {"Accept-Encoding": "gzip", "Sec-Fetch-Site": "cross-site"},
        {"Accept-Encoding": "gzip", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_nothing_is_pressed_for_those_who_take_none_or_come_from_another_site(
    headers: dict[str, str], signed_in_as: SignIn
) -> None:
    answer = signed_in_as("biller").client.get("/profile", headers=headers)

    assert "Content-Encoding" not in answer.headers
    assert "Profile of" in answer.get_data(as_text=True)


def test_the_token_looks_different_in_every_answer_and_holds(signed_in_as: SignIn) -> None:
    visitor = signed_in_as("biller")

    first, second = visitor.token(), visitor.token()

    assert first != second
    for token in (first, second):
        answer = visitor.client.post("/profile", data={"theme": "dark", "csrf_token": token})
        assert answer.status_code == 303


def test_a_mask_comes_off_and_rubbish_is_no_token() -> None:
    assert unmask(mask("secret.token-1", b"0123456789abcdef")) == "secret.token-1"
    for rubbish in ("", "x", "no token", "é", "A" * 500):
        assert unmask(rubbish) != "secret.token-1"


@pytest.mark.parametrize("token", ["", "rubbish", "é", "A" * 64])
def test_a_token_that_is_none_is_refused_with_a_sentence(token: str, signed_in_as: SignIn) -> None:
    answer = signed_in_as("biller").client.post("/profile", data={"theme": "dark", "csrf_token": token})

    assert answer.status_code == 400


def test_files_are_pressed_once_kept_for_a_year_and_found_by_their_content(app: Flask) -> None:
    visitor = Visitor(app)
    page = Visitor.page(visitor.get("/setup/first"))
    address = str(page.select("link[rel=stylesheet]")[0]["href"])

    sheet = visitor.client.get(address, headers=PRESSED, buffered=True)
    again = visitor.client.get(address, headers=PRESSED | {"If-None-Match": sheet.headers["ETag"]}, buffered=True)

    assert re.search(r"\?v=[0-9a-f]{12}$", address)
    assert sheet.headers["Content-Encoding"] == "gzip"
    assert sheet.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert gzip.decompress(sheet.data) == (ROOT / "static/css/portal.css").read_bytes()
    assert again.status_code == 304


def test_all_files_together_are_light(app: Flask) -> None:
    visitor = Visitor(app)

    weights = {name: len(visitor.client.get(f"/static/{name}", headers=PRESSED, buffered=True).data) for name in STATIC}

    assert {Path(name).suffix for name in weights} >= {".css", ".js", ".svg"}
    assert sum(weights.values()) < ASSETS, weights
