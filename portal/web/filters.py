"""How numbers, money, dates and ages are written. The only place where an amount is rounded for the eye.

All follow the choice of the person who looks (`locale_choice`). What the core and the services say in sentences stays
in one neutral form, the portal's own, and so do exports and the command line; `grouped` brings the numbers of such a
sentence to the person's way.
"""

import re
from datetime import date, datetime
from decimal import Decimal

from flask import Flask
from markupsafe import Markup

from portal.domain.money import two_places
from portal.domain.periods import Period
from portal.domain.quantities import plain
from portal.factory import clock
from portal.web.currencies import written
from portal.web.locale_choice import current_locale
from portal.web.locales import MINUS

NOTHING = "—"  # unknown is never 0
_MONTH_OF_FILE = re.compile(r"\bfor ([0-9]{4}-(?:0[1-9]|1[0-2]))(?![-\w])")
_NUMBER = re.compile(r"(?<![\w.,-])([0-9]{1,7})((?:\.[0-9]+)?)(?![\w-]|[.,][0-9])")
_NO_QUANTITY = re.compile(r"(\([^)]*\)|(?:agreements?|lines?) [0-9]+(?: and [0-9]+)*|[A-Z][a-z]{2} [0-9]{4})")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_PAST = {"Taken back": "Took back", "Undone": "Undo for"}
_MINUTE = 60
_HOUR = 3600
_DAY = 86400


def quantity(value: Decimal | int | None) -> str:
    """Write a quantity: 1,061 or 2.5; unknown is a dash."""
    if value is None:
        return NOTHING
    whole, point, places = plain(abs(Decimal(value))).partition(".")
    return f"{MINUS if value < 0 else ''}{current_locale().marked(f'{int(whole):,}{point}{places}')}"


def typed(value: Decimal | None) -> str:
    """Write a number for a field, so that it is read back as the same: 1061, or 2,5 where a comma is the mark.

    Three decimals behind few digits would be asked for, as they could be thousands: 1,2340.
    """
    if value is None:
        return ""
    text, mark = plain(value), current_locale().decimal
    if mark == ".":
        return text
    whole, _, places = text.partition(".")
    thousands = len(places) == 3 and 0 < len(whole) <= 3 and not whole.startswith("0")  # noqa: PLR2004 - of thousands
    return text.replace(".", mark) + ("0" if thousands else "")


def signed(value: Decimal | int | None) -> str:
    """Write a difference with its sign and a true minus: +7, 0."""
    text = quantity(value)
    return f"+{text}" if value is not None and value > 0 else text


def money(value: Decimal | None, currency: str = "USD") -> str:
    """Write an amount: $1,214.05; a currency without a sign of its own follows the number."""
    if value is None:
        return NOTHING
    known = written(currency or "")
    return _money(two_places(value) if known.places else Decimal(round(value)), currency, known.sign, known.places)


def price(value: Decimal | None, currency: str = "USD") -> str:
    """Write the price of one: as money, but with as many decimals as it has: $0.0035."""
    if value is None:
        return NOTHING
    known = written(currency or "")
    return _money(value, currency, known.sign, max(known.places, len(plain(value).partition(".")[2])))


def _money(rounded: Decimal, currency: str, sign: str, places: int) -> str:
    locale = current_locale()
    if sign:
        return locale.money(rounded, sign, places)
    tail = f" {currency.upper()}" if currency else ""
    return f"{locale.number(rounded, places)}{tail}"


def signed_money(value: Decimal | None, currency: str = "USD") -> str:
    """Write a change of money: +$182.00, $0.00, with a true minus below zero."""
    text = money(value, currency)
    return f"+{text}" if value is not None and value > 0 and re.search("[1-9]", text) else text


def day_words(value: date | None) -> str:
    """Write a day for an attribute or a sentence: 27 Nov, with the year outside the month of today."""
    if value is None:
        return NOTHING
    today = clock().today()
    return current_locale().day(value, year=(value.year, value.month) != (today.year, today.month))


def day(value: date | None) -> str | Markup:
    """Write a day as a `<time>`; in an attribute use `day_words`."""
    if value is None:
        return NOTHING
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), day_words(value))


def moment_words(value: datetime | None) -> str:
    """Write a moment in the portal's zone for an attribute or a sentence: 27 Nov, 10:12."""
    if value is None:
        return NOTHING
    local = value.astimezone(clock().zone)
    return f"{day_words(local.date())}, {current_locale().time(local)}"


