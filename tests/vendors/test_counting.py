import random

import pytest

from portal.domain.quantities import MAX_QUANTITY, plain
from portal.vendors.counting import Outcome
from tests.vendors.conftest import HEADER, ReadText, key

NET = {"column": "State", "plus": ["New"], "minus": ["Removed"], "ignore": ["Credit"]}
STATES = [{"column": "State", "keep": ["active", "Suspended"]}]


def test_a_row_that_a_filter_leaves_out_counts_zero_and_is_not_missing(read_text: ReadText) -> None:
    found = read_text(HEADER + "A-1,Alder,deleted,S-1,Seat,,x\nA-2,Birch,suspended ,S-1,Seat,,3\n", filters=STATES)

    assert found.counts == {"A-1/S-1": "0", "A-2/S-1": "3"}
    assert [one.outcome for one in found.results] == [Outcome.ZERO, Outcome.COUNTED]
    assert found.results[0].reason == "State is “deleted”, so the row counts zero."


def test_text_in_the_count_is_a_problem_and_never_zero(read_text: ReadText) -> None:
    found = read_text(HEADER + "A-1,Alder,active,S-1,Seat,,n/a\nA-2,Birch,active,S-1,Seat,,\n")

    assert found.counts == {}
    assert found.problems == [
        (2, "Units", "“n/a” is not a number."),
        (3, "Units", "The count is empty."),
    ]


def test_the_other_rows_of_the_key_still_count(read_text: ReadText) -> None:
    found = read_text(HEADER + "A-1,Alder,active,S-1,Seat,,n/a\nA-1,Alder,active,S-1,Seat,,4\n")

    assert found.counts == {"A-1/S-1": "4"}
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (",Alder,active,S-1,Seat,,1", "names no account"),
        ("A-1,Alder,active, ,Seat,,1", "names no service"),
        (f"{'x' * 301},Alder,active,S-1,Seat,,1", "more than 300 characters"),
    ],
)
def test_a_row_without_account_or_service_has_a_problem(read_text: ReadText, row: str, words: str) -> None:
    found = read_text(f"{HEADER}{row}\n")

    assert found.counts == {}
    assert words in (found.problems[0][2] or "")


def test_charge_lines_add_take_away_or_carry_money_only(read_text: ReadText) -> None:
    rows = (
        "A-1,Alder,New,S-1,Seat,,10\n"
        "A-1,Alder,removed,S-1,Seat,,3\n"
        "A-1,Alder,Credit,S-1,Seat,,99\n"
        "A-1,Alder,Gift,S-1,Seat,,5\n"
        "A-2,Birch,Credit,S-1,Seat,,1\n"
    )

    found = read_text(HEADER + rows, net=NET)

    assert found.counts == {"A-1/S-1": "7"}
    assert found.problems == [(5, "State", "Nobody said whether “Gift” adds or takes away.")]
    assert [one.outcome for one in found.results].count(Outcome.LEFT_OUT) == 2


def test_a_net_below_zero_is_a_problem_of_all_its_rows(read_text: ReadText) -> None:
    rows = "A-1,Alder,New,S-1,Seat,,2\nA-1,Alder,Removed,S-1,Seat,,3\nA-2,Birch,New,S-1,Seat,,1\n"

    found = read_text(HEADER + rows, net=NET)

    assert found.counts == {"A-2/S-1": "1"}
    assert [line for line, _column, _reason in found.problems] == [2, 3]
    assert "add up to -1, which is below zero" in (found.problems[0][2] or "")
    assert "A-1" not in found.counted.accounts


def test_a_negative_count_is_a_problem_too(read_text: ReadText) -> None:
    assert [line for line, *_ in read_text(HEADER + "A-1,Alder,active,S-1,Seat,,-2\n").problems] == [2]


def test_a_count_that_is_too_large_is_a_problem(read_text: ReadText) -> None:
    half = plain(MAX_QUANTITY - 1)
    rows = f"A-1,Alder,active,S-1,Seat,,{half}\nA-1,Alder,active,S-1,Seat,,2\nA-2,Birch,active,S-1,Seat,,1e40\n"

    found = read_text(HEADER + rows)

    assert found.counts == {}
    assert [line for line, *_ in found.problems] == [2, 3, 4]


def test_a_sum_is_brought_to_four_decimals_once_half_to_even(read_text: ReadText) -> None:
    rows = "A-1,Alder,active,S-1,Seat,,0.00004\n" * 2 + "A-2,Birch,active,S-1,Seat,,0.00005\n"

    found = read_text(HEADER + rows)

    assert found.counts == {"A-1/S-1": "0.0001", "A-2/S-1": "0"}
    assert all(count.rounded for count in found.counted.counts.values())


def test_rows_may_be_counted_instead_of_summed(read_text: ReadText) -> None:
    found = read_text(
        "Org,Class,State\nOne,Server,Online\nOne,Server,Offline\nOne,Server,Gone\n",
        columns={"account_name": "Org", "service_id": "Class"},
        count_rows=True,
        filters=[{"column": "State", "keep": ["Online", "Offline"]}],
    )

    assert found.counts == {"One/Server": "2"}
    assert found.counted.accounts == {"One": ("One", "")}


def test_constants_stand_for_columns(read_text: ReadText) -> None:
    found = read_text(
        "Site,Units\nOne,3\n",
        columns={"account_id": "Site", "count": "Units"},
        constants={"service_id": "BACKUP", "term": "Annual"},
    )

    assert set(found.counted.counts) == {key("One", "BACKUP", "Annual")}


def test_the_order_of_rows_never_changes_counts(read_text: ReadText) -> None:
    rows = [
        f"A-{number % 5},Name {number % 5},{'New' if number % 3 else 'Removed'},S-{number % 2},Seat,,{number}.123456\n"
        for number in range(1, 60)
    ]
    first = read_text(HEADER + "".join(rows), net=NET)

    for seed in range(10):
        random.Random(seed).shuffle(rows)  # noqa: S311 - an order, not a secret
        again = read_text(HEADER + "".join(rows), net=NET)
        assert again.counts == first.counts
        assert {one.key for one in again.counted.late} == {one.key for one in first.counted.late}
