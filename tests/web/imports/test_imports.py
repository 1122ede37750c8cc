"""Imports: choose a file, check how it was read, commit it, take it back."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from openpyxl import Workbook
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, UsageCount, UsageImport, VendorProfile
from portal.factory import UPLOAD_LIMIT
from tests.support.visitor import Visitor
from tests.web.counting import counted_queries
from tests.web.looking import attribute, one, words

SignIn = Callable[[str], Visitor]
PLAIN = "Customer ID,Customer,SKU,Quantity\nC-1,Halyard Freight,EDR,34\nC-2,Lantern,EDR,5B\nC-3,Quarry,EDR,3\n"


@pytest.fixture(autouse=True)
def _store(session: Session) -> None:
    session.commit()


def send(visitor: Visitor, text: str | bytes, *, name: str = "usage-2026-10.csv", **fields: str) -> Any:
    content = text.encode() if isinstance(text, str) else text
    data = {"new_vendor": "Cumulus", "file": (io.BytesIO(content), name), **fields}
    return visitor.post("/imports", data, content_type="multipart/form-data")


def taken_in(visitor: Visitor, text: str | bytes, **kwargs: str) -> str:
    answer = send(visitor, text, **kwargs)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.headers["Location"])


def imports_of(session: Session) -> list[UsageImport]:
    found = list(session.scalars(sa.select(UsageImport).order_by(UsageImport.id)))
    session.expunge_all()
    session.rollback()  # a transaction of the test's own would lock the app out
    return found


def fields_of(page: BeautifulSoup) -> dict[str, str]:
    """The check page's form as a browser would send it."""
    form = one(page, "#check form")
    found = {}
    for field in form.select("input[name]"):
        if field.get("type") in {"radio", "checkbox"} and not field.has_attr("checked"):
            continue
        found[attribute(field, "name")] = attribute(field, "value")
    for field in form.select("select[name]"):
        chosen = field.select_one("option[selected]") or one(field, "option")
        found[attribute(field, "name")] = attribute(chosen, "value")
    found.pop("csrf_token")
    return found


def test_a_file_is_read_and_shown_before_anything_counts(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)

    page = Visitor.page(biller.get(where))
    text = words(one(page, "#check"))
    assert "Import a file from Cumulus" in words(one(page, "h1"))
    assert fields_of(page).items() >= {
        "encoding": "utf-8",
        "delimiter": "comma",
        "header_row": "1",
        "col-0": "account_id",
        "col-1": "account_name",
        "col-3": "count",
        "period": "2026-10",
        "complete": "1",
    }.items()
    assert "1 line has a problem" in text
    assert "“5B” is not a number" in text
    assert "Lines that count 2" in text
    assert "2 counts for October 2026" in text
    assert "Commit 2 counts" in text
    assert one(page, "tr.bad-row th").text == "3"
    assert session.scalars(sa.select(UsageCount)).all() == []


def test_committing_counts_keeps_the_profile_and_leads_to_the_cards(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)

    answer = biller.post(f"{where}/commit", {"save_profile": "1", "profile_name": "monthly"})

    assert answer.status_code == 303
    page = Visitor.page(biller.get(answer.headers["Location"]))
    assert "2 counts are in use" in words(one(page, "h1"))
    assert attribute(one(page, "a.primary"), "href").startswith("/cards?vendor=cumulus")
    assert [found.state for found in imports_of(session)] == ["committed"]
    profile = session.scalars(sa.select(VendorProfile)).one()
    assert (profile.name, profile.version, profile.spec["columns"]["count"]) == ("monthly", 1, "Quantity")


def test_the_next_file_is_read_by_the_saved_profile_and_a_difference_is_marked(
    session: Session, signed_in_as: SignIn
) -> None:
    biller = signed_in_as("biller")
    biller.post(f"{taken_in(biller, PLAIN)}/commit", {"save_profile": "1", "profile_name": "monthly"})
    session.commit()
    where = taken_in(biller, PLAIN.replace("5B", "5"), vendor="cumulus", new_vendor="", name="usage-2026-10b.csv")

    page = Visitor.page(biller.get(where))
    assert "as with the saved profile “monthly”" in words(page)
    changed = biller.post(where, {**fields_of(page), "marks": "comma-point"})
    again = Visitor.page(biller.get(changed.headers["Location"]))

    assert "except where marked" in words(again)
    assert "differs from the profile" in words(again)


