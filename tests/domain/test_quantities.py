from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.money import money_text, per_month, two_places
from portal.domain.quantities import (
    MAX_QUANTITY,
    BadQuantity,
    bring_to_places,
    parse_quantity,
    plain,
    plus,
    signed,
    times,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", "12"),
        (" 12.5 ", "12.5"),
        ("0", "0"),
        ("007", "7"),
        ("0.0001", "0.0001"),
        ("1,234.5", "1234.5"),
        ("1,234,567", "1234567"),
        ("9999999.9999", "9999999.9999"),
    ],
)
def test_a_number_is_read(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "A quantity is missing. Type a number such as 12 or 2.5."),
        ("   ", "A quantity is missing. Type a number such as 12 or 2.5."),
        ("-3", "“-3” is below zero. A quantity is 0 or more."),
        ("1e9", "“1e9” has an exponent. Write the number out, such as 1000."),
        ("NaN", "“NaN” is not a number. Type a number such as 12 or 2.5."),
        ("Infinity", "“Infinity” is not a number. Type a number such as 12 or 2.5."),
        ("1.23456", "“1.23456” has 5 decimals. At most 4 are kept."),
        ("10000000", "“10000000” is too large. The largest quantity is 9999999.9999."),
        ("1O", "“1O” is not a number. Did you mean 10?"),
        ("l2", "“l2” is not a number. Did you mean 12?"),
        ("12,5", "“12,5” is not a number. Did you mean 12.5?"),
        (".5", "“.5” is not a number. Did you mean 0.5?"),
        ("+5", "“+5” is not a number. Did you mean 5?"),
        ("5.", "“5.” is not a number. Did you mean 5?"),
        ("1,234", "“1,234” can be read as 1234 or as 1.234. Type it without the comma."),
        ("12,34,567", "“12,34,567” is not a number. Type a number such as 12 or 2.5."),
        ("1 2", "“1 2” is not a number. Type a number such as 12 or 2.5."),
        ("١٢", "“١٢” is not a number. Type a number such as 12 or 2.5."),
        ("1_000", "“1_000” is not a number. Type a number such as 12 or 2.5."),
    ],
)
def test_anything_else_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(BadQuantity) as refused:
        parse_quantity(text)

    assert str(refused.value) == sentence


@given(st.text(max_size=12))
def test_no_text_gives_anything_but_a_quantity_or_a_sentence(text: str) -> None:
    with suppress(BadQuantity):
        value = parse_quantity(text)

        assert 0 <= value <= MAX_QUANTITY
        assert bring_to_places(value) == value


@given(st.decimals(min_value=0, max_value=MAX_QUANTITY, places=4))
def test_what_is_written_plainly_is_read_back(value: Decimal) -> None:
    assert parse_quantity(plain(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("12.000", "12"),
        ("2.50", "2.5"),
        ("0.000", "0"),
        ("-0", "0"),
        ("1E+3", "1000"),
        ("1E-4", "0.0001"),
        ("-1.50", "-1.5"),
    ],
)
def test_numbers_are_written_without_exponent_and_idle_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "kept"),
    [("1.23455", "1.2346"), ("1.23445", "1.2344"), ("1.234451", "1.2345"), ("2", "2"), ("-0.00005", "0")],
)
def test_sums_are_brought_to_four_decimals_half_to_even(value: str, kept: str) -> None:
    assert bring_to_places(Decimal(value)) == Decimal(kept)


@pytest.mark.parametrize(
    ("value", "shown"),
    [("0.125", "0.12"), ("0.135", "0.14"), ("-0.125", "-0.12"), ("0.1250001", "0.13"), ("20", "20.00")],
)
def test_money_is_shown_half_to_even(value: str, shown: str) -> None:
    assert f"{two_places(Decimal(value)):f}" == shown


def test_thirds_stay_exact_until_they_are_shown() -> None:
    third = per_month(Decimal(100), 3)

    assert third == Fraction(100, 3)
    assert two_places(third * 3) == 100
    assert money_text(third) == "+33.33"
    assert money_text(Fraction(-1, 3)) == "-0.33"
    assert money_text(Fraction(0)) == "0.00"


def test_a_cycle_without_length_is_a_broken_contract() -> None:
    with pytest.raises(ValueError, match="0 months"):
        per_month(Decimal(1), 0)


def test_counts_and_factors_are_exact_beyond_the_usual_context() -> None:
    long = Decimal("1234567890123456789.123456789")

    assert times(long, Decimal("1.000000001")) == Decimal("1234567891358024679.246913578123456789")
    assert plus(long, Decimal("0.0000000001")) == Decimal("1234567890123456789.1234567891")


def test_changes_carry_their_sign() -> None:
    assert [signed(Decimal(value)) for value in ("2", "-0.50", "0")] == ["+2", "-0.5", "0"]
