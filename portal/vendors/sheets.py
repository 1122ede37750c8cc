"""Sheets of workbooks (XLSX), read row by row without loading them whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from portal.vendors.cells import Cell, Unsaved
from portal.vendors.errors import Unreadable
from portal.vendors.workbooks import DAMAGED, Book, Sheet, opened_book, parse

MAX_ROWS = 1_048_576  # what the format allows
MAX_EMPTY_ROWS = 100_000  # one after the other
MAX_COLUMNS = 2000  # of a usage file; the format allows 16,384
MAX_CELL = 32_767  # characters, what the format allows
_LAST_SERIAL = 2_958_465  # 31 December 9999
_SECOND = 86_400
_ENDLESS = "The sheet has more rows than a sheet of Excel can hold, or endless empty ones."


def sheet_names(path: Path) -> list[str]:
    """List the visible sheets of a workbook, in order.

    Raises:
        Unreadable: It is no workbook, damaged, or unpacks to too much.
    """
    with opened_book(path) as book:
        return [one.name for one in book.sheets if one.visible]


def sheet_rows(path: Path, sheet: str | None, first_line: int = 1) -> Iterator[tuple[int, list[Cell]]]:
    """Read the rows of one sheet, one after the other.

    Args:
        path: The workbook.
        sheet: Its name; none: the first visible sheet.
        first_line: Rows before this one are passed over.

    Yields:
        The row's number (1 is the first) and its cells. A formula gives the value it was saved with, and where it
        was saved without one, an `Unsaved` cell.

    Raises:
        Unreadable: It is no workbook, damaged, unpacks to too much, or has no such sheet.
    """
    with opened_book(path) as book:
        yield from rows_of(book, _chosen(book, sheet), first_line)


@contextmanager
def all_sheets(path: Path) -> Iterator[Iterator[tuple[str, Iterator[tuple[int, list[Cell]]]]]]:
    """Open a workbook and give each visible sheet with its rows; they are read in this order.

    Raises:
        Unreadable: As `sheet_rows`.
    """
    with opened_book(path) as book:
        yield ((one.name, rows_of(book, one)) for one in book.sheets if one.visible)


def rows_of(book: Book, sheet: Sheet, first_line: int = 1) -> Iterator[tuple[int, list[Cell]]]:
    """Read the rows of a sheet of an open workbook, empty ones between them too."""
    reader = _Rows(book)
    number, empty = 0, 0
    for _ in parse(book.archive, sheet.part, start=reader.start, end=reader.end, text=reader.text):
        for place, cells in reader.taken():
            if place <= number:
                raise Unreadable(DAMAGED)
            # what the sheet says of its size is not believed: a row has the number that stands on it
            if place > MAX_ROWS or place - number - 1 + empty > MAX_EMPTY_ROWS:
                raise Unreadable(_ENDLESS)
            for blank in range(number + 1, place):
                if blank >= first_line:
                    yield blank, []
            empty = 0 if any(cell != "" for cell in cells) else empty + place - number
            if empty > MAX_EMPTY_ROWS:
                raise Unreadable(_ENDLESS)
            number = place
            if place >= first_line:
                yield place, cells


def _chosen(book: Book, sheet: str | None) -> Sheet:
    visible = [one for one in book.sheets if one.visible]
    if not visible:
        raise Unreadable("The workbook has no visible sheet.")
    if sheet is None:
        return visible[0]
    exact = [one for one in visible if one.name == sheet]
    near = exact or [one for one in visible if one.name.strip().casefold() == sheet.strip().casefold()]
    if not near:
        raise Unreadable(f"The workbook has no sheet “{sheet}”. It has: {', '.join(one.name for one in visible)}.")
    return near[0]


class _Rows:
    """Builds rows from the elements of a sheet."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._rows: list[tuple[int, list[Cell]]] = []
        self._cells: list[Cell] = []
        self._row = 0
        self._column = 0
        self._type = ""
        self._format = 0
        self._pieces: list[str] = []
        self._value: str | None = None
        self._formula: str | None = None
        self._inside = ""  # v, f or t: which text is collected

    def taken(self) -> list[tuple[int, list[Cell]]]:
        """Give the rows that are whole, once."""
        rows, self._rows = self._rows, []
        return rows

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the beginning of an element."""
        if name == "c":
            self._column = _column(attributes["r"]) if "r" in attributes else self._column + 1
            if self._column > MAX_COLUMNS:
                raise Unreadable(
                    f"Row {self._row} of the sheet reaches beyond column {MAX_COLUMNS}. No usage file is so wide; "
                    "delete what stands to its right, or export the table as CSV."
                )
            self._type = attributes.get("t", "n")
            self._format = int(attributes.get("s", "0"))
            self._value = self._formula = None
        elif name in {"v", "f", "t"}:
            self._inside = name
            self._pieces = []
        elif name == "row":
            self._row = int(attributes["r"]) if "r" in attributes else self._row + 1
            self._cells, self._column = [], 0

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if name == "c":
            self._keep()
        elif name == self._inside:
            text = "".join(self._pieces)
            if name == "f":
                self._formula = text
            elif name == "v":
                self._value = text
            else:
                self._value = (self._value or "") + text
            self._inside = ""
        elif name == "row":
            self._rows.append((self._row, self._cells))

    def text(self, data: str) -> None:
        """Take a text."""
        if self._inside:
            self._pieces.append(data)

    def _keep(self) -> None:
        cell = self._cell()
        if cell == "":
            return
        if self._column <= len(self._cells):
            self._cells[self._column - 1] = cell
            return
        self._cells.extend([""] * (self._column - 1 - len(self._cells)))
        self._cells.append(cell)

    def _cell(self) -> Cell:
        """Bring a cell of any type to a text or an exact number."""
        value = self._value
        if not value:
            # a formula whose value is an empty text says so by its type
            unsaved = self._formula is not None and self._type in {"n", ""}
            return Unsaved(f"={self._formula}"[:200]) if unsaved else ""
        match self._type:
            case "s":
                return self._book.strings[int(value)]
            case "b":
                return "TRUE" if value.strip() == "1" else "FALSE"
            case "n" | "":
                return self._number(value.strip())
            case "d":
                return value.removesuffix("T00:00:00")
            case _:  # inlineStr, str, e
                return value[:MAX_CELL]

    def _number(self, text: str) -> Cell:
        if text.isdecimal() and text.isascii():
            number = Decimal(text)
        else:
            try:
                number = Decimal(repr(float(text)))  # the shortest text that gives this number back
            except (ValueError, InvalidOperation):
                return text[:MAX_CELL]
            if not number.is_finite():
                return text[:MAX_CELL]
        kinds = self._book.kinds
        kind = kinds[self._format] if 0 <= self._format < len(kinds) else ""
        if kind == "date":
            return date_of_serial(number, from_1904=self._book.from_1904) or number
        if kind == "percent":
            percent = number.scaleb(2)
            return f"{_short(percent)}%"
        return number


def date_of_serial(number: Decimal, *, from_1904: bool = False) -> str | None:
    """Write Excel's day number as a date, with its time where it has one; none where it is no day.

    Days count from 30 December 1899, as Excel takes 1900 for a leap year; before March 1900 they are a day off there.
    """
    first = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)  # noqa: DTZ001 - a calendar date
    if not 1 <= number <= _LAST_SERIAL:
        return None
    try:
        moment = first + timedelta(days=int(number), seconds=round((number - int(number)) * _SECOND))
    except OverflowError:
        return None
    return moment.date().isoformat() if moment.time() == datetime.min.time() else moment.isoformat(" ")


def serial_of_date(day: date) -> int:
    """Give Excel's number of a day."""
    return (day - date(1899, 12, 30)).days


def _short(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _column(reference: str) -> int:
    """Read the column of a reference such as `AB12`: 28."""
    number = 0
    for letter in reference:
        if not letter.isalpha():
            break
        number = number * 26 + ord(letter) - 64
    return number
