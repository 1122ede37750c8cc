"""What a card says, rule by rule; the sample sets hold the whole."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.lines import total
from portal.domain.psa import Billing, CatalogItem, Company, Line
from portal.domain.reconcile import Card, CardKind, LineChange, stale_cards
from portal.domain.rules import Floor, Ignore, Minimum, Tolerance
from portal.domain.splits import Split
from tests.domain.build import SEAT, TODAY, agreement, book, card_row, cards, line, usage

TOMORROW = TODAY + timedelta(days=1)
YESTERDAY = TODAY - timedelta(days=1)


def values(*them: object) -> tuple[object, ...]:
    return them


def change(addition: int, before: str, after: str) -> LineChange:
    return LineChange(addition_id=addition, before=Decimal(before), after=Decimal(after))


def only(found: list[Card]) -> Card:
    (card,) = found
    return card


def test_growth_goes_to_the_newest_open_line() -> None:
    lines = [
        line("5", id=1, since=date(2024, 1, 1), price="12"),
        line("10", id=2, since=date(2025, 1, 1), price="12.50"),
        line("5", id=3, since=date(2026, 1, 1), price="13"),
    ]

    card = only(cards(lines, [usage("21")]))

    assert values(card.kind, card.psa, card.difference) == (CardKind.INCREASE, 20, 1)
    assert card.changing == (change(3, "5", "6"),)
    assert values(card.unit_price, card.revenue_month) == (13, 13)


def test_shrinking_goes_from_the_newest_to_the_oldest_and_the_money_follows() -> None:
    lines = [
        line("5", id=1, since=date(2024, 1, 1), price="12", cost="8"),
        line("10", id=2, since=date(2025, 1, 1), price="12.50", cost="8"),
        line("5", id=3, since=date(2026, 1, 1), price="13", cost="8"),
    ]

    card = only(cards(lines, [usage("12")]))

    assert card.changing == (change(3, "5", "0"), change(2, "10", "7"))
    assert card.revenue_month == Fraction("-102.50")
    assert card.profit_month == Fraction("-38.50")


def test_growth_passes_a_line_that_will_end() -> None:
    lines = [line("6", id=1), line("4", id=2, since=date(2026, 1, 1), until=date(2026, 12, 31))]

    assert only(cards(lines, [usage("12")])).changing == (change(1, "6", "8"),)


def test_where_every_line_will_end_the_newest_grows() -> None:
    lines = [line("6", id=1, until=TOMORROW), line("4", id=2, until=TOMORROW)]

    assert only(cards(lines, [usage("12")])).changing == (change(2, "4", "6"),)


def test_a_line_without_units_is_not_the_first_that_shrinks() -> None:
    lines = [line("6", id=1, price="9"), line("0", id=2, since=date(2026, 1, 1), price="7")]

    card = only(cards(lines, [usage("5")]))

    assert values(card.changing, card.unit_price) == ((change(1, "6", "5"),), 9)


def test_included_units_are_shown_and_never_subtracted() -> None:
    assert only(cards([line("10", included="2")], [usage("10")])).kind is CardKind.NO_CHANGE
    assert only(cards([line("10", included="2")], [usage("12")])).difference == 2


def test_a_minimum_proposes_more_than_was_counted() -> None:
    card = only(cards([line("3")], [usage("3")], rules=book(Minimum(quantity=Decimal(5)))))

    assert values(card.kind, card.vendor, card.proposed) == (CardKind.INCREASE, 3, 5)
    assert card.arithmetic == ("Counted 3, minimum 5: proposes 5",)


def test_one_customer_at_zero_is_a_real_zero() -> None:
    card = only(cards([line("6")], [usage("0")]))

    assert values(card.kind, card.proposed, card.difference) == (CardKind.DECREASE, 0, -6)


def test_no_count_is_not_reported_and_not_zero() -> None:
    card = only(cards([line("6")]))

    assert card.kind is CardKind.NOT_REPORTED
    assert values(card.vendor, card.proposed, card.difference, card.revenue_month) == (None, None, None, None)
    assert card.unit_price == 10


def test_a_product_that_no_vendor_feeds_is_the_psas_alone() -> None:
    assert only(cards([line("6")], [usage("6")], fed=())).kind is CardKind.PSA_ONLY


def test_the_money_of_a_quarter_is_divided_by_three() -> None:
    card = only(cards([line("10", price="100", cost="0")], [usage("11")], agreements=[agreement(cycle=3)]))

    assert card.revenue_month == Fraction(100, 3)
    assert card.cycle_months == 3


def test_price_and_cost_fall_back_to_the_catalogue_one_by_one() -> None:
    card = only(cards([line("1", price=None, cost="2")], [usage("2")]))

    assert values(card.unit_price, card.unit_cost, card.profit_month) == (10, 2, 8)


def test_zero_is_a_price() -> None:
    assert only(cards([line("1", price="0")], [usage("2")])).revenue_month == 0


def test_without_any_price_there_is_no_figure() -> None:
    card = only(cards([line("1", price=None)], [usage("2")], catalog=[CatalogItem(product="SEAT")]))

    assert values(card.kind, card.revenue_month, card.profit_month) == (CardKind.INCREASE, None, None)


@pytest.mark.parametrize("billing", [Billing.DO_NOT_BILL, Billing.NO_CHARGE])
def test_a_line_that_is_not_billed_counts_and_carries_only_cost(billing: Billing) -> None:
    card = only(cards([line("1", billing=billing)], [usage("3")]))

    assert values(card.psa, card.difference) == (1, 2)
    assert values(card.revenue_month, card.profit_month) == (0, -12)


def test_two_agreements_are_never_guessed_even_where_the_sum_fits() -> None:
    lines = [line("5", id=1, agreement=1), line("7", id=2, agreement=2)]

    found = cards(lines, [usage("12")], agreements=[agreement(1), agreement(2)])

    assert {card.kind for card in found} == {CardKind.TO_SPLIT}
    assert [values(card.psa, card.vendor, card.proposed) for card in found] == [(5, 12, None), (7, 12, None)]


def test_a_zero_count_on_two_agreements_is_to_split_too() -> None:
    lines = [line("5", id=1, agreement=1), line("7", id=2, agreement=2)]

    found = cards(lines, [usage("0")], agreements=[agreement(1), agreement(2)])

    assert {card.kind for card in found} == {CardKind.TO_SPLIT}


def test_a_split_rule_shares_the_count() -> None:
    lines = [line("5", id=1, agreement=1), line("7", id=2, agreement=2)]
    rule = {(1, "SEAT"): Split(fixed={1: Decimal(5)}, rest_to=2)}

    found = cards(lines, [usage("14")], agreements=[agreement(1), agreement(2)], splits=rule)

    assert [values(card.kind, card.vendor, card.difference) for card in found] == [
        (CardKind.NO_CHANGE, 5, 0),
        (CardKind.INCREASE, 9, 2),
    ]


def test_a_split_rule_that_cannot_be_applied_is_no_rule() -> None:
    lines = [line("5", id=1, agreement=1), line("7", id=2, agreement=2)]
    rule = {(1, "SEAT"): Split(fixed={1: Decimal(5)}, rest_to=2)}

    found = cards(lines, [usage("3")], agreements=[agreement(1), agreement(2)], splits=rule)

    assert {card.kind for card in found} == {CardKind.TO_SPLIT}
    assert found[0].arithmetic == ("The fixed parts are 2 more than the 3 counted.",)


def test_a_minimum_bends_the_whole_before_it_is_split() -> None:
    lines = [line("5", id=1, agreement=1), line("7", id=2, agreement=2)]
    rule = {(1, "SEAT"): Split(fixed={1: Decimal(5)}, rest_to=2)}

    found = cards(
        lines,
        [usage("3")],
        agreements=[agreement(1), agreement(2)],
        splits=rule,
        rules=book(Minimum(quantity=Decimal(15))),
    )

    assert [values(card.vendor, card.proposed) for card in found] == [(3, 5), (0, 10)]


def test_a_second_agreement_that_has_not_begun_leaves_nothing_to_split() -> None:
    lines = [line("5", id=1, agreement=1), line("5", id=2, agreement=2, since=TOMORROW)]

    card = only(cards(lines, [usage("5")], agreements=[agreement(1), agreement(2, start=TOMORROW)]))

    assert values(card.agreement_id, card.kind) == (1, CardKind.NO_CHANGE)


@pytest.mark.parametrize(
    ("lines", "agreements"),
    [
        ([line("4", until=YESTERDAY)], [agreement()]),
        ([line("4", since=TOMORROW)], [agreement()]),
        ([line("4")], [agreement(cancelled=True)]),
        ([line("4")], [agreement(end=YESTERDAY)]),
        ([line("4")], [agreement(start=TOMORROW)]),
        ([line("4")], [agreement(cycle=None)]),
        ([line("4")], [agreement(parent=9), agreement(9, cancelled=True)]),
        ([line("4", product="OTHER")], []),
        ([], []),
    ],
)
def test_usage_that_nothing_bills_is_new_revenue(lines: list[Line], agreements: list[Any]) -> None:
    found = cards(lines, [usage("4")], agreements=agreements)

    card = only([one for one in found if one.product == "SEAT"])
    assert values(card.kind, card.agreement_id, card.psa, card.prorates) == (CardKind.NEW_REVENUE, None, 0, None)
    assert values(card.unit_price, card.revenue_month, card.profit_month, card.currency) == (10, 40, 16, "USD")


def test_zero_usage_without_a_line_is_no_card() -> None:
    assert not cards([], [usage("0")])


def test_scheduled_lines_stand_on_the_card_and_count_for_nothing() -> None:
    lines = [line("4", id=1), line("6", id=2, since=TOMORROW)]

    card = only(cards(lines, [usage("4")]))

    assert values(card.psa, [one.addition_id for one in card.later_lines]) == (4, [2])


def test_a_scheduled_line_stands_on_the_card_of_new_revenue_too() -> None:
    card = only(cards([line("6", id=2, since=TOMORROW)], [usage("4")]))

    assert values(card.kind, [one.addition_id for one in card.later_lines]) == (CardKind.NEW_REVENUE, [2])


def test_companies_out_of_scope_make_no_cards() -> None:
    out = [Company(id=1, in_scope=False)]

    assert not cards([line("4")], [usage("5")], companies=out)
    assert not cards([line("4")], [usage("5")], companies=[])


def test_the_currency_is_the_agreements_else_the_companys() -> None:
    company = [Company(id=1, in_scope=True, currency="CAD")]

    own = only(cards([line("4")], [usage("5")], companies=company))
    lent = only(cards([line("4")], [usage("5")], companies=company, agreements=[agreement(currency=None)]))

    assert values(own.currency, lent.currency) == ("USD", "CAD")


def test_a_difference_within_tolerance_is_no_change() -> None:
    card = only(cards([line("10")], [usage("11")], rules=book(Tolerance(units=Decimal(1), reason="agreed drift"))))

    assert values(card.kind, card.vendor, card.proposed, card.difference) == (CardKind.NO_CHANGE, 11, 10, 0)
    assert values(card.revenue_month, card.changing, card.within_tolerance) == (0, (), True)
    assert card.arithmetic[-1] == "A difference of 1 is within 1 unit (agreed drift): no change"


def test_a_minimum_wins_over_a_tolerance() -> None:
    rules = book(Tolerance(units=Decimal(9)), Minimum(quantity=Decimal(5)))

    assert only(cards([line("3")], [usage("3")], rules=rules)).kind is CardKind.INCREASE
    assert only(cards([line("6")], [usage("7")], rules=rules)).kind is CardKind.NO_CHANGE


def test_a_tolerance_in_money_looks_at_the_month() -> None:
    yearly = [agreement(cycle=12)]
    rules = book(Tolerance(money=Decimal(10)))

    assert only(cards([line("1", price="120")], [usage("2")], agreements=yearly, rules=rules)).within_tolerance
    assert not only(cards([line("1", price="120.01")], [usage("2")], agreements=yearly, rules=rules)).within_tolerance


def test_a_floor_holds_back_a_fall() -> None:
    card = only(cards([line("20")], [usage("14")], rules=book(Floor(quantity=Decimal(18)))))

    assert values(card.kind, card.vendor, card.proposed, card.difference) == (CardKind.DECREASE, 14, 18, -2)


def test_an_ignored_card_comes_back_when_its_number_moves() -> None:
    rules = book(Ignore(reason="migration", seen=Decimal(12)))

    assert only(cards([line("10")], [usage("12")], rules=rules)).ignored is not None
    assert only(cards([line("10")], [usage("13")], rules=rules)).ignored is None


@pytest.mark.parametrize(
    ("companies", "agreements", "reason"),
    [
        ([Company(id=1, in_scope=True)], [agreement(cancelled=True)], "The agreement was cancelled."),
        ([Company(id=1, in_scope=True)], [agreement(end=YESTERDAY)], "The agreement ended on 27 Oct 2026."),
        ([Company(id=1, in_scope=True)], [], "The agreement was deleted in the PSA."),
        ([Company(id=1, in_scope=False)], [agreement()], "The company left the scope."),
        ([], [agreement()], "The company was deleted in the PSA."),
    ],
)
def test_a_card_goes_stale_and_says_why(companies: list[Company], agreements: list[Any], reason: str) -> None:
    earlier = cards([line("4")], [usage("5")])

    stale = only(stale_cards(earlier, companies, agreements, TODAY))

    assert values(stale.kind, stale.stale_reason, stale.psa, stale.agreement_id) == (CardKind.STALE, reason, None, 1)
    assert card_row(stale, "Alder", "Managed")[6:] == [""] * 8 + ["no"]


def test_a_line_that_ends_makes_no_stale_card() -> None:
    earlier = cards([line("4")], [usage("5")])

    assert not stale_cards(earlier, [Company(id=1, in_scope=True)], [agreement()], TODAY)


def test_new_revenue_is_stale_only_where_its_company_left() -> None:
    earlier = cards([], [usage("5")])

    assert not stale_cards(earlier, [Company(id=1, in_scope=True)], [], TODAY)
    assert stale_cards(earlier, [Company(id=1, in_scope=False)], [], TODAY)[0].agreement_id is None


def test_a_card_is_written_without_idle_zeros() -> None:
    card = only(cards([line("10.5000", price="0.123456", cost="6")], [usage("12")]))

    row = card_row(card, "Alder", "Managed")
    assert row[:6] == ["1", "Alder", "1", "Managed", "SEAT", "increase"]
    assert row[6:] == ["10.5", "12", "12", "1.5", "0.123456", "6.00", "0.19", "-8.81", "no"]


quantities = st.decimals(min_value=0, max_value=1000, places=4)
days = st.none() | st.dates(date(2026, 1, 1), date(2027, 1, 1))


@st.composite
def any_lines(draw: st.DrawFn) -> list[Line]:
    return [
        line(
            str(draw(quantities)),
            id=number,
            agreement=draw(st.integers(1, 2)),
            since=draw(days),
            until=draw(days),
            price=draw(st.sampled_from(["10", "0", "7.123456", None])),
            billing=draw(st.sampled_from(list(Billing))),
        )
        for number in range(1, draw(st.integers(0, 6)) + 1)
    ]


@given(any_lines(), quantities, st.randoms(use_true_random=False))
def test_the_order_of_lines_never_matters(lines: list[Line], counted: Decimal, random: Any) -> None:
    both = [agreement(1), agreement(2)]
    shuffled = list(lines)
    random.shuffle(shuffled)

    assert cards(lines, [usage(str(counted))], agreements=both) == cards(
        shuffled, [usage(str(counted))], agreements=[*reversed(both)]
    )


@given(any_lines(), quantities)
def test_the_lines_that_change_lead_exactly_to_the_proposal(lines: list[Line], counted: Decimal) -> None:
    for card in cards([one for one in lines if one.agreement_id == 1], [usage(str(counted))]):
        after = {one.addition_id: one.after for one in card.changing}
        assert all(quantity >= 0 for quantity in after.values())
        if card.lines:
            assert sum(after.get(one.addition_id, one.quantity) for one in card.lines) == card.proposed
            assert card.psa == total(card.lines)


@given(any_lines(), quantities)
def test_no_number_is_a_float(lines: list[Line], counted: Decimal) -> None:
    for card in cards(lines, [usage(str(counted))], agreements=[agreement(1), agreement(2)], catalog=[SEAT]):
        for name in card.__slots__:
            assert not isinstance(getattr(card, name), float)
