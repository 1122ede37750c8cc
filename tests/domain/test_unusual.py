"""What is called unusual against the months before."""

from decimal import Decimal

import pytest

from portal.domain.unusual import History, unusual


@pytest.mark.parametrize(
    ("count", "months", "least", "most", "said"),
    [
        ("40", 11, "8", "12", "40 now, 8 to 12 in the 11 months before."),
        ("0", 12, "10", "10", "0 now, 10 in the 12 months before."),
        ("18", 12, "8", "12", None),  # half as much again is not yet far
        ("18.5", 12, "8", "12", "18.5 now, 8 to 12 in the 12 months before."),
        ("4", 12, "1", "2", None),  # two units beyond a small count say little
        ("5", 12, "1", "2", "5 now, 1 to 2 in the 12 months before."),
        ("7", 12, "10", "12", None),
        ("6", 12, "10", "12", "6 now, 10 to 12 in the 12 months before."),
        ("40", 2, "8", "12", None),  # two months are no habit
        (None, 12, "8", "12", None),
    ],
)
def test_a_count_is_unusual_when_it_lies_far_outside_of_the_months_before(
    count: str | None, months: int, least: str, most: str, said: str | None
) -> None:
    history = History(months=months, least=Decimal(least), most=Decimal(most))

    assert unusual(None if count is None else Decimal(count), history) == said


def test_without_a_history_nothing_is_unusual() -> None:
    assert unusual(Decimal(40), None) is None
