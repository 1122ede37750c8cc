from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.quantities import MAX_QUANTITY
from portal.vendors.numbers import BadNumber, parse_number


@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "value"),
    [
        ("12", ".", "", "12"),
        (" 12.50 ", ".", "", "12.50"),
        ("0", ".", "", "0"),
        (".5", ".", "", "0.5"),
        ("1,234.00", ".", ",", "1234.00"),
        ("15,750", ".", ",", "15750"),
        ("1.200,5", ",", ".", "1200.5"),
        ("1 234,5", ",", " ", "1234.5"),
        ("1\u00a0234", ".", " ", "1234"),
        ("1\u202f234", ".", " ", "1234"),
        ("1\u2019234.5", ".", "'", "1234.5"),
        ("(12)", ".", "", "-12"),
        ("12-", ".", "", "-12"),
        ("-12", ".", "", "-12"),
        ("\u221212", ".", "", "-12"),
        ("+3", ".", "", "3"),
        ("'12", ".", "", "12"),
        ("1E-5", ".", "", "0.00001"),
        ("1.5e3", ".", "", "1500"),
        ("1.23456", ".", "", "1.23456"),
    ],
)
def test_a_number_is_read_by_its_marks(text: str, decimal: str, thousands: str, value: str) -> None:
    assert parse_number(text, decimal, thousands) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "decimal", "thousands"),
    [
        ("", ".", ""),
        ("   ", ".", ""),
        ("n/a", ".", ""),
        ("twelve", ".", ""),
        ("1,234", ".", ""),
        ("12,34", ".", ","),
        ("1,2345", ".", ","),
        ("1.234,5", ".", ","),
        ("1.2.3", ".", ""),
        ("--3", ".", ""),
        ("-(3)", ".", ""),
        ("+-3", ".", ""),
        ("(3", ".", ""),
        ("3)", ".", ""),
        ("12.", ".", ""),
        ("12%", ".", ""),
        ("$12", ".", ""),
        ("1E999", ".", ""),
        ("NaN", ".", ""),
        ("Infinity", ".", ""),
        ("١٢", ".", ""),
        ("1_000", ".", ""),
        ("0x10", ".", ""),
        ("99999999", ".", ""),
        ("9" * 400, ".", ""),
        ("=1+1", ".", ""),
    ],
)
def test_text_is_never_taken_for_a_number(text: str, decimal: str, thousands: str) -> None:
    with pytest.raises(BadNumber, match=r"\.$"):
        parse_number(text, decimal, thousands)


def test_the_marks_are_named_where_other_ones_would_make_it_a_number() -> None:
    with pytest.raises(BadNumber, match=r"“1,5” is not a number where “.” is the decimal mark and no thousands mark"):
        parse_number("1,5", ".", "")


@given(st.decimals(min_value=0, max_value=MAX_QUANTITY, places=4, allow_nan=False))
def test_a_number_survives_being_written_in_either_way(value: Decimal) -> None:
    english = f"{value:,f}"
    german = english.translate(str.maketrans(",.", ".,"))

    assert parse_number(english, ".", ",") == value
    assert parse_number(german, ",", ".") == value


@given(st.text(max_size=80))
def test_any_text_is_a_number_or_refused_with_a_sentence(text: str) -> None:
    try:
        value = parse_number(text, ",", ".")
    except BadNumber as error:
        assert str(error).endswith(".")  # noqa: PT017 - both outcomes are fine
    else:
        assert abs(value) <= MAX_QUANTITY