def moment(value: datetime | None) -> str | Markup:
    """Write a moment in the portal's zone as a `<time>`; in an attribute use `moment_words`."""
    if value is None:
        return NOTHING
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), moment_words(value))


def as_of_now() -> str:
    """Write this very moment, with its year, for what is printed."""
    local = clock().now().astimezone(clock().zone)
    return f"{current_locale().day(local.date())}, {current_locale().time(local)}"


def hour_words(value: datetime, *, seconds: bool = False) -> str:
    """Write the time of day in the portal's zone for a sentence: 10:12."""
    return current_locale().time(value.astimezone(clock().zone), seconds=seconds)


def hour(value: datetime | None, *, seconds: bool = False) -> str | Markup:
    """Write the time of day in the portal's zone as a `<time>`: 10:12."""
    if value is None:
        return NOTHING
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), hour_words(value, seconds=seconds))


def age(value: datetime | None, now: datetime | None = None) -> str:
    """Write how long ago a moment is, without "ago": 6 min, 29 h, 2 days.

    Args:
        value: The moment; none gives a dash.
        now: Left out: the business clock.
    """
    if value is None:
        return NOTHING
    seconds = max(0, int(((now or clock().now()) - value).total_seconds()))
    if seconds < _MINUTE:
        return "under 1 min"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR} h"
    return f"{seconds // _DAY} days"


def period(value: Period | str | None) -> str:
    """Write a period: November 2026."""
    if value is None:
        return NOTHING
    month = Period.parse(value) if isinstance(value, str) else value
    return current_locale().period(month.first)


def month_name(value: Period | str) -> str:
    """Write a period without its year: November."""
    month = Period.parse(value) if isinstance(value, str) else value
    return current_locale().month(month.first)


def weekday(value: date) -> str:
    """Write a day in full: Friday 27 November 2026."""
    return current_locale().full_day(value)


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun: 1 card, 1,061 cards."""
    return f"{quantity(number)} {one if number == 1 else many or one + 's'}"


def hours_words(hours: int) -> str:
    """Write a limit: 24 h, from two days on in days where they come out even: 7 days."""
    return f"{hours // 24} days" if hours >= 2 * 24 and not hours % 24 else f"{hours} h"


def months_named(sentence: str) -> str:
    """Name the month of a sentence about a file: "2 counts for October 2026", with true minus signs."""
    named = _MONTH_OF_FILE.sub(lambda found: f"for {period(found[1])}", sentence)
    return re.sub(r"(?<=[a-z]) - (?=[0-9])", f" {MINUS} ", named)


def grouped(sentence: str) -> str:
    """Write the quantities in a sentence of arithmetic the person's way; days, ids and what stands in brackets stay."""
    parts = _NO_QUANTITY.split(sentence)
    locale = current_locale()
    parts[::2] = [_NUMBER.sub(lambda found: locale.marked(f"{int(found[1]):,}{found[2]}"), part) for part in parts[::2]]
    return "".join(parts)


def after_tag(sentence: str, word: str) -> str:
    """Give a sentence without the verb that the tag before it says already: "Approved", "12 for EDR-SEAT"."""
    for verb in (f"{word} ", f"ConnectWise {word.lower()} ", f"{_PAST.get(word, word)} "):
        if sentence.startswith(verb):
            return sentence.removeprefix(verb)
    return sentence


def isolated(name: str) -> str:
    """Give a name for use within a sentence, so that one that runs from right to left leaves the rest alone."""
    return f"\u2068{name}\u2069" if _RIGHT_TO_LEFT.search(name) else name


def seal(value: str | None, groups: int = 2) -> str:
    """Write the first digits of a hash in groups of four: 9f2c 71e0."""
    return " ".join((value or "")[i : i + 4] for i in range(0, 4 * groups, 4))


def register(app: Flask) -> None:
    """Give templates the filters."""
    for each in (
        quantity, typed, signed, money, price, signed_money, day, day_words, moment, moment_words, hour, age, period,
        month_name, weekday, count, seal, hours_words, months_named, grouped, after_tag, isolated,
    ):  # fmt: skip
        name = "count_of" if each is count else each.__name__  # jinja has a filter named count
        app.add_template_filter(each, name)
    app.add_template_global(as_of_now)
