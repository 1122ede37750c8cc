"""Every route against what no browser would send: a sentence each time, never a 500, nothing of it sent back raw."""

import random
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.routing import IntegerConverter, Rule
from werkzeug.wrappers import Response

from portal.config import Settings
from portal.db.records import Card, Person, SyncRun, UsageImport, VendorAccount, VendorService
from portal.web.paces import LIMITS
from tests.support.database import NOW, ZONE
from tests.support.desk import SECRET, load_traps
from tests.support.people import a_person
from tests.support.visitor import Visitor

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
VALUES = (
    "",
    MARKUP,
    "=cmd()|'/c calc'!A0",
    "{{7*7}}${7*7}",
    "a\r\nSet-Cookie: taken=over\r\nLocation: //evil.example",
    "\u202egnp.exe\u202c\ud800\U0001f4a5\ufeff\u2028",
    "-3",
    "1e9",
    "NaN",
    "12.34567",
    "١٢",
    "0" * 11 + "1" + "9" * 4400,  # a whole number of which the first twelve digits look harmless
    "9223372036854775808",
    "9999-12-31",
    "../../../etc/passwd",
    "//evil.example/\\evil.example",
    "http://[",
    "on",
    "\0",
    "x" * 30_000,
)
FIELDS = (
    "above", "account_id", "action", "add", "again", "agreement", "all_to", "any_decrease", "ask_above", "asked",
    "back", "before", "by_mail", "card", "card_id", "client_id", "client_secret", "code", "company", "complete",
    "cost", "count_rows", "counted_at", "date", "decimal", "delimiter", "do", "draft_id", "drop", "email", "encoding",
    "factor", "file", "filter_column", "filter_words", "find", "fixed-1", "fixed-501", "fold", "from", "group",
    "guide", "header_row", "hours", "ids", "import", "inactive", "invite", "invoiced_ok", "iss", "issuer", "kind",
    "letter_keys", "list", "locale", "min", "name", "new_vendor", "next", "old", "only", "open", "page", "password",
    "period", "person", "preview", "price", "private_key", "product", "profile_name", "public_key", "q", "quantity",
    "reason", "rest_to", "role", "role_claim", "role_map", "rows", "save_profile", "scheduled_ok", "scope", "seen",
    "sheet", "show", "shown", "sort", "start", "state", "step", "theme", "times", "title", "to", "too_old_ok",
    "two_step_for", "upto", "v", "vendor", "what", "writing",
)  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"HX-Request": "true", "HX-Target": "cards", "HX-Current-URL": "http://["},
    {"Referer": "http://[::1"},
    {"HX-Request": "true", "HX-Target": MARKUP, "HX-Current-URL": "http://localhost:99999999/cards?q=<script>"},
    {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "x", "X-Forwarded-Proto": "gopher"},
    {"Referer": "http://evil.example\\@localhost/", "User-Agent": MARKUP, "Accept-Language": "\xff" * 200},
    {"HX-Request": "true", "HX-Target": "notices", "HX-Current-URL": "\xff", "HX-Prompt": MARKUP},
)
LEFT_OUT = {"sign_in.leave", "profile.password", "profile.end_one", "profile.end_others", "connections.save", "static"}
"""They end the visitor's own session, or ask another server; their own tests do worse to them."""
PUSHED = ("Location", "HX-Redirect", "HX-Push-Url")


