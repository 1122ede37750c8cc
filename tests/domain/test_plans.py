"""Plans: what is written, what is refused, and that the steps lead exactly to what was wanted."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.domain.lines import total
from portal.domain.plans import (
    Plan,
    Step,
    StepAction,
    lines_after,
    plan_undo,
)
from portal.domain.psa import Agreement, CatalogItem, Line, PeriodType
from tests.domain.build import PRORATES, SEAT, START, TODAY, added, agreement, billed, carried_out, changed, line

TOMORROW = TODAY + timedelta(days=1)
YESTERDAY = TODAY - timedelta(days=1)
THE_20TH = date(2026, 10, 20)


# As `cards plan` prints it.


def test_a_plan_is_printed_as_agreed() -> None:
    plan = changed("7", line("10", id=12), day=THE_20TH, on=PRORATES)

    assert plan.as_json() == {
        "steps": [
            {"action": "create", "like": 12, "quantity": "7", "effective": "2026-10-20", "cancelled": None},
            {"action": "end", "addition": 12, "expected": None, "cancelled": "2026-10-19"},
        ],
        "effect": {"next_invoice": "-11.61", "per_month": "-30.00"},
        "refused": None,
    }


def test_a_set_is_printed_as_agreed() -> None:
    assert changed("12.50", line("3.0", id=12)).as_json()["steps"] == [
        {"action": "set", "addition": 12, "expected": "3", "quantity": "12.5"}
    ]


def test_a_refusal_is_printed_without_steps() -> None:
    plan = changed("12", day=TODAY).as_json()

    assert plan["steps"] == []
    assert plan["effect"] == {"next_invoice": None, "per_month": None}
    assert plan["refused"] == "This agreement does not prorate, so no date can be picked: a change holds at once."


def test_a_reopen_is_printed_as_agreed() -> None:
    step = Step(action=StepAction.REOPEN, addition_id=12, expected=date(2026, 10, 14))

    assert step.as_json() == {"action": "reopen", "addition": 12, "expected": "2026-10-14", "cancelled": None}


@pytest.mark.parametrize(
    "plan",
    [
        changed("7", line("10", included="2", until=date(2026, 12, 31)), day=THE_20TH, on=PRORATES),
        changed("12", line("10")),
        added("4"),
        Plan(steps=(Step(action=StepAction.REOPEN, addition_id=12, expected=THE_20TH),)),
    ],
)
def test_a_kept_step_is_read_back_whole(plan: Plan) -> None:
    assert tuple(Step.from_stored(step.stored()) for step in plan.steps) == plan.steps


# Dates.


def test_where_it_does_not_prorate_no_date_is_taken_not_even_todays() -> None:
    for day in (TODAY, START, TOMORROW):
        assert changed("12", day=day).refused is not None
    assert changed("12").refused is None


def test_approve_never_takes_a_date() -> None:
    refused = changed("12", day=TODAY, on=PRORATES, dated=False).refused

    assert refused == "Approve takes no date: it holds at once. To bill from a day on, Adjust."
    assert changed("12", on=PRORATES, dated=False).refused is None


def test_where_it_prorates_adjust_needs_a_date() -> None:
    assert changed("12", on=PRORATES).refused == (
        "This agreement prorates. Pick the day from which the quantity holds."
    )


@pytest.mark.parametrize(
    ("day", "refused"),
    [
        (
            date(2024, 2, 29),
            "29 Feb 2024 is before 1 Mar 2024, when the agreement begins. Choose that day or a later one.",
        ),
        (date(2026, 5, 31), "31 May 2026 is before 1 Jun 2026, when line 2 begins. Choose that day or a later one."),
        (date(2026, 6, 1), None),
        (date(2026, 12, 31), None),
        (
            date(2027, 1, 1),
            "1 Jan 2027 is after 31 Dec 2026, when the agreement ends. Choose that day or an earlier one.",
        ),
    ],
)
def test_a_date_stays_within_the_agreement_and_its_lines(day: date, refused: str | None) -> None:
    on = agreement(prorates=True, end=date(2026, 12, 31))
    lines = [line("5", id=1), line("5", id=2, since=date(2026, 6, 1))]

    assert changed("12", *lines, day=day, on=on).refused == refused


def test_only_the_lines_that_the_plan_touches_bound_the_date() -> None:
    lines = [line("5", id=1), line("5", id=2, since=date(2026, 10, 1), until=date(2026, 12, 31))]

    assert changed("12", *lines, day=date(2026, 5, 31), on=PRORATES).refused is None  # the open line 1 grows
    assert changed("9", *lines, day=date(2026, 5, 31), on=PRORATES).refused is not None  # line 2 shrinks first


# What cannot be written.


@pytest.mark.parametrize(
    ("on", "refused"),
    [
        (agreement(cancelled=True), "The agreement was cancelled."),
        (agreement(end=YESTERDAY), "The agreement ended on 27 Oct 2026."),
        (agreement(start=TOMORROW), "The agreement begins on 29 Oct 2026."),
        (agreement(cycle=None), "The agreement has no billing cycle: it is not billed here."),
    ],
)
def test_an_agreement_that_is_not_billed_is_not_written(on: Agreement, refused: str) -> None:
    assert changed("12", on=on).refused == refused
    assert added(on=on).refused == refused


@pytest.mark.parametrize("quantity", ["-1", "10000000", "1.23456", "NaN", "Infinity"])
def test_a_quantity_that_cannot_be_is_refused(quantity: str) -> None:
    assert changed(quantity).refused
    assert added(quantity).refused


def test_without_an_active_line_there_is_nothing_to_change() -> None:
    ended = line("5", until=YESTERDAY)

    assert changed("12", ended).refused == "No line of this product is active on 28 Oct 2026. Add one instead."


def test_the_same_quantity_writes_nothing() -> None:
    plan = changed("10")

    assert not plan.steps
    assert plan.refused is None
    assert plan.effect.per_month == 0
    assert plan.sentences[-1] == "The PSA has this quantity already: there is nothing to write."


# Lines.


def test_included_units_go_along_with_a_line_that_replaces_and_not_with_an_increase() -> None:
    lower = changed("7", line("10", included="2"), day=THE_20TH, on=PRORATES)
    higher = changed("12", line("10", included="2"), day=THE_20TH, on=PRORATES)

    assert [step.less_included for step in lower.steps][:1] == [2]
    assert [step.less_included for step in higher.steps] == [0]


def test_a_copy_keeps_the_old_lines_last_day() -> None:
    (create, end) = changed("7", line("10", until=date(2026, 12, 31)), day=THE_20TH, on=PRORATES).steps

    assert (create.cancelled, end.expected, end.cancelled) == (
        date(2026, 12, 31),
        date(2026, 12, 31),
        date(2026, 10, 19),
    )


def test_a_quantity_below_the_included_units_is_said() -> None:
    assert "Line 1 includes 2 units, more than the 1 left." in changed("1", line("10", included="2")).sentences


def test_approve_beside_a_scheduled_line_asks_for_a_tick() -> None:
    plan = changed("12", line("10"), line("6", id=2, since=date(2026, 11, 1)), dated=False)

    (warning,) = plan.warnings
    assert warning.code == "scheduled_ok"
    assert warning.sentence == ("Line 2 with 6 begins on 1 Nov 2026. Beside the 12 of this change, both would bill.")


def test_adjust_beside_a_scheduled_line_names_it() -> None:
    plan = changed("12", line("10"), line("6", id=2, since=date(2026, 11, 1)))

    assert not plan.warnings
    assert "Line 2 with 6 begins on 1 Nov 2026." in plan.sentences


def test_a_later_date_looks_at_the_lines_of_that_day() -> None:
    lines = [line("10", id=1), line("5", id=2, since=date(2026, 11, 1))]

    plan = changed("16", *lines, day=date(2026, 11, 1), on=PRORATES)

    assert plan.as_json()["steps"] == [{"action": "set", "addition": 2, "expected": "5", "quantity": "6"}]


# Add.


def test_add_creates_a_line_at_the_catalogues_price_from_today() -> None:
    plan = added("4")

    assert plan.as_json()["steps"] == [
        {
            "action": "create",
            "like": None,
            "product": "SEAT",
            "quantity": "4",
            "effective": "2026-10-28",
            "cancelled": None,
            "unit_price": "10",
            "unit_cost": "6",
        }
    ]
    assert (plan.effect.next_invoice, plan.effect.per_month) == (Decimal(40), Decimal(40))


def test_add_takes_a_date_only_where_the_agreement_prorates() -> None:
    assert added(day=TODAY).refused is not None
    assert added(day=THE_20TH, on=PRORATES).effect.next_invoice == Decimal("15.48")
    assert added(on=PRORATES).steps[0].effective == TODAY


def test_add_into_an_invoiced_period_asks_for_a_tick() -> None:
    ahead = agreement(prorates=True, bills=PeriodType.FUTURE)

    assert [warning.code for warning in added(day=THE_20TH, on=ahead).warnings] == ["invoiced_ok"]


def test_add_takes_another_price() -> None:
    plan = added("4", price="12.5")

    assert (plan.steps[0].unit_price, plan.steps[0].unit_cost, plan.effect.per_month) == (
        Decimal("12.5"),
        Decimal(0),
        Decimal(50),
    )


@pytest.mark.parametrize(
    ("plan", "refused"),
    [
        (
            added(item=CatalogItem(product="PACK", bundle=True)),
            "PACK is a bundle: ConnectWise PSA refuses a bundle as an addition. Add its parts instead.",
        ),
        (added(item=None), "This product is not in the PSA's catalogue, so it cannot be added."),
        (added("0"), "An added line needs a quantity above 0."),
        (added(price="-1"), "A price or cost is 0 or more."),
        (
            added(lines=(line("3"),)),
            "This product stands on the agreement already, with 3 (line 1). Adjust it instead.",
        ),
        (
            added(day=date(2024, 2, 29), on=PRORATES),
            "29 Feb 2024 is before 1 Mar 2024, when the agreement begins. Choose that day or a later one.",
        ),
    ],
)
def test_add_refuses_what_the_psa_would_or_must_not_take(plan: Plan, refused: str) -> None:
    assert (plan.refused, plan.steps) == (refused, ())


def test_add_beside_a_scheduled_line_asks_for_a_tick() -> None:
    assert [one.code for one in added(lines=(line("6", since=date(2026, 11, 1)),)).warnings] == ["scheduled_ok"]


def test_add_of_an_inactive_product_says_so() -> None:
    plan = added(item=CatalogItem(product="OLD", price=Decimal(1), inactive=True))

    assert "The catalogue marks this product as inactive; the PSA may refuse it." in plan.sentences


# For all lines, days and quantities.

quantities = st.decimals(min_value=0, max_value=1000, places=4)
some_days = st.dates(date(2026, 9, 1), date(2026, 12, 31))


@st.composite
def any_lines(draw: st.DrawFn) -> list[Line]:
    return [
        line(
            str(draw(quantities)),
            id=number,
            since=draw(some_days | st.none() | st.just(START)),
            until=draw(st.none() | some_days),
            included=draw(st.sampled_from(["0", "2"])),
        )
        for number in range(1, draw(st.integers(1, 5)) + 1)
    ]


@given(any_lines(), quantities, some_days, st.booleans(), st.sampled_from(list(PeriodType)))
def test_the_steps_lead_exactly_to_the_wanted_quantity_and_undo_back(
    lines: list[Line], wanted: Decimal, day: date, dated: bool, bills: PeriodType
) -> None:
    on = agreement(prorates=dated, bills=bills)
    plan = changed(str(wanted), *lines, day=day if dated else None, on=on, dated=dated)
    assume(plan.refused is None)
    looked_at = max(day, TODAY) if dated else TODAY

    after, done = carried_out(lines, plan)

    assert total(one for one in after if one.active(looked_at)) == wanted
    assert all(one.quantity >= 0 for one in after)
    assert not any(isinstance(amount, float) for amount in (plan.effect.next_invoice, plan.effect.per_month))

    undo = plan_undo(billed(on), after, SEAT, done)
    restored = lines_after(after, undo.steps)

    assert undo.refused is None
    assert [one for one in restored if one.addition_id > 0] == lines
    assert all(one.quantity == 0 for one in restored if one.addition_id < 0)
    assert undo.effect.next_invoice == -(plan.effect.next_invoice or 0)


@given(any_lines(), quantities, some_days)
def test_before_the_day_nothing_changes_that_was_not_set(lines: list[Line], wanted: Decimal, day: date) -> None:
    plan = changed(str(wanted), *lines, day=day, on=PRORATES)
    assume(plan.refused is None)
    assume(all(step.action is not StepAction.SET for step in plan.steps))
    before = day - timedelta(days=1)

    after = lines_after(lines, plan.steps)

    assert total(one for one in after if one.active(before)) == total(one for one in lines if one.active(before))
