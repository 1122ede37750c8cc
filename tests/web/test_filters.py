"""How numbers, money, dates and ages are written."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from portal.domain.periods import Period
from portal.services.errors import Invalid
from portal.web import amounts, filters, forms


@pytest.fixture(autouse=True)
def _in_the_app(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"), (Decimal("1061.0000"), "1,061"), (Decimal("2.5000"), "2.5"), (Decimal(0), "0"),
        (Decimal("-1234.5"), "\N{MINUS SIGN}1,234.5"), (1234567, "1,234,567"), (Decimal("0.0001"), "0.0001"),
    ],
)  # fmt: skip
def test_quantities(value: Decimal | None, text: str) -> None:
    assert filters.quantity(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(Decimal(7), "+7"), (Decimal(-5), "\N{MINUS SIGN}5"), (Decimal(0), "0"), (None, "—")]
)
def test_differences_are_always_signed(value: Decimal | None, text: str) -> None:
    assert filters.signed(value) == text


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        (Decimal("1214.05"), "USD", "$1,214.05"),
        (Decimal("-58.8"), "USD", "\N{MINUS SIGN}$58.80"),
        (Decimal("0.005"), "USD", "$0.00"),
        (Decimal("-0.001"), "USD", "$0.00"),
        (Decimal("12.345"), "CAD", "CA$12.34"),
        (Decimal(5), "SEK", "5.00 SEK"),
        (Decimal(5), "", "5.00"),
        (None, "USD", "—"),
    ],
)
def test_money(value: Decimal | None, currency: str, text: str) -> None:
    assert filters.money(value, currency) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(Decimal(182), "+$182.00"), (Decimal("-58.8"), "\N{MINUS SIGN}$58.80"), (Decimal("0.001"), "$0.00"), (None, "—")],
)
def test_changes_of_money_are_signed_unless_they_round_to_nothing(value: Decimal | None, text: str) -> None:
    assert filters.signed_money(value, "USD") == text


def test_days_leave_out_the_year_within_the_month_of_today() -> None:
    assert filters.day(date(2026, 10, 5)) == '<time datetime="2026-10-05">5 Oct</time>'
    assert filters.day_words(date(2026, 9, 5)) == "5 Sep 2026"
    assert filters.day(None) == "—"


def test_moments_are_told_in_the_portals_zone() -> None:
    moment = datetime(2026, 10, 28, 3, 30, tzinfo=UTC)

    assert filters.moment_words(moment) == "27 Oct, 23:30"
    assert filters.hour(moment) == '<time datetime="2026-10-28T03:30:00+00:00">23:30</time>'
    assert filters.moment(None) == filters.hour(None) == filters.moment_words(None) == "—"


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=-5), "under 1 min"), (timedelta(seconds=59), "under 1 min"), (timedelta(minutes=6), "6 min"),
        (timedelta(hours=29), "29 h"), (timedelta(hours=47, minutes=59), "47 h"), (timedelta(hours=48), "2 days"),
    ],
)  # fmt: skip
def test_ages(ago: timedelta, text: str) -> None:
    now = datetime(2026, 10, 28, 13, tzinfo=UTC)

    assert filters.age(now - ago, now) == text


def test_periods_and_counts() -> None:
    assert filters.period("2026-11") == filters.period(Period(2026, 11)) == "November 2026"
    assert filters.month_name("2026-11") == "November"
    assert filters.period(None) == filters.age(None) == "—"
    assert filters.weekday(date(2026, 11, 27)) == "Friday 27 November 2026"
    assert filters.count(1, "card") == "1 card"
    assert filters.count(1061, "company", "companies") == "1,061 companies"
    assert filters.seal("9f2c71e0b8d4", 3) == "9f2c 71e0 b8d4"


def test_quantities_in_sentences_are_parted_by_thousands_and_nothing_else() -> None:
    assert filters.grouped("1250 + 3 = 1253") == "1,250 + 3 = 1,253"
    assert filters.grouped("Counted 12500.5: proposes 12501") == "Counted 12,500.5: proposes 12,501"
    kept = "minimum 5 until 31 Mar 2027 (contract 2024118), agreements 4116 and 4147, line 30519"
    assert filters.grouped(kept) == kept


def test_a_sentence_does_not_repeat_its_tag_and_names_its_month() -> None:
    assert filters.after_tag("Approved 12 for EDR-SEAT.", "Approved") == "12 for EDR-SEAT."
    assert filters.after_tag("ConnectWise confirmed 12.", "Confirmed") == "12."
    assert filters.after_tag("Took back the mapping.", "Taken back") == "the mapping."
    assert filters.after_tag("Signed in.", "Sign-in") == "Signed in."
    told = filters.months_named("usage-2026-10.csv: 9 lines - 2 left out = 7 that count, 7 counts for 2026-10.")
    assert told == "usage-2026-10.csv: 9 lines \N{MINUS SIGN} 2 left out = 7 that count, 7 counts for October 2026."
    assert [filters.hours_words(hours) for hours in (24, 36, 48, 168)] == ["24 h", "36 h", "2 days", "7 days"]


def test_ids_that_are_none_are_left_out() -> None:
    assert [forms.whole({"id": text}, "id") for text in ("12", " 7 ", "", "0", "-1", "1.5", "9" * 30, "²")] == [
        12, 7, None, None, None, None, None, None,
    ]  # fmt: skip


def test_days_and_amounts_that_are_none_are_refused_in_words() -> None:
    assert forms.day({"d": "2026-11-27"}, "d") == date(2026, 11, 27)
    assert forms.day({}, "d") is None
    assert amounts.amount({"a": "$1,214.05"}, "a") == Decimal("1214.05")
    assert amounts.amount({"a": " "}, "a") is None
    with pytest.raises(Invalid, match="is not a day"):
        forms.day({"d": "27.11."}, "d")
    with pytest.raises(Invalid, match="longer than 3"):
        forms.text({"t": "four"}, "t", longest=3)
