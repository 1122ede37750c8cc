"""Undo where the world moved on: the card made anew, the product renamed, the agreement gone, the month over."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.db.records import PsaAddition, PsaAgreement
from portal.services import decisions
from portal.services.errors import Conflict, Invalid
from tests.support.desk import BILLER, TODAY, Desk


def test_a_card_that_came_back_since_is_still_undone_by_its_lines(desk: Desk) -> None:
    card = desk.card(1004)
    before = desk.quantities(504)
    desk.do(decisions.approve, card)
    desk.settle(card)
    (line,) = before
    desk.add_by_hand(504, line, 1, "2026-10-28")
    desk.sync("quick")
    assert desk.again(card).state == "open"

    desk.do(decisions.undo, desk.again(card))
    assert desk.settle(card).state == "confirmed"

    assert desk.quantities(504)[line] == before[line]
    assert desk.again(card).state == "undone"


def test_a_product_that_was_renamed_since_is_undone_by_the_ids_of_its_lines(desk: Desk) -> None:
    card = desk.card(1004)
    before = desk.quantities(504)
    (line,) = desk.lines(504)
    desk.do(decisions.approve, card)
    desk.settle(card)
    item = [{"op": "replace", "path": "identifier", "value": "SEAT-2027"}]
    desk.by_hand("PATCH", f"/procurement/catalog/{line.product_id}", item)
    desk.sync("full")
    assert desk.quantities(504) == {}, "the lines have the new Product ID"

    desk.do(decisions.undo, desk.again(card))
    push = desk.settle(card)

    assert push.state == "confirmed"
    assert desk.quantities(504, "SEAT-2027") == before


@pytest.mark.parametrize("synced", [True, False])
def test_nothing_is_undone_on_an_agreement_that_was_cancelled_since(desk: Desk, *, synced: bool) -> None:
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    desk.settle(card)
    approved = desk.quantities(504)
    desk.cancel_by_hand(504)

    if synced:
        desk.sync("quick")
        with pytest.raises(Conflict, match="cancelled on 28 Oct 2026"):
            desk.do(decisions.undo, desk.again(card))
    else:
        desk.do(decisions.undo, desk.again(card))
        assert desk.settle(card).state == "stale"
    assert desk.quantities(504) == approved


def test_nothing_is_undone_on_an_agreement_that_was_deleted_since(desk: Desk) -> None:
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    desk.settle(card)
    with desk.open_session() as session:
        session.execute(sa.update(PsaAgreement).where(PsaAgreement.id == 504).values(gone_at=desk.now))

    with pytest.raises(Conflict, match="does not have agreement 504"):
        desk.do(decisions.undo, desk.again(card))


def test_after_the_month_is_over_the_undo_says_what_it_does_not_reach(desk: Desk) -> None:
    card = desk.card(1004)
    before = desk.quantities(504)
    desk.do(decisions.approve, card)
    settled = desk.settle(card)
    desk.now += timedelta(days=8)
    with desk.open_session() as session:
        session.execute(
            sa.update(PsaAgreement).where(PsaAgreement.id == 504).values(next_invoice_date=date(2026, 12, 1))
        )
        push = decisions.plan_back(session, session.merge(settled), product="SEAT", today=TODAY + timedelta(days=8))
        decision = decisions.undo(session, card.id, by=BILLER, now=desk.now, today=TODAY + timedelta(days=8))
        assert decision.quantity == Decimal(10)
    desk.settle(card)

    assert "What was invoiced for days before 1 Nov 2026 stays as it was invoiced." in push.sentences
    assert desk.quantities(504) == before


def test_what_was_invoiced_already_is_undone_only_with_the_tick(desk: Desk) -> None:
    card = desk.card(1010)
    desk.do(decisions.adjust, card, quantity="7", day="2026-10-28")
    desk.settle(card)
    with desk.open_session() as session:
        where = sa.update(PsaAgreement).where(PsaAgreement.id == 510)
        session.execute(where.values(next_invoice_date=date(2026, 12, 1), period_type="Current"))

    with pytest.raises(Invalid, match="28 Oct 2026 was already invoiced") as refused:
        desk.do(decisions.undo, desk.again(card))
    assert set(refused.value.fields) == {"invoiced_ok"}
    desk.do(decisions.undo, desk.again(card), invoiced_ok=True)
    desk.settle(card)

    assert sorted(desk.quantities(510).values()) == [0, 5]


def test_of_several_lines_the_one_that_somebody_changed_is_held_back_and_the_rest_goes_back(desk: Desk) -> None:
    card = desk.card(1002)
    before = desk.quantities(502)
    desk.do(decisions.approve, card)
    push = desk.settle(card)
    first, second = (step.addition_id for step in push.steps)
    assert first is not None
    assert second is not None
    moved = desk.quantities(502)[second] + 1
    desk.set_by_hand(502, second, int(moved))
    desk.sync("quick")

    decision = desk.do(decisions.undo, desk.again(card))
    assert desk.settle(card).state == "confirmed"

    assert desk.quantities(502)[first] == before[first]
    assert desk.quantities(502)[second] == moved
    (event,) = desk.events("card.undo")
    assert f"Line {second} has {moved} now" in event.sentence
    assert decision.quantity == sum(desk.quantities(502).values())


def test_a_line_that_the_portal_does_not_know_any_more_is_held_back(desk: Desk) -> None:
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    desk.settle(card)
    with desk.open_session() as session:
        session.execute(sa.update(PsaAddition).where(PsaAddition.agreement_id == 504).values(gone_at=desk.now))

    with pytest.raises(Conflict, match="is gone from ConnectWise"):
        desk.do(decisions.undo, desk.again(card))


def test_what_stands_of_a_push_that_somebody_interrupted_is_undone(desk: Desk) -> None:
    card = desk.card(1010)
    (old,) = desk.lines(510)
    desk.do(decisions.adjust, card, quantity="3", day="2026-11-15")
    changed: list[str] = []

    def meanwhile(point: str) -> None:
        if point == "step_done" and not changed:
            changed.append(point)
            desk.set_by_hand(510, old.id, 6)

    desk.turn(desk.push_of(card).id, crash=meanwhile)
    push = desk.push_of(card)
    assert (push.state, [step.state for step in push.steps]) == ("changed_in_psa", ["done", "changed"])
    assert "Step 1 of 2 stands" in (push.cause or "")
    assert (push.found["changed_by"], push.found["has"]) == ("dhale", "6")

    desk.do(decisions.undo, desk.again(card))
    assert desk.settle(card).state == "confirmed"

    left, made = sorted(desk.lines(510), key=lambda line: line.id)
    assert (left.quantity, left.cancelled_date) == (Decimal(6), None)
    assert (made.quantity, made.cancelled_date) == (Decimal(0), made.effective_date)
