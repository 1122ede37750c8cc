import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from portal.vendors.errors import Unreadable
from portal.vendors.readers import RowKind, open_table
from tests.vendors.conftest import HEADER, ReadText, plain_profile, read

ROW = "A-1,Alder,active,S-1,Seat,,12\n"


def test_rows_add_up_by_account_service_and_term(read_text: ReadText) -> None:
    rows = (
        "A-1,Alder,active,S-1,Seat,Monthly,4\n"
        "A-1,Alder,active,S-1,Seat,Annual,11\n"
        "A-1,Alder,active,S-1,Seat,Monthly,2.5\n"
    )

    assert read_text(HEADER + rows).counts == {"A-1/S-1/Monthly": "6.5", "A-1/S-1/Annual": "11"}


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ((HEADER + ROW).encode("utf-8"), "utf-8"),
        ((HEADER + ROW).encode("utf-8-sig"), "utf-8"),
        ((HEADER + ROW).encode("utf-8-sig"), "utf-8-sig"),
        ((HEADER + ROW).encode("utf-8"), "utf-8-sig"),
        ((HEADER + ROW).encode("utf-16"), "utf-16"),
        ((HEADER + ROW).encode("utf-16"), "utf-8"),
        ((HEADER + ROW).encode("utf-16-le"), "utf-16-le"),
        ((HEADER + ROW).replace("Alder", "Café").encode("cp1252"), "cp1252"),
        ((HEADER + ROW).replace("\n", "\r\n").encode(), "utf-8"),
        ((HEADER + ROW).replace("\n", "\r").encode(), "utf-8"),
    ],
)
def test_encodings_and_line_ends_say_the_same(read_text: ReadText, text: bytes, encoding: str) -> None:
    found = read_text(text, encoding=encoding)

    assert found.counts == {"A-1/S-1": "12"}
    assert found.data()[0].line == 2


def test_a_wrong_encoding_is_refused_and_not_guessed(read_text: ReadText) -> None:
    with pytest.raises(Unreadable, match="is not UTF-8"):
        read_text((HEADER + ROW).replace("Alder", "Café").encode("cp1252"))


def test_lines_are_those_of_the_file_whatever_stands_between(read_text: ReadText) -> None:
    text = (
        'Report, "unbalanced\n\n'
        + HEADER
        + 'A-1,"Alder\nDental",active,S-1,Seat,,1\n\n , ,\n'
        + HEADER
        + "A-2,=SUM(A1),active,S-1,Seat,,2\n"
        + ',Total,,,,,"3"\n'
    )

    found = read_text(text, header_row=3, skip_rows=[{"column": "Account name", "equals": ["total"]}])

    assert [(row.line, row.kind) for row in found.rows] == [
        (4, RowKind.DATA),
        (6, RowKind.BLANK),
        (7, RowKind.BLANK),
        (8, RowKind.REPEATED_HEADER),
        (9, RowKind.DATA),
        (10, RowKind.TOTALS),
    ]
    assert found.counts == {"A-1/S-1": "1", "A-2/S-1": "2"}
    assert found.counted.accounts["A-1"] == ("Alder\nDental", "active")
    assert found.counted.accounts["A-2"] == ("=SUM(A1)", "active")


def test_ids_are_text(read_text: ReadText) -> None:
    found = read_text(HEADER + "00123,Alder,active,12345678901234567890,Seat,,1\n 1E5 ,Birch,active,007,Seat,,2\n")

    assert found.counts == {"00123/12345678901234567890": "1", "1E5/007": "2"}


def test_missing_headers_are_named(read_text: ReadText) -> None:
    with pytest.raises(Unreadable, match=r"no columns “State”, “Units”.*Line 1 has: “Account”"):
        read_text("Account,Account name,SKU,SKU name,Term\nA-1,Alder,S-1,Seat,\n")


def test_headers_differ_in_case_blanks_and_underscores_only(read_text: ReadText) -> None:
    found = read_text(HEADER.replace("Account name", "ACCOUNT_NAME").replace("Units", " units ") + ROW)

    assert found.counts == {"A-1/S-1": "12"}


def test_a_header_that_stands_twice_is_refused_where_it_matters(read_text: ReadText) -> None:
    with pytest.raises(Unreadable, match="“Units” stands in the file 2 times"):
        read_text(HEADER.strip() + ",Units\n" + ROW)


