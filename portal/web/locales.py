"""The ways to write dates and numbers that people may choose from, as the Unicode locale data (CLDR) gives them.

Words stay English; names of months and days, separators, the order of a day's parts, the clock and the place of a
currency's sign follow. Two things do not: a minus is always a true minus and stands first, also before the sign of a
currency, and thousands are always parted, so that a column of numbers reads alike whatever is chosen.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from babel import Locale as Cldr

MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"
_ENGLISH = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December")  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PART = re.compile(r"'([^']*)'|([A-Za-z])\2*")
_PARTS = {
    "d": "{day}", "dd": "{day:02}", "M": "{number}", "MM": "{number:02}", "MMM": "{short}", "MMMM": "{month}",
    "LLLL": "{alone}", "y": "{year}", "EEEE": "{weekday}", "cccc": "{weekday}", "EEE": "{short_weekday}",
    "H": "{hour}", "HH": "{hour:02}", "h": "{twelve}", "mm": "{minute:02}", "a": "{half}",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Locale:
    """A way to write dates and numbers.

    Args:
        tag: Its name in the store and, but for the portal's own, in BCP 47.
        title: As people read it on their profile.
        decimal: Before the decimal places.
        group: Between thousands.
        months: Their names within a day, January first; `months_alone` without a day, `short_months` short.
        weekdays: Their names, Monday first; `short_weekdays` short.
        day_pattern: Of a day, filled in by `str.format`; `year_less` without the year, `full_pattern` with all names,
            `period_pattern` of a month with its year, `time_pattern` of a time of day.
        halves: Of a day, where its clock has twelve hours.
        sign_first: Whether a currency's sign stands before the number; `sign_apart` whether a space parts them.
    """

    tag: str
    title: str
    decimal: str = "."
    group: str = ","
    months: tuple[str, ...] = _ENGLISH
    months_alone: tuple[str, ...] = _ENGLISH
    short_months: tuple[str, ...] = tuple(each[:3] for each in _ENGLISH)
    weekdays: tuple[str, ...] = _DAYS
    short_weekdays: tuple[str, ...] = tuple(each[:3] for each in _DAYS)
    day_pattern: str = "{day} {short} {year}"
    year_less: str = "{day} {short}"
    full_pattern: str = "{weekday} {day} {month} {year}"
    period_pattern: str = "{alone} {year}"
    time_pattern: str = "{hour:02}:{minute:02}"
    halves: tuple[str, str] = ("am", "pm")
    sign_first: bool = True
    sign_apart: bool = False

    def number(self, value: Decimal | int, places: int | None = None) -> str:
        """Write a number.

        Args:
            value: Of any size.
            places: Decimal places; none: as many as the value has.
        """
        text = f"{abs(value):,.{places}f}" if places is not None else f"{abs(value):,}"
        return f"{MINUS if value < 0 else ''}{self.marked(text)}"

    def marked(self, text: str) -> str:
        """Give a number written with commas and a point the marks of this way."""
        whole, point, rest = text.partition(".")
        return f"{whole.replace(',', self.group)}{self.decimal if point else ''}{rest}"

    def money(self, value: Decimal, sign: str, places: int = 2) -> str:
        """Write an amount with its currency's sign, rounded for the eye. A sign of letters stands apart."""
        number, minus = self.number(abs(value), places), MINUS if value < 0 else ""
        if not self.sign_first:
            return f"{minus}{number}{SPACE}{sign}"
        return f"{minus}{sign}{SPACE if self.sign_apart or sign[-1:].isalpha() else ''}{number}"

    def day(self, value: date, *, year: bool = True) -> str:
        """Write a day."""
        return self._filled(self.day_pattern if year else self.year_less, value)

    def full_day(self, value: date) -> str:
        """Write a day with its weekday and no short names."""
        return self._filled(self.full_pattern, value)

    def weekday_and_day(self, value: date) -> str:
        """Write a day of this year with its weekday, both short."""
        return f"{self.short_weekdays[value.weekday()]} {self.day(value, year=False)}"

    def period(self, value: date) -> str:
        """Write a month with its year."""
        return self._filled(self.period_pattern, value)

    def month(self, value: date) -> str:
        """Write the name of a month."""
        return self.months_alone[value.month - 1]

    def short_month(self, value: date) -> str:
        """Write the short name of a month."""
        return self.short_months[value.month - 1]

    def time(self, value: datetime, *, seconds: bool = False) -> str:
        """Write a time of day; the caller has brought it to the portal's zone.

        Args:
            value: The moment.
            seconds: Whether they are told, too.
        """
        pattern = self.time_pattern
        if seconds:
            mark = pattern.partition("{minute:02}")[0][-1:]
            pattern = pattern.replace("{minute:02}", "{minute:02}" + (mark if mark in ":." else ":") + "{second:02}")
        return pattern.format(
            hour=value.hour, twelve=value.hour % 12 or 12, minute=value.minute, second=value.second,
            half=self.halves[value.hour >= 12],  # noqa: PLR2004 - noon
        )  # fmt: skip

    def _filled(self, pattern: str, value: date) -> str:
        at, on = value.month - 1, value.weekday()
        return pattern.format(
            day=value.day, number=value.month, year=value.year, month=self.months[at], alone=self.months_alone[at],
            short=self.short_months[at], weekday=self.weekdays[on], short_weekday=self.short_weekdays[on],
        )  # fmt: skip