@pytest.fixture(scope="session")
def traps_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the traps loaded, made once a run."""
    return load_traps(migrated_file, tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def settings(tmp_path: Path, traps_file: Path) -> Settings:
    """A portal with a month in it."""
    instance = tmp_path / "instance"
    instance.mkdir()
    file = instance / "countersign.sqlite"
    shutil.copyfile(traps_file, file)
    return Settings(
        database_url=f"sqlite:///{file}",
        queue_url=f"sqlite:///{instance / 'queue.sqlite'}",
        secret_keys=(SECRET,),
        time_zone=ZONE,
        now=NOW,
        trusted_proxies=(),
        base_url="http://127.0.0.1:8000",
        instance=instance,
    )


class Attack:
    """Sends what no browser would, and notes each answer that is not as it should be."""

    def __init__(self, visitor: Visitor, ids: Mapping[str, list[int]], *, token: str) -> None:
        self.visitor = visitor
        self.ids = ids
        self.token = token
        self.faults: list[str] = []
        self.random = random.Random(20261028)  # noqa: S311 - it only chooses what is sent
        self.sent = 0

    def path_of(self, rule: Rule, number: str | None = None) -> str:
        """An address of a rule: of a record that exists, or with another number in its place."""
        path = rule.rule
        for name in rule.arguments:
            if isinstance(rule._converters[name], IntegerConverter):
                value = number or str(self.random.choice(self.ids.get(name) or [1]))
            else:
                value = {"key": "connectwise", "name": "status"}.get(name, "nothing-like-this")
            path = re.sub(rf"<[^<>]*\b{name}>", value, path)
        return path

    def send(self, method: str, path: str, fields: Mapping[str, str], *, token: str | None = None) -> None:
        """Send the fields, as a query or as a form, with the next of the odd headers."""
        headers = HEADERS[self.sent % len(HEADERS)]
        self.sent += 1
        body = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in fields.items())
        more: dict[str, Any] = {"query_string": body[:16_000]}
        if method != "GET":
            token = self.token if token is None else token
            more = {"data": f"{body}&csrf_token={token}", "content_type": "application/x-www-form-urlencoded"}
        with self.visitor.client.open(path, method=method, headers=list(headers.items()), **more) as answer:
            for fault in _faults(answer):
                self.faults.append(f"{fault}: {method} {path[:80]} {dict(list(fields.items())[:3])!r:.200} {headers!r}")


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"))


def _faults(answer: Response) -> Iterator[str]:
    """Say what is wrong with an answer."""
    text = answer.get_data(as_text=True)
    if answer.status_code >= 500:
        yield f"answered {answer.status_code}"
    if answer.mimetype == "text/html" and ("<script>alert" in text or "<img src=x" in text):
        yield "sent markup back"
    if answer.status_code >= 400 and len(re.sub(r"<[^>]*>", "", text).split()) < 5:
        yield f"said nothing with {answer.status_code}"
    if "default-src 'self'" not in answer.headers.get("Content-Security-Policy", ""):
        yield "had no policy"
    if "taken=over" in str(answer.headers.getlist("Set-Cookie")):
        yield "let a header in"
    for name in PUSHED:
        where = answer.headers.get(name, "/")
        if not where.startswith("/") or where.startswith(("//", "/\\")) or "\r" in where:
            yield f"led to {where[:60]}"


@pytest.fixture
def ids(session: Session) -> dict[str, list[int]]:
    """Records that exist, by the names that routes give them."""
    a_person(session, "viewer", email="spare@fennimore.example", name="Spare")
    found = {
        "card_id": list(session.scalars(sa.select(Card.id).order_by(Card.id))),
        "account_id": list(session.scalars(sa.select(VendorAccount.id))),
        "service_id": list(session.scalars(sa.select(VendorService.id))),
        "import_id": list(session.scalars(sa.select(UsageImport.id))),
        "run_id": list(session.scalars(sa.select(SyncRun.id))),
        "person_id": list(session.scalars(sa.select(Person.id).where(Person.name == "Spare"))),
    }
    session.commit()
    return found


def rules(app: Flask) -> list[tuple[Rule, str]]:
    """Every rule with each of its methods."""
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if rule.endpoint not in LEFT_OUT
    ]


@pytest.fixture
def admins(app: Flask, session: Session, ids: dict[str, list[int]]) -> Attack:
    """An attack by somebody who may do everything, as fast as they like."""
    for limit in app.extensions[LIMITS].values():
        limit.most = 1_000_000
    a_person(session, "admin")
    visitor = Visitor(app)
    assert visitor.sign_in("admin@fennimore.example").status_code == 303
    return Attack(visitor, ids, token=visitor.token())


def test_no_field_of_any_route_brings_a_500_or_comes_back_as_markup(app: Flask, admins: Attack) -> None:
    values = [value for value in VALUES if value != "\0"]
    for rule, method in rules(app):
        for value in admins.random.sample(values, 8):
            admins.send(method, admins.path_of(rule), dict.fromkeys(FIELDS, value))
        for _ in range(5):  # few fields at a time, so that one that is refused does not hide the others
            few = admins.random.sample(FIELDS, 3)
            admins.send(method, admins.path_of(rule), {name: admins.random.choice(values) for name in few})

    assert not admins.faults, "\n".join(admins.faults[:20])


def test_no_number_in_an_address_brings_a_500(app: Flask, admins: Attack) -> None:
    numbers = ("0", "2147483647", "2147483648", "9" * 40, "-1", "1.5", "%00", "١٢", "%F0%9F%98%80")
    for rule, method in rules(app):
        if any(isinstance(rule._converters[name], IntegerConverter) for name in rule.arguments):
            for number in numbers:
                admins.send(method, admins.path_of(rule, number), {})

    assert not admins.faults, "\n".join(admins.faults[:20])


@pytest.mark.parametrize("role", ["stranger", "viewer"])
def test_whoever_may_not_gets_a_sentence_whatever_they_send(
    app: Flask, session: Session, ids: dict[str, list[int]], role: str
) -> None:
    visitor = Visitor(app)
    if role != "stranger":
        a_person(session, role)
        visitor.sign_in(f"{role}@fennimore.example")
    attack = Attack(visitor, ids, token=visitor.token())
    for rule, method in rules(app):
        attack.send(method, attack.path_of(rule), dict.fromkeys(FIELDS, MARKUP))
        attack.send(method, attack.path_of(rule), {"q": "http://["}, token="wrong\0")

    assert not attack.faults, "\n".join(attack.faults[:20])


def test_a_null_character_is_refused_before_anything_reads_it(admins: Attack) -> None:
    answer = admins.visitor.client.get("/cards?q=a%00b")

    assert answer.status_code == 400
    assert "Nothing was changed." in answer.get_data(as_text=True)


def test_a_decision_on_many_says_which_cards_it_is_about(session: Session, admins: Attack) -> None:
    before = session.scalars(sa.select(Card.state).order_by(Card.id)).all()
    session.commit()

    for fields in ({}, {"card_id": "abc"}, {"card_id": "-1", "reason": "all gone"}, {"scope": "adjust"}):
        for action in ("approve", "dismiss", "adjust", "confirm"):
            answer = admins.visitor.post(f"/cards/{action}", {"reason": "r", "date": "2026-10-28", **fields})
            assert answer.status_code == 422, (action, fields)
            assert "No card is ticked." in answer.get_data(as_text=True)

    session.rollback()
    assert session.scalars(sa.select(Card.state).order_by(Card.id)).all() == before


@pytest.mark.parametrize(
    "body", [b"\xff\xfe--", b'{"a":', b"--XX\r\nContent-Disposition: form-data; name=\xff\r\n\r\n"]
)
@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=XX", "application/json"])
def test_a_body_that_is_none_is_no_500(admins: Attack, body: bytes, kind: str) -> None:
    for path in ("/imports", "/mapping/file", "/profile", "/cards/approve"):
        answer = admins.visitor.client.post(path, data=body, content_type=kind, headers={"X-CSRFToken": admins.token})
        assert 300 <= answer.status_code < 500, path


def test_a_form_that_is_too_large_gets_a_sentence(admins: Attack) -> None:
    answer = admins.visitor.post("/profile", {"theme": "x" * 5_000_000})

    assert answer.status_code == 413
    assert "larger than what is taken in. Nothing was changed." in answer.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/imports", "/mapping/file", "/sign-in", "/profile"])
def test_a_stranger_sends_no_large_body(app: Flask, path: str) -> None:
    read = 0

    class Endless:
        """A body of 64 MB that notes how much of it was read."""

        def read(self, size: int = -1) -> bytes:
            nonlocal read
            read += size
            return b"x" * size

    environ = {"wsgi.input": Endless(), "CONTENT_LENGTH": str(64 * 2**20)}
    answer = Visitor(app).client.post(path, content_type="multipart/form-data; boundary=XX", environ_overrides=environ)

    assert answer.status_code == 413
    assert read == 0