def test_a_change_reads_the_file_anew_and_swaps_only_the_check(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)
    fields = fields_of(Visitor.page(biller.get(where))) | {"complete": "0", "period": "2026-09"}

    part = biller.post(where, fields, swapping="check")
    page = Visitor.page(part)

    assert part.status_code == 200
    assert not page.select("html")
    assert "for September 2026" in words(one(page, "#check"))
    (found,) = imports_of(session)
    assert (found.period, found.complete) == ("2026-09", False)
    assert part.headers["HX-Push-Url"] == f"/imports/{found.id}"


def test_another_header_line_brings_other_columns(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, f"Report,of,the,month\n\n{PLAIN}")
    page = Visitor.page(biller.get(where))
    assert fields_of(page)["header_row"] == "3"

    wrong = biller.post(where, fields_of(page) | {"header_row": "2"})
    broken = Visitor.page(biller.get(wrong.headers["Location"]))
    mended = biller.post(wrong.headers["Location"].partition("#")[0], fields_of(broken) | {"header_row": "3"})

    assert "cannot be counted like this" in words(broken)
    assert "Commit 2 counts" in words(Visitor.page(biller.get(mended.headers["Location"])))


def test_columns_that_nobody_recognises_are_given_their_meaning_by_a_person(
    session: Session, signed_in_as: SignIn
) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, "Wer,Was,Wieviel\nHalyard,EDR,34\nLantern,EDR,3\n")
    page = Visitor.page(biller.get(where))
    assert "No column says which account a row is about." in words(page)
    assert "Commit" not in words(one(page, "#check"))
    fields = fields_of(page) | {"col-0": "account_name", "col-1": "service_name", "col-2": "count"}
    fields.pop("count_rows", None)

    answer = biller.post(where, fields)

    assert "Commit 2 counts" in words(Visitor.page(biller.get(answer.headers["Location"])))
    assert len(imports_of(session)) == 1


def test_two_columns_of_one_meaning_are_refused_and_nothing_is_lost(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)
    fields = fields_of(Visitor.page(biller.get(where))) | {"col-1": "account_id"}

    answer = biller.post(where, fields, swapping="check")

    assert answer.status_code == 422
    assert "Two columns mean “Account id”" in words(Visitor.page(answer))
    assert [found.state for found in imports_of(session)] == ["ready"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("header_row", "0"), ("header_row", "x"), ("counted_at", "soon"), ("counted_at", "2027-01-01T00:00"),
     ("period", "2026-13"), ("encoding", "rot13"), ("marks", "stars"), ("filter_column", "SKU")],
)  # fmt: skip
def test_a_field_that_cannot_be_used_is_refused_with_a_sentence(
    session: Session, signed_in_as: SignIn, field: str, value: str
) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)
    fields = fields_of(Visitor.page(biller.get(where))) | {field: value}

    answer = biller.post(where, fields)

    assert answer.status_code == 422
    assert Visitor.page(answer).select("main .notice.bad")
    assert [found.state for found in imports_of(session)] == ["ready"]


def test_the_same_file_again_changes_nothing_and_says_so(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    biller.post(f"{taken_in(biller, PLAIN)}/commit", {})
    where = taken_in(biller, PLAIN, new_vendor="", vendor="cumulus")

    page = Visitor.page(biller.get(where))

    assert "Read before: nothing changed" in words(one(page, "h1"))
    assert "Read before, on 28 Oct" in words(one(page, "main .notice"))
    assert [found.state for found in imports_of(session)] == ["committed", "same"]


def test_committing_twice_counts_once(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)

    assert biller.post(f"{where}/commit", {}).status_code == 303
    assert biller.post(f"{where}/commit", {}).status_code == 409
    assert len(session.scalars(sa.select(UsageCount)).all()) == 2


def test_an_import_is_taken_back_as_a_whole_after_a_look(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)
    biller.post(f"{where}/commit", {})

    ask = Visitor.page(biller.get(f"{where}/undo"))
    assert "Take 2 counts of Cumulus back?" in words(one(ask, "h1"))
    answer = biller.post(f"{where}/undo", {"reason": "wrong month"})

    assert answer.status_code == 303
    assert [found.state for found in imports_of(session)] == ["undone"]
    assert biller.get(f"{where}/undo").status_code == 409
    assert biller.post(f"{where}/undo", {}).status_code == 409
    events = session.scalars(sa.select(AuditEvent).where(AuditEvent.what == "usage")).all()
    assert "wrong month" in [event.reason for event in events]


def test_a_file_is_thrown_away_before_it_counts(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)

    biller.post(f"{where}/drop", {})

    assert [found.state for found in imports_of(session)] == ["dropped"]
    assert biller.post(where, {"header_row": "1"}).status_code == 409
    assert "usage-2026-10.csv" not in words(one(Visitor.page(biller.get("/imports")), "section.panel"))


def test_problems_come_as_csv_that_is_safe_in_a_spreadsheet(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN.replace("Lantern", "=cmd()"))

    answer = biller.get(f"{where}/problems.csv")

    lines = answer.get_data(as_text=True).splitlines()
    assert lines[0] == "line,column,problem,Customer ID,Customer,SKU,Quantity"
    assert lines[1].startswith("3,Quantity,")
    assert ",'=cmd()," in lines[1]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"%PDF-1.7 xx", "PDF"), (b"just one line of words\nand another", "table"),
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


