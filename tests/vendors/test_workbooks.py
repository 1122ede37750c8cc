import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from portal.vendors.detection import detect
from portal.vendors.errors import Unreadable
from portal.vendors.sheets import sheet_names, sheet_rows
from tests.vendors.conftest import HEADER, plain_profile, read

NAMES = HEADER.strip().split(",")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
XLSX = plain_profile(format="xlsx")


def made(path: Path, rows: list[list[Any]], formats: dict[str, str] | None = None) -> Path:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(row)
    for cell, code in (formats or {}).items():
        sheet[cell].number_format = code
    book.save(path)
    return path


def by_hand(path: Path, sheet: str, more: dict[str, str] | None = None) -> Path:
    """A workbook written by hand, as a hostile program may write it."""
    parts = {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{LINK}"><sheets>'
        '<sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELS}">'
        f'<Relationship Id="rId1" Type="{LINK}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}">{sheet}</worksheet>',
    } | (more or {})
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    path.write_bytes(content.getvalue())
    return path


def test_dates_percentages_and_numbers_are_read_as_they_are_shown(tmp_path: Path) -> None:
    path = made(
        tmp_path / "usage.xlsx",
        [[datetime.fromisoformat("2026-10-03T06:30"), date(2026, 10, 3), 0.25, 1234.5, 46298, True]],
        {"C1": "0.0%", "E1": "yyyy\\-mm"},
    )

    row = next(iter(sheet_rows(path, None)))[1]

    assert list(map(str, row)) == ["2026-10-03 06:30:00", "2026-10-03", "25%", "1234.5", "2026-10-03", "TRUE"]


def test_a_percentage_is_no_count_unless_the_profile_says_so(tmp_path: Path) -> None:
    path = made(tmp_path / "usage.xlsx", [NAMES, ["A-1", "", "", "S-1", "", "", 0.25]], {"G2": "0%"})

    assert [(line, column) for line, column, _ in read(path, XLSX).problems] == [(2, "Units")]
    assert read(path, plain_profile(format="xlsx", signs=["%"])).counts == {"A-1/S-1": "25"}


def test_a_formula_without_its_value_is_a_problem_and_is_never_calculated(tmp_path: Path) -> None:
    path = made(tmp_path / "usage.xlsx", [NAMES, ["A-1", "", "", "S-1", "", "", "=1+1"], ["=A2", *[""] * 5, 3]])

    found = read(path, XLSX)

    assert found.counts == {}
    assert [(line, column) for line, column, _ in found.problems] == [(2, "Units"), (3, "Account")]
    assert "“=1+1” is a formula that was saved without its value" in (found.problems[0][2] or "")


def test_a_formula_gives_the_value_it_was_saved_with(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "a.xlsx", '<sheetData><row r="1"><c r="A1"><f>1+1</f><v>5</v></c></row></sheetData>')

    assert [list(map(str, cells)) for _line, cells in sheet_rows(path, None)] == [["5"]]


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        ('<sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData>', "beyond column 2000"),
        ('<sheetData><row r="1000000000"><c r="A1000000000"><v>1</v></c></row></sheetData>', "more rows than a sheet"),
        ('<sheetData><row r="900000"><c><v>1</v></c></row></sheetData>', "endless empty ones"),
        ('<sheetData><row r="2"><c/></row><row r="1"><c/></row></sheetData>', "damaged"),
        ('<sheetData><row r="1"><c t="s"><v>7</v></c></row></sheetData>', "damaged"),
        ("<sheetData><row", "damaged"),
    ],
)
def test_a_sheet_that_no_program_writes_is_refused_in_a_sentence(tmp_path: Path, sheet: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        list(sheet_rows(by_hand(tmp_path / "a.xlsx", sheet), None))


def test_what_a_sheet_says_of_its_size_is_not_believed(tmp_path: Path) -> None:
    cells = "".join(f'<c r="{letter}1"><v>{place}</v></c>' for place, letter in enumerate("ABC"))
    path = by_hand(
        tmp_path / "a.xlsx", f'<dimension ref="A1:XFD1048576"/><sheetData><row r="1">{cells}</row></sheetData>'
    )

    assert [(line, len(row)) for line, row in sheet_rows(path, None)] == [(1, 3)]


def test_entities_and_links_to_elsewhere_are_never_followed(tmp_path: Path) -> None:
    bomb = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><worksheet xmlns="{MAIN}"/>'
    hostile = by_hand(tmp_path / "a.xlsx", "", {"xl/worksheets/sheet1.xml": bomb})
    outside = (
        f'<Relationships xmlns="{RELS}"><Relationship Id="rId1" Type="{LINK}/worksheet" '
        'Target="https://example.com/sheet1.xml" TargetMode="External"/></Relationships>'
    )
    linked = by_hand(tmp_path / "b.xlsx", "", {"xl/_rels/workbook.xml.rels": outside})

    with pytest.raises(Unreadable, match="declares entities"):
        list(sheet_rows(hostile, None))
    assert sheet_names(linked) == []
    with pytest.raises(Unreadable, match="no visible sheet"):
        list(sheet_rows(linked, None))


def test_sheets_are_read_one_after_the_other_with_their_name_as_the_account(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].title = "Cover"
    for name, days in (
        ("Alder", [["PC", "Server", "yes", "yes"], ["PC2", "Server", "", "yes"]]),
        ("Birch", [["X", "Server", "yes", ""]]),
    ):
        sheet = book.create_sheet(name)
        for row in [["Billing usage"], [], ["Device Name", "Device Class", "2026-10-01", "2026-10-02"], *days]:
            sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    profile = plain_profile(
        format="xlsx", all_sheets=True, columns={"account_id": "(sheet)", "service_id": "Device Class"},
        day_columns=["yes"], measure={"how": "days", "take": "max"},
    )  # fmt: skip

    found = read(tmp_path / "a.xlsx", profile)

    assert found.counts == {"Alder/Server": "2", "Birch/Server": "1"}
    assert [one.note for one in found.counted.counts.values()] == [
        "the largest of 2 days: 2 on 2026-10-02",
        "the largest of 1 days: 1 on 2026-10-01",
    ]
    assert [row.text("(row)") for row in found.data()] == ["4", "5", "4"]


def test_a_merged_preamble_above_the_headers_is_found_and_shown(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    rows: list[list[Any]] = [["Usage of October"], [], NAMES, ["A-1", "Alder", "active", "S-1", "Seat", None, 3]]
    for row in rows:
        sheet.append(row)
    sheet.merge_cells("A1:G1")
    book.save(tmp_path / "a.xlsx")

    found = detect(tmp_path / "a.xlsx", "a.xlsx")

    assert (found.guess["header_row"], found.above[0]) == (3, (1, ("Usage of October",)))
