"""Billing periods and calendar days, always in the portal's own time zone."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LAST_MONTH = 12
FIRST_YEAR, LAST_YEAR = 2000, 2999  # of periods that are asked for; the months beside them exist, too
_WRITTEN = re.compile(r"([0-9]{4})-([0-9]{2})")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A calendar month.

    Args:
        year: 1 to 9999.
        month: 1 to 12.

    Raises:
        ValueError: There is no such month.
    """

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (date.min.year <= self.year <= date.max.year and 1 <= self.month <= _LAST_MONTH):
            msg = f"There is no month {self.month} of {self.year}."
            raise ValueError(msg)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a period as it stands in addresses and files: "2026-10".

        Raises:
            ValueError: The text is no month; the message is a sentence.
        """
        match = _WRITTEN.fullmatch(text.strip())
        if match is None:
            msg = f"“{text}” is not a month. Write it as 2026-10."
            raise ValueError(msg)
        year = int(match[1])
        if not FIRST_YEAR <= year <= LAST_YEAR:
            msg = f"“{text}” lies too far away. Choose a month from {FIRST_YEAR} to {LAST_YEAR}."
            raise ValueError(msg)
        return cls(year, int(match[2]))

    @classmethod
    def of(cls, moment: datetime, zone: ZoneInfo) -> Self:
        """Give the month in which a moment lies, in a time zone."""
        return cls.holding(local_day(moment, zone))

    @classmethod
    def holding(cls, day: date) -> Self:
        """Give the month in which a calendar day lies."""
        return cls(day.year, day.month)

    @property
    def first(self) -> date:
        """The first day."""
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        """The last day, which belongs to the month."""
        return date(self.year, self.month, self.days)

    @property
    def days(self) -> int:
        """How many days the month has: 28 to 31."""
        return calendar.monthrange(self.year, self.month)[1]

    @property
    def previous(self) -> Self:
        """The month before."""
        return type(self)(self.year - 1, _LAST_MONTH) if self.month == 1 else type(self)(self.year, self.month - 1)

    @property
    def next(self) -> Self:
        """The month after."""
        return type(self)(self.year + 1, 1) if self.month == _LAST_MONTH else type(self)(self.year, self.month + 1)

    def contains(self, day: date) -> bool:
        """Tell whether a day lies in the month."""
        return self.first <= day <= self.last

    def looked_at(self, today: date) -> date:
        """Give the day whose lines the cards show: today, or the month's last day once it is past."""
        return min(max(today, self.first), self.last)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """Give the calendar day of a moment in a time zone.

    Raises:
        ValueError: The moment is naive, so that it names no instant.
    """
    if moment.tzinfo is None:
        msg = "A moment without a time zone has no day."
        raise ValueError(msg)
    return moment.astimezone(zone).date()


def add_months(day: date, months: int) -> date:
    """Move a day by whole months; a day that the month lacks becomes its last one."""
    total = day.year * _LAST_MONTH + day.month - 1 + months
    year, month = total // _LAST_MONTH, total % _LAST_MONTH + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def day_before(day: date) -> date:
    """Give the calendar day before."""
    return day - timedelta(days=1)


def day_text(day: date) -> str:
    """Write a day for people: "20 Oct 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
