"""An undo can be undone, and that one too: the lines, the card and its pushes tell which decision holds."""

from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.db.records import Card, Push
from portal.services import decisions, rules_store
from portal.services.errors import Conflict
from tests.support.desk import BILLER, ZONE, Desk


def states(desk: Desk, card: Card) -> list[str]:
    with desk.open_session() as session:
        query = sa.select(Push.state).where(Push.card_id == card.id).order_by(Push.id)
        return list(session.scalars(query))


def undo_again(desk: Desk, card: Card) -> Card:
    desk.do(decisions.undo, desk.again(card))
    assert desk.settle(card).state == "confirmed"
    return desk.again(card)


def test_a_quantity_goes_back_and_forth_and_each_push_says_whether_it_holds(desk: Desk) -> None:
    card = desk.card(1001)
    before = desk.quantities(501)
    desk.do(decisions.approve, card)
    desk.settle(card)
    approved = desk.quantities(501)

    assert undo_again(desk, card).state == "undone"
    assert (desk.quantities(501), states(desk, card)) == (before, ["undone", "confirmed"])
    again = undo_again(desk, card)
    assert (again.state, again.kind) == ("confirmed", "no_change")
    assert (desk.quantities(501), states(desk, card)) == (approved, ["confirmed", "undone", "confirmed"])
    assert undo_again(desk, card).state == "undone"
    assert (desk.quantities(501), states(desk, card)) == (before, ["undone", "confirmed", "undone", "confirmed"])


def test_an_added_line_comes_back_with_its_card(desk: Desk) -> None:
    card = desk.card(1028, "SEAT-B")
    desk.do(decisions.add, card, agreement_id=533)
    desk.settle(card)

    gone = undo_again(desk, card)
    back = undo_again(desk, card)

    assert (gone.agreement_id, gone.kind) == (None, "new_revenue")
    assert (back.agreement_id, back.kind, back.state) == (533, "no_change", "confirmed")
    (line,) = desk.lines(533, "SEAT-B")
    assert (line.quantity, line.cancelled_date) == (Decimal(1), None)


def test_a_dated_decrease_goes_back_and_forth(desk: Desk) -> None:
    card = desk.card(1010)
    desk.do(decisions.adjust, card, quantity="3", day="2026-11-15")
    desk.settle(card)
    decided = [(line.id, line.quantity, line.effective_date, line.cancelled_date) for line in desk.lines(510)]

    undo_again(desk, card)
    undo_again(desk, card)

    assert [(line.id, line.quantity, line.effective_date, line.cancelled_date) for line in desk.lines(510)] == decided


def test_an_undo_of_an_undo_that_is_taken_back_leaves_the_undo(desk: Desk) -> None:
    card = desk.card(1001)
    before = desk.quantities(501)
    desk.do(decisions.approve, card)
    desk.settle(card)
    undone = undo_again(desk, card)
    desk.do(decisions.undo, undone)

    desk.do(decisions.undo, desk.again(card))

    left = desk.again(card)
    assert (left.state, left.decision_id) == ("undone", undone.decision_id)
    assert desk.quantities(501) == before


def test_an_undo_that_came_to_nothing_can_be_asked_for_again(desk: Desk) -> None:
    card = desk.card(1001)
    before = desk.quantities(501)
    desk.do(decisions.approve, card)
    desk.settle(card)
    desk.set_by_hand(501, 8003, 9)
    desk.do(decisions.undo, desk.again(card))
    assert desk.settle(card).state == "changed_in_psa"
    desk.set_by_hand(501, 8003, 6)
    desk.sync("quick")

    assert undo_again(desk, card).state == "undone"
    assert desk.quantities(501) == before


def test_a_dismissal_is_taken_back_and_stands_again(desk: Desk) -> None:
    card = desk.card(1004)
    desk.do(decisions.dismiss, card, reason="billed elsewhere")

    desk.do(decisions.undo, desk.again(card))
    assert desk.again(card).state == "open"
    again = desk.do(decisions.undo, desk.again(card))

    assert (desk.again(card).state, again.reason) == ("dismissed", "billed elsewhere")
    desk.sync("full")
    assert desk.again(card).state == "dismissed"
    desk.do(decisions.undo, desk.again(card))
    assert desk.again(card).state == "open"


def test_what_was_taken_back_unsent_is_decided_again_not_undone(desk: Desk) -> None:
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    desk.do(decisions.undo, desk.again(card))

    with pytest.raises(Conflict, match="Decide the card again"):
        desk.do(decisions.undo, desk.again(card))

    assert desk.written() == []


def test_a_share_is_taken_back_and_holds_again(desk: Desk) -> None:
    card = desk.card(1023, agreement_id=523)
    assert card.kind == "to_split"
    shared = desk.do(decisions.share, card, all_to=523, zone=ZONE)
    assert desk.again(card).kind != "to_split"

    desk.do(decisions.undo, desk.again(card), zone=ZONE)
    assert desk.again(card).kind == "to_split"
    desk.do(decisions.undo, desk.again(card), zone=ZONE)

    after = desk.again(card)
    assert (after.kind == "to_split", after.decision_id) == (False, shared.id)
    told = [event.action for event in desk.events("split.set", "split.end") if event.company_id == 1023]
    assert told == ["split.set", "split.end", "split.set"]
    desk.do(decisions.undo, after, zone=ZONE)
    assert desk.again(card).kind == "to_split"


def test_a_share_that_was_changed_since_is_left_alone(desk: Desk) -> None:
    card = desk.card(1023, agreement_id=523)
    first = desk.do(decisions.share, card, all_to=523, zone=ZONE)
    with desk.open_session() as session:
        rules_store.set_split(session, company_id=1023, product="SEAT", all_to=524, by=BILLER, now=desk.now)

    with pytest.raises(Conflict, match=r"all to “Cloud Services” \(524\), set by"):
        desk.do(decisions.undo, desk.again(card), decision_id=first.id, zone=ZONE)
