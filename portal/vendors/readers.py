"""From a file and its profile to rows: what is data, and what is blank, a repeated header or a total."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from portal.vendors.cells import Cell, as_text, is_blank
from portal.vendors.errors import Unreadable
from portal.vendors.packed import head_of, is_workbook, wrapping_of
from portal.vendors.profiles import FIND_WITHIN, ROW, SHEET, FileProfile, fold
from portal.vendors.sheets import sheet_names, sheet_rows
from portal.vendors.texts import HEAD, text_rows

MAX_COLUMNS = 2000
ABOVE = 50  # lines above the headers that are kept
SHOWN = 20  # headers that a sentence lists
# characters that are in no text; a NUL among few is told with its line
_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\v\f\r\x1a\x1b"))
_FEW_CONTROLS = 10
_CONTROL_SHARE = 25  # of bytes that stand in no order, a tenth is of these
_NUL_SHARE = 10  # of UTF-16, the half of most


class RowKind(StrEnum):
    """What a row of the file is; only data is counted."""

    DATA = "data"
    BLANK = "blank"
    REPEATED_HEADER = "repeated header"
    TOTALS = "totals"
    AFTER_END = "after the end"  # of another table under this one, or a line that ends it


class SourceRow(NamedTuple):
    """One row under the header line.

    Args:
        line: Where it begins; 1 is the file's first line. Where sheets are read one after the other, lines go on
            from sheet to sheet, and the columns `(sheet)` and `(row)` say where the row stands.
        cells: By header, without those beyond the header.
        beyond: Cells that stand under no header, if any is not blank.
    """

    line: int
    kind: RowKind
    cells: Mapping[str, Cell]
    beyond: tuple[str, ...] = ()

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
        line: The header line.
        above: The lines above it, as texts, at most `ABOVE` of them.
    """

    headers: tuple[str, ...]
    named: Mapping[str, str]
    rows: Generator[SourceRow, None, None]
    line: int = 1
    above: tuple[tuple[str, ...], ...] = ()


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
    if profile.format == "xlsx" and profile.all_sheets:
        return _sheet_by_sheet(path, profile)
    return _table(_source(path, profile), profile)


def raw_rows(path: Path, profile: FileProfile, first_line: int = 1) -> Iterator[tuple[int, list[Cell]]]:
    """Read rows as they stand, each with its line.

    Raises:
        Unreadable: The file is not of the profile's format.
    """
    kind = kind_of(path, profile.member or None)
    if profile.format == "xlsx":
        if kind != "zip":
            raise Unreadable("The file is text, not a workbook (XLSX). Choose CSV or TSV as its format.")
        return sheet_rows(path, profile.sheet, first_line)
    if kind == "zip":
        raise Unreadable("The file is a workbook or an archive, not text. Choose XLSX as its format.")
    member = profile.member or None
    return text_rows(path, profile.encoding, profile.delimiter, first_line, member=member, comment=profile.comment)


def kind_of(path: Path, member: str | None = None) -> str:
    """Tell whether a file is a workbook (`zip`) or may be text (`text`), by its first bytes.

    A text under gzip, or the only one in an archive, is text too: it is unpacked as it is read.

    Raises:
        Unreadable: It is empty, or of a kind that is never read: old XLS, PDF, HTML, other archives, no text at all.
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
    if _is_noise(head):
        raise Unreadable("The file is neither text nor a workbook: it is damaged, or of another kind. Fetch it again.")
    return "text"


def _is_noise(head: bytes) -> bool:
    """Tell whether a file's first bytes are of no text: control characters all over, and no NUL in every other byte."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head.count(0) * _NUL_SHARE > len(head):
        return False  # UTF-16, of which any byte may be a part
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls >= _FEW_CONTROLS and controls * _CONTROL_SHARE > len(head)


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


def _source(path: Path, profile: FileProfile) -> Iterator[tuple[int, list[Cell]]]:
    """Give the rows from the header line on; where it is looked for, from where it may stand."""
    return raw_rows(path, profile, first_line=1 if profile.find_header else profile.header_row)


def _table(source: Iterator[tuple[int, list[Cell]]], profile: FileProfile, where: str = "") -> Table:
    """Find the header line in rows, and tell of each row under it what it is."""
    above: list[tuple[str, ...]] = []
    line, cells = next(source, (0, []))
    if profile.find_header:
        while line and not (line >= profile.header_row and has_headers(cells, profile)):
            above.append(tuple(map(as_text, cells)))
            line, cells = next(source, (0, [])) if line < profile.header_row + FIND_WITHIN else (0, [])
        if not line:
            words = ", ".join(f"“{name}”" for name in profile.headers()[:SHOWN])
            raise Unreadable(
                f"No line{where} among the first {FIND_WITHIN} has the columns {words}. The vendor may have renamed "
                "them: say what each column means."
            )
    elif line != profile.header_row or is_blank(cells):
        raise Unreadable(
            f"Line {profile.header_row} of the file{where}, where the headers should be, is empty or missing."
        )
    headers = header_names(cells)
    written = [as_text(cell) for cell in cells]
    named = _named(headers, written, profile, line)
    found = _rows(source, headers, written, named, profile)
    return Table(headers=headers, named=named, rows=found, line=line, above=tuple(above[-ABOVE:]))


