from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.vendors.dates import AmbiguousDate, BadDate, read_date, settle_order

DAY = date(2026, 10, 3)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("2026-10-03", ""),
        ("2026-10-03T23:59:59Z", ""),
        ("2026-10-03 23:59:59.123 +02:00", ""),
        ("2026/10/3", "iso"),
        ("20261003", ""),
        ("03.10.2026", "dmy"),
        ("3/10/26", "dmy"),
        ("10/3/2026 0:00", "mdy"),
        ("10/3/2026 11:59 PM", "mdy"),
        ("3 Oct 2026", ""),
        ("03-Oct-26", ""),
        ("October 3, 2026", ""),
        ("46298", "excel"),
        ("1791000000", "epoch"),
        ("1791000000000", "epoch_ms"),
    ],
)
def test_a_date_is_read_in_its_order(text: str, order: str) -> None:
    assert read_date(text, order) == DAY


def test_a_number_of_a_workbook_is_a_day_number() -> None:
    assert read_date(Decimal("46298.75")) == DAY


def test_an_ambiguous_date_is_never_guessed() -> None:
    with pytest.raises(AmbiguousDate, match="3 Oct 2026 or as 10 Mar 2026") as refused:
        read_date("03/10/2026")

    assert refused.value.readings == (DAY, date(2026, 3, 10))


@pytest.mark.parametrize(("text", "day"), [("13/10/2026", date(2026, 10, 13)), ("10/10/2026", date(2026, 10, 10))])
def test_a_date_with_one_reading_needs_no_order(text: str, day: date) -> None:
    assert read_date(text) == day


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", ""), ("soon", ""), ("2026-13-01", ""), ("31.02.2026", "dmy"), ("13/13/2026", ""), ("1899-01-01", ""),
        ("12", "excel"), ("x", "epoch"), ("1" * 70, ""), ("3.10.2026", "mdy"),
        ("\N{ARABIC-INDIC DIGIT THREE}/1/2026", "dmy"),
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused_in_a_sentence(text: str, order: str) -> None:
    if text == "3.10.2026":
        with pytest.raises(AmbiguousDate):
            read_date(text, order)
        return
    with pytest.raises(BadDate, match=r"\.$"):
        read_date(text, order)


def test_one_row_settles_the_order_of_a_column() -> None:
    assert settle_order(["03/10/2026", "", "14/10/2026"]).order == "dmy"
    assert settle_order(["03/10/2026", "10/14/2026"]).order == "mdy"


def test_a_column_that_nothing_settles_says_so_with_both_readings() -> None:
    settled = settle_order(["03/10/2026", "04/10/2026", "x"])

    assert (settled.order, settled.dates, settled.others) == ("", 2, 1)
    assert settled.example is not None
    assert settled.example.readings == (DAY, date(2026, 3, 10))


@given(st.text(max_size=70), st.sampled_from(["", "dmy", "mdy", "ymd", "excel", "epoch", "epoch_ms"]))
def test_any_text_is_a_date_or_refused_in_a_sentence(text: str, order: str) -> None:
    try:
        found = read_date(text, order)
    except BadDate as error:
        assert str(error).endswith(".")  # noqa: PT017 - both outcomes are fine
    else:
        assert 1970 <= found.year <= 2199
