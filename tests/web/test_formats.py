"""Each way to write dates and numbers: what it shows, and that what is shown or typed in it is read back the same."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from babel.numbers import format_decimal
from flask import Flask, g
from sqlalchemy.orm import Session

from portal.db.records import PsaCurrency
from portal.domain.quantities import BadQuantity, parse_quantity
from portal.web import filters
from portal.web.currencies import Written, signs
from portal.web.locale_choice import current_locale, current_marks
from portal.web.locales import LOCALES, MINUS, OWN
from portal.web.mapping.factors import BadFactor, parse_factor

THIN, SPACE = "\u202f", "\u00a0"
MOMENT = datetime(2026, 3, 5, 20, 5, 9, tzinfo=UTC)  # 15:05 in the portal's zone of the tests
NUMBERS = [
    Decimal(0), Decimal(7), Decimal("2.5"), Decimal(1061), Decimal("1.234"), Decimal("12.125"), Decimal("0.125"),
    Decimal("1234.5678"), Decimal("0.0001"), Decimal("9999999.9999"), Decimal("123.400"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _in_the_app(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def choose(tag: str) -> None:
    g.locale = LOCALES[tag]


@pytest.mark.parametrize(
    ("tag", "number", "money", "change", "code"),
    [
        ("own", "1,234,567.125", f"{MINUS}$1,214.05", "+$0.50", "5.00 SEK"),
        ("en-US", "1,234,567.125", f"{MINUS}$1,214.05", "+$0.50", "5.00 SEK"),
        ("en-GB", "1,234,567.125", f"{MINUS}$1,214.05", "+$0.50", "5.00 SEK"),
        ("de", "1.234.567,125", f"{MINUS}1.214,05{SPACE}$", f"+0,50{SPACE}$", "5,00 SEK"),
        ("de-CH", "1’234’567.125", f"{MINUS}${SPACE}1’214.05", f"+${SPACE}0.50", "5.00 SEK"),  # noqa: RUF001 - a mark
        ("fr", f"1{THIN}234{THIN}567,125", f"{MINUS}1{THIN}214,05{SPACE}$", f"+0,50{SPACE}$", "5,00 SEK"),
        ("nl", "1.234.567,125", f"{MINUS}${SPACE}1.214,05", f"+${SPACE}0,50", "5,00 SEK"),
        ("es", "1.234.567,125", f"{MINUS}1.214,05{SPACE}$", f"+0,50{SPACE}$", "5,00 SEK"),
        ("es-MX", "1,234,567.125", f"{MINUS}$1,214.05", "+$0.50", "5.00 SEK"),
        ("sv", f"1{SPACE}234{SPACE}567,125", f"{MINUS}1{SPACE}214,05{SPACE}$", f"+0,50{SPACE}$", "5,00 SEK"),
    ],
)
def test_numbers_and_money(tag: str, number: str, money: str, change: str, code: str) -> None:
    choose(tag)

    assert filters.quantity(Decimal("1234567.1250")) == number
    assert filters.quantity(Decimal(-7)) == f"{MINUS}7"
    assert (filters.money(Decimal("-1214.054")), filters.signed_money(Decimal("0.5"))) == (money, change)
    assert filters.money(Decimal(5), "sek") == code
    assert "+" not in filters.signed_money(Decimal("0.001"))
    assert MINUS not in filters.money(Decimal("-0.001")) + filters.signed_money(Decimal("-0.004"))
    assert {write(None) for write in (filters.quantity, filters.money, filters.signed_money, filters.price)} == {"—"}


@pytest.mark.parametrize(
    ("tag", "short", "whole", "full", "month", "moment"),
    [
        ("own", "5 Oct", "5 Mar 2026", "Thursday 5 March 2026", "March 2026", "5 Mar 2026, 15:05"),
        ("en-US", "Oct 5", "Mar 5, 2026", "Thursday, March 5, 2026", "March 2026", f"Mar 5, 2026, 3:05{SPACE}PM"),
        ("en-GB", "5 Oct", "5 Mar 2026", "Thursday, 5 March 2026", "March 2026", "5 Mar 2026, 15:05"),
        ("de", "05.10.", "05.03.2026", "Donnerstag, 5. März 2026", "März 2026", "05.03.2026, 15:05"),
        ("fr", "5 oct.", "5 mars 2026", "jeudi 5 mars 2026", "mars 2026", "5 mars 2026, 15:05"),
        ("nl", "5 okt", "5 mrt 2026", "donderdag 5 maart 2026", "maart 2026", "5 mrt 2026, 15:05"),
        ("es", "5 oct", "5 mar 2026", "jueves, 5 de marzo de 2026", "marzo de 2026", "5 mar 2026, 15:05"),
        ("fi", "5.10.", "5.3.2026", "torstaina 5. maaliskuuta 2026", "maaliskuu 2026", "5.3.2026, 15.05"),
    ],
)
def test_days_and_times(tag: str, short: str, whole: str, full: str, month: str, moment: str) -> None:
    choose(tag)

    assert filters.day_words(date(2026, 10, 5)) == short  # within the month of today
    assert (filters.day_words(date(2026, 3, 5)), filters.weekday(date(2026, 3, 5))) == (whole, full)
    assert (filters.period("2026-03"), filters.moment_words(MOMENT)) == (month, moment)
    assert f'<time datetime="2026-10-05">{short}</time>' == filters.day(date(2026, 10, 5))
    assert {write(None) for write in (filters.day, filters.moment, filters.hour, filters.period)} == {"—"}


@pytest.mark.parametrize("tag", LOCALES)
def test_what_a_field_shows_is_read_back_as_the_same(tag: str) -> None:
    choose(tag)

    marks = current_marks()
    assert [parse_quantity(filters.typed(value), marks) for value in NUMBERS] == NUMBERS
    assert [parse_factor(filters.typed(value), marks) for value in NUMBERS[1:-2]] == NUMBERS[1:-2]
    assert [parse_quantity(str(value), marks) for value in (7, 1061, 2500)] == [7, 1061, 2500]
    assert filters.typed(None) == ""


@pytest.mark.parametrize("tag", [each for each in LOCALES if each != "own"])
def test_what_a_screen_shows_is_never_read_as_something_else(tag: str) -> None:
    choose(tag)

    marks = current_marks()
    for value in NUMBERS:
        found = value
        with suppress(BadQuantity):  # what is doubtful is asked
            found = parse_quantity(filters.quantity(value), marks)
        assert found == value


@pytest.mark.parametrize("tag", [each for each in LOCALES if each not in {"own", "de-AT"}])
def test_numbers_are_those_of_the_locale_data_but_for_the_minus_and_thousands(tag: str) -> None:
    choose(tag)

    shown = format_decimal(Decimal("1234567.125"), "#,##0.0##", locale=tag.replace("-", "_"))
    assert filters.quantity(Decimal("1234567.125")) == shown


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("de", "1.234,5", "1234.5"), ("de", "2,5", "2.5"), ("de", "2.5", "2.5"), ("de", "1.234.567", "1234567"),
        ("de", "1234,567", "1234.567"), ("de", "1,234.5", "1234.5"), ("de", "0,125", "0.125"),
        ("fr", "1 234,5", "1234.5"), ("fr", f"1{THIN}234", "1234"), ("sv", f"1{SPACE}234{SPACE}567", "1234567"),
        ("de-CH", "1'234.5", "1234.5"), ("own", "1,234.5", "1234.5"), ("own", "1.234", "1.234"),
    ],
)  # fmt: skip
def test_what_can_be_read_in_one_way_only_is_read_so(tag: str, text: str, value: str) -> None:
    choose(tag)
    assert parse_quantity(text, current_marks()) == Decimal(value)


@pytest.mark.parametrize(
    ("tag", "text"), [("de", "1.234"), ("de", "1,234"), ("fr", "12,345"), ("own", "1,234"), ("de-CH", "1,234")]
)
def test_a_doubtful_number_is_asked_and_never_guessed(tag: str, text: str) -> None:
    choose(tag)
    with pytest.raises(BadQuantity, match="can be read as"):
        parse_quantity(text, current_marks())
    with pytest.raises(BadFactor):
        parse_factor(text, current_marks())


@pytest.mark.parametrize("tag", LOCALES)
@pytest.mark.parametrize("text", ["", "1,2,3", "1.2.3", "1.23,4", "1 2", "-1,5", "1e3", "١٢", "1,234.567,8", "1.,5"])
def test_what_is_no_number_is_refused_in_every_way_of_writing(tag: str, text: str) -> None:
    choose(tag)
    with pytest.raises(BadQuantity):
        parse_quantity(text, current_marks())


def test_prices_keep_their_decimals() -> None:
    assert filters.price(Decimal("0.003500"), "USD") == "$0.0035"
    assert filters.price(Decimal(12), "USD") == "$12.00"
    choose("de")
    assert filters.price(Decimal("0.0035"), "EUR") == f"0,0035{SPACE}€"


def test_a_currency_is_written_as_the_psa_writes_it(session: Session) -> None:
    session.execute(
        sa.insert(PsaCurrency),
        [
            {"code": "SEK", "symbol": "kr", "places": 2},
            {"code": "JPY", "symbol": "¥", "places": 0},
            {"code": "CHF", "symbol": "CHF", "places": 2},
        ],
    )
    session.commit()

    assert filters.money(Decimal("1214.5"), "SEK") == f"kr{SPACE}1,214.50"
    assert (filters.money(Decimal("1214.5"), "JPY"), filters.money(Decimal(5), "CHF")) == ("¥1,214", "5.00 CHF")
    assert (filters.money(Decimal(5), "EUR"), filters.money(Decimal(10) ** 30, "JPY")) == ("€5.00", f"¥{10**30:,}")
    choose("sv")
    assert filters.money(Decimal("1214.5"), "SEK") == f"1{SPACE}214,50{SPACE}kr"


def test_a_symbol_that_two_currencies_share_tells_neither() -> None:
    found = signs([("USD", "$", 2), ("CAD", "$", 2), ("MXN", "$", 2), ("EUR", "€", None)])

    assert found == {"USD": Written("$", 2), "CAD": Written("CA$", 2), "MXN": Written("", 2), "EUR": Written("€", 2)}


def test_outside_a_request_all_is_written_the_portals_own_way(app: Flask) -> None:
    with app.app_context():
        assert current_locale() is OWN
        assert filters.money(Decimal("1214.05"), "USD") == "$1,214.05"


def test_numbers_in_a_sentence_follow_and_days_and_ids_stay() -> None:
    choose("de")

    assert filters.grouped("1250 + 2.5 = 1252.5") == "1.250 + 2,5 = 1.252,5"
    kept = "minimum 5 until 31 Mar 2027 (contract 2024118.5), agreements 4116 and 4147, line 30519"
    assert filters.grouped(kept) == kept
