"""Undo: what stood before comes back, unless someone changed it since."""

from datetime import date

import pytest

from portal.domain.plans import DoneStep, lines_after, plan_undo
from tests.domain.build import PRORATES, SEAT, added, agreement, billed, carried_out, changed, line

THE_20TH = date(2026, 10, 20)


def test_undo_reopens_the_old_line_and_empties_the_new_one() -> None:
    lines = [line("10", id=12)]
    after, done = carried_out(lines, changed("7", *lines, day=THE_20TH, on=PRORATES))

    undo = plan_undo(billed(PRORATES), after, SEAT, done)

    assert undo.as_json() == {
        "steps": [
            {"action": "reopen", "addition": 12, "expected": "2026-10-19", "cancelled": None},
            {"action": "set", "addition": -1, "expected": "7", "quantity": "0"},
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


def test_undo_of_an_added_line_sets_it_to_zero() -> None:
    after, done = carried_out([], added("4"))

    undo = plan_undo(billed(), after, SEAT, done)

    assert undo.as_json()["steps"] == [{"action": "set", "addition": -1, "expected": "4", "quantity": "0"}]
    assert undo.effect.next_invoice == -40


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
