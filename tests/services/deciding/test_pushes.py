"""Pushes: nothing blind, nothing twice, nothing lost."""

from decimal import Decimal

import pytest

from portal.db.records import Connection
from portal.services import audit, decisions, pushes
from portal.services.errors import Conflict
from tests.support.desk import BILLER, Desk

MEMBER = "apiuser"


def know_the_member(desk: Desk) -> None:
    """Let the portal know its API member, as after its first verified write."""
    with desk.open_session() as session:
        session.get_one(Connection, "connectwise").member = MEMBER


def test_trap_01_of_three_lines_the_newest_open_one_grows_and_the_sum_is_right(desk: Desk) -> None:
    card = desk.card(1001)

    decision = desk.do(decisions.approve, card)
    push = desk.settle(card)

    assert decision.plan["steps"] == [{"action": "set", "addition": 8003, "expected": "5", "quantity": "6"}]
    assert push.state == "confirmed"
    assert sum(desk.quantities(501).values()) == 21
    assert [one["path"].rpartition("/")[2] for one in desk.written()] == ["8003"]
    after = desk.again(card)
    assert (after.state, after.kind, after.psa_quantity) == ("confirmed", "no_change", Decimal(21))


def test_several_lines_shrink_from_the_newest_to_the_oldest(desk: Desk) -> None:
    card = desk.card(1002)

    desk.do(decisions.approve, card)
    push = desk.settle(card)

    assert push.state == "confirmed"
    assert len(push.steps) == 2
    assert sum(desk.quantities(502).values()) == 12


def test_trap_02_a_quantity_set_by_hand_stops_the_push_and_both_numbers_are_shown(desk: Desk) -> None:
    card = desk.card(1004)
    line = next(iter(desk.quantities(504)))
    desk.do(decisions.approve, card)
    desk.set_by_hand(504, line, 11)

    push = desk.settle(card)

    assert push.state == "changed_in_psa"
    assert push.cause is not None
    assert push.cause.startswith("You saw 10; ConnectWise has 11 since ")
    assert "the vendors count 12. Nothing was sent." in push.cause
    assert desk.quantities(504) == {line: 11}
    after = desk.again(card)
    assert (after.state, after.kind, after.psa_quantity, after.proposed_quantity) == (
        "changed_in_psa", "increase", Decimal(11), Decimal(12),
    )  # fmt: skip
    desk.do(decisions.approve, after)
    assert desk.settle(card).state == "confirmed"
    assert desk.quantities(504) == {line: 12}


def test_another_line_changed_by_hand_stops_the_push_too(desk: Desk) -> None:
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    desk.set_by_hand(501, 8002, 11)

    push = desk.settle(card)

    assert push.state == "changed_in_psa"
    assert desk.quantities(501)[8003] == 5


def test_trap_03_an_agreement_cancelled_between_sync_and_approve_is_not_written_to(desk: Desk) -> None:
    card = desk.card(1004)
    desk.cancel_by_hand(504)
    desk.do(decisions.approve, card)

    push = desk.settle(card)

    assert push.state == "stale"
    assert push.cause == "The agreement was cancelled on 28 Oct 2026. Nothing was sent."
    assert [one["path"].rpartition("/")[2] for one in desk.written()] == ["504"]  # the cancelling by hand alone
    assert set(desk.quantities(504).values()) == {Decimal(10)}
    after = desk.again(card)
    assert (after.state, after.stale_reason) == ("stale", "The agreement was cancelled on 28 Oct 2026.")


@pytest.mark.parametrize("member_known", [True, False])
def test_an_equal_edit_by_a_person_is_found_and_undo_leaves_it_alone(desk: Desk, *, member_known: bool) -> None:
    if member_known:
        know_the_member(desk)
    card = desk.card(1004)
    line = next(iter(desk.quantities(504)))
    desk.do(decisions.approve, card)
    desk.set_by_hand(504, line, 12)

    push = desk.settle(card)

    assert (push.state, [step.state for step in push.steps]) == ("confirmed", ["found"])
    assert push.cause == "Found in ConnectWise, not written by us."
    with pytest.raises(Conflict, match="found in ConnectWise, not written by us"):
        desk.do(decisions.undo, desk.again(card))


def test_a_persons_equal_edit_while_our_answer_was_lost_is_told_from_our_write(desk: Desk) -> None:
    know_the_member(desk)
    card = desk.card(1004)
    line = next(iter(desk.quantities(504)))
    desk.do(decisions.approve, card)
    desk.faults({"method": "PATCH", "path": "additions", "nth": 1, "times": 1, "kind": "drop_before"})
    assert desk.turn(desk.push_of(card).id) == "in_doubt"
    desk.set_by_hand(504, line, 12)

    assert [step.state for step in desk.settle(card).steps] == ["found"]


