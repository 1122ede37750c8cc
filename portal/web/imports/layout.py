"""How a file is read, as the check page's form says it: from fields to a profile's JSON, and what differs from it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from portal.domain.periods import Period
from portal.services.errors import Invalid
from portal.vendors.cells import as_text, shortened
from portal.vendors.detection import detect
from portal.vendors.errors import Unreadable
from portal.vendors.profiles import DELIMITERS, ENCODINGS, LAST_HEADER_ROW, ROLES
from portal.vendors.readers import header_names, kind_of
from portal.vendors.sheets import sheet_names, sheet_rows
from portal.vendors.texts import text_rows

ROLE_TITLES: Mapping[str, str] = {
    "": "Leave out",
    "account_id": "Account id",
    "account_name": "Vendor account",
    "account_status": "Account status",
    "service_id": "Service id",
    "service_name": "Service",
    "term": "Term",
    "count": "Quantity",
}
ENCODING_TITLES: Mapping[str, str] = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a mark",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16, little end first",
    "utf-16-be": "UTF-16, big end first",
    "cp1252": "Windows-1252",
    "iso-8859-1": "ISO 8859-1",
    "iso-8859-15": "ISO 8859-15",
}
DELIMITER_TITLES: Mapping[str, str] = {"comma": "Comma ,", "semicolon": "Semicolon ;", "tab": "Tab", "bar": "Bar |"}
MARKS: Mapping[str, tuple[str, str, str]] = {  # word in the form: (decimal, thousands, as people see it)
    "point": (".", "", "1234.5"),
    "point-comma": (".", ",", "1,234.5"),
    "comma": (",", "", "1234,5"),
    "comma-point": (",", ".", "1.234,5"),
    "comma-blank": (",", " ", "1 234,5"),
    "point-blank": (".", " ", "1 234.5"),
    "point-apostrophe": (".", "'", "1'234.5"),
}
LAYOUT = ("format", "encoding", "delimiter", "sheet", "header_row")  # what decides which headers a file has
_MOST_COLUMNS = 200
_SAMPLE = 12  # lines under the headers
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
    """

    headers: tuple[str, ...] = ()
    above: tuple[tuple[int, str], ...] = ()
    rows: tuple[tuple[int, tuple[str, ...]], ...] = ()
    trouble: str = ""
    sheets: tuple[str, ...] = ()


def look(path: Path, spec: Mapping[str, Any]) -> Looked:
    """Read the first lines of a file by a layout that may be wrong."""
    sheets: tuple[str, ...] = ()
    try:
        packed = kind_of(path) == "zip"
        sheets = tuple(sheet_names(path)) if packed else ()
        header_row = int(spec.get("header_row") or 1)
        lines = (
            sheet_rows(path, spec.get("sheet") or None)
            if packed
            else text_rows(path, str(spec.get("encoding") or "utf-8"), str(spec.get("delimiter") or ","))
        )
        found = list(islice(lines, header_row + _SAMPLE))
    except (Unreadable, LookupError, OSError) as error:
        return Looked(trouble=str(error), sheets=sheets)
    above = [(line, " ".join(filter(None, map(as_text, cells)))) for line, cells in found if line < header_row]
    header = next((cells for line, cells in found if line == header_row), None)
    if header is None or not any(map(as_text, header)):
        return Looked(
            above=tuple(above), trouble=f"Line {header_row}, where the headers should be, is empty.", sheets=sheets
        )
    under = [
        (line, tuple(shortened(as_text(cell)) for cell in cells[:_MOST_COLUMNS]))
        for line, cells in found
        if line > header_row
    ]
    return Looked(
        headers=tuple(header_names(header)[:_MOST_COLUMNS]),
        above=tuple((line, shortened(text)) for line, text in above),
        rows=tuple(under),
        sheets=sheets,
    )


