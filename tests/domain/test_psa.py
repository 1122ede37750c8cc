from datetime import date, timedelta

import pytest

from portal.domain.periods import day_before
from portal.domain.psa import PeriodType, billing_cycle_months, live_agreements
from tests.domain.build import NOVEMBER, TODAY, agreement, line

TOMORROW = TODAY + timedelta(days=1)
YESTERDAY = day_before(TODAY)


@pytest.mark.parametrize(
    ("since", "until", "active"),
    [
        (None, None, True),
        (TODAY, None, True),
        (TOMORROW, None, False),
        (None, TODAY, True),
        (None, YESTERDAY, False),
        (TODAY, TODAY, True),
    ],
)
def test_the_first_and_the_last_day_of_a_line_count(since: date | None, until: date | None, active: bool) -> None:
    assert line("1", since=since, until=until).active(TODAY) is active


def test_a_scheduled_line_begins_later_and_lasts() -> None:
    assert line("1", since=TOMORROW).begins_after(TODAY)
    assert not line("1", since=TODAY).begins_after(TODAY)
    assert not line("1", since=TOMORROW, until=TODAY).begins_after(TODAY)


@pytest.mark.parametrize(
    ("options", "name", "months"),
    [
        ("Monthly", "Monatlich", 1),
        ("BiMonthly", "Every two months", 2),
        ("Quarterly", "Quarterly", 3),
        ("SemiAnnual", "Semi-annual", 6),
        ("Yearly", "Annual", 12),
        ("Weekly", "Weekly", None),
        ("NotRecurring", "Monthly", None),
        (None, "Semi-annual", 6),
        (None, "Every two months", 2),
        (None, "Whenever", None),
        (None, None, None),
    ],
)
def test_a_cycles_length_comes_from_its_options(options: str | None, name: str | None, months: int | None) -> None:
    assert billing_cycle_months(options, name) == months


def test_the_first_and_the_last_day_of_an_agreement_count() -> None:
    days = {
        1: agreement(1, start=TODAY),
        2: agreement(2, start=TOMORROW),
        3: agreement(3, end=TODAY),
        4: agreement(4, end=YESTERDAY),
        5: agreement(5, cancelled=True),
        6: agreement(6, start=None),
    }

    live = {one for one, billed in live_agreements(days.values(), TODAY).items() if billed.live}

    assert live == {1, 3, 6}


def test_an_end_date_is_overruled_by_no_ending() -> None:
    endless = agreement(end=YESTERDAY)
    object.__setattr__(endless, "no_ending", True)

    assert live_agreements([endless], TODAY)[1].billed


def test_an_agreement_without_cycle_is_live_but_not_billed() -> None:
    one = live_agreements([agreement(cycle=None)], TODAY)[1]

    assert (one.live, one.billed, one.flagged) == (True, False, False)
    assert one.why_not == "The agreement has no billing cycle: it is not billed here."


def test_a_child_takes_what_it_lacks_from_its_parent() -> None:
    parent = agreement(1, cycle=3, bills=PeriodType.FUTURE, invoice=NOVEMBER)
    child = agreement(2, parent=1, cycle=None, bills=None, invoice=None)

    one = live_agreements([child, parent], TODAY)[2]

    assert one.billed
    assert (one.cycle_months, one.period_type, one.next_invoice) == (3, PeriodType.FUTURE, NOVEMBER)


def test_a_child_keeps_its_own_cycle() -> None:
    assert live_agreements([agreement(1, cycle=3), agreement(2, parent=1, cycle=1)], TODAY)[2].cycle_months == 1


def test_a_live_child_of_a_cancelled_parent_is_flagged_and_not_billed() -> None:
    one = live_agreements([agreement(1, cancelled=True), agreement(2, parent=1)], TODAY)[2]

    assert (one.live, one.billed, one.flagged) == (True, False, True)
    assert one.why_not == "Its parent agreement 1 Agreement 1 is cancelled."


def test_a_ring_of_parents_ends_where_it_closes() -> None:
    ring = [agreement(1, parent=2, cycle=None), agreement(2, parent=1, cycle=None)]

    assert not any(one.billed for one in live_agreements(ring, TODAY).values())
