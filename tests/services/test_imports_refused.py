"""Lines that could not be counted come back as a file to mend, safe to open, complete, and importable once mended."""

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from portal.db.records import UsageImport
from portal.services import imports
from portal.vendors.counting import counted_on_of
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import open_table
from tests.services.usage_desk import HEADER, Desk, many


@pytest.fixture
def desk(session: Session, tmp_path: Path) -> Desk:
    return Desk(session, tmp_path / "uploads")


def lines(desk: Desk, import_id: int) -> list[list[str]]:
    found = desk.session.get_one(UsageImport, import_id)
    return list(csv.reader(io.StringIO("".join(imports.refused_lines(desk.session, found)), newline="")))


def test_each_refused_line_has_its_cells_its_place_and_the_reason(desk: Desk) -> None:
    found = desk.look([("A-1", 3), ("A-2", "twelve"), ("A-3", -4), ("", 5)], complete=False)

    head, *rest = lines(desk, found.id)

    assert head == [*HEADER.split(","), "Problem: line", "Problem: column", "Problem: reason"]
    assert [(row[0], row[6], row[7], row[8]) for row in rest] == [
        ("A-2", "twelve", "3", "Units"),
        ("A-3", "'-4", "4", "Units"),
        ("", "5", "5", "Account"),
    ]
    assert all(row[9] for row in rest)


def test_no_cell_is_calculated_by_a_spreadsheet(desk: Desk) -> None:
    hostile = ("=1+1", "+1", "-1", "@SUM(A1)")
    text = HEADER + "\n" + "".join(f'"{cell}",<b>x</b>,active,S-1,Seat,,no\n' for cell in hostile)
    found = desk.look(text, complete=False)

    rest = lines(desk, found.id)[1:]

    assert [row[0] for row in rest] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)"]
    assert {row[1] for row in rest} == {"<b>x</b>"}


def test_the_mended_file_is_read_by_the_same_profile(desk: Desk) -> None:
    desk.take([("A-1", 3), ("A-2", "twelve")])
    mended = desk.look([("A-1", 3), ("A-2", "twelve")], filename="again.csv")
    assert mended.state == "same"
    found = desk.look([("A-1", 3), ("A-2", "x")])
    text = "".join(imports.refused_lines(desk.session, found)).replace(",x,", ",12,")

    desk.take(text, complete=False)

    assert desk.standing() == {"A-1/S-1": "3", "A-2/S-1": "12"}


def test_a_thousand_lines_come_one_after_the_other(desk: Desk) -> None:
    found = desk.look([("A-1", 1), *many(1000, "?")], complete=False)

    given = imports.refused_lines(desk.session, found)

    assert next(given).startswith("Account,")
    assert sum(1 for _line in given) == 1000


def test_the_mended_file_has_the_delimiter_and_the_place_of_the_headers_that_its_profile_wants(desk: Desk) -> None:
    how: dict[str, Any] = {
        "delimiter": ";",
        "decimal": ",",
        "header_row": 4,
        "columns": {"account_id": "Account", "service_id": "SKU", "count": "Units"},
    }
    above = 'Usage "report\n\nof;=October\n'
    found = desk.look(f"{above}Account;SKU;Units\nA-1;S-1;3,5\nA-2;S-1;x\n", complete=False, **how)

    text = "".join(imports.refused_lines(desk.session, found))

    assert text.split("\r\n")[3] == "Account;SKU;Units;Problem: line;Problem: column;Problem: reason"
    assert text.split("\r\n")[4].startswith("A-2;S-1;x;6;Units;")
    desk.take(text.replace(";x;", ";4,5;"), complete=False, **how)
    assert desk.standing() == {"A-2/S-1": "4.5"}


def test_what_stands_above_the_headers_goes_on_telling_the_day_of_counting(desk: Desk, tmp_path: Path) -> None:
    how: dict[str, Any] = {
        "find_header": True,
        "counted_on": {"above": "As of {date}"},
        "dates": "ymd",
        "spec_version": 2,
        "columns": {"account_id": "Account", "service_id": "SKU", "count": "Units"},
    }
    found = desk.look("Usage,=1+1\nAs of 2026-10-19,\nAccount,SKU,Units\nA-2,S-1,x\n", complete=False, **how)

    text = "".join(imports.refused_lines(desk.session, found))

    assert text.startswith("Usage,'=1+1\r\nAs of 2026-10-19,\r\nAccount,SKU,Units,Problem")
    mended = tmp_path / "mended.csv"
    mended.write_text(text, encoding="utf-8", newline="")
    profile = FileProfile.from_spec(how)
    assert counted_on_of(profile, open_table(mended, profile), mended.name) == date(2026, 10, 19)