def spec_of_form(old: Mapping[str, Any], form: Mapping[str, str], path: Path) -> dict[str, Any]:
    """Give the profile's JSON that a form describes.

    Args:
        old: How the file was read until now; what the form does not show stays.
        form: The fields.
        path: The kept file: with another layout it has other headers.

    Raises:
        Invalid: A field cannot be used.
    """
    spec = dict(old)
    if spec.get("format") == "xlsx":
        spec["sheet"] = form.get("sheet") or None
    else:
        spec["encoding"] = _one_of(form, "encoding", ENCODINGS, str(spec.get("encoding") or "utf-8"))
        words = {word: mark for mark, word in DELIMITERS.items()}
        delimiter = _one_of(form, "delimiter", tuple(words), DELIMITERS.get(str(spec.get("delimiter")), "comma"))
        spec["delimiter"] = words[delimiter]
        spec["format"] = "tsv" if delimiter == "tab" else "csv"
    spec["header_row"] = _header_row(form.get("header_row", str(spec.get("header_row") or 1)))
    marks = _one_of(form, "marks", tuple(MARKS), marks_of(spec))
    spec["decimal"], spec["thousands"] = MARKS[marks][:2]
    if any(spec.get(name) != old.get(name) for name in LAYOUT):
        spec["columns"] = _columns_again(old.get("columns") or {}, look(path, spec).headers, path)
    elif any(name.startswith("head-") for name in form):
        spec["columns"] = _columns(form)
    if "count_rows_shown" in form:
        spec["count_rows"] = form.get("count_rows") == "1"
    if spec.get("count_rows"):
        spec["columns"] = {role: header for role, header in spec["columns"].items() if role != "count"}
    if "filter_column" in form:
        spec["filters"] = _filters(form, old.get("filters") or [])
    return spec


def marks_of(spec: Mapping[str, Any]) -> str:
    """Give the word for the marks of numbers."""
    wanted = (spec.get("decimal") or ".", spec.get("thousands") or "")
    return next((word for word, marks in MARKS.items() if marks[:2] == wanted), "point")


def differences(spec: Mapping[str, Any], saved: Mapping[str, Any] | None) -> frozenset[str]:
    """Name the fields in which the reading differs from the saved profile."""
    if saved is None:
        return frozenset()
    names = ("encoding", "delimiter", "sheet", "header_row", "decimal", "thousands", "columns", "count_rows", "filters")
    return frozenset(name for name in names if (spec.get(name) or None) != (saved.get(name) or None))


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


def _one_of(form: Mapping[str, str], name: str, known: Sequence[str], default: str) -> str:
    """Give a choice of the form.

    Raises:
        Invalid: There is no such choice.
    """
    value = form.get(name, default)
    if value not in known:
        raise Invalid(f"“{value[:40]}” is no choice for “{name}”.", {name: "Choose one of the list."})
    return value


def _header_row(text: str) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit()) or not 1 <= int(word[:9]) <= LAST_HEADER_ROW:
        sentence = f"“{word[:40]}” is no line of headers. Type its number, 1 for the file's first line."
        raise Invalid(sentence, {"header_row": sentence})
    return int(word)


def _columns(form: Mapping[str, str]) -> dict[str, str]:
    """Read the meanings of the columns.

    Raises:
        Invalid: Two columns mean the same.
    """
    found: dict[str, str] = {}
    for place in range(_MOST_COLUMNS):
        header, role = form.get(f"head-{place}"), form.get(f"col-{place}", "")
        if header is None or role not in ROLES:
            continue
        if role in found:
            sentence = f"Two columns mean “{ROLE_TITLES[role]}”: “{found[role]}” and “{header}”. Choose one of them."
            raise Invalid(sentence, {f"col-{place}": sentence})
        found[role] = header
    return {role: found[role] for role in ROLES if role in found}


def _columns_again(old: Mapping[str, str], headers: Sequence[str], path: Path) -> dict[str, str]:
    """Give the columns' meanings after the layout changed: those of headers that are still there, or a new guess."""
    kept = {role: header for role, header in old.items() if header in headers}
    if kept and len(kept) == len(old):
        return kept
    try:
        found = detect(path)
    except Unreadable:
        return kept
    guess = found.guess["columns"]
    if isinstance(guess, dict) and found.headers == tuple(headers):
        return {str(role): str(header) for role, header in guess.items()} | kept
    return kept


def _filters(form: Mapping[str, str], old: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Read the first filter; further ones, which the form does not show, stay."""
    column = form.get("filter_column", "").strip()
    words = [word.strip() for word in re.split(r"[,;\n]", form.get("filter_words", "")) if word.strip()]
    rest = [dict(one) for one in old[1:]]
    if not column:
        return rest
    if not words:
        sentence = f"No word says which lines of “{column}” count. Type at least one, or choose no column."
        raise Invalid(sentence, {"filter_words": sentence})
    return [{"column": column, "keep": words[:50]}, *rest]
