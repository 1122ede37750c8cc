"""Undo of a selection and of a batch: each card by the same checks as alone; what cannot go back is named."""

from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.db.records import Batch, Bulk, Card, Decision, Push
from portal.services import decision_bulk, decisions, push_leases, settings_store
from portal.services.actors import COMMAND_LINE
from portal.services.errors import Conflict, NotAllowed
from portal.services.undo_looking import Looked, chosen_of_batch, look, sums
from tests.support.desk import BILLER, TODAY, VIEWER, Desk


def approve(desk: Desk, *cards: Card) -> Batch:
    with desk.open_session() as session:
        batch = decisions.approve_many(session, [one.id for one in cards], by=BILLER, now=desk.now, today=TODAY)
    for one in cards:
        desk.settle(one)
    return batch


def undo_batch(desk: Desk, batch: Batch) -> Batch:
    with desk.open_session() as session:
        return decisions.undo_batch(session, batch.id, by=BILLER, now=desk.now, today=TODAY)


def looked(desk: Desk, batch: Batch) -> dict[int, Looked]:
    with desk.open_session() as session:
        _batch, chosen = chosen_of_batch(session, batch.id)
        return {one.card.company_id: one for one in look(session, chosen, today=TODAY)}


def test_a_batch_goes_back_and_its_undo_too(desk: Desk) -> None:
    one, other = desk.card(1004), desk.card(1009)
    before = (desk.quantities(504), desk.quantities(509))
    batch = approve(desk, one, other)
    approved = (desk.quantities(504), desk.quantities(509))

    undone = undo_batch(desk, batch)
    desk.settle(one)
    desk.settle(other)
    assert (desk.quantities(504), desk.quantities(509)) == before
    again = undo_batch(desk, undone)
    desk.settle(one)
    desk.settle(other)

    assert (desk.quantities(504), desk.quantities(509)) == approved
    assert (again.action, again.undoes_id, again.left_out) == ("undo", undone.id, [])
    assert {desk.again(card).state for card in (one, other)} == {"confirmed"}


def test_a_batch_that_was_partly_undone_already_names_who_did_it(desk: Desk) -> None:
    one, other = desk.card(1004), desk.card(1009)
    batch = approve(desk, one, other)
    desk.do(decisions.undo, desk.again(one))
    desk.settle(one)

    shown = looked(desk, batch)
    back = undo_batch(desk, batch)

    assert (shown[1004].how, shown[1004].why) == (None, "Bo Biller undid this already.")
    assert shown[1009].how == "write"
    assert back.left_out == [{"card_id": one.id, "sentence": "Bo Biller undid this already."}]
    desk.settle(other)
    assert desk.again(other).state == "undone"


def test_the_look_says_what_goes_back_and_what_is_held_with_both_numbers(desk: Desk) -> None:
    kept, moved = desk.card(1004), desk.card(1009)
    (line,) = desk.quantities(509)
    batch = approve(desk, kept, moved)
    desk.set_by_hand(509, line, 9)
    desk.sync("quick")

    shown = looked(desk, batch)

    assert (shown[1004].before, shown[1004].after) == (Decimal(12), Decimal(10))
    assert sums([shown[1004]]) == {"USD": shown[1004].per_month}
    assert shown[1009].how is None
    assert "has 9 now, where this decision left 7" in shown[1009].why


def test_a_selection_goes_back_each_by_its_own_way(desk: Desk) -> None:
    sent, queued, dismissed, untouched = (desk.card(number) for number in (1004, 1009, 1001, 1002))
    before = desk.quantities(504)
    approve(desk, sent)
    desk.do(decisions.approve, queued)
    desk.do(decisions.dismiss, dismissed, reason="billed elsewhere")
    ids = [card.id for card in (sent, queued, dismissed, untouched)]

    with desk.open_session() as session:
        batch = decisions.undo_many(session, ids, by=BILLER, now=desk.now, today=TODAY)
    desk.settle(sent)

    assert [one["card_id"] for one in batch.left_out] == [untouched.id]
    assert [desk.again(card).state for card in (sent, queued, dismissed)] == ["undone", "withdrawn", "open"]
    assert desk.quantities(504) == before


def test_a_card_that_changed_since_the_look_is_left_out(desk: Desk) -> None:
    card = desk.card(1004)
    approve(desk, card)
    with desk.open_session() as session:
        seen = {card.id: decisions.seen_token(card)}
        batch = decisions.undo_many(session, [card.id], by=BILLER, now=desk.now, today=TODAY, seen=seen)

    assert [one["card_id"] for one in batch.left_out] == [card.id]
    assert "while you looked" in batch.left_out[0]["sentence"]


def test_an_undo_above_the_limit_waits_for_a_second_person(desk: Desk) -> None:
    card = desk.card(1004)
    batch = approve(desk, card)
    with desk.open_session() as session:
        settings_store.put(session, "limits", {"any_decrease": True}, by=COMMAND_LINE, now=desk.now)

    shown = looked(desk, batch)[1004]
    undo_batch(desk, batch)

    assert shown.second == "Any decrease needs a second person."
    assert (desk.again(card).state, desk.push_of(card).state) == ("waiting", "waiting")


def test_a_large_undo_is_carried_out_by_a_worker(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = desk.card(1004), desk.card(1009)
    batch = approve(desk, one, other)
    monkeypatch.setattr(decision_bulk, "AT_ONCE", 1)
    undone = undo_batch(desk, batch)
    with desk.open_session() as session:
        bulk_id = session.scalars(sa.select(Bulk.id).where(Bulk.batch_id == undone.id)).one()
        assert session.scalar(sa.select(sa.func.count()).where(Decision.batch_id == undone.id)) == 0

    through = decision_bulk.carry_out(
        desk.open_session,
        bulk_id,
        worker=push_leases.worker_name(),
        now=lambda: desk.now,
        today=lambda: TODAY,
        real_now=lambda: desk.real,
        pause=lambda _seconds: None,
    )

    assert through
    assert {desk.push_of(card).decision.action for card in (one, other)} == {"undo"}


def test_nothing_is_undone_by_a_viewer_nor_of_a_batch_that_decided_nothing(desk: Desk) -> None:
    card = desk.card(1004)
    batch = approve(desk, card)
    with pytest.raises(NotAllowed), desk.open_session() as session:
        decisions.undo_batch(session, batch.id, by=VIEWER, now=desk.now, today=TODAY)
    with desk.open_session() as session:
        empty = decisions.approve_many(session, [card.id], by=BILLER, now=desk.now, today=TODAY)
    with pytest.raises(Conflict, match="decided nothing"):
        undo_batch(desk, empty)
    with desk.open_session() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Push)) == 1
