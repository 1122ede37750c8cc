"""What a card says of its rules, word by word: a golden table, one line a case, read as a person would."""

# ruff: noqa: E501 - a case stays on one line, so that the table can be read from top to bottom

from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.domain.cards import Card, CardKind
from portal.domain.mapping import MappedUsage
from portal.domain.quantities import plain
from portal.domain.rules import (
    Floor,
    Ignore,
    Minimum,
    Rounding,
    RoundingMode,
    Rule,
    RuleBody,
    RuleBook,
    Seen,
    Tolerance,
)
from portal.domain.splits import Split
from tests.domain.build import TODAY, agreement, book, cards, line, usage

MARCH = date(2027, 3, 31)
YESTERDAY = TODAY - timedelta(days=1)
UP, DOWN, NEAREST = (Rounding(mode=mode) for mode in (RoundingMode.UP, RoundingMode.DOWN, RoundingMode.NEAREST))
FIVES = Rounding(mode=RoundingMode.UP, to=Decimal(5))


def least(units: str, until: date | None = None, reference: str = "") -> Minimum:
    return Minimum(quantity=Decimal(units), until=until, reference=reference)


def floor(units: str, until: date | None = None, reason: str = "") -> Floor:
    return Floor(quantity=Decimal(units), until=until, reason=reason)


def within(*, units: str | None = None, percent: str | None = None, money: str | None = None) -> Tolerance:
    sizes = [None if size is None else Decimal(size) for size in (units, percent, money)]
    return Tolerance(units=sizes[0], percent=sizes[1], money=sizes[2])


def ignored(vendor: str | None, psa: str, until: date | None = None, reason: str = "pilot") -> Ignore:
    seen = Seen(vendor=None if vendor is None else Decimal(vendor), psa=Decimal(psa))
    return Ignore(reason=reason, until=until, numbers={(1, "SEAT"): seen})


# counted, billed, the rules; what the card says, what it proposes, what it is
GOLDEN: list[tuple[str, str, tuple[RuleBody, ...], tuple[str, ...], str, str]] = [
    ("3", "3", (), ("Counted 3: proposes 3",), "3", "no_change"),
    # minimum
    ("3", "3", (least("5", MARCH, "contract 114"),), ("Counted 3, minimum 5 until 31 Mar 2027 (contract 114): proposes 5",), "5", "increase"),
    ("3", "5", (least("5", MARCH, "contract 114"),), ("Counted 3, minimum 5 until 31 Mar 2027 (contract 114): proposes 5",), "5", "no_change"),
    ("3", "3", (least("5", TODAY),), ("Counted 3, minimum 5 until 28 Oct 2026: proposes 5",), "5", "increase"),
    ("3", "5", (least("5", YESTERDAY),), ("Counted 3: proposes 3",), "3", "decrease"),
    ("5", "3", (least("5"),), ("Counted 5: proposes 5",), "5", "increase"),
    ("0", "5", (least("5"),), ("Counted 0, minimum 5: proposes 5",), "5", "no_change"),
    # floor
    ("14", "20", (floor("18", MARCH, "annual commitment"),), ("Counted 14, not below 18 until 31 Mar 2027 (annual commitment): proposes 18",), "18", "decrease"),
    ("14", "18", (floor("18", TODAY),), ("Counted 14, not below 18 until 28 Oct 2026: proposes 18",), "18", "no_change"),
    ("14", "16", (floor("18"),), ("Counted 14, not below 18, and the PSA has 16: proposes 16",), "16", "no_change"),
    ("14", "20", (floor("18", YESTERDAY),), ("Counted 14: proposes 14",), "14", "decrease"),
    ("19", "20", (floor("18"),), ("Counted 19: proposes 19",), "19", "decrease"),
    # rounding
    ("11", "11", (FIVES,), ("Counted 11, rounded up in steps of 5 to 15: proposes 15",), "15", "increase"),
    ("10.2", "11", (UP,), ("Counted 10.2, rounded up to 11: proposes 11",), "11", "no_change"),
    ("10.8", "10", (DOWN,), ("Counted 10.8, rounded down to 10: proposes 10",), "10", "no_change"),
    ("10.5", "11", (NEAREST,), ("Counted 10.5, rounded to the nearest to 10: proposes 10",), "10", "decrease"),
    ("10", "9", (UP,), ("Counted 10: proposes 10",), "10", "increase"),
    # tolerance
    ("11", "10", (within(units="1"),), ("Counted 11: proposes 11", "A difference of 1 is within 1 unit: no change"), "10", "no_change"),
    ("12", "10", (within(units="1"),), ("Counted 12: proposes 12",), "12", "increase"),
    ("19", "20", (within(percent="5"),), ("Counted 19: proposes 19", "A difference of -1 is within 5 percent: no change"), "20", "no_change"),
    ("11", "10", (within(money="10"),), ("Counted 11: proposes 11", "A difference of 1 is within 10.00 a month: no change"), "10", "no_change"),
    ("12", "10", (within(money="10"),), ("Counted 12: proposes 12",), "12", "increase"),
    # several at once
    ("4.9", "9", (DOWN, least("5"), floor("8")), ("Counted 4.9, rounded down to 4, minimum 5, not below 8: proposes 8",), "8", "decrease"),
    ("3", "4", (least("5"), within(units="2")), ("Counted 3, minimum 5: proposes 5", "The tolerance of 2 units does not hold below the minimum 5"), "5", "increase"),
    ("6", "5", (least("5"), within(units="2")), ("Counted 6: proposes 6", "A difference of 1 is within 2 units: no change"), "5", "no_change"),
    ("14", "19", (floor("18"), within(units="1")), ("Counted 14, not below 18: proposes 18", "A difference of -1 is within 1 unit: no change"), "19", "no_change"),
    ("3", "3", (least("5", YESTERDAY), least("4")), ("Counted 3, minimum 4: proposes 4",), "4", "increase"),
    # ignore
    ("12", "10", (ignored("12", "10", MARCH),), ("Counted 12: proposes 12", "Left alone while the count is 12 and the PSA has 10 until 31 Mar 2027 (pilot)"), "12", "increase"),
    ("12", "10", (ignored("12", "10", TODAY),), ("Counted 12: proposes 12", "Left alone while the count is 12 and the PSA has 10 until 28 Oct 2026 (pilot)"), "12", "increase"),
    ("12", "10", (ignored("12", "10", YESTERDAY),), ("Counted 12: proposes 12",), "12", "increase"),
    ("13", "10", (ignored("12", "10"),), ("Counted 13: proposes 13", "Left alone no more: a number moved since the count was 12 and the PSA had 10 (pilot)"), "13", "increase"),
    ("12", "9", (ignored("12", "10"),), ("Counted 12: proposes 12", "Left alone no more: a number moved since the count was 12 and the PSA had 10 (pilot)"), "12", "increase"),
    ("12", "12", (ignored("12", "10"),), ("Counted 12: proposes 12",), "12", "no_change"),
    ("12", "10", (Ignore(reason="pilot", seen=Decimal(12)),), ("Counted 12: proposes 12", "Left alone while the count is 12 (pilot)"), "12", "increase"),
    ("13", "10", (Ignore(reason="pilot", seen=Decimal(12)),), ("Counted 13: proposes 13", "Left alone no more: a number moved since the count was 12 (pilot)"), "13", "increase"),
    ("12", "10", (Ignore(reason="pilot", numbers={}),), ("Counted 12: proposes 12", "Not left alone: it came after the rule was set (pilot)"), "12", "increase"),
    ("3", "3", (least("5"), ignored("3", "3")), ("Counted 3, minimum 5: proposes 5", "Left alone while the count is 3 and the PSA has 3 (pilot)"), "5", "increase"),
]  # fmt: skip


