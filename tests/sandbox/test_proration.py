from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.sandbox.proration import billed_share, period
from tests.sandbox.caller import Caller

LINES = "/finance/agreements/40/additions"
PRORATED = ("prorateCost", "proratePrice", "extendedProrateCost", "extendedProratePrice")


def new(caller: Caller, **more: Any) -> Any:
    return caller.created(LINES, **({"product": {"id": 71}, "billCustomer": "Billable", "quantity": 10} | more))


def test_a_line_that_begins_within_the_period_costs_its_share_of_calendar_days(portal: Caller) -> None:
    line = new(portal, effectiveDate="2031-03-10T00:00:00Z", lessIncluded=4, unitPrice=31, unitCost=Decimal("15.5"))

    assert line["prorateCurrentPeriodFlag"] is True
    assert [line[name] for name in PRORATED] == [11, 22, 110, 132]  # 22 of 31 days
    assert (line["extCost"], line["extPrice"]) == (155, 186)


def test_a_line_that_ends_within_the_period_is_billed_up_to_its_last_day(portal: Caller) -> None:
    line = new(portal, effectiveDate="2031-01-01T00:00:00Z", unitPrice=31, unitCost=0)
    assert (line["prorateCurrentPeriodFlag"], line["proratePrice"]) == (False, 31)

    ended = portal.changed(f"{LINES}/{line['id']}", cancelledDate="2031-03-15T00:00:00Z")

    assert (ended["prorateCurrentPeriodFlag"], ended["proratePrice"], ended["extendedProratePrice"]) == (True, 15, 150)
    texts = [row["text"] for row in portal.get("/system/audittrail", type="Agreement", id=40)]
    assert texts[0] == "Addition SEAT cancelledDate changed from none to 2031-03-15"


def test_a_line_that_begins_later_has_the_share_of_its_own_first_period(portal: Caller) -> None:
    line = new(portal, effectiveDate="2031-04-16T00:00:00Z", unitPrice=30)
    assert (line["proratePrice"], line["extendedProratePrice"]) == (15, 150)


def test_an_agreement_that_does_not_prorate_has_no_such_amounts(portal: Caller, human: Caller) -> None:
    key = new(portal, effectiveDate="2031-03-10T00:00:00Z")["id"]

    human.changed("/finance/agreements/40", prorateFlag=False)

    line = portal.get(f"{LINES}/{key}")
    assert line["prorateCurrentPeriodFlag"] is False
    assert not line.keys() & set(PRORATED)


def test_nobody_sets_what_is_computed(portal: Caller) -> None:
    line = new(
        portal, effectiveDate="2031-03-10T00:00:00Z", unitPrice=31, proratePrice=1, prorateCurrentPeriodFlag=False
    )
    changed = portal.changed(f"{LINES}/{line['id']}", extendedProratePrice=1, margin=1)

    assert (changed["proratePrice"], changed["extendedProratePrice"]) == (22, 220)
    assert changed["margin"] == line["margin"]


@pytest.mark.parametrize(
    ("months", "cycle", "start", "on", "first", "last"),
    [
        (1, "CalendarYear", "2030-05-17", "2031-02-28", "2031-02-01", "2031-02-28"),
        (3, "CalendarYear", "2030-05-17", "2031-05-17", "2031-04-01", "2031-06-30"),
        (12, "CalendarYear", "2030-05-17", "2031-05-16", "2031-01-01", "2031-12-31"),
        (12, "ContractYear", "2030-05-17", "2031-05-16", "2030-05-17", "2031-05-16"),
        (12, "ContractYear", "2030-05-17", "2031-05-17", "2031-05-17", "2032-05-16"),
        (3, "ContractYear", "2030-11-30", "2031-03-01", "2031-02-28", "2031-05-29"),
        (1, "ContractYear", "2031-06-01", "2031-03-10", "2031-03-01", "2031-03-31"),
    ],
)
def test_periods_follow_the_calendar_or_the_contract(
    months: int, cycle: str, start: str, on: str, first: str, last: str
) -> None:
    agreement: dict[str, Any] = {"invoicingCycle": cycle, "startDate": f"{start}T00:00:00Z"}

    assert period(agreement, months, date.fromisoformat(on)) == (date.fromisoformat(first), date.fromisoformat(last))


DAYS = st.dates(date(2029, 1, 1), date(2033, 12, 31))


@given(DAYS, DAYS, st.sampled_from([1, 2, 3, 6, 12]), st.sampled_from(["CalendarYear", "ContractYear"]))
def test_a_period_holds_its_day_and_two_lines_share_it_without_a_rest(
    start: date, on: date, months: int, cycle: str
) -> None:
    first, last = period({"invoicingCycle": cycle, "startDate": start.isoformat()}, months, on)

    assert first <= on <= last
    before, after = billed_share(first, on, first, last), billed_share(on, None, first, last)
    assert before + after == 1 + Fraction(1, (last - first).days + 1)  # the day itself is in both
