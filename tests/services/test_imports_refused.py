"""Lines that could not be counted come back as a file to mend, safe to open, complete, and importable once mended."""

import csv
import io
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from portal.db.records import UsageImport
from portal.services import imports
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