def test_our_write_is_ours_though_a_person_touched_the_line_before_we_looked(desk: Desk) -> None:
    know_the_member(desk)
    card = desk.card(1004)
    line = next(iter(desk.quantities(504)))
    desk.do(decisions.approve, card)
    desk.faults({"method": "PATCH", "path": "additions", "nth": 1, "times": 1, "kind": "drop_after"})

    push_id = desk.push_of(card).id

    def touching(point: str) -> None:
        if point == "doubted":
            path = f"/finance/agreements/504/additions/{line}"
            desk.by_hand("PATCH", path, [{"op": "replace", "path": "description", "value": "Seats, by hand"}])

    desk.turn(push_id, crash=touching)

    assert desk.lines(504)[0].updated_by == "dhale"
    assert [step.state for step in desk.settle(card).steps] == ["done"]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate", "html", "status_before", "status_after"])
def test_a_set_whose_answer_is_lost_is_settled_by_looking_and_written_once(desk: Desk, kind: str) -> None:
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    desk.faults({"method": "PATCH", "path": "additions", "nth": 1, "times": 1, "kind": kind, "status": 503})

    push = desk.settle(card)

    assert push.state == "confirmed"
    assert [step.state for step in push.steps] == ["done"]
    assert set(desk.quantities(504).values()) == {Decimal(12)}
    assert len(desk.written()) == 1


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate", "html", "status_before", "status_after"])
def test_a_create_whose_answer_is_lost_is_never_made_twice(desk: Desk, kind: str) -> None:
    card = desk.card(1010)
    desk.do(decisions.adjust, card, quantity="7", day="2026-10-28")
    desk.faults({"method": "POST", "path": "additions", "nth": 1, "times": 1, "kind": kind, "status": 502})

    push = desk.settle(card)

    assert push.state == "confirmed"
    assert sorted(desk.quantities(510).values()) == [2, 5]
    assert [step.state for step in push.steps] == ["done"]


def test_a_create_is_not_sent_again_before_it_had_time_to_arrive(desk: Desk) -> None:
    card = desk.card(1010)
    decision = desk.do(decisions.adjust, card, quantity="7", day="2026-10-28")
    desk.faults({"method": "POST", "path": "additions", "nth": 1, "times": 1, "kind": "drop_before"})
    assert decision.push is not None

    assert desk.turn(decision.push.id) == "in_doubt"
    waiting = desk.push_of(card)
    assert waiting.next_try_at is not None
    assert (waiting.next_try_at - desk.real) == desk.pace.settle_create
    assert waiting.cause == "No answer yet; looking whether it arrived."
    assert desk.turn(decision.push.id) == "in_doubt"
    assert len(desk.sent()) == 1


def test_an_adjust_downwards_from_a_day_makes_the_new_line_and_ends_the_old_one(desk: Desk) -> None:
    card = desk.card(1010)
    desk.do(decisions.adjust, card, quantity="3", day="2026-11-15")

    push = desk.settle(card)

    assert push.state == "confirmed"
    old, new = sorted(desk.lines(510), key=lambda line: line.id)
    assert (str(old.cancelled_date), old.quantity) == ("2026-11-14", Decimal(5))
    assert (str(new.effective_date), new.quantity, new.cancelled_date) == ("2026-11-15", Decimal(3), None)
    assert desk.again(card).state == "confirmed"


def test_throttling_waits_as_long_as_connectwise_asks(desk: Desk) -> None:
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    push_id = desk.push_of(card).id
    desk.faults({"method": "PATCH", "path": "additions", "nth": 1, "times": 1, "kind": "throttle"})

    state = desk.turn(push_id)

    push = desk.push_of(card)
    assert state == "queued"
    assert push.next_try_at is not None
    assert push.next_try_at > desk.real
    assert "goes on by itself" in (push.cause or "")
    assert desk.settle(card).state == "confirmed"
    assert len(desk.written()) == 1


def test_a_refusal_fails_the_push_in_the_psas_own_words_and_can_be_tried_again(desk: Desk) -> None:
    card = desk.card(1047, "PACK")
    with pytest.raises(Exception, match="bundle"):
        desk.do(decisions.add, card, agreement_id=553)
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    desk.faults({"method": "PATCH", "path": "additions", "nth": 1, "times": 1, "kind": "status_before", "status": 403})

    push = desk.settle(card)

    assert push.state == "failed"
    assert "403" in (push.cause or "")
    assert (push.cause or "").endswith("Nothing was changed.")
    assert desk.again(card).state == "failed"
    with desk.open_session() as session:
        pushes.retry(session, push.id, by=BILLER, now=desk.now)
    assert desk.settle(card).state == "confirmed"
    assert len(desk.written()) == 1


def test_a_push_that_failed_half_way_says_which_step_stands_and_its_undo_takes_that_back(desk: Desk) -> None:
    card = desk.card(1002)
    before = desk.quantities(502)
    desk.do(decisions.approve, card)
    desk.faults({"method": "PATCH", "path": "additions", "nth": 2, "times": 1, "kind": "status_before", "status": 403})

    push = desk.settle(card)

    assert push.state == "failed"
    assert "Step 1 of 2 stands: line " in (push.cause or "")
    desk.do(decisions.undo, desk.again(card))
    assert desk.settle(card).state == "confirmed"
    assert desk.quantities(502) == before


