"""The mapping as a file: exported, compared, applied at once or not at all."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from portal.db.records import AccountMapping
from tests.support.visitor import Visitor
from tests.web.looking import one, words
from tests.web.mapping.conftest import Stage

SignIn = Callable[[str], Visitor]


def entry(account_id: str, **values: Any) -> dict[str, Any]:
    return {"vendor": "Cumulus", "account_id": account_id, "account_name": "", "state": "mapped", **values}


def send(visitor: Visitor, data: Any) -> Any:
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    return visitor.post(
        "/mapping/file", {"file": (io.BytesIO(content), "mapping.json")}, content_type="multipart/form-data"
    )


def mapped(month: Stage) -> dict[str, int | None]:
    month.session.expire_all()
    rows = month.session.scalars(sa.select(AccountMapping)).all()
    found = {row.account_external_id: row.company_id for row in rows}
    month.session.rollback()
    return found


def test_everybody_who_reads_may_export_the_mapping(month: Stage, signed_in_as: SignIn) -> None:
    answer = signed_in_as("viewer").get("/mapping/file.json")

    assert 'filename="mapping.json"' in answer.headers["Content-Disposition"]
    data = json.loads(answer.get_data(as_text=True))
    assert [(one["account_id"], one["company_id"]) for one in data["accounts"]] == [("t-2", 307)]
    assert len(answer.get_data(as_text=True).splitlines()) == 6
    del month


def test_a_file_is_compared_before_it_is_applied(month: Stage, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    where = send(
        admin,
        {"accounts": [entry("t-1", company_id=214), entry("t-2", company_id=214),
                      entry("t-5", state="excluded", reason="our lab"), entry("t-9", company_id=999)]},
    ).headers["Location"]  # fmt: skip

    page = Visitor.page(admin.get(where))
    table = words(one(page, "#mapping-diff table"))
    assert "4 changes would be made" in words(one(page, "h1"))
    assert "unmapped Halyard Freight, PSA 214 Maps 34 units now" in table
    assert "Lantern Health Clinics, PSA 307 Halyard Freight, PSA 214 Moves" in table
    assert "excluded: our lab Excludes 5 units now" in table
    assert mapped(month) == {"t-2": 307}
    applied = admin.post(f"{where}/apply", {})

    assert applied.status_code == 303
    assert mapped(month) == {"t-1": 214, "t-2": 214, "t-5": None, "t-9": 999}
    assert "Applied 4 changes" in words(Visitor.page(admin.get(applied.headers["Location"])))


def test_with_a_refused_entry_nothing_is_applied(month: Stage, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    where = send(admin, {"accounts": [entry("t-1", company_id=214), entry("t-5", company_id="x")]}).headers["Location"]

    page = Visitor.page(admin.get(where))
    assert "1 entry is refused, so nothing can be applied." in words(one(page, "#mapping-diff"))
    assert not page.select("form[action$='/apply']")
    assert admin.post(f"{where}/apply", {}).status_code == 422
    assert mapped(month) == {"t-2": 307}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"x": []}', b"\xff\xfe\x00", b'{"accounts": 1}', b"[" * 5000])
@pytest.mark.usefixtures("month")
def test_what_is_no_mapping_is_refused_with_a_sentence(signed_in_as: SignIn, content: bytes) -> None:
    answer = send(signed_in_as("admin"), content)

    assert answer.status_code == 422
    assert "Nothing was changed." in words(one(Visitor.page(answer), "#file-error"))


@pytest.mark.usefixtures("month")
def test_a_file_is_thrown_away_and_then_not_found(signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    where = send(admin, {"accounts": [entry("t-1", company_id=214)]}).headers["Location"]

    assert admin.post(f"{where}/drop", {}).status_code == 303
    assert admin.get(where).status_code == 404
    assert admin.post(f"{where}/apply", {}).status_code == 404
    assert admin.get("/mapping/file/../../secret_key").status_code == 404
    assert admin.get("/mapping/file/abc").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "biller", "manager"])
def test_only_admins_import_a_mapping(month: Stage, signed_in_as: SignIn, role: str) -> None:
    visitor = signed_in_as(role)
    where = send(signed_in_as("admin"), {"accounts": [entry("t-1", company_id=214)]}).headers["Location"]

    assert send(visitor, {"accounts": []}).status_code == 403
    assert visitor.get(where).status_code == 403
    assert visitor.post(f"{where}/apply", {}).status_code == 403
    assert "Import a mapping" not in words(Visitor.page(visitor.get("/mapping/accounts")))
    assert mapped(month) == {"t-2": 307}


@pytest.mark.usefixtures("month")
def test_markup_in_a_file_shows_as_text(signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    data = {"accounts": [entry("t-1", state="excluded", reason="<b>bold</b>"), {"<i>": 1}]}

    answer = admin.get(send(admin, data).headers["Location"])

    assert "<b>bold</b>" not in answer.get_data(as_text=True)
    assert "<b>bold</b>" in words(one(Visitor.page(answer), "#mapping-diff"))
