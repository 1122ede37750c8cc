"""Undo: what stood before comes back, unless someone changed it since."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from portal.domain.plans import DoneStep, Plan, lines_after, plan_undo
from portal.domain.psa import BilledAgreement, Line, PeriodType
from tests.domain.build import PRORATES, SEAT, TODAY, added, agreement, billed, carried_out, changed, line

THE_20TH = date(2026, 10, 20)


def test_undo_reopens_the_old_line_empties_the_new_one_and_ends_it_on_its_own_first_day() -> None:
    lines = [line("10", id=12)]
    after, done = carried_out(lines, changed("7", *lines, day=THE_20TH, on=PRORATES))

    undo = plan_undo(billed(PRORATES), after, SEAT, done)

    assert undo.as_json() == {
        "steps": [
            {"action": "reopen", "addition": 12, "expected": "2026-10-19", "cancelled": None},
            {"action": "set", "addition": -1, "expected": "7", "quantity": "0"},
            {"action": "end", "addition": -1, "expected": None, "cancelled": "2026-10-20"},
        ],
        "effect": {"next_invoice": "11.61", "per_month": "30.00"},
        "refused": None,
    }


def test_undo_leaves_alone_what_a_person_did() -> None:
    (step,) = changed("12").steps

    undo = plan_undo(billed(), [line("12")], SEAT, [DoneStep(step=step, found=True)])

    assert undo.steps == ()
    assert "Left alone, since it was found and not written by us: Set line 1 from 10 to 12." in undo.sentences


def test_undo_is_held_back_where_someone_changed_a_line_since() -> None:
    (step,) = changed("12").steps

    undo = plan_undo(billed(), [line("11")], SEAT, [DoneStep(step=step)])

    assert undo.refused == (
        "Line 1 has 11 now, where this decision left 12. "
        "Someone changed it since, so nothing is undone. Look at the line and decide again."
    )


def test_undo_is_held_back_where_a_last_day_was_changed_or_a_line_is_gone() -> None:
    lines = [line("10", id=12)]
    after, done = carried_out(lines, changed("0", *lines, day=THE_20TH, on=PRORATES))

    assert after[0].cancelled == date(2026, 10, 19)
    assert plan_undo(billed(PRORATES), lines, SEAT, done).refused is not None
    assert plan_undo(billed(PRORATES), [], SEAT, done).refused is not None


def test_undo_of_an_added_line_sets_it_to_zero_and_ends_it_so_that_it_bills_no_day() -> None:
    after, done = carried_out([], added("4"))

    undo = plan_undo(billed(), after, SEAT, done)
    (line_left,) = lines_after(after, undo.steps)

    assert undo.as_json()["steps"] == [
        {"action": "set", "addition": -1, "expected": "4", "quantity": "0"},
        {"action": "end", "addition": -1, "expected": None, "cancelled": "2026-10-28"},
    ]
    assert undo.effect.next_invoice == -40
    assert any("The portal never deletes: it is set to 0 and ends on its own first day" in s for s in undo.sentences)
    assert line_left.void
    assert not line_left.active(TODAY)
    assert not line_left.begins_after(date(2026, 10, 1))


@pytest.mark.parametrize("quantity", ["7", "12", "0"])
def test_an_undo_is_undone_to_the_same_lines_and_money(quantity: str) -> None:
    lines = [line("10", id=12)]
    plan = changed(quantity, *lines, day=THE_20TH, on=PRORATES)
    decided, done = carried_out(lines, plan)
    undo = plan_undo(billed(PRORATES), decided, SEAT, done)
    undone = lines_after(decided, undo.steps)

    again = plan_undo(billed(PRORATES), undone, SEAT, [DoneStep(step=step) for step in undo.steps])

    assert lines_after(undone, again.steps) == decided
    assert again.effect.next_invoice == plan.effect.next_invoice
    third = plan_undo(billed(PRORATES), decided, SEAT, [DoneStep(step=step) for step in again.steps])
    assert lines_after(decided, third.steps) == undone


def test_what_someone_changed_is_held_back_and_the_rest_goes_back() -> None:
    lines = [line("5", id=1), line("10", id=2, since=date(2026, 1, 1)), line("5", id=3, since=date(2026, 2, 1))]
    after, done = carried_out(lines, changed("8", *lines))
    moved = [replace(one, quantity=Decimal(4)) if one.addition_id == 3 else one for one in after]

    undo = plan_undo(billed(), moved, SEAT, done)

    assert undo.as_json()["steps"] == [{"action": "set", "addition": 2, "expected": "3", "quantity": "10"}]
    assert undo.held == (
        "Line 3 has 4 now, where this decision left 0. Someone changed it since, so nothing is undone.",
    )
    assert f"Held back: {undo.held[0]}" in undo.sentences


def test_a_line_and_what_replaces_it_go_back_together_or_not_at_all() -> None:
    lines = [line("10", id=12)]
    after, done = carried_out(lines, changed("7", *lines, day=THE_20TH, on=PRORATES))
    moved = [replace(one, quantity=Decimal(8)) if one.addition_id == -1 else one for one in after]

    undo = plan_undo(billed(PRORATES), moved, SEAT, done)

    assert undo.steps == ()
    assert undo.refused is not None
    assert "Line -1 has 8 now, where this decision left 7." in undo.refused


@pytest.mark.parametrize("quantity", ["7", "12", "0"])
def test_each_undo_of_an_undo_has_the_money_of_the_one_before_with_the_other_sign(quantity: str) -> None:
    lines = [line("10", id=12)]
    _returns(lines, changed(quantity, *lines, day=THE_20TH, on=PRORATES), billed(PRORATES))


@pytest.mark.parametrize("on", [billed(), billed(PRORATES)])
def test_so_has_each_undo_of_an_added_line(on: BilledAgreement) -> None:
    _returns([], added("4"), on)


def _returns(lines: list[Line], plan: Plan, on: BilledAgreement) -> None:
    """Undo a decision, the undo, and so on: forth and back, the same lines and the same money each time."""
    now, done = carried_out(lines, plan)
    money, stood = [], [now]
    for _ in range(5):
        undo = plan_undo(on, now, SEAT, done)
        now, done = lines_after(now, undo.steps), [DoneStep(step=step) for step in undo.steps]
        money.append((undo.effect.next_invoice, undo.effect.per_month, undo.effect.each_later))
        stood.append(now)
    back, forth = money[0], money[1]
    assert forth == tuple(None if one is None else -one for one in back)
    assert money == [back, forth, back, forth, back]
    assert forth[1] == plan.effect.per_month
    assert stood[2] == stood[4] == stood[0]
    assert stood[1] == stood[3] == stood[5]


def test_what_begins_in_an_invoiced_period_goes_back_only_with_the_warning() -> None:
    ahead = agreement(prorates=True, bills=PeriodType.FUTURE)
    lines = [line("10", id=12)]
    after, done = carried_out(lines, changed("12", *lines, day=THE_20TH, on=ahead))

    undo = plan_undo(billed(ahead), after, SEAT, done)

    assert [one.code for one in undo.warnings] == ["invoiced_ok"]
    assert "20 Oct 2026 was already invoiced (all days before 1 Nov 2026 are)." in undo.warnings[0].sentence
    assert "set right on the next invoice: -7.74." in undo.warnings[0].sentence


def test_an_undo_after_the_invoice_says_what_it_does_not_reach() -> None:
    later = agreement(invoice=date(2026, 12, 1))
    (step,) = changed("12").steps

    undo = plan_undo(billed(later), [line("12")], SEAT, [DoneStep(step=step)], TODAY)

    assert "What was invoiced for days before 1 Nov 2026 stays as it was invoiced." in undo.sentences


def test_a_line_that_keeps_included_units_at_zero_is_said() -> None:
    lines = [line("10", included="2")]
    after, done = carried_out(lines, changed("7", *lines, day=THE_20TH, on=PRORATES))

    undo = plan_undo(billed(PRORATES), after, SEAT, done)

    assert "Line -1 keeps 2 included units: set them to 0 in the PSA by hand." in undo.sentences


def test_undo_stops_at_an_agreement_that_was_cancelled() -> None:
    assert plan_undo(billed(agreement(cancelled=True)), [], SEAT, []).refused == "The agreement was cancelled."


def test_steps_that_do_not_fit_the_lines_are_a_broken_contract() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        lines_after([line("11")], changed("12").steps)
