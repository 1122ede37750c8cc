"""What was understood of a file and what is unsure: columns with their alternatives, and the questions to a person."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from portal.vendors.builtin import Builtin, Near
from portal.vendors.cells import Cell, as_text
from portal.vendors.dates import Settled, settle_order
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import RowKind, open_table

_EITHER = re.compile(r"-?[1-9][0-9]{0,2}[.,][0-9]{3}")
_SURE, _LIKELY, _PERHAPS = Decimal("0.95"), Decimal("0.8"), Decimal("0.6")
_MANY = 8  # names of a role that are unmistakable
_DATES_AT_LEAST = Decimal("0.8")  # of the filled cells of a column of dates


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """What a column was taken for.

    Args:
        confidence: 0 to 1; 1 is a ready-made profile's.
        alternatives: Other columns that may be meant.
    """

    role: str
    header: str
    confidence: Decimal
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What only a person can say.

    Args:
        kind: `columns`, `count_rows`, `date_order`, `marks`, `encoding`, `changed_headers` or `template`.
        field: The profile's field that the answer settles.
        sentence: The question.
        choices: Answers: the field's value, and what it means here.
        column: Of the file, where it is about one.
        line: Of the file, likewise.
    """

    kind: str
    field: str
    sentence: str
    choices: tuple[tuple[str, str], ...] = ()
    column: str | None = None
    line: int | None = None


def column_guesses(
    columns: Mapping[str, str], headers: Sequence[str], names: Mapping[str, Sequence[str]], *, known: bool
) -> tuple[ColumnGuess, ...]:
    """Say how sure the meaning of each column is."""
    found = []
    for role, header in columns.items():
        if known or role not in names:
            found.append(ColumnGuess(role, header, Decimal(1)))
            continue
        loose = _loose(header)
        place = list(names[role]).index(loose) if loose in names[role] else len(names[role])
        others = tuple(one for one in headers if _loose(one) in names[role] and one not in columns.values())
        sure = _SURE if place < _MANY else _LIKELY
        found.append(ColumnGuess(role, header, _PERHAPS if others and place >= _MANY else sure, others))
    return tuple(found)


def date_columns(headers: Sequence[str], rows: Sequence[tuple[int, Sequence[Cell]]]) -> dict[str, Settled]:
    """Find columns of dates, and what their rows say of the order."""
    found = {}
    for place, header in enumerate(headers):
        cells = [cells[place] for _line, cells in rows if place < len(cells) and not isinstance(cells[place], Decimal)]
        settled = settle_order(cells)
        if settled.dates and settled.dates >= _DATES_AT_LEAST * (settled.dates + settled.others):
            found[header] = settled
    return found


def settle_dates(path: Path, profile: FileProfile, columns: Sequence[str]) -> dict[str, Settled]:
    """Look at a whole file for the order of its dates: one row may settle it for all.

    Args:
        path: The file.
        profile: How it is read.
        columns: Headers of the file.

    Raises:
        Unreadable: It cannot be read.
    """
    table = open_table(path, profile)
    found: dict[str, Settled] = {}
    waiting: dict[str, list[Cell]] = {column: [] for column in columns}
    for row in table.rows:
        if row.kind is not RowKind.DATA:
            continue
        for column in columns:
            if column in found and found[column].order:
                continue
            waiting[column].append(row.cells.get(column, ""))
            if len(waiting[column]) >= 1000:  # noqa: PLR2004 - cells that are looked at together
                found[column] = _joined(found.get(column), settle_order(waiting.pop(column)))
                waiting[column] = []
    for column, cells in waiting.items():
        if column not in found or not found[column].order:
            found[column] = _joined(found.get(column), settle_order(cells))
    return found


def _joined(before: Settled | None, now: Settled) -> Settled:
    """Join what two pieces of a column say."""
    if before is None:
        return now
    example = before if before.example is not None else now
    return Settled(now.order, before.dates + now.dates, before.others + now.others, example.example, example.line)


