from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.quantities import plain
from portal.domain.rules import (
    Floor,
    Ignore,
    Minimum,
    Rounding,
    RoundingMode,
    Rule,
    RuleBook,
    RulesInForce,
    Tolerance,
    propose,
)
from tests.domain.build import TODAY

MARCH = date(2027, 3, 31)
YESTERDAY = TODAY - timedelta(days=1)


def proposed(
    vendor: str,
    psa: str = "0",
    *,
    rounding: Rounding | None = None,
    minimum: Minimum | None = None,
    floor: Floor | None = None,
) -> tuple[str, str]:
    rules = RulesInForce(rounding=rounding, minimum=minimum, floor=floor)
    proposal = propose(Decimal(vendor), Decimal(psa), rules, TODAY)
    return plain(proposal.quantity), proposal.steps[-1]


def test_a_count_without_rules_is_the_proposal() -> None:
    assert proposed("12") == ("12", "Counted 12: proposes 12")


def test_a_minimum_lifts_and_says_why() -> None:
    minimum = Minimum(quantity=Decimal(5), until=MARCH, reference="contract 114")

    assert proposed("3", "3", minimum=minimum) == (
        "5",
        "Counted 3, minimum 5 until 31 Mar 2027 (contract 114): proposes 5",
    )


def test_a_minimum_holds_on_its_last_day_and_not_after() -> None:
    assert proposed("3", minimum=Minimum(quantity=Decimal(5), until=TODAY))[0] == "5"
    assert proposed("3", minimum=Minimum(quantity=Decimal(5), until=YESTERDAY))[0] == "3"


@pytest.mark.parametrize(
    ("vendor", "psa", "quantity"),
    [("14", "20", 18), ("14", "16", 16), ("14", "10", 14), ("19", "20", 19), ("20", "18", 20)],
)
def test_a_floor_prevents_a_fall_and_never_raises(vendor: str, psa: str, quantity: int) -> None:
    assert proposed(vendor, psa, floor=Floor(quantity=Decimal(18), reason="annual commitment"))[0] == str(quantity)


def test_a_floor_says_what_it_did() -> None:
    floor = Floor(quantity=Decimal(18), until=MARCH, reason="annual commitment")

    assert proposed("14", "20", floor=floor)[1] == (
        "Counted 14, not below 18 until 31 Mar 2027 (annual commitment): proposes 18"
    )
    assert proposed("14", "16", floor=floor)[1] == (
        "Counted 14, not below 18 until 31 Mar 2027 (annual commitment), and the PSA has 16: proposes 16"
    )


@pytest.mark.parametrize(
    ("mode", "to", "value", "rounded"),
    [
        (RoundingMode.UP, "1", "1.25", "2"),
        (RoundingMode.UP, "1", "2", "2"),
        (RoundingMode.DOWN, "1", "1.75", "1"),
        (RoundingMode.NEAREST, "1", "2.5", "2"),
        (RoundingMode.NEAREST, "1", "3.5", "4"),
        (RoundingMode.UP, "5", "11", "15"),
        (RoundingMode.DOWN, "0.25", "1.3", "1.25"),
        (RoundingMode.UP, "10", "0", "0"),
    ],
)
def test_rounding_goes_to_whole_steps(mode: RoundingMode, to: str, value: str, rounded: str) -> None:
    assert Rounding(mode=mode, to=Decimal(to)).apply(Decimal(value)) == Decimal(rounded)


def test_rounding_says_what_it_did() -> None:
    assert proposed("11", rounding=Rounding(mode=RoundingMode.UP, to=Decimal(5)))[1] == (
        "Counted 11, rounded up in steps of 5 to 15: proposes 15"
    )


def test_a_step_without_size_is_a_broken_contract() -> None:
    with pytest.raises(ValueError, match="step of 0"):
        Rounding(mode=RoundingMode.UP, to=Decimal(0))


def test_rounding_comes_before_the_minimum_and_the_floor_last() -> None:
    rounding, floor = Rounding(mode=RoundingMode.DOWN), Floor(quantity=Decimal(8))

    assert proposed("4.9", "9", rounding=rounding, minimum=minimum(5), floor=floor) == (
        "8",
        "Counted 4.9, rounded down to 4, minimum 5, not below 8: proposes 8",
    )


