from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.splits import CannotSplit, Split, in_words, share

amounts = st.decimals(min_value=0, max_value=10**6, places=4)


def test_all_to_one_leaves_zero_to_the_others() -> None:
    assert share(Decimal(14), Split(all_to=2), [1, 2, 3]) == {1: Decimal(0), 2: Decimal(14), 3: Decimal(0)}


def test_fixed_parts_and_the_rest() -> None:
    assert share(Decimal(14), Split(fixed={1: Decimal(5)}, rest_to=2), [2, 1]) == {1: Decimal(5), 2: Decimal(9)}


@pytest.mark.parametrize(
    ("split", "reason"),
    [
        (Split(fixed={1: Decimal(5)}, rest_to=2), "The fixed parts are 2 more than the 3 counted."),
        (Split(all_to=9), "The rule names agreement 9, which does not have the product."),
        (Split(fixed={9: Decimal(1)}, rest_to=2), "The rule names agreement 9, which does not have the product."),
        (Split(rest_to=2), "The rule says nothing of agreement 1."),
        (Split(fixed={1: Decimal(1), 2: Decimal(1)}), "The fixed parts leave 1 over."),
        (Split(fixed={1: Decimal(1), 2: Decimal(1)}, rest_to=2), "The rule names agreement 2 twice."),
        (Split(fixed={1: Decimal(-1)}, rest_to=2), "A fixed part is below zero."),
        (Split(all_to=1, rest_to=2), "The rule names one agreement for everything, and others too."),
        (Split(), "The rule says nothing of agreement 1."),
    ],
)
def test_a_rule_that_cannot_be_applied_says_why(split: Split, reason: str) -> None:
    assert share(Decimal(3), split, [1, 2]) == CannotSplit(reason=reason)


def test_a_rule_is_told_by_the_names_of_its_agreements_and_their_ids() -> None:
    fixed = Split(fixed={2: Decimal("1.50"), 1: Decimal(3)}, rest_to=7)

    assert (
        in_words(fixed, {1: "Main office", 7: "Annex"})
        == "3 to “Main office” (1), 1.5 to agreement 2, the rest to “Annex” (7)"
    )
    assert in_words(Split(all_to=7), {7: "Annex"}) == "all to “Annex” (7)"


@given(
    amounts, st.dictionaries(st.integers(1, 4), amounts), st.none() | st.integers(1, 5), st.none() | st.integers(1, 5)
)
def test_the_parts_always_sum_to_the_whole(
    total: Decimal, fixed: dict[int, Decimal], rest_to: int | None, all_to: int | None
) -> None:
    parts = share(total, Split(all_to=all_to, fixed=fixed, rest_to=rest_to), [1, 2, 3])

    if isinstance(parts, CannotSplit):
        assert parts.reason
    else:
        assert sum(parts.values()) == total
        assert set(parts) == {1, 2, 3}
        assert min(parts.values()) >= 0


@given(amounts, st.lists(amounts, min_size=1, max_size=3))
def test_fixed_parts_that_fit_are_always_applied(total: Decimal, fixed: list[Decimal]) -> None:
    parts = share(total, Split(fixed=dict(enumerate(fixed, start=1)), rest_to=9), [*range(1, len(fixed) + 1), 9])

    assert isinstance(parts, CannotSplit) is (sum(fixed, Decimal(0)) > total)
