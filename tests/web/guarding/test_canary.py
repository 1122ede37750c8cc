"""Secrets that can be recognised are put in, the portal is used, and they are looked for in all that it leaves."""

import base64
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import MailServer, Settings
from portal.db.engine import WRITES
from portal.db.records import CallbackHook, CompanyProvider, Connection, Mail, PsaQuestion
from portal.domain import one_time_codes
from portal.jobs import doing, errands
from portal.services.sealing import Sealer
from portal.web.access import PUBLIC, TOKEN, declared
from tests.support.company import CLIENT, SECRET, company
from tests.support.desk import GUID
from tests.support.planted import stands_in
from tests.support.visitor import Visitor
from tests.web.guarding.conftest import Owned
from tests.web.guarding.routes import address, rules

KEY = "cw-private-key-canary-8f3b21"
SMTP = "smtp-password-canary-1d77e0"
CHOSEN = "a chosen canary of four words 5c"
WRONG = "a wrong canary never kept 90ab"
SEEN = "a note that everybody may find 3e"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A portal that sends mails to where nobody listens."""
    office = MailServer(
        host="127.0.0.1", port=9, tls="none", user="countersign", password=SMTP, sender="portal@fennimore.example"
    )
    return replace(settings, mail=office)


@pytest.fixture
def planted(
    app: Flask, session: Session, owned: Owned, visitors: Callable[[str], Visitor], settings: Settings
) -> tuple[Visitor, dict[str, str]]:
    """Puts each secret in as people do, and gives an admin and what was put in."""
    admin, runner, sealer = visitors("admin"), app.test_cli_runner(), Sealer(settings.secret_keys)
    planted = {"the ConnectWise key": KEY, "the mail password": SMTP, "the client secret": SECRET}
    admin.post(f"/cards/{owned.ids['card_id']}/notes", {"text": SEEN})

    changed = admin.post("/profile/password", {"old": "correct horse battery staple", "password": CHOSEN})
    assert changed.status_code == 303, admin.page(changed).get_text()
    Visitor(app).sign_in("other-admin@fennimore.example", WRONG)
    planted |= {"the password": CHOSEN, "a wrong password": WRONG}

    with company() as provider:
        kept = admin.post(
            "/people/sign-in/company",
            {"title": "Fennimore", "issuer": provider.url, "client_id": CLIENT, "client_secret": SECRET,
             "allow_private": "1"},
        )  # fmt: skip
        assert kept.status_code == 303, admin.page(kept).get_text()

    admin.post("/profile/two-step/begin")
    shown = admin.get("/profile/two-step").get_data(as_text=True)
    found = re.search(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", shown)
    assert found is not None
    secret = one_time_codes.from_text(found[0].replace(" ", ""))
    code = one_time_codes.code_of(secret, one_time_codes.step_at(datetime.now(UTC)))
    codes = admin.post("/profile/two-step/confirm", {"code": code})
    assert codes.status_code == 200, admin.page(codes).get_text()
    recovery = re.findall(r"\b[a-z2-9]{5}-[a-z2-9]{5}\b", codes.get_data(as_text=True))
    planted |= {"the second step's secret": found[0].replace(" ", ""), "its groups": found[0]}
    planted |= {
        "a recovery code": recovery[0],
        "its bytes": secret.hex(),
        "in base64": base64.b64encode(secret).decode(),
    }

    said = runner.invoke(args=["users", "create", "new@fennimore.example"]).stdout.strip()
    planted["a link's token"] = said.rpartition("/link/")[2]
    admin.post("/people", {"email": "mailed@fennimore.example", "role": "viewer", "by_mail": "1"})

    values = {
        "url": "https://127.0.0.1:9/v4_6_release/apis/3.0", "company": "sandbox", "public_key": "portal",
        "private_key": KEY, "client_id": GUID, "allow_private": "1", "do": "save", "moved_ok": "1",
    }  # fmt: skip
    asked = admin.post("/connections/connectwise", values)
    assert asked.status_code == 303, admin.page(asked).get_text()
    session.rollback()
    with Session(session.get_bind().execution_options(**{WRITES: True})) as store:
        assert store.scalars(sa.select(PsaQuestion.sealed).where(PsaQuestion.state == "queued")).all()
        store.get_one(Connection, "connectwise").sealed_private_key = sealer.seal(KEY)
        store.commit()
    admin.post("/connections/connectwise/callbacks", {"callbacks": "on"})
    hook = session.get_one(CallbackHook, "connectwise")
    planted["the callbacks' token"] = sealer.open(str(hook.sealed_token))
    assert sealer.open(str(session.get_one(CompanyProvider, 1).client_secret)) == SECRET
    assert session.scalars(sa.select(Mail)).all()
    session.rollback()

    with admin.client.session_transaction() as cookie:
        planted["a session's token"] = cookie[TOKEN]
    return admin, planted


def test_no_secret_stands_in_clear_anywhere(
    app: Flask,
    settings: Settings,
    owned: Owned,
    planted: tuple[Visitor, dict[str, str]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("portal").setLevel(logging.DEBUG)
    admin, secrets = planted
    with app.app_context():
        for question_id in doing.due_questions():
            doing.do_question(question_id)
        errands.tell_and_send()
    left = {f"page {path}": data for path, data in _pages(app, admin, owned)}
    for words in (["audit", "export"], ["doctor"], ["users", "list"], ["connections", "show"], ["pushes", "list"]):
        left[f"flask {' '.join(words)}"] = app.test_cli_runner().invoke(args=words).output.encode()
    left["the settings as text"] = repr(settings).encode()
    left["the log"] = "\n".join(f"{one.getMessage()} {one.args} {one.exc_text}" for one in caplog.records).encode()
    left["the log as written"] = caplog.text.encode()
    copy = tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))) as here:
        left |= {f"file {file.name}": file.read_bytes() for file in settings.instance.rglob("*") if file.is_file()}
        with closing(sqlite3.connect(copy)) as there:
            here.backup(there)
    left["a copy of the store"] = copy.read_bytes()

    found = [
        f"{name} stands in {where}"
        for name, secret in secrets.items()
        for where, data in left.items()
        if stands_in(secret, data)
    ]
    seen = {where for where, data in left.items() if stands_in(SEEN, data)}
    assert found == []
    assert {"a copy of the store", f"page /cards/{owned.ids['card_id']}/notes"} <= seen, "what is there is found"
    assert len(secrets) >= 12
    assert all(len(secret) > 8 for secret in secrets.values())
    assert len(left) > 70


@pytest.mark.parametrize("secret", [KEY, SECRET, CHOSEN, "ü ☂ of ten letters"])
def test_the_search_finds_a_secret_however_it_is_written(secret: str) -> None:
    for before in ("", "x", "xy", "xyz"):
        whole = f"{before}{secret}{before}".encode()
        for coded in (whole, base64.b64encode(whole), base64.urlsafe_b64encode(whole), whole.hex().encode()):
            assert stands_in(secret, b"{" + coded + b"}")
    assert not stands_in(secret, b"something else altogether" * 20)


def _pages(app: Flask, admin: Visitor, owned: Owned) -> Iterator[tuple[str, bytes]]:
    for rule, method in rules(app, "GET"):
        if declared(app, rule.endpoint) == PUBLIC and rule.endpoint != "sign_in.form":
            continue
        path = address(rule, owned.ids)
        with admin.client.open(path, method=method) as answer:
            yield path, answer.get_data()