def test_a_count_below_zero_is_taken_as_zero() -> None:
    assert proposed("-2") == ("0", "Counted -2, below zero is taken as 0: proposes 0")


@given(
    st.decimals(min_value=0, max_value=1000, places=4),
    st.decimals(min_value=0, max_value=1000, places=4),
    st.decimals(min_value=0, max_value=1000, places=2),
)
def test_a_floor_never_proposes_more_than_the_larger_of_count_and_psa(
    vendor: Decimal, psa: Decimal, floor: Decimal
) -> None:
    quantity = propose(vendor, psa, RulesInForce(floor=Floor(quantity=floor)), TODAY).quantity

    assert quantity == max(vendor, min(psa, floor))


@pytest.mark.parametrize(
    ("tolerance", "difference", "psa", "money", "covered"),
    [
        (Tolerance(units=Decimal(1)), "1", "10", 99, True),
        (Tolerance(units=Decimal(1)), "-1", "10", 99, True),
        (Tolerance(units=Decimal(1)), "1.0001", "10", 99, False),
        (Tolerance(percent=Decimal(5)), "1", "20", 99, True),
        (Tolerance(percent=Decimal(5)), "1", "19", 99, False),
        (Tolerance(percent=Decimal(5)), "1", "0", 99, False),
        (Tolerance(money=Decimal("0.50")), "9", "1", Fraction(1, 2), True),
        (Tolerance(money=Decimal("0.50")), "9", "1", Fraction(-1, 2), True),
        (Tolerance(money=Decimal("0.50")), "9", "1", Fraction(501, 1000), False),
        (Tolerance(money=Decimal("0.50")), "9", "1", None, False),
    ],
)
def test_a_tolerance_covers_up_to_its_size(
    tolerance: Tolerance, difference: str, psa: str, money: Fraction | None, covered: bool
) -> None:
    exact = None if money is None else Fraction(money)

    assert tolerance.covers(Decimal(difference), Decimal(psa), exact) is covered


def minimum(quantity: int, until: date | None = None) -> Minimum:
    return Minimum(quantity=Decimal(quantity), until=until)


def test_the_pair_wins_then_the_company_then_the_product() -> None:
    book = RuleBook(
        [
            Rule(body=minimum(1), company_id=1, product="SEAT"),
            Rule(body=minimum(2), company_id=1),
            Rule(body=minimum(3), product="SEAT"),
        ]
    )

    def chosen(company: int, product: str) -> Decimal | None:
        rule = book.in_force(company, product, TODAY).minimum
        return None if rule is None else rule.quantity

    assert chosen(1, "SEAT") == 1
    assert chosen(1, "OTHER") == 2
    assert chosen(2, "SEAT") == 3
    assert chosen(2, "OTHER") is None


def test_a_rule_whose_day_is_past_hides_no_other() -> None:
    book = RuleBook(
        [Rule(body=minimum(1, YESTERDAY), company_id=1, product="SEAT"), Rule(body=minimum(3), product="SEAT")]
    )

    assert book.in_force(1, "SEAT", TODAY).minimum == minimum(3)


def test_each_sort_of_rule_is_chosen_by_itself() -> None:
    ignore = Ignore(reason="migration", until=TODAY)
    book = RuleBook(
        [
            Rule(body=minimum(1), product="SEAT"),
            Rule(body=Tolerance(units=Decimal(1)), company_id=1),
            Rule(body=ignore, company_id=1, product="SEAT"),
            Rule(body=Floor(quantity=Decimal(4)), company_id=1, product="SEAT"),
            Rule(body=Rounding(mode=RoundingMode.UP), product="SEAT"),
        ]
    )

    rules = book.in_force(1, "SEAT", TODAY)

    assert None not in (rules.minimum, rules.tolerance, rules.ignore, rules.floor, rules.rounding)
    assert book.in_force(1, "SEAT", TODAY + timedelta(days=1)).ignore is None


def test_a_tolerance_says_how_large_it_is() -> None:
    assert Tolerance(units=Decimal(1)).words() == "1 unit"
    assert Tolerance(units=Decimal(2)).words() == "2 units"
    assert Tolerance(percent=Decimal(5)).words() == "5 percent"
    assert Tolerance(money=Decimal("0.5")).words() == "0.50 a month"