@pytest.mark.parametrize(("counted", "billed", "rules", "said", "proposes", "kind"), GOLDEN)
def test_a_card_says_what_its_rules_did(
    counted: str, billed: str, rules: tuple[RuleBody, ...], said: tuple[str, ...], proposes: str, kind: str
) -> None:
    (card,) = cards([line(billed)], [usage(counted)], rules=book(*rules))

    assert card.arithmetic == said
    assert plain(card.proposed or Decimal(0)) == proposes
    assert card.kind == kind


def one(counted: MappedUsage | None, *bodies: RuleBody) -> Card:
    (card,) = cards([line("10")], [] if counted is None else [counted], rules=book(*bodies))
    return card


def test_a_rule_leaves_alone_what_was_equal_to_its_numbers_and_nothing_else() -> None:
    rule = ignored("12", "10")

    assert one(usage("12"), rule).ignored == rule
    assert one(usage("13"), rule).ignored is None
    assert one(usage("10"), rule).ignored is None


def test_what_is_not_reported_is_left_alone_until_it_is() -> None:
    rule = ignored(None, "10")

    silent, counted = one(None, rule), one(usage("12"), rule)

    assert (silent.kind, silent.ignored) == (CardKind.NOT_REPORTED, rule)
    assert silent.arithmetic == ("Left alone while nothing is counted and the PSA has 10 (pilot)",)
    assert counted.ignored is None
    assert one(None, Ignore(reason="pilot")).ignored is None


def test_new_revenue_is_left_alone_while_nothing_is_billed() -> None:
    (card,) = cards([], [usage("4")], rules=book(ignored("4", "0")))

    assert card.ignored is not None
    assert card.arithmetic[-1] == "Left alone while the count is 4 and the PSA has 0 (pilot)"


def test_a_pair_on_two_agreements_is_left_alone_by_its_whole_quantity() -> None:
    lines = [line("6", id=1, agreement=1), line("4", id=2, agreement=2)]
    both = [agreement(1), agreement(2)]
    split = {(1, "SEAT"): Split(fixed={1: Decimal(6)}, rest_to=2)}

    found = cards(lines, [usage("12")], agreements=both, splits=split, rules=book(ignored("12", "10")))

    changed = [card for card in found if card.difference]
    assert [card.agreement_id for card in changed] == [2]
    assert changed[0].ignored is not None


def test_the_pair_s_sentence_is_said_and_not_the_company_s() -> None:
    rules = RuleBook(
        [
            Rule(body=least("7", None, "company"), company_id=1),
            Rule(body=least("6", None, "product"), product="SEAT"),
            Rule(body=least("5", None, "pair"), company_id=1, product="SEAT"),
        ]
    )

    (card,) = cards([line("3")], [usage("3")], rules=rules)

    assert card.arithmetic == ("Counted 3, minimum 5 (pair): proposes 5",)
