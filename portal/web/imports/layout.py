"""A kept file as it stands, read only as far as it is shown; and what its name says of month and day."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from portal.domain.periods import Period
from portal.services.errors import Invalid
from portal.vendors.cells import Cell, as_text, shortened
from portal.vendors.errors import BadProfile, Unreadable
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import header_names, kind_of, open_table, raw_rows
from portal.vendors.sheets import sheet_names, sheet_rows
from portal.vendors.texts import text_rows
from portal.web.imports.fields import MOST_COLUMNS

LAYOUT = ("format", "encoding", "delimiter", "sheet", "header_row")  # what decides which headers a file has
_SAMPLE = 12  # lines under the headers
_ABOVE = 20  # lines above them
_DAY = re.compile(r"(?<![0-9])(20[0-9]{2})[-_.]?([01][0-9])[-_.]?([0-3][0-9])(?![0-9])")
_MONTH = re.compile(r"(?<![0-9])(20[0-9]{2})[-_.]([01][0-9])(?![0-9])")
_NOON = time(12)


@dataclass(frozen=True, slots=True)
class Looked:
    """What stands in a file, read only as far as it is shown.

    Args:
        headers: As columns are called; empty where the header line cannot be read.
        above: Lines above the headers.
        rows: The first lines under them.
        trouble: Why nothing more can be shown, as a sentence; or empty.
        sheets: Of a workbook.
        line: The header line.
    """

    headers: tuple[str, ...] = ()
    above: tuple[tuple[int, str], ...] = ()
    rows: tuple[tuple[int, tuple[str, ...]], ...] = ()
    trouble: str = ""
    sheets: tuple[str, ...] = ()
    line: int = 1


def look(path: Path, spec: Mapping[str, Any]) -> Looked:
    """Read the first lines of a file by a profile that may not fit. Kept files never change, so it is done once."""
    return _look(path, json.dumps(dict(spec), sort_keys=True))


@lru_cache(maxsize=64)
def _look(path: Path, text: str) -> Looked:
    """Look as the profile says; where it does not fit, at the file as it stands."""
    spec = json.loads(text)
    try:
        sheets = tuple(sheet_names(path)) if kind_of(path, spec.get("member") or None) == "zip" else ()
    except (Unreadable, OSError) as error:
        return Looked(trouble=str(error))
    try:
        table = open_table(path, FileProfile.from_spec(spec))
        with closing(table.rows):
            under = [(row.line, [*row.cells.values()]) for row in islice(table.rows, _SAMPLE)]
    except (BadProfile, Unreadable, LookupError, OSError):
        return _raw(path, spec, sheets)
    above = [
        (line, " ".join(filter(None, cells))) for line, cells in enumerate(table.above, table.line - len(table.above))
    ]
    return Looked(
        headers=table.headers[:MOST_COLUMNS],
        above=tuple((line, shortened(words)) for line, words in above) or _above(path, spec, table.line),
        rows=_short(under),
        line=table.line,
        sheets=sheets,
    )


def _above(path: Path, spec: Mapping[str, Any], header_row: int) -> tuple[tuple[int, str], ...]:
    """Give the lines above the headers, where the table itself does not hold them."""
    if header_row == 1:
        return ()
    try:
        lines = islice(raw_rows(path, FileProfile.from_spec(spec)), header_row)
        found = [(line, " ".join(filter(None, map(as_text, cells)))) for line, cells in lines if line < header_row]
    except (BadProfile, Unreadable, LookupError, OSError):
        return ()  # quotation marks in a preamble are not balanced; it is not needed
    return tuple((line, shortened(words)) for line, words in found[:_ABOVE])


def _raw(path: Path, spec: Mapping[str, Any], sheets: tuple[str, ...]) -> Looked:
    """Look at a file as it stands: the line that should hold the headers, and what is around it."""
    header_row = int(spec.get("header_row") or 1)
    try:
        lines = (
            sheet_rows(path, spec.get("sheet") or None)
            if sheets
            else text_rows(path, str(spec.get("encoding") or "utf-8"), str(spec.get("delimiter") or ","))
        )
        found = list(islice(lines, header_row + _SAMPLE))
    except (Unreadable, LookupError, OSError) as error:
        return Looked(trouble=str(error), sheets=sheets)
    above = [(line, " ".join(filter(None, map(as_text, cells)))) for line, cells in found if line < header_row]
    shown = tuple((line, shortened(text)) for line, text in above[:_ABOVE])
    header = next((cells for line, cells in found if line == header_row), None)
    if header is None or not any(map(as_text, header)):
        trouble = f"Line {header_row}, where the headers should be, is empty."
        return Looked(above=shown, trouble=trouble, line=header_row, sheets=sheets)
    try:
        headers = header_names(header)
    except Unreadable as error:
        return Looked(above=shown, trouble=str(error), line=header_row, sheets=sheets)
    under = [(line, cells) for line, cells in found if line > header_row]
    return Looked(headers=headers[:MOST_COLUMNS], above=shown, rows=_short(under), line=header_row, sheets=sheets)


def _short(rows: Sequence[tuple[int, Sequence[Cell]]]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    return tuple((line, tuple(shortened(as_text(cell)) for cell in cells[:MOST_COLUMNS])) for line, cells in rows)


def from_name(filename: str, now: datetime, zone: ZoneInfo) -> tuple[str | None, datetime]:
    """Guess the month and the moment of counting from a file's name: a day or a month in it; otherwise now."""
    today = now.astimezone(zone).date()
    for found in _DAY.finditer(filename):
        try:
            day = date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            continue
        if day <= today:
            moment = datetime.combine(day, _NOON, zone)
            return str(Period.holding(day)), min(moment, now)
    for found in _MONTH.finditer(filename):
        try:
            month = Period(int(found[1]), int(found[2]))
        except ValueError:
            continue
        if month.first <= today:
            moment = datetime.combine(month.last, _NOON, zone)
            return str(month), min(moment, now)
    return None, now


def counted_at_of(text: str, zone: ZoneInfo) -> datetime:
    """Read the moment of counting as `<input type="datetime-local">` sends it, in the portal's zone.

    Raises:
        Invalid: It is no moment.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        sentence = f"“{text[:40]}” is not a day and time. Write it as 2026-10-27T06:10."
        raise Invalid(sentence, {"counted_at": sentence}) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    if not timedelta(0) <= moment - datetime(2000, 1, 1, tzinfo=zone) < timedelta(days=36_525):
        raise Invalid("The day of counting lies too far away.", {"counted_at": "Choose a day of this century."})
    return moment
