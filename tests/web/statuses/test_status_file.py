"""The file of meanings on screen and on the command line: exported, looked at, applied as a whole."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.db.records import RowMeaning
from tests.support.visitor import Visitor
from tests.web.looking import one
from tests.web.statuses.conftest import a_company

SignIn = Callable[[str], Visitor]


def the_file(meaning: str = "not_customer", number: int = 14) -> str:
    return json.dumps(
        {"company_statuses": [{"id": number, "name_last_seen": "<b>Hold</b>", "meaning": meaning}], "company_types": []}
    )


def sent(admin: Visitor, text: str) -> TestResponse:
    return admin.post(
        "/statuses/file", {"file": (io.BytesIO(text.encode()), "statuses.json")}, content_type="multipart/form-data"
    )


def given(session: Session) -> dict[int, str]:
    session.rollback()
    found = session.execute(sa.select(RowMeaning.psa_id, RowMeaning.meaning)).all()
    session.rollback()
    return dict(found)


def test_a_file_shows_what_it_would_change_and_is_then_applied(lists: Session, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")

    shown = sent(admin, the_file())
    page = Visitor.page(admin.get(shown.headers["Location"]))
    assert 14 not in given(lists)
    done = admin.post(f"{shown.headers['Location']}/apply")

    assert one(page, "h1").text == "1 meaning would change: nothing is changed yet"
    assert "0 companies stay in scope, 0 join, 2 leave" in one(page, ".effect").text
    assert "<b>Hold</b>" in one(page, "table").text
    assert "it will be flagged as renamed" in one(page, "table").text
    assert given(lists)[14] == "not_customer"
    assert "Applied 1 meaning; 0 were equal. 2 companies left the scope." in admin.get(done.headers["Location"]).text


def test_a_file_names_the_companies_that_join(lists: Session, signed_in_as: SignIn) -> None:
    a_company(lists, 105, "Tamarind Optics", 3, in_scope=False)
    lists.commit()
    admin = signed_in_as("admin")

    page = Visitor.page(admin.get(sent(admin, the_file("customer", 3)).headers["Location"]))

    assert "Joins: Tamarind Optics." in " ".join(page.text.split())


def test_a_refused_file_changes_nothing(lists: Session, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    before = given(lists)

    shown = sent(admin, the_file("sometimes"))
    page = Visitor.page(admin.get(shown.headers["Location"]))
    applied = admin.post(f"{shown.headers['Location']}/apply")

    assert "1 entry is refused, so nothing can be applied" in " ".join(one(page, "main").text.split())
    assert applied.status_code == 422
    assert given(lists) == before
    assert sent(admin, "no json").status_code == 422
    assert sent(admin, "").status_code == 422


@pytest.mark.usefixtures("lists")
def test_what_was_exported_says_what_is_here_already(signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    text = signed_in_as("viewer").get("/statuses/file.json").get_data(as_text=True)

    page = Visitor.page(admin.get(sent(admin, text).headers["Location"]))

    assert '{"id": 7, "name_last_seen": "Solid / VIP", "meaning": "customer"}' in text
    assert "Nothing would change." in one(page, "main").text


@pytest.mark.usefixtures("lists")
def test_a_file_that_was_thrown_away_is_not_found(signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    where = sent(admin, the_file()).headers["Location"]

    assert admin.post(f"{where}/drop").status_code == 303
    assert admin.get(where).status_code == 404
    assert admin.get("/statuses/file/passwd").status_code == 404


@pytest.mark.usefixtures("lists")
def test_only_admins_import(signed_in_as: SignIn) -> None:
    manager = signed_in_as("manager")

    assert manager.get("/statuses/file").status_code == 403
    assert sent(manager, the_file()).status_code == 403


def test_the_command_line_shows_the_difference_and_applies_it(lists: Session, app: Flask, tmp_path: Path) -> None:
    runner = app.test_cli_runner()
    file = tmp_path / "meanings.json"
    file.write_text(the_file())

    looked = runner.invoke(args=["statuses", "import", str(file)])
    assert 14 not in given(lists)
    applied = runner.invoke(args=["statuses", "import", str(file), "--apply"])
    exported = runner.invoke(args=["statuses", "export"])
    file.write_text(the_file("never"))
    refused = runner.invoke(args=["statuses", "import", str(file), "--apply"])

    assert "company status 14 “<b>Hold</b>”: no decision → Not a customer." in looked.output
    assert "2 leave" in looked.output
    assert "Nothing was changed. With --apply it is." in looked.output
    assert "Applied." in applied.output
    assert given(lists)[14] == "not_customer"
    assert '{"id": 14, "name_last_seen": "<b>Hold</b>", "meaning": "not_customer"}' in exported.output
    assert refused.exit_code != 0
    assert "Refused: company_statuses, entry 1" in refused.output
