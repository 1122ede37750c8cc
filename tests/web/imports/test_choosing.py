"""Choosing a file: what is taken in, and what is refused with a sentence."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from sqlalchemy.orm import Session

from portal.factory import UPLOAD_LIMIT
from tests.support.visitor import Visitor
from tests.web.imports.desk import PLAIN, fields_of, imports_of, send, taken_in
from tests.web.looking import attribute, one, words

SignIn = Callable[[str], Visitor]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"%PDF-1.7 xx", "PDF"),
     (b"\xd0\xcf\x11\xe0 old", "XLS"), (b"<html><body>no</body></html>", "web page")],
)  # fmt: skip
def test_what_is_no_table_is_refused_with_a_sentence(
    session: Session, signed_in_as: SignIn, content: bytes, said: str
) -> None:
    answer = send(signed_in_as("biller"), content)

    assert answer.status_code == 422
    page = Visitor.page(answer)
    assert said in words(one(page, "main form"))
    assert attribute(one(page, "#i-new"), "value") == "Cumulus"
    assert imports_of(session) == []


def test_a_file_that_is_too_large_is_refused_before_it_is_read(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")

    answer = biller.client.post(
        "/imports",
        data=b"x",
        content_type="multipart/form-data; boundary=b",
        environ_overrides={"CONTENT_LENGTH": str(UPLOAD_LIMIT + 1)},
    )

    assert answer.status_code == 413
    assert "Split the file" in Visitor.page(answer).text


def test_a_text_without_a_table_says_so_and_can_be_thrown_away(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, b"just one line of words\nand another")

    page = Visitor.page(biller.get(where))
    assert "cannot be counted like this" in words(page)
    assert "table" in words(one(page, "main .notice.bad"))
    assert biller.post(f"{where}/drop", {}).status_code == 303
    assert [found.state for found in imports_of(session)] == ["dropped"]


def test_a_missing_vendor_or_file_is_said_at_its_field(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")

    refused = send(biller, PLAIN, new_vendor="", vendor="nobody")
    assert refused.status_code == 422
    assert one(Visitor.page(refused), "#i-vendor")["aria-invalid"] == "true"
    without = biller.post("/imports", {"new_vendor": "Cumulus"}, content_type="multipart/form-data")
    assert without.status_code == 422
    assert one(Visitor.page(without), "#i-file")["aria-invalid"] == "true"


def test_a_workbook_is_read_with_its_sheets(signed_in_as: SignIn) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.title = "Notes"
    sheet = book.create_sheet("Usage")
    for line in (("Customer", "Item", "Quantity"), ("Halyard", "Filter", 12), ("Lantern", "Filter", 3)):
        sheet.append(line)
    content = io.BytesIO()
    book.save(content)
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get(taken_in(biller, content.getvalue(), name="usage.xlsx")))

    assert fields_of(page)["sheet"] == "Usage"
    assert "Commit 2 counts" in words(page)


def test_names_with_markup_show_as_text(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN.replace("Lantern", "<b>Bold</b>"), name="<i>x</i>.csv", new_vendor="<u>V</u>")

    for path in (where, "/imports"):
        text = biller.get(path).get_data(as_text=True)
        assert "<b>Bold</b>" not in text
        assert "<i>x</i>" not in text
        assert "<u>V</u>" not in text
    assert "<b>Bold</b>" in words(one(Visitor.page(biller.get(where)), "#check"))


def test_a_path_in_the_file_name_is_cut_off(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    taken_in(biller, PLAIN, name="..\\..\\etc/passwd.csv")

    assert [found.filename for found in imports_of(session)] == ["passwd.csv"]


def test_what_was_uploaded_is_kept_once_and_nothing_else_is_left(settings: Any, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    taken_in(biller, PLAIN)
    send(biller, b"")

    kept = [path for path in Path(settings.uploads).iterdir() if path.is_file()]
    assert len(kept) == 1
    assert len(kept[0].name) == 64


def test_day_and_month_are_guessed_from_the_name_of_the_file(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    for name in ("usage-2026-10-13.csv", "usage_2026-09.csv", "usage.csv", "invoice-20261014.csv"):
        taken_in(biller, PLAIN, name=name)

    found = [
        (one.period, one.counted_at.date().isoformat(), one.complete) for one in imports_of(session) if one.counted_at
    ]
    assert found == [
        ("2026-10", "2026-10-13", False),
        ("2026-09", "2026-09-30", False),
        ("2026-10", "2026-10-28", False),
        ("2026-10", "2026-10-14", False),
    ]