def _sheet_by_sheet(path: Path, profile: FileProfile) -> Table:
    """Read every visible sheet, one after the other, as if they stood one below the other."""
    if kind_of(path) != "zip":
        raise Unreadable("The file is text, not a workbook (XLSX). Choose CSV or TSV as its format.")
    skipped = {fold(name) for name in profile.skip_sheets}
    names = [name for name in sheet_names(path) if fold(name) not in skipped]
    first: Table | None = None
    for name in names:
        table = _of_sheet(path, profile, name)
        if table is not None:
            first = table
            break
    if first is None:
        raise Unreadable("No sheet of the workbook holds a table.")
    first.rows.close()
    headers = (*first.headers, SHEET, ROW)
    named = {**first.named, SHEET: SHEET, ROW: ROW}
    return Table(headers=headers, named=named, rows=_of_sheets(path, profile, names, first), line=first.line)


def _of_sheet(path: Path, profile: FileProfile, name: str) -> Table | None:
    """Open one sheet; none where it is empty."""
    source = sheet_rows(path, name)
    started = next((one for one in source if not is_blank(one[1])), None)
    if started is None:
        return None
    profile = profile if profile.find_header else profile.changed(find_header=True)
    return _table(chain([started], source), profile, f" of the sheet “{name}”")


def _of_sheets(
    path: Path, profile: FileProfile, names: Sequence[str], first: Table
) -> Generator[SourceRow, None, None]:
    """Give the rows of all sheets; the columns of the profile are called as on the first one."""
    offset = 0
    for name in names:
        table = _of_sheet(path, profile, name)
        if table is None:
            continue
        same = {own: first.named[wanted] for wanted, own in table.named.items()}
        last = table.line
        for row in table.rows:
            last = row.line
            cells = {same.get(header, header): cell for header, cell in row.cells.items()}
            cells |= {SHEET: name, ROW: str(row.line)}
            yield SourceRow(offset + row.line, row.kind, cells, row.beyond)
        offset += last


def has_headers(cells: Sequence[Cell], profile: FileProfile) -> bool:
    """Tell whether a row holds all headers that a profile needs."""
    here = {loose(as_text(cell)) for cell in cells}
    return all(any(loose(name) in here for name in _names(wanted, profile)) for wanted in profile.headers()) and all(
        any(loose(name) in here for wanted in group for name in _names(wanted, profile)) for group in profile.choices()
    )


def _names(wanted: str, profile: FileProfile) -> tuple[str, ...]:
    """Give the names that are taken for a header, its own first."""
    return (wanted, *profile.also.get(wanted, ()))


def _named(headers: Sequence[str], written: Sequence[str], profile: FileProfile, line: int) -> dict[str, str]:
    """Find the profile's headers in the file: as written, else without case, blanks and underscores.

    Raises:
        Unreadable: Some are missing, or one stands there twice.
    """
    named: dict[str, str] = {}
    missing: list[str] = []
    optional = {header for group in profile.choices() for header in group} - set(profile.headers())
    for wanted in (*profile.headers(), *sorted(optional)):
        found = _found(headers, written, wanted, profile)
        if found is not None:
            named[wanted] = found
        elif wanted not in optional:
            missing.append(wanted)
    missing += [" / ".join(group) for group in profile.choices() if not any(one in named for one in group)]
    if missing:
        words = ", ".join(f"“{name}”" for name in missing)
        have = ", ".join(f"“{name}”" for name in headers[:SHOWN])
        plural = "columns" if len(missing) > 1 else "column"
        raise Unreadable(
            f"The file has no {plural} {words}. Line {line} has: {have}. "
            "Choose the line with the headers, or say what each column means."
        )
    return named


def _found(headers: Sequence[str], written: Sequence[str], wanted: str, profile: FileProfile) -> str | None:
    """Find one header.

    Raises:
        Unreadable: It stands there twice.
    """
    for name in _names(wanted, profile):
        exact = [header for header, text in zip(headers, written, strict=True) if text == name.strip()]
        near = exact or [header for header in headers if loose(header) == loose(name)]
        if len(near) > 1:
            raise Unreadable(f"The column “{name}” stands in the file {len(near)} times. Rename one of them.")
        if near:
            return near[0]
    return None


def _same(cell: Cell, written: str) -> bool:
    return as_text(cell) == written


def loose(header: str) -> str:
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
    width, start = len(headers), written[0] if written else ""
    skips = [(named[one.column], {fold(word) for word in one.equals}) for one in profile.skip_rows]
    ends = [(named[one.column], {fold(word) for word in one.equals}) for one in profile.end]
    ended = seen = False
    for line, cells in source:
        values = dict(zip(headers, cells, strict=False))
        extra = () if len(cells) <= width else tuple(text for cell in cells[width:] if (text := as_text(cell)))
        kind = RowKind.DATA
        if is_blank(cells):
            kind = RowKind.BLANK
            ended = ended or (profile.ends_blank and seen)
        elif ended:
            kind = RowKind.AFTER_END
        elif as_text(cells[0]) == start and not extra and _is_header(cells, written):
            kind = RowKind.REPEATED_HEADER
        elif ends and any(fold(as_text(values.get(header, ""))) in words for header, words in ends):
            kind, ended = RowKind.AFTER_END, True
        elif skips and any(fold(as_text(values.get(header, ""))) in words for header, words in skips):
            kind = RowKind.TOTALS
        seen = seen or kind is RowKind.DATA
        yield SourceRow(line, kind, values, extra)


def _is_header(cells: Sequence[Cell], written: Sequence[str]) -> bool:
    """Tell whether a row repeats the header line; a workbook does not keep blank cells at its end."""
    return len(cells) >= max((place for place, text in enumerate(written, 1) if text), default=0) and all(
        map(_same, cells, written)
    )
