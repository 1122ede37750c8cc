from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.accounts import AccountMeaning, AccountVisibility, account_visibility
from portal.domain.usage import CountKey, UsageFile, UsageKey, fallen_accounts, held_reason, is_held, standing_counts


def file(
    day: int, counts: Mapping[str, int], *, number: int = 0, complete: bool = True, vendor: str = "Meridian"
) -> UsageFile:
    return UsageFile(
        id=number or day,
        vendor=vendor,
        counted_at=datetime(2026, 10, day, tzinfo=UTC),
        complete=complete,
        sequence=number or day,
        counts={CountKey(account, "A"): Decimal(units) for account, units in counts.items()},
    )


def stands(*files: UsageFile) -> dict[str, int]:
    return {key.account: int(count.quantity) for key, count in standing_counts(files).items()}


def test_the_latest_complete_file_holds_by_its_moment_of_counting() -> None:
    part, full, late = file(14, {"q": 9, "t": 3}), file(27, {"q": 10}), file(7, {"q": 6}, number=99)

    assert stands(part, full, late) == {"q": 10}


def test_later_partial_files_lie_over_the_complete_one() -> None:
    complete, first, second = (
        file(10, {"a": 1, "b": 1}),
        file(12, {"a": 2}, complete=False),
        file(14, {"a": 3, "c": 0}, complete=False),
    )

    assert stands(second, first, complete) == {"a": 3, "b": 1, "c": 0}


def test_an_earlier_partial_file_says_nothing_any_more() -> None:
    assert stands(file(9, {"a": 2, "z": 5}, complete=False), file(10, {"a": 1})) == {"a": 1}


def test_without_a_complete_file_the_partial_ones_stand_in_order() -> None:
    assert stands(file(20, {"a": 2}, complete=False), file(9, {"a": 1, "b": 4}, complete=False)) == {"a": 2, "b": 4}


def test_of_two_files_counted_at_once_the_one_imported_later_holds() -> None:
    assert stands(file(9, {"a": 1}, number=2), file(9, {"a": 7}, number=1)) == {"a": 1}


def test_vendors_do_not_mix() -> None:
    standing = standing_counts([file(9, {"a": 1}), file(20, {"a": 2}, vendor="Other", complete=False)])

    assert set(standing) == {UsageKey("Meridian", "a", "A", ""), UsageKey("Other", "a", "A", "")}
    assert standing[UsageKey("Other", "a", "A")].file_id == 20


@given(
    st.permutations(
        [
            file(5, {"a": 1}),
            file(7, {"b": 2}, complete=False),
            file(6, {"a": 3, "c": 1}),
            file(8, {"a": 4}, complete=False),
        ]
    )
)
def test_the_order_of_import_never_matters(files: list[UsageFile]) -> None:
    assert stands(*files) == {"a": 4, "b": 2, "c": 1}


def counts(**units: int | tuple[int, ...]) -> dict[tuple[str, str, str], Decimal]:
    found = {}
    for account, given_units in units.items():
        listed = given_units if isinstance(given_units, tuple) else (given_units,)
        for place, quantity in enumerate(listed):
            found[account, f"S{place}", ""] = Decimal(quantity)
    return found


@pytest.mark.parametrize(
    ("before", "after", "complete", "fallen"),
    [
        (counts(a=4), counts(a=0), True, ["a"]),
        (counts(a=4), counts(a=1), True, ["a"]),
        (counts(a=4), counts(a=2), True, []),  # half is not below half
        (counts(a=4), counts(), True, ["a"]),
        (counts(a=4), counts(), False, []),  # a partial file says nothing about what it leaves out
        (counts(a=4), counts(a=0), False, ["a"]),
        (counts(a=(4, 4)), counts(a=(0, 4)), True, []),
        (counts(a=(4, 4)), counts(a=(0, 1)), True, ["a"]),
        (counts(a=0), counts(a=0), True, []),  # it was down before
        (counts(a=(0, 4)), counts(a=(0, 0)), True, ["a"]),
        (counts(b=3, a=3, c=3), counts(b=0, a=0, c=9), True, ["a", "b"]),
    ],
)
def test_an_account_has_fallen_when_each_of_its_services_has(
    before: dict[tuple[str, str, str], Decimal],
    after: dict[tuple[str, str, str], Decimal],
    complete: bool,
    fallen: list[str],
) -> None:
    assert fallen_accounts(before, after, complete) == fallen


@pytest.mark.parametrize(
    ("fallen", "total", "held"),
    [(30, 32, True), (10, 50, True), (10, 51, False), (9, 9, False), (1, 1, False), (11, 51, True), (0, 0, False)],
)
def test_a_feed_is_held_when_many_fall_at_once(fallen: int, total: int, held: bool) -> None:
    assert is_held(fallen, total) is held


def test_a_held_feed_says_why() -> None:
    assert held_reason(30) == "held: 30 accounts at zero, below half of last time, or gone"


@pytest.mark.parametrize(
    ("meaning", "this", "previous", "shown"),
    [
        (AccountMeaning.INACTIVE, 0, 0, AccountVisibility.HIDDEN),
        (AccountMeaning.INACTIVE, 3, 0, AccountVisibility.WARNING),
        (AccountMeaning.INACTIVE, 3, 3, AccountVisibility.WARNING),
        (AccountMeaning.INACTIVE, 0, 4, AccountVisibility.SHOWN),
        (AccountMeaning.ACTIVE, 0, 0, AccountVisibility.ACTIVE),
        (None, 0, 0, AccountVisibility.NEEDS_DECISION),
        (None, 2, 2, AccountVisibility.NEEDS_DECISION),
    ],
)
def test_an_inactive_account_is_hidden_only_when_unused(
    meaning: AccountMeaning | None, this: int, previous: int, shown: AccountVisibility
) -> None:
    assert account_visibility(meaning, Decimal(this), Decimal(previous)) is shown
