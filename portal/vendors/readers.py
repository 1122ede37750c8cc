"""From a file and its profile to rows: what is data, and what is blank, a repeated header or a total."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from portal.vendors.cells import Cell, as_text, is_blank
from portal.vendors.errors import Unreadable
from portal.vendors.packed import head_of, is_workbook, wrapping_of
from portal.vendors.profiles import FileProfile, fold
from portal.vendors.sheets import sheet_rows
from portal.vendors.texts import HEAD, text_rows

MAX_COLUMNS = 2000


class RowKind(StrEnum):
    """What a row of the file is; only data is counted."""

    DATA = "data"
    BLANK = "blank"
    REPEATED_HEADER = "repeated header"
    TOTALS = "totals"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row under the header line.

    Args:
        line: Where it begins; 1 is the file's first line.
        cells: By header, without those beyond the header.
        beyond: Cells that stand under no header, if any is not blank.
    """

    line: int
    kind: RowKind
    cells: Mapping[str, Cell]
    beyond: tuple[str, ...] = field(default=())

    def text(self, header: str) -> str:
        """Give a cell as text."""
        return as_text(self.cells.get(header, ""))

    def texts(self) -> dict[str, str]:
        """Give all cells as text."""
        return {header: as_text(cell) for header, cell in self.cells.items()}


@dataclass(frozen=True, slots=True)
class Table:
    """A file whose header line was found.

    Args:
        headers: As the file has them; an empty one is called by its place, a doubled one gets its number.
        named: The profile's headers to those of the file.
        rows: All rows under the header line, read as they are asked for.
    """

    headers: tuple[str, ...]
    named: Mapping[str, str]
    rows: Generator[SourceRow, None, None]


def rows(path: Path, profile: FileProfile) -> Iterator[SourceRow]:
    """Read the rows under the header line, one after the other.

    Raises:
        Unreadable: The file is not what the profile says, or a header is missing.
    """
    return open_table(path, profile).rows


def open_table(path: Path, profile: FileProfile) -> Table:
    """Find the header line, and give the rows under it.

    Raises:
        Unreadable: The file is not what the profile says, or a header is missing. Also raised while rows are read.
    """
    source = raw_rows(path, profile, first_line=profile.header_row)
    line, cells = next(source, (0, []))
    if line != profile.header_row or is_blank(cells):
        raise Unreadable(f"Line {profile.header_row} of the file, where the headers should be, is empty or missing.")
    headers = header_names(cells)
    named = _named(headers, [as_text(cell) for cell in cells], profile)
    return Table(headers=headers, named=named, rows=_rows(source, headers, [as_text(c) for c in cells], named, profile))


def raw_rows(path: Path, profile: FileProfile, first_line: int = 1) -> Iterator[tuple[int, list[Cell]]]:
    """Read rows as they stand, each with its line.

    Raises:
        Unreadable: The file is not of the profile's format.
    """
    kind = kind_of(path)
    if profile.format == "xlsx":
        if kind != "zip":
            raise Unreadable("The file is text, not a workbook (XLSX). Choose CSV or TSV as its format.")
        return sheet_rows(path, profile.sheet, first_line)
    if kind == "zip":
        raise Unreadable("The file is a workbook or an archive, not text. Choose XLSX as its format.")
    return text_rows(path, profile.encoding, profile.delimiter, first_line)


def kind_of(path: Path, member: str | None = None) -> str:
    """Tell whether a file is a workbook (`zip`) or may be text (`text`), by its first bytes.

    A text under gzip, or the only one in an archive, is text too: it is unpacked as it is read.

    Raises:
        Unreadable: It is empty, or of a kind that is never read: old XLS, PDF, HTML, other archives.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise Unreadable("The file is empty.")
    wrapping = wrapping_of(path)
    if wrapping == "zip" and is_workbook(path):
        return "zip"
    if wrapping:
        head = head_of(path, HEAD, member)
        if not head:
            raise Unreadable("The packed file is empty.")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:512].lower().replace(b"\0", b"")
    refusals = (
        (head.startswith(b"\xd0\xcf\x11\xe0"), "an old Excel file (XLS) or has a password. Save it as XLSX or CSV"),
        (start.startswith(b"%pdf"), "a PDF. Ask the vendor for the same report as CSV or XLSX"),
        (
            head.startswith((b"7z\xbc\xaf", b"Rar!", b"PK", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")),
            "an archive. Unpack it, then choose it again",
        ),
        (
            start.startswith((b"<!doctype html", b"<html", b"<?xml", b"<table", b"<head", b"<body")),
            "a web page or XML under another name. Open it in Excel and save it as XLSX or CSV",
        ),
    )
    for found, words in refusals:
        if found:
            raise Unreadable(f"The file is {words}.")
    return "text"


def header_names(cells: Sequence[Cell]) -> tuple[str, ...]:
    """Name the columns: an empty header by its place, a doubled one with its number.

    Raises:
        Unreadable: There are more columns than any usage file has.
    """
    if len(cells) > MAX_COLUMNS:
        raise Unreadable(f"The header line has {len(cells)} columns. Is the delimiter another one?")
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = as_text(cell) or f"column {place}"
        wanted, number = name, 1
        while name in names:
            number += 1
            name = f"{wanted} ({number})"
        names.append(name)
    return tuple(names)


def _named(headers: Sequence[str], written: Sequence[str], profile: FileProfile) -> dict[str, str]:
    """Find the profile's headers in the file: as written, else without case, blanks and underscores.

    Raises:
        Unreadable: Some are missing, or one stands there twice.
    """
    named: dict[str, str] = {}
    missing: list[str] = []
    for wanted in profile.headers():
        exact = [name for name, text in zip(headers, written, strict=True) if text == wanted.strip()]
        near = exact or [name for name in headers if _loose(name) == _loose(wanted)]
        if len(near) > 1:
            raise Unreadable(f"The column “{wanted}” stands in the file {len(near)} times. Rename one of them.")
        if near:
            named[wanted] = near[0]
        else:
            missing.append(wanted)
    if missing:
        words = ", ".join(f"“{name}”" for name in missing)
        have = ", ".join(f"“{name}”" for name in headers[:20])
        plural = "columns" if len(missing) > 1 else "column"
        raise Unreadable(
            f"The file has no {plural} {words}. Line {profile.header_row} has: {have}. "
            "Choose the line with the headers, or say what each column means."
        )
    return named


def _same(cell: Cell, written: str) -> bool:
    return as_text(cell) == written


def _loose(header: str) -> str:
    """Bring a header to the form in which headers are compared."""
    return "".join(letter for letter in header.casefold() if not letter.isspace() and letter not in "_\u00a0")


def _rows(
    source: Iterator[tuple[int, list[Cell]]],
    headers: Sequence[str],
    written: Sequence[str],
    named: Mapping[str, str],
    profile: FileProfile,
) -> Generator[SourceRow, None, None]:
    """Tell of each row what it is."""
    width = len(headers)
    skips = [(named[one.column], {fold(word) for word in one.equals}) for one in profile.skip_rows]
    for line, cells in source:
        values = dict(zip(headers, cells, strict=False))
        extra = tuple(text for cell in cells[width:] if (text := as_text(cell)))
        kind = RowKind.DATA
        if is_blank(cells):
            kind = RowKind.BLANK
        elif not extra and len(cells) >= width and all(map(_same, cells, written)):
            kind = RowKind.REPEATED_HEADER
        elif any(fold(as_text(values.get(header, ""))) in words for header, words in skips):
            kind = RowKind.TOTALS
        yield SourceRow(line, kind, values, extra)