def test_an_empty_header_line_is_refused(read_text: ReadText) -> None:
    with pytest.raises(Unreadable, match="Line 2 of the file"):
        read_text(HEADER + "\n" + ROW, header_row=2)


def test_a_header_line_beyond_the_end_is_refused(read_text: ReadText) -> None:
    with pytest.raises(Unreadable, match="Line 40 of the file"):
        read_text(HEADER + ROW, header_row=40)


def test_a_quotation_mark_that_is_never_closed_is_refused(read_text: ReadText) -> None:
    with pytest.raises(Unreadable, match=r"begins on line 3.*not balanced"):
        read_text(HEADER + ROW + 'A-2,"Birch,active,S-1,Seat,,3\n' + ROW * 50)


def test_a_row_with_more_cells_than_headers_has_a_problem(read_text: ReadText) -> None:
    found = read_text(HEADER + "A-1,Alder,active,S-1,Seat,,1,234\n" + "A-2,Birch,active,S-1,Seat,,3,,\n")

    assert [line for line, _column, _reason in found.problems] == [2]
    assert found.counts == {"A-2/S-1": "3"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "old Excel file"),
        (b"%PDF-1.7 something", "a PDF"),
        (b"\x1f\x8b\x08\0", "packed"),
        (b"<!DOCTYPE html><html><body>", "web page"),
        (b"\xef\xbb\xbf\r\n<html>", "web page"),
        (b"PK\x03\x04" + b"\0" * 60, "workbook or an archive"),
        (b"Account\0,Units", "NUL character"),
        (bytes(range(256)) * 8, "neither text nor a workbook"),
    ],
)
def test_what_is_no_usage_file_is_refused_with_the_way_out(read_text: ReadText, content: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read_text(content)


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


NAMES = HEADER.strip().split(",")


def test_a_workbook_is_read_with_typed_cells(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "usage",
        {
            "Cover": [["Report"]],
            "Usage": [
                ["made on", datetime.fromisoformat("2026-10-01T12:30"), date(2026, 10, 1)],
                [],
                NAMES,
                [123456.0, "Alder", "active", 7, "Seat", None, 1200.5],
                [None] * 7,
                ["0123", "Birch", True, "S-1", "Seat", None, "1.200,5"],
                ["A-3", "Cobalt", "active", "S-1", "Seat", None, date(2026, 10, 1)],
                ["A-4", "Dunmore", "active", "S-1", "Seat", None, None],
                [None, "TOTAL", None, None, None, None, 2401],
            ],
        },
    )
    profile = plain_profile(
        format="xlsx",
        sheet="usage",
        header_row=3,
        decimal=",",
        thousands=".",
        skip_rows=[{"column": "Account name", "equals": ["TOTAL"]}],
    )

    found = read(path, profile)

    assert found.counts == {"123456/7": "1200.5", "0123/S-1": "1200.5"}
    assert [(line, column) for line, column, _reason in found.problems] == [(7, "Units"), (8, "Units")]
    assert [row.line for row in found.data()] == [4, 6, 7, 8]


def test_a_missing_sheet_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    path = workbook(tmp_path / "usage.xlsx", {"One": [NAMES], "Two": [NAMES]})

    with pytest.raises(Unreadable, match=r"no sheet “Usage”\. It has: One, Two"):
        read(path, plain_profile(format="xlsx", sheet="Usage"))


def test_a_text_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "usage.xlsx"
    path.write_text(HEADER + ROW)

    with pytest.raises(Unreadable, match="text, not a workbook"):
        open_table(path, plain_profile(format="xlsx"))


def packed(parts: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"xl/workbook.xml": b"<a/>", "xl/worksheets/sheet1.xml": b"0" * (40 << 20)}, "unpacks to far more"),
        ({"content.xml": b"<a/>"}, "is none"),
        ({"xl/workbook.xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a/>'}, "declares entities"),
        ({"xl/workbook.xml": b"<a/>"}, "damaged"),
    ],
)
def test_a_dangerous_or_broken_workbook_is_refused(tmp_path: Path, parts: dict[str, bytes], words: str) -> None:
    path = tmp_path / "usage.xlsx"
    path.write_bytes(packed(parts))

    with pytest.raises(Unreadable, match=words):
        read(path, plain_profile(format="xlsx"))
