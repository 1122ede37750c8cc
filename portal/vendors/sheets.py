"""Workbooks (XLSX), read sheet by sheet without loading them whole."""

import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.workbook import Workbook

from portal.vendors.cells import Cell
from portal.vendors.errors import Unreadable

MAX_UNPACKED = 2 << 30  # bytes of all parts together
MAX_STRINGS = 256 << 20  # bytes of the part with the texts, which is held in memory
MAX_RATIO = 100  # unpacked to packed, of parts that are not small
SMALL = 16 << 20  # bytes
MAX_ROWS = 1_048_576  # what the format allows
MAX_EMPTY_ROWS = 100_000  # one after the other
_CHUNK = 500
_DECLARES = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_DAMAGED = "The workbook cannot be read: it is damaged or cut off. Save it again in Excel, or export it as CSV."


def sheet_names(path: Path) -> list[str]:
    """List the visible sheets of a workbook, in order.

    Raises:
        Unreadable: It is no workbook, damaged, or unpacks to too much.
    """
    with _opened(path) as book:
        return _visible(book)


def sheet_rows(path: Path, sheet: str | None, first_line: int = 1) -> Iterator[tuple[int, list[Cell]]]:
    """Read the rows of one sheet, one after the other.

    Args:
        path: The workbook.
        sheet: Its name; none: the first visible sheet.
        first_line: Rows before this one are passed over.

    Yields:
        The row's number (1 is the first) and its cells. A formula gives the value it was saved with.

    Raises:
        Unreadable: It is no workbook, damaged, unpacks to too much, or has no such sheet.
    """
    with _opened(path) as book:
        names = _visible(book)
        chosen = _chosen(names, sheet)
        work = book[chosen]
        work.reset_dimensions()  # some programs write a dimension that leaves out rows
        found = iter(work.iter_rows(values_only=True))
        number, empty = 0, 0
        while chunk := _next(found):
            for values in chunk:
                number += 1
                empty = 0 if any(value is not None for value in values) else empty + 1
                if number > MAX_ROWS or empty > MAX_EMPTY_ROWS:
                    raise Unreadable("The sheet has more rows than a sheet of Excel can hold, or endless empty ones.")
                if number >= first_line:
                    yield number, [_cell(value) for value in values]


def _chosen(names: list[str], sheet: str | None) -> str:
    if not names:
        raise Unreadable("The workbook has no visible sheet.")
    if sheet is None:
        return names[0]
    exact = [name for name in names if name == sheet]
    near = exact or [name for name in names if name.strip().casefold() == sheet.strip().casefold()]
    if not near:
        raise Unreadable(f"The workbook has no sheet “{sheet}”. It has: {', '.join(names)}.")
    return near[0]


def _visible(book: Workbook) -> list[str]:
    return [one.title for one in book.worksheets if getattr(one, "sheet_state", "visible") == "visible"]


@contextmanager
def _opened(path: Path) -> Iterator[Workbook]:
    """Open a workbook that is safe to unpack, and close it. A kept file has no suffix, so it is given as open."""
    _refuse_bombs(path)
    with path.open("rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions, which say nothing of counts
                book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except Exception as error:  # a damaged workbook raises whatever its broken part raises
            raise Unreadable(_DAMAGED) from error
        try:
            yield book
        finally:
            book.close()


def _next(rows: Iterator[Any]) -> list[tuple[Any, ...]]:
    """Give the next rows; an empty list at the end."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(islice(rows, _CHUNK))
    except Exception as error:  # as above
        raise Unreadable(_DAMAGED) from error


def _refuse_bombs(path: Path) -> None:
    """Refuse what unpacks to far more than it is, or declares entities of its own."""
    try:
        with zipfile.ZipFile(path) as archive:
            reason = _why_not(archive)
    except Exception as error:  # a damaged archive raises many kinds
        raise Unreadable(_DAMAGED) from error
    if reason is not None:
        raise Unreadable(reason)


def _why_not(archive: zipfile.ZipFile) -> str | None:
    """Say why an archive is not opened as a workbook; none where it may be."""
    parts = archive.infolist()
    large = [part for part in parts if part.file_size > SMALL]
    if sum(part.file_size for part in parts) > MAX_UNPACKED or any(
        part.file_size > MAX_RATIO * max(part.compress_size, 1)
        or (part.filename.lower().endswith("sharedstrings.xml") and part.file_size > MAX_STRINGS)
        for part in large
    ):
        return "The workbook unpacks to far more than any usage file has. It was not opened."
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        return "The file is packed like a workbook but is none. Save it as XLSX, or export it as CSV."
    for part in parts:
        if part.filename.lower().endswith((".xml", ".rels")):
            with archive.open(part) as opened:
                if _DECLARES.search(opened.read(4096)):
                    return "The workbook declares entities of its own, which no Excel does. It was not opened."
    return None


def _cell(value: object) -> Cell:
    """Bring a cell of any type to a text or an exact number."""
    cell: Cell = "" if value is None else str(value)
    match value:
        case bool():
            cell = "TRUE" if value else "FALSE"
        case int():
            cell = Decimal(value)
        case float():
            number = Decimal(repr(value))  # the shortest text that gives this number back
            cell = number if number.is_finite() else cell
        case datetime() if value.time() == time():
            cell = value.date().isoformat()
        case _:
            pass
    return cell