@pytest.mark.parametrize("fields", [{"new_vendor": "", "vendor": ""}, {"new_vendor": "", "vendor": "nobody"}])
def test_a_missing_vendor_or_file_is_said_at_its_field(signed_in_as: SignIn, fields: dict[str, str]) -> None:
    biller = signed_in_as("biller")

    refused = send(biller, PLAIN, **fields)
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
    for line in (("Customer", "Product", "Quantity"), ("Halyard", "Filter", 12), ("Lantern", "Filter", 3)):
        sheet.append(line)
    content = io.BytesIO()
    book.save(content)
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get(taken_in(biller, content.getvalue(), name="usage.xlsx")))

    assert fields_of(page)["sheet"] == "Usage"
    assert "Commit 2 counts" in words(page)


def test_a_viewer_sees_the_history_and_no_form(session: Session, signed_in_as: SignIn) -> None:
    biller, viewer = signed_in_as("biller"), signed_in_as("viewer")
    where = taken_in(biller, PLAIN)

    for path in ("/imports", where):
        assert not Visitor.page(viewer.get(path)).select("main form[method=post]")
    assert "usage-2026-10.csv" in words(Visitor.page(viewer.get("/imports")))
    for path in ("/imports", where, f"{where}/commit", f"{where}/drop", f"{where}/undo"):
        assert viewer.post(path, {}).status_code == 403
    assert viewer.get(f"{where}/undo").status_code == 403
    assert [found.state for found in imports_of(session)] == ["ready"]


def test_a_stranger_is_asked_to_sign_in(visitor: Visitor) -> None:
    for answer in (visitor.get("/imports"), visitor.get("/imports/1"), visitor.post("/imports", {})):
        assert answer.status_code == 303
        assert "/sign-in" in answer.headers["Location"]


def test_a_missing_import_is_not_found(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")

    assert biller.get("/imports/99").status_code == 404
    assert biller.get("/imports/99/undo").status_code == 404
    assert biller.get("/imports/99/problems.csv").status_code == 404
    for verb in ("commit", "drop", "undo"):
        assert biller.post(f"/imports/99/{verb}", {}).status_code == 404


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


def test_more_imports_need_no_more_queries_and_come_in_pages(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    taken_in(biller, PLAIN)
    (first,) = imports_of(session)
    biller.get("/imports")
    counted = []
    for batch in range(2):
        for number in range(30):
            session.add(
                UsageImport(
                    vendor_id=first.vendor_id, filename=f"f-{batch}-{number}.csv", sha256=f"{batch:032}{number:032}",
                    size=1, state="undone", period="2026-09", imported_by="Dana", imported_at=first.imported_at,
                )
            )  # fmt: skip
        session.commit()
        with counted_queries() as queries:
            assert biller.get("/imports").status_code == 200
        counted.append(len(queries))

    assert counted[0] == counted[1]
    assert "Page 2 of 2" in words(Visitor.page(biller.get("/imports?page=2")))
    filtered = Visitor.page(biller.get("/imports?period=2026-10&vendor=cumulus"))
    assert "1 of 1 import." in words(filtered)
    assert "vendor=nobody" in words(Visitor.page(biller.get("/imports?vendor=nobody")))


def test_what_was_uploaded_is_kept_once_and_nothing_else_is_left(settings: Any, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    taken_in(biller, PLAIN)
    send(biller, b"")

    kept = [path for path in Path(settings.uploads).iterdir() if path.is_file()]
    assert len(kept) == 1
    assert len(kept[0].name) == 64