def questions(
    guess: Mapping[str, object],
    missing: Sequence[str],
    dates: Mapping[str, Settled],
    count_texts: Sequence[tuple[int, str]],
    *,
    builtin: Builtin | None,
    near: Near | None,
    template: Builtin | None,
    encoding_is_sure: bool,
) -> tuple[Question, ...]:
    """List what has to be asked; a known file asks for nothing that its rows settle."""
    found: list[Question] = []
    if near is not None and builtin is None:
        found.append(Question("changed_headers", "columns", near.sentence))
    if template is not None and builtin is None:
        found.append(
            Question(
                "template",
                "columns",
                f"The file looks like {template.vendor}, {template.title}, whose columns nobody has published. "
                "Use the template, and confirm what each column means?",
                ((template.name, f"{template.vendor}, {template.title}"),),
            )
        )
    for what in missing:
        if what == "count":
            sentence = "No column holds numbers that look like a count. Is each row one unit?"
            choices = (("true", "Each row counts one"), ("false", "I choose the column"))
            found.append(Question("count_rows", "count_rows", sentence, choices))
        else:
            found.append(Question("columns", "columns", f"Which column says which {what} a row is about?"))
    found += _date_questions(guess, dates, builtin)
    found += _mark_question(guess, count_texts) if builtin is None else []  # a known file's counts are whole
    if not encoding_is_sure:
        sentence = (
            "The text has no mark of its encoding and is no UTF-8. Are letters with accents right in the preview?"
        )
        choices = (("cp1252", "Windows-1252"), ("iso-8859-15", "ISO 8859-15"))
        found.append(Question("encoding", "encoding", sentence, choices))
    return tuple(found)


def _date_questions(
    guess: Mapping[str, object], dates: Mapping[str, Settled], builtin: Builtin | None
) -> list[Question]:
    """Ask for the order of dates where nothing settles it and a count depends on it."""
    if builtin is None or guess.get("dates"):
        return []
    used = {_loose(one) for one in _dated(builtin.profile())}
    for header, settled in dates.items():
        if _loose(header) in used and settled.example is not None and not settled.order:
            first, second = settled.example.readings
            choices = (("dmy", f"{first.isoformat()}: day first"), ("mdy", f"{second.isoformat()}: month first"))
            return [Question("date_order", "dates", str(settled.example), choices, header)]
    return []


def _dated(profile: FileProfile) -> list[str]:
    """List the columns whose dates decide something."""
    measure = profile.measure
    found = [measure.start, measure.end, measure.column if measure.how in {"latest", "days"} else ""]
    for days in (profile.days, profile.part_month):
        found += [] if days is None else [days.first, days.last]
    if profile.counted_on is not None:
        found.append(profile.counted_on.column)
    return [one for one in found if one]


def _mark_question(guess: Mapping[str, object], texts: Sequence[tuple[int, str]]) -> list[Question]:
    """Ask what “1,234” is, where every count could be either."""
    either = [(line, text) for line, text in texts if _EITHER.fullmatch(text)]
    told = any(("," in text or "." in text) and not _EITHER.fullmatch(text) for _line, text in texts)
    if not either or told:
        return []
    line, text = either[0]
    mark = "," if "," in text else "."
    whole, point = text.replace(mark, ""), text.replace(mark, ".")
    if mark == "." and guess.get("decimal") == ".":
        return []  # a point is the decimal mark unless something speaks against it
    choices = ((f"thousands {mark}", whole), (f"decimal {mark}", point))
    sentence = f"“{text}” on line {line} can be read as {whole} or as {point}. Which is it?"
    return [Question("marks", "thousands", sentence, choices, None, line)]


def texts_of(place: int | None, rows: Sequence[tuple[int, Sequence[Cell]]]) -> list[tuple[int, str]]:
    """Give a column's texts with their lines."""
    if place is None:
        return []
    return [
        (line, as_text(cells[place]))
        for line, cells in rows
        if place < len(cells) and isinstance(cells[place], str) and as_text(cells[place])
    ]


def _loose(header: str) -> str:
    return "".join(letter for letter in header.casefold() if not letter.isspace() and letter not in "_-")
