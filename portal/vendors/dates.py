"""Dates as vendors write them, read in the order that the profile names. An order is never guessed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from portal.vendors.cells import Cell, as_text
from portal.vendors.sheets import date_of_serial

ORDERS = ("", "iso", "dmy", "mdy", "ymd", "excel", "epoch", "epoch_ms")
ORDERS_IN_WORDS = {
    "": "year first",
    "iso": "year first",
    "dmy": "day, month, year",
    "mdy": "month, day, year",
    "ymd": "year, month, day",
    "excel": "Excel's day numbers",
    "epoch": "seconds since 1970",
    "epoch_ms": "milliseconds since 1970",
}
LONGEST = 60  # characters
_CENTURY = 2000
_SHORT_YEAR = 100
_EARLIEST, _LATEST = 1970, 2199
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# a time and a zone may follow; the calendar day is the one that is written, never shifted
_TIME = (
    r"(?:(?:T|,? +)[0-9]{1,2}[:.][0-9]{2}(?:[:.][0-9]{2}(?:[.,][0-9]+)?)? ?(?:[ap]\.?m\.?)?"
    r"(?: ?(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?)?"
)
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})" + _TIME, re.IGNORECASE)
_TIGHT = re.compile(r"(20[0-9]{2})([01][0-9])([0-3][0-9])")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})" + _TIME, re.IGNORECASE)
_DAY_NAMED = re.compile(
    r"([0-9]{1,2})(?:st|nd|rd|th)?[- ]([a-z]{3,9})\.?,?[- ]([0-9]{4}|[0-9]{2})" + _TIME, re.IGNORECASE
)
_MONTH_NAMED = re.compile(r"([a-z]{3,9})\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})" + _TIME, re.IGNORECASE)
_EXCEL_FIRST, _EXCEL_LAST = Decimal(25569), Decimal(109_574)  # 1970 to 2199


class BadDate(ValueError):
    """A cell that is no date. Its text says why, as a sentence."""


class AmbiguousDate(BadDate):
    """A date that can be read in two ways, and nobody has said which one holds.

    Args:
        text: As it is written.
        readings: Day first, then month first.
    """

    def __init__(self, text: str, readings: tuple[date, date]) -> None:
        self.text = text
        self.readings = readings
        super().__init__(
            f"“{text}” can be read as {_words(readings[0])} or as {_words(readings[1])}. "
            "Say in which order the file's dates stand."
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """What a column of dates says of its order.

    Args:
        order: One of `ORDERS`; empty where nothing settles it.
        dates: How many cells are dates in some order.
        others: How many filled cells are no dates.
        example: A date that can be read in two ways, where the order is not settled.
        line: Its place among the cells, from 0.
    """

    order: str
    dates: int
    others: int
    example: AmbiguousDate | None = None
    line: int = 0


def read_date(cell: Cell, order: str = "") -> date:
    """Read a calendar date.

    Args:
        cell: A text, with or without time and zone; from a workbook also a number, which is Excel's day number.
        order: One of `ORDERS`. Without one only dates that can be read in one way are read.

    Raises:
        AmbiguousDate: It can be read in two ways, and there is no order.
        BadDate: It is no date.
    """
    text = as_text(cell)
    if not text:
        raise BadDate("The date is empty.")
    if len(text) > LONGEST:
        raise BadDate("The date is longer than any date.")
    if order in {"excel", "epoch", "epoch_ms"} or isinstance(cell, Decimal):
        return _numbered(text, "excel" if isinstance(cell, Decimal) and not order.startswith("epoch") else order)
    first = _YEAR_FIRST.fullmatch(text)
    if first is not None:
        return _day(text, first[1], first[3], first[4])
    tight = _TIGHT.fullmatch(text)
    if tight is not None:
        return _day(text, *tight.groups())
    last = _YEAR_LAST.fullmatch(text)
    if last is not None:
        return _year_last(text, last, order)
    return _named(text)


def settle_order(cells: Iterable[Cell]) -> Settled:
    """Tell in which order a column's dates stand: settled where one date can be read in one way only."""
    orders: set[str] = set()
    dates = others = 0
    example: AmbiguousDate | None = None
    place = 0
    for number, cell in enumerate(cells):
        if not as_text(cell):
            continue
        try:
            read_date(cell)
        except AmbiguousDate as error:
            dates += 1
            if error.readings[0] != error.readings[1] and example is None:
                example, place = error, number
            continue
        except BadDate:
            others += 1
            continue
        dates += 1
        match = None if isinstance(cell, Decimal) else _YEAR_LAST.fullmatch(as_text(cell))
        if match is not None and int(match[1]) != int(match[3]):
            orders.add("dmy" if int(match[1]) > len(_MONTHS) else "mdy")
    if len(orders) == 1:
        return Settled(orders.pop(), dates, others)
    return Settled("", dates, others, example, place)


def _year_last(text: str, match: re.Match[str], order: str) -> date:
    """Read a date whose year stands last."""
    one, two, year = match[1], match[3], match[4]
    if order == "dmy":
        return _day(text, year, two, one)
    if order == "mdy" and match[2] != ".":  # with points nobody writes the month first
        return _day(text, year, one, two)
    readings = []
    for month, day in ((two, one), (one, two)):
        try:
            readings.append(_day(text, year, month, day))
        except BadDate:
            continue
    if not readings:
        raise BadDate(f"“{text}” is not a date.")
    if len(readings) > 1 and readings[0] != readings[1]:
        raise AmbiguousDate(text, (readings[0], readings[1]))
    return readings[0]


def _named(text: str) -> date:
    """Read a date with the month's English name."""
    match = _DAY_NAMED.fullmatch(text)
    if match is not None:
        day, month, year = match[1], match[2], match[3]
    else:
        match = _MONTH_NAMED.fullmatch(text)
        if match is None:
            raise BadDate(f"“{text}” is not a date.")
        month, day, year = match[1], match[2], match[3]
    if month[:3].casefold() not in _MONTHS:
        raise BadDate(f"“{text}” is not a date.")
    return _day(text, year, str(_MONTHS.index(month[:3].casefold()) + 1), day)


def _numbered(text: str, order: str) -> date:
    """Read a day number or seconds."""
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        if order == "excel":
            return read_date(text, "iso")
        raise BadDate(f"“{text}” is not a date written as {ORDERS_IN_WORDS[order]}.") from error
    if not number.is_finite():
        raise BadDate(f"“{text}” is not a date.")
    if order == "excel":
        written = date_of_serial(number) if _EXCEL_FIRST <= number <= _EXCEL_LAST else None
        if written is None:
            raise BadDate(f"“{text}” is not a day number of Excel.")
        return date.fromisoformat(written[:10])
    seconds = number / 1000 if order == "epoch_ms" else number
    try:
        moment = datetime(_EARLIEST, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds))
    except (OverflowError, ValueError) as error:
        raise BadDate(f"“{text}” is not a date written as {ORDERS_IN_WORDS[order]}.") from error
    return _checked(text, moment.date())


def _day(text: str, year: str, month: str, day: str) -> date:
    number = int(year)
    try:
        return _checked(text, date(number + _CENTURY if number < _SHORT_YEAR else number, int(month), int(day)))
    except ValueError as error:
        raise BadDate(f"“{text}” is not a date.") from error


def _checked(text: str, found: date) -> date:
    if not _EARLIEST <= found.year <= _LATEST:
        raise BadDate(f"“{text}” lies outside of the years {_EARLIEST} to {_LATEST}.")
    return found


def _words(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1].capitalize()} {day.year}"