def test_undo_restores_what_was_there_as_a_decision_of_its_own(desk: Desk) -> None:
    card = desk.card(1001)
    before = desk.quantities(501)
    first = desk.do(decisions.approve, card)
    desk.settle(card)

    second = desk.do(decisions.undo, desk.again(card))
    push = desk.settle(card)

    assert (second.action, second.undoes_id, push.state) == ("undo", first.id, "confirmed")
    assert desk.quantities(501) == before
    after = desk.again(card)
    assert (after.state, after.kind, after.psa_quantity) == ("undone", "increase", Decimal(20))


def test_an_undo_that_is_taken_back_leaves_the_decision_as_it_was(desk: Desk) -> None:
    card = desk.card(1001)
    before = desk.quantities(501)
    first = desk.do(decisions.approve, card)
    desk.settle(card)
    approved = desk.quantities(501)
    desk.do(decisions.undo, desk.again(card))

    desk.do(decisions.undo, desk.again(card))

    back = desk.again(card)
    assert (back.state, back.decision_id) == ("confirmed", first.id)
    assert desk.quantities(501) == approved
    desk.do(decisions.undo, back)
    desk.settle(card)
    assert (desk.again(card).state, desk.quantities(501)) == ("undone", before)


def test_undo_of_what_someone_changed_since_is_refused(desk: Desk) -> None:
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    desk.settle(card)
    desk.set_by_hand(501, 8003, 9)
    desk.do(decisions.undo, desk.again(card))

    push = desk.settle(card)

    assert push.state == "changed_in_psa"
    assert desk.quantities(501)[8003] == 9


def test_an_added_line_takes_its_card_to_its_agreement(desk: Desk) -> None:
    card = desk.card(1028, "SEAT-B")

    desk.do(decisions.add, card, agreement_id=533)
    push = desk.settle(card)

    assert push.state == "confirmed"
    (line,) = desk.lines(533, "SEAT-B")
    assert (line.quantity, line.unit_price, str(line.effective_date)) == (Decimal(1), Decimal("14.00"), "2026-10-28")
    after = desk.again(card)
    assert (after.agreement_id, after.state, after.kind) == (533, "confirmed", "no_change")


def test_one_agreement_is_written_by_one_worker_at_a_time(desk: Desk) -> None:
    first, second = desk.card(1046, "GUARD"), desk.card(1046, "TB")
    one, other = desk.do(decisions.approve, first), desk.do(decisions.approve, second)
    assert one.push is not None
    assert other.push is not None
    states: list[str] = []

    def meanwhile(point: str) -> None:
        if point == "intent" and not states:
            states.append(desk.turn(other.push.id if other.push else 0))
            states.append(desk.turn(one.push.id if one.push else 0))

    assert desk.turn(one.push.id, crash=meanwhile) == "confirmed"
    assert states == ["queued", "sending"]
    assert desk.turn(other.push.id) == "confirmed"


def test_the_lease_of_a_dead_worker_ends(desk: Desk) -> None:
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    push_id = desk.push_of(card).id

    class Killed(BaseException):
        pass

    def die(point: str) -> None:
        if point == "sent":
            raise Killed

    with pytest.raises(Killed):
        desk.turn(push_id, crash=die)
    assert desk.turn(push_id) == "sending"
    with desk.open_session() as session:
        assert pushes.due_pushes(session, desk.real) == []
    desk.real += desk.pace.lease
    with desk.open_session() as session:
        assert pushes.due_pushes(session, desk.real) == [push_id]
    assert desk.turn(push_id) == "confirmed"
    assert len(desk.written()) == 1


def test_the_api_member_is_learned_from_a_verified_write(desk: Desk) -> None:
    with desk.open_session() as session:
        session.get_one(Connection, "connectwise").member = None
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    desk.settle(card)

    with desk.open_session() as session:
        assert session.get_one(Connection, "connectwise").member == desk.lines(504)[0].updated_by


def test_every_write_leaves_an_event_and_the_chain_is_whole(desk: Desk) -> None:
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    desk.settle(card)

    wrote = desk.events("push.wrote", "push.confirmed")
    assert [event.action for event in wrote] == ["push.wrote", "push.confirmed"]
    assert (wrote[0].before, wrote[0].after) == ("5", "6")
    with desk.open_session() as session:
        assert audit.verify(session).ok


def test_giving_up_leaves_the_card_to_be_decided_again(desk: Desk) -> None:
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    desk.faults({"method": "PATCH", "path": "additions", "nth": 1, "times": 1, "kind": "status_before", "status": 400})
    push = desk.settle(card)

    with desk.open_session() as session:
        pushes.give_up(session, push.id, by=BILLER, now=desk.now, reason="not worth it")

    assert desk.again(card).state == "given_up"
    desk.do(decisions.approve, desk.again(card))
    assert desk.settle(card).state == "confirmed"
