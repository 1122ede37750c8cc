"""The protocol's table: whole, without a way to send twice, and each row met by a real push."""

import pytest

from portal.db.records.decisions import PUSH_STATES, STEP_STATES
from portal.services import push_table
from portal.services.card_making import IN_FLIGHT
from portal.services.push_table import TABLE, Act, Met, Row, Shown, Step, Whose, met_after, met_before
from tests.services.pushing.scenes import SCENES
from tests.support.desk import Desk

TURNS = 8


def test_each_pair_has_one_row_and_each_row_leads_to_states_that_are_stored() -> None:
    assert len({(row.step, row.met) for row in TABLE}) == len(TABLE)
    assert {row.then.value for row in TABLE} | {row.step.value for row in TABLE} == set(STEP_STATES)
    assert {row.push for row in TABLE} - {None} <= set(PUSH_STATES)
    assert {row.act for row in TABLE} == set(Act)
    assert {row.met for row in TABLE} == set(Met)


def test_only_a_step_of_which_nothing_arrived_is_sent_and_what_was_taken_is_never_begun_anew() -> None:
    sending = [row for row in TABLE if row.act is Act.SEND]

    assert [(row.step, row.met) for row in sending] == [(Step.WAITING, Met.READY)]
    back = {(row.step, row.met) for row in TABLE if row.then is Step.WAITING and row.step is not Step.WAITING}
    assert back == {(Step.INTENT, Met.NOT_SENT), (Step.INTENT, Met.READY)}


def test_what_can_be_met_has_a_row() -> None:
    flags = (True, False)
    shown = [
        Shown(agreement=a, writable=w, there=t, whose=o, moved=m, dates_kept=d, writing=on, early=e)
        for a in flags for w in flags for t in flags for o in Whose for m in flags for d in flags for on in flags
        for e in flags
    ]  # fmt: skip

    before = {push_table.row_for(Step.WAITING, met_before(one)).act for one in shown}
    after = {push_table.row_for(Step.INTENT, met_after(one)).act for one in shown}
    # what ConnectWise took is ours by its own answer
    sent = {push_table.row_for(Step.SENT, met_after(one)).act for one in shown if one.whose is Whose.OURS}

    assert before == {Act.STALE, Act.CHANGE, Act.DONE, Act.FOUND, Act.FAIL, Act.REST, Act.SEND}
    assert after == {
        Act.STALE, Act.DONE, Act.DONE_AND_STOP, Act.LOOK_LATER, Act.CHANGE, Act.ASK, Act.FOUND, Act.ANEW,
    }  # fmt: skip
    assert sent == {Act.STALE, Act.DONE, Act.DONE_AND_STOP, Act.LOOK_LATER, Act.CHANGE}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.step.name} {row.met.name}")
def test_each_row_is_met_by_a_push_and_does_what_it_says(desk: Desk, row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, taken = SCENES[row.step, row.met], list[Row]()
    deeds = dict(scene.at)
    original = push_table.row_for

    def noting(step: Step, met: Met) -> Row:
        taken.append(original(step, met))
        return taken[-1]

    def passing(point: str) -> None:
        if point in deeds:
            deeds.pop(point)(desk)

    monkeypatch.setattr(push_table, "row_for", noting)
    card = scene.plan(desk)
    for happens in scene.before:
        happens(desk)
    push = desk.push_of(card)
    for _ in range(TURNS):
        desk.turn(push.id, crash=passing)
        push = desk.push_of(card)
        if push.state not in IN_FLIGHT:
            break
        desk.real = max(desk.real, push.next_try_at or desk.real)

    assert row in taken
    assert (push.state if push.state not in IN_FLIGHT else None) == scene.ends
    assert len([one for one in desk.written() if one["member"] == "apiuser"]) == scene.effects
    assert len([one for one in taken if one.act is Act.SEND]) <= len(push.steps) + len(
        [one for one in taken if one.act is Act.ANEW or one.met is Met.NOT_SENT]
    )
