"""How a person wants dates and numbers written: chosen on the profile, kept with the person.

`current_locale()` gives the choice of whoever is signed in. The portal's own way is that of the design: 27 Nov 2026,
10:12, 1,061.5. Money keeps the sign of its currency whatever is chosen; only its separators follow.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from flask import Flask, g

from portal.web.access import signed_in

PREFERENCE = "locale"
_ENGLISH = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December")  # fmt: skip
_GERMAN = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
           "Dezember")  # fmt: skip
_FRENCH = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
           "décembre")  # fmt: skip
_SHORT_GERMAN = ("Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez.")
_SHORT_FRENCH = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")
NARROW = "\N{NARROW NO-BREAK SPACE}"  # French separates thousands with it
SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Locale:
    """A way to write dates and numbers.

    Args:
        tag: Its name in the store and, but for the portal's own, in BCP 47.
        title: As people read it on their profile.
        decimal: Before the decimal places.
        group: Between thousands.
        months: Their names, January first.
        short_months: The same, short.
        day_pattern: `{day}`, `{month}` (short name), `{number}` (of the month, two digits) and `{year}`.
        year_less: The same without the year.
        hours: 24, or 12 with am and pm.
        sign_first: Whether a currency's sign stands before the number.
    """

    tag: str
    title: str
    decimal: str = "."
    group: str = ","
    months: tuple[str, ...] = _ENGLISH
    short_months: tuple[str, ...] = tuple(each[:3] for each in _ENGLISH)
    day_pattern: str = "{day} {month} {year}"
    year_less: str = "{day} {month}"
    hours: int = 24
    sign_first: bool = True

    def number(self, value: Decimal | int, places: int | None = None) -> str:
        """Write a number.

        Args:
            value: Of any size.
            places: Decimal places; none: as many as the value has.
        """
        text = f"{abs(value):,.{places}f}" if places is not None else f"{abs(value):,}"
        whole, point, rest = text.partition(".")
        minus = "\N{MINUS SIGN}" if value < 0 else ""
        return f"{minus}{whole.replace(',', self.group)}{self.decimal if point else ''}{rest}"

    def money(self, value: Decimal, sign: str) -> str:
        """Write an amount with its currency's sign, rounded for the eye."""
        number = self.number(abs(value), 2)
        minus = "\N{MINUS SIGN}" if value < 0 else ""
        return f"{minus}{sign}{number}" if self.sign_first else f"{minus}{number}{SPACE}{sign}"

    def day(self, value: date, *, year: bool = True) -> str:
        """Write a day."""
        pattern = self.day_pattern if year else self.year_less
        return pattern.format(
            day=value.day, padded=f"{value.day:02}", month=self.short_months[value.month - 1],
            number=f"{value.month:02}", plain_number=value.month, year=value.year,
        )  # fmt: skip

    def period(self, value: date) -> str:
        """Write a month with its year."""
        return f"{self.months[value.month - 1]} {value.year}"

    def time(self, value: datetime) -> str:
        """Write a time of day; the caller has brought it to the portal's zone."""
        if self.hours == 24:  # noqa: PLR2004 - hours of a day
            return f"{value:%H:%M}"
        return f"{value.hour % 12 or 12}:{value:%M}{SPACE}{'am' if value.hour < 12 else 'pm'}"  # noqa: PLR2004 - noon


OWN = Locale(tag="own", title="Countersign’s own")  # noqa: RUF001 - a typographic apostrophe
LOCALES: dict[str, Locale] = {
    each.tag: each
    for each in (
        OWN,
        Locale(tag="en-US", title="English (United States)", day_pattern="{month} {day}, {year}",
               year_less="{month} {day}", hours=12),
        Locale(tag="en-GB", title="English (United Kingdom)"),
        Locale(tag="de", title="Deutsch", decimal=",", group=".", months=_GERMAN, short_months=_SHORT_GERMAN,
               day_pattern="{padded}.{number}.{year}", year_less="{padded}.{number}.", sign_first=False),
        Locale(tag="fr", title="Français", decimal=",", group=NARROW, months=_FRENCH, short_months=_SHORT_FRENCH,
               sign_first=False),
    )
}  # fmt: skip


def current_locale() -> Locale:
    """Give the choice of whoever is signed in; the portal's own for strangers and whoever chose none. In `g`, too."""
    if "locale" not in g:
        person = signed_in()
        chosen = person.preferences.get(PREFERENCE) if person is not None else None
        g.locale = LOCALES.get(chosen, OWN) if isinstance(chosen, str) else OWN
    return cast("Locale", g.locale)


def sample(locale: Locale, moment: datetime) -> str:
    """Show how a locale writes: a day, a time, a number, a month and an amount.

    Args:
        locale: Which.
        moment: In the portal's zone.
    """
    parts = (
        locale.day(moment.date()), locale.time(moment), locale.number(Decimal("1061.5")),
        locale.money(Decimal("-1214.05"), "$"), locale.period(moment.date()),
    )  # fmt: skip
    return " · ".join(parts)


def register(app: Flask) -> None:
    """Give templates the choice."""
    app.add_template_global(current_locale)