def _pattern(cldr: str) -> str:
    """Turn a pattern of the locale data into one of `str.format`: "d. MMM y" into "{day}. {short} {year}"."""
    found = _PART.sub(lambda part: part[1] if part[1] is not None else _PARTS[part[0]], cldr)
    return found.replace("\N{NARROW NO-BREAK SPACE}", SPACE)


def _year_less(data: Cldr) -> str:
    """Give the pattern of a day without its year, in figures where the one with a year is."""
    whole = data.date_formats["medium"].pattern
    if "MMM" in whole:
        return _pattern(data.datetime_skeletons["MMMd"].pattern)
    return _pattern(whole.removesuffix("y").rstrip(" /-"))


def _from_cldr(tag: str, title: str) -> Locale:
    data = Cldr.parse(tag, sep="-")
    symbols = data.number_symbols.get("latn", data.number_symbols)
    months, days, halves = data.months, data.days["format"], data.day_periods["format"]["abbreviated"]
    money = data.currency_formats["standard"].pattern.partition(";")[0]
    return Locale(
        tag=tag,
        title=title,
        decimal=symbols["decimal"],
        group=symbols["group"],
        months=tuple(months["format"]["wide"][each] for each in range(1, 13)),
        months_alone=tuple(months["stand-alone"]["wide"][each] for each in range(1, 13)),
        short_months=tuple(months["format"]["abbreviated"][each] for each in range(1, 13)),
        weekdays=tuple(days["wide"][each] for each in range(7)),
        short_weekdays=tuple(days["abbreviated"][each] for each in range(7)),
        day_pattern=_pattern(data.date_formats["medium"].pattern),
        year_less=_year_less(data),
        full_pattern=_pattern(data.date_formats["full"].pattern),
        period_pattern=_pattern(data.datetime_skeletons["yMMMM"].pattern),
        time_pattern=_pattern(data.time_formats["short"].pattern),
        halves=(halves["am"], halves["pm"]),
        sign_first=money.startswith("¤"),
        sign_apart=money[1:2] != "#",
    )


OWN = Locale(tag="own", title="Countersign’s own")  # noqa: RUF001 - a typographic apostrophe
LOCALES: dict[str, Locale] = {"own": OWN} | {
    tag: _from_cldr(tag, title)
    for tag, title in (
        ("en-US", "English (United States)"),
        ("en-GB", "English (United Kingdom)"),
        ("en-AU", "English (Australia, New Zealand)"),
        ("en-CA", "English (Canada)"),
        ("da", "Dansk"),
        ("de", "Deutsch"),
        ("de-AT", "Deutsch (Österreich)"),
        ("de-CH", "Deutsch (Schweiz)"),
        ("es", "Español"),
        ("es-MX", "Español (México)"),
        ("fr", "Français"),
        ("fr-CA", "Français (Canada)"),
        ("it", "Italiano"),
        ("nl", "Nederlands"),
        ("nb", "Norsk bokmål"),
        ("pl", "Polski"),
        ("pt-BR", "Português (Brasil)"),
        ("fi", "Suomi"),
        ("sv", "Svenska"),
    )
}
