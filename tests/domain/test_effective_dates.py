"""From which day to which a change may begin: what is said beside the field is what the plan takes and refuses."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.domain.effective_dates import EARLIEST, LATEST, DateBounds, add_bounds, change_bounds
from portal.domain.lines import total
from portal.domain.psa import Agreement, Line, PeriodType
from tests.domain.build import START, TODAY, added, agreement, billed, changed, line

JUNE = date(2026, 6, 1)
END = date(2026, 12, 31)
A_DAY = timedelta(days=1)


def for_change(*lines: Line, to: str | None, on: Agreement) -> DateBounds:
    return change_bounds(billed(on), lines, None if to is None else Decimal(to), TODAY)


def for_added(*lines: Line, on: Agreement) -> DateBounds:
    return add_bounds(billed(on), lines, TODAY)


PRORATES = agreement(prorates=True)
ENDS = agreement(prorates=True, end=END)
AHEAD = agreement(prorates=True, bills=PeriodType.FUTURE)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (
            for_change(line("10", since=JUNE), to="12", on=ENDS),
            (
                "From 1 Jun 2026, when line 1 begins, to 31 Dec 2026, when the agreement ends. "
                "Days before 1 Oct 2026 were already invoiced; one of them asks for a tick."
            ),
        ),
        (
            for_change(line("10"), to="12", on=AHEAD),
            (
                "From 1 Mar 2024, when the agreement begins. "
                "Days before 1 Nov 2026 were already invoiced; one of them asks for a tick."
            ),
        ),
        (
            for_change(line("10", since=date(2026, 10, 5), until=date(2026, 11, 30)), to="12", on=ENDS),
            "From 5 Oct 2026, when line 1 begins, to 30 Nov 2026, when line 1 ends.",
        ),
        (
            for_change(line("10", since=None), to="12", on=agreement(prorates=True, start=None, invoice=None)),
            "",
        ),
        (
            for_added(
                line("10", id=7, until=date(2026, 10, 10)), line("4", id=8, since=date(2026, 12, 1)), on=PRORATES
            ),
            "From 11 Oct 2026, the day after line 7 ends, to 30 Nov 2026, the day before line 8 begins.",
        ),
        (
            for_added(on=ENDS),
            (
                "From 1 Mar 2024, when the agreement begins, to 31 Dec 2026, when the agreement ends. "
                "Days before 1 Oct 2026 were already invoiced; one of them asks for a tick."
            ),
        ),
    ],
)
def test_the_bounds_are_said_with_their_reasons(bounds: DateBounds, words: str) -> None:
    assert bounds.words() == words


def test_only_the_lines_that_a_quantity_touches_bound_it() -> None:
    lines = (line("5", id=1), line("5", id=2, since=date(2026, 10, 1), until=END))

    assert for_change(*lines, to="12", on=PRORATES).first == START  # the open line 1 grows
    assert for_change(*lines, to="9", on=PRORATES).first == date(2026, 10, 1)  # line 2 shrinks first
    assert for_change(*lines, to=None, on=PRORATES).first == date(2026, 10, 1)  # nothing typed: any of them


def test_a_day_outside_is_brought_to_the_bound_that_it_passed() -> None:
    bounds = for_change(line("10", since=JUNE), to="12", on=ENDS)

    assert bounds.nearest(JUNE - A_DAY) == JUNE
    assert bounds.nearest(TODAY) == TODAY
    assert bounds.nearest(END + A_DAY) == END
    assert (DateBounds().earliest, DateBounds().latest) == (EARLIEST, LATEST)


# For all lines, quantities and ends: both sides of both bounds.

days = st.dates(date(2026, 6, 1), date(2027, 3, 31))


@st.composite
def some_lines(draw: st.DrawFn) -> list[Line]:
    return [
        line(
            draw(st.sampled_from(["0", "1", "5", "10"])),
            id=number,
            since=draw(days | st.none() | st.just(START)),
            until=draw(st.none() | days),
        )
        for number in range(1, draw(st.integers(1, 4)) + 1)
    ]


ends = st.none() | st.dates(TODAY, date(2027, 3, 31))


@given(some_lines(), st.sampled_from(["0", "3", "12", "40"]), ends)
def test_what_the_field_takes_the_plan_takes_and_what_it_refuses_the_plan_refuses(
    lines: list[Line], wanted: str, end: date | None
) -> None:
    on = agreement(prorates=True, end=end)
    assume(total(one for one in lines if one.active(TODAY)) not in {Decimal(0), Decimal(wanted)})
    bounds = for_change(*lines, to=wanted, on=on)

    for day in (bounds.earliest, bounds.latest, bounds.nearest(TODAY)):
        assert changed(wanted, *lines, day=day, on=on).refused is None
    for day in (bounds.earliest - A_DAY, bounds.latest + A_DAY):
        assert changed(wanted, *lines, day=day, on=on).refused is not None


@given(some_lines(), ends)
def test_a_line_is_added_on_the_bounds_and_not_beside_them(lines: list[Line], end: date | None) -> None:
    on = agreement(prorates=True, end=end)
    others = tuple(one for one in lines if not one.active(TODAY))
    bounds = for_added(*others, on=on)

    for day in (bounds.earliest, bounds.latest, TODAY):
        assert added(day=day, on=on, lines=others).refused is None
    for day in (bounds.earliest - A_DAY, bounds.latest + A_DAY):
        assert added(day=day, on=on, lines=others).refused is not None
