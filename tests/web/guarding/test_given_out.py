"""What answers give out, and what they do not: no file of the machine, no upload, no change by looking."""

import io
import re
import socket
from collections.abc import Callable, Mapping
from typing import cast

import pytest
import sqlalchemy as sa
from bs4.element import Tag
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.records import OneTimeLink
from portal.services.sessions import token_hash
from portal.web.access import PUBLIC, declared
from tests.support.served import served
from tests.support.visitor import Visitor
from tests.web.guarding.conftest import Owned
from tests.web.guarding.routes import address, rules
from tests.web.guarding.test_others_records import UNSURE

Picture = Callable[..., Mapping[str, object]]
OUTSIDE = (
    "/.git/config", "/.git/HEAD", "/static/", "/static/css/", "/static/../app.py", "/static/%2e%2e/app.py",
    "/static/..%2fapp.py", "/static/....//app.py", "/static/js/../../pyproject.toml", "/instance/secret_key", "/app.py",
    "/static//etc/passwd", "/static/\\..\\app.py", "/help/pictures/..%2f..%2fREADME.md", "/help/../README.md",
    "/requirements.txt", "/templates/base.html", "/static/portal.css.map", "/.env", "/server-status", "/debug",
    "/console", "/openapi.json",
)  # fmt: skip
LISTS = {"account_lines", "service_lines"}
CSV = b"Company,SKU,Quantity\r\nGiven out nowhere 5b1d,SEAT,3\r\n"


@pytest.mark.parametrize("role", ["stranger", "admin"])
def test_only_files_of_the_static_folder_are_given_out(
    app: Flask, signed_in_as: Callable[[str], Visitor], role: str
) -> None:
    visitor = Visitor(app) if role == "stranger" else signed_in_as(role)

    given = []
    for path in OUTSIDE:
        with visitor.client.get(path) as answer:
            if answer.status_code == 200:
                given.append(path)

    assert given == []


def test_no_answer_gives_out_what_was_uploaded(app: Flask, owned: Owned, visitors: Callable[[str], Visitor]) -> None:
    admin = visitors("admin")
    sent = admin.post("/imports", {"file": (io.BytesIO(CSV), "a.csv"), "new_vendor": "Cumulo", "vendor": ""})
    assert sent.status_code == 303, sent.get_data(as_text=True)
    kept = [file for file in app.config["SETTINGS"].uploads.rglob("*") if file.is_file() and file.read_bytes() == CSV]
    assert len(kept) == 1

    given = []
    names = [f"/{place}{kept[0].name}" for place in ("uploads/", "imports/", "static/", "instance/uploads/", "help/")]
    paths = [address(rule, owned.ids) for rule, _ in rules(app, "GET") if "sign-out" not in rule.rule]
    for path in [*names, *paths]:
        with admin.client.get(path) as answer:
            if CSV.strip() in answer.get_data():
                given.append(path)

    assert given == []


def test_looking_at_every_page_changes_no_record(
    app: Flask, owned: Owned, visitors: Callable[[str], Visitor], picture: Picture
) -> None:
    visitor = visitors("admin")
    before, asked = kept(picture), 0
    for rule, method in rules(app, "GET"):
        if declared(app, rule.endpoint) != PUBLIC:
            with visitor.client.open(address(rule, owned.ids), method=method):
                asked += 1

    assert asked > 60
    assert kept(picture) == before


def kept(picture: Picture) -> dict[str, object]:
    """Give what the store holds, but for lists that a page makes anew where they are of yesterday."""
    found = dict(picture(*UNSURE))
    found["setting"] = [row for row in cast("list[tuple[object, ...]]", found["setting"]) if row[0] not in LISTS]
    return found


def test_every_field_for_a_password_is_masked_and_lets_managers_fill_it(
    app: Flask, session: Session, owned: Owned, visitors: Callable[[str], Visitor]
) -> None:
    session.execute(sa.update(OneTimeLink).values(token_hash=token_hash("a-link")))
    session.commit()
    admin = visitors("admin")
    fields: list[Tag] = []
    for visitor, path in ((Visitor(app), "/sign-in"), (Visitor(app), "/link/a-link"), (admin, "/profile")):
        fields += visitor.page(visitor.get(path)).select("input[name=password], input[name=old]")
    secrets = [
        admin.page(admin.get(path)).select_one(f"input[name={name}]")
        for path, name in (("/connections/connectwise", "private_key"), ("/people/sign-in", "client_secret"))
    ]

    assert owned.ids
    assert len(fields) == 4
    assert {field.get("autocomplete") for field in fields} == {"current-password", "new-password"}
    for field in [*fields, *secrets]:
        assert field is not None
        assert field["type"] == "password"
        assert not field.get("value")
        assert not [name for name in field.attrs if name.startswith("on") or name in {"readonly", "maxlength"}]


def test_a_length_beside_chunks_smuggles_nothing(app: Flask) -> None:
    hidden = b"GET /health/live?smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
    chunked = head + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (len(hidden) + 5) + hidden
    unclear = [
        head + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden,
        head + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden,
        head + b"Content-Length: +5\r\n\r\n0\r\n\r\n" + hidden,
    ]

    with served(app) as url:
        by_chunks, *others = [_said(url, each) for each in (chunked, *unclear)]

    assert by_chunks.count(b"HTTP/1.1 ") == 2, "the chunks alone say where the body ends"
    assert all(answer.count(b"HTTP/1.1 ") == 1 for answer in others), [each[:60] for each in others]
    assert all(re.match(rb"HTTP/1\.1 [45]\d\d .*Connection: close", each, re.DOTALL) for each in others)


def _said(url: str, sent: bytes) -> bytes:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        said = b""
        while piece := line.recv(65536):
            said += piece
    return said
