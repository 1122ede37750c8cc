"""What follows from a decision when the world moves: agreements that go, months that pass, undo, a second person."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.db.records import AccountMapping, Card, Connection, Decision, PsaAddition, PsaAgreement, Vendor
from portal.db.records import VendorAccount as Account
from portal.services import (
    cards,
    connections,
    decision_bulk,
    decisions,
    mapping,
    pushes,
    remaking,
    rules_store,
    settings_store,
)
from portal.services.actors import COMMAND_LINE, Actor
from portal.services.errors import Conflict, Invalid, NotAllowed
from portal.services.rules_store import RuleValues
from tests.support.desk import BILLER, NOW, OCTOBER, TODAY, VIEWER, ZONE, Desk

IN_NOVEMBER = datetime(2026, 11, 3, 14, tzinfo=UTC)
THAT_DAY = date(2026, 11, 3)


def a_month_passes(desk: Desk) -> None:
    """Go on to 3 November, with all sources read that morning; October is still open."""
    desk.now = IN_NOVEMBER
    with desk.open_session() as session:
        session.execute(sa.update(Connection).values(last_read_at=IN_NOVEMBER))
        session.execute(sa.update(Vendor).values(last_commit_at=IN_NOVEMBER))
        remaking.remake(session, now=IN_NOVEMBER, zone=ZONE)


def november(desk: Desk, company_id: int) -> Card:
    with desk.open_session() as session:
        query = sa.select(Card).where(Card.company_id == company_id, Card.period == "2026-11", Card.product == "SEAT")
        return session.scalars(query).one()


def writing(desk: Desk, *, on: bool) -> None:
    with desk.open_session() as session:
        connections.set_writing(session, on, by=COMMAND_LINE, now=desk.now)


# an agreement that goes while something is on its way


def test_a_cancelled_agreement_stops_the_push_before_its_next_write(desk: Desk) -> None:
    card = desk.card(1002)
    desk.do(decisions.approve, card)
    cancelled: list[str] = []

    def meanwhile(point: str) -> None:
        if point == "step_done" and not cancelled:
            cancelled.append(point)
            desk.cancel_by_hand(502)

    assert desk.turn(desk.push_of(card).id, crash=meanwhile) == "stale"

    assert "Step 1 of 2 stands: line " in (desk.push_of(card).cause or "")
    assert [one["method"] for one in desk.written() if "additions" in one["path"]] == ["PATCH"]
    assert desk.again(card).state == "stale"


def test_a_child_is_not_written_to_once_its_parent_is_cancelled(desk: Desk) -> None:
    card = desk.card(1028, "SEAT", 534)
    before = desk.quantities(534)
    desk.do(decisions.approve, card)
    desk.cancel_by_hand(533)

    push = desk.settle(card)

    assert push.state == "stale"
    assert "Its parent agreement 533 Managed Services is cancelled. Nothing was sent." in (push.cause or "")
    assert desk.quantities(534) == before


@pytest.mark.parametrize("noticed_by", ["the worker", "the sync"])
def test_new_revenue_stays_to_be_decided_when_the_agreement_chosen_for_it_goes(desk: Desk, noticed_by: str) -> None:
    card = desk.card(1028, "SEAT-B")
    desk.do(decisions.add, card, agreement_id=533)
    push_id = desk.push_of(card).id
    desk.cancel_by_hand(533)

    if noticed_by == "the worker":
        desk.turn(push_id)
    else:
        desk.sync("quick")

    after = desk.again(card)
    assert desk.state_of(push_id) == "stale"
    assert (after.state, after.kind, after.vendor_quantity) == ("open", "new_revenue", Decimal(1))
    assert desk.lines(533, "SEAT-B") == []


def test_a_push_that_failed_is_not_tried_again_for_a_stale_card(desk: Desk) -> None:
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    desk.faults({"method": "PATCH", "path": "additions", "nth": 1, "times": 1, "kind": "status_before", "status": 403})
    push = desk.settle(card)
    desk.faults()
    desk.cancel_by_hand(504)
    desk.sync("quick")

    with desk.open_session() as session, pytest.raises(Conflict, match=r"was cancelled .* can only be dismissed"):
        pushes.retry(session, push.id, by=BILLER, now=desk.now)
    with desk.open_session() as session:
        pushes.give_up(session, push.id, by=BILLER, now=desk.now)

    assert desk.state_of(push.id) == "given_up"
    assert desk.again(card).state == "stale"


def test_a_stale_card_says_how_long_ago_that_was_noticed(desk: Desk) -> None:
    card = desk.card(1005, agreement_id=505)
    with desk.open_session() as session:
        session.get_one(Card, card.id).stale_at = desk.now - timedelta(hours=3)

    with pytest.raises(Conflict, match=r"was cancelled.* Noticed 3 hours ago\. Nothing was sent"):
        desk.do(decisions.approve, card)


# a past month that is still open


def test_a_decision_on_a_past_month_reaches_the_cards_of_both_months(desk: Desk) -> None:
    card = desk.card(1001)
    a_month_passes(desk)
    assert november(desk, 1001).psa_quantity == Decimal(20)

    with desk.open_session() as session:
        decisions.approve(session, card.id, by=BILLER, now=desk.now, today=THAT_DAY)
    assert desk.settle(card).state == "confirmed"

    assert desk.again(card).psa_quantity == Decimal(21)
    assert november(desk, 1001).psa_quantity == Decimal(21)


def test_a_past_month_of_an_agreement_that_ended_with_it_is_not_written(desk: Desk) -> None:
    card = desk.card(1004)
    with desk.open_session() as session:
        agreement = session.get_one(PsaAgreement, 504)
        agreement.end_date, agreement.no_ending = date(2026, 10, 31), False
    a_month_passes(desk)
    assert desk.again(card).state == "open"

    with desk.open_session() as session, pytest.raises(Conflict, match=r"ended on 31 Oct 2026\. Nothing was sent"):
        decisions.approve(session, card.id, by=BILLER, now=desk.now, today=THAT_DAY)


def test_a_mapping_reaches_the_past_month_too(desk: Desk) -> None:
    a_month_passes(desk)
    assert desk.card(1001).kind == "increase"

    with desk.open_session() as session:
        mapped = sa.select(AccountMapping.account_external_id).where(AccountMapping.company_id == 1001)
        for account in session.scalars(sa.select(Account).where(Account.external_id.in_(mapped))):
            mapping.unmap_account(session, account.id, by=BILLER, now=desk.now, zone=ZONE)

    assert desk.card(1001).kind == "not_reported"


# what returns


def test_a_card_that_a_rule_left_alone_returns_when_the_rule_ends_whatever_was_decided_before(desk: Desk) -> None:
    card = desk.card(1001)
    desk.do(decisions.dismiss, card, reason="agreed")
    desk.do(decisions.undo, desk.again(card))
    last_day = TODAY + timedelta(days=1)
    with desk.open_session() as session:
        values = RuleValues(reason="pilot", vendor_quantity=Decimal(21), until=last_day)
        rules_store.add_rule(
            session, kind="ignore", company_id=1001, product="SEAT", values=values, by=COMMAND_LINE, now=NOW
        )
        cards.make_cards(session, period=OCTOBER, today=last_day, now=NOW, zone=ZONE)
    assert desk.again(card).state == "dismissed"

    with desk.open_session() as session:
        cards.make_cards(session, period=OCTOBER, today=last_day + timedelta(days=1), now=NOW, zone=ZONE)

    assert desk.again(card).state == "open"


def test_a_dismissed_card_returns_in_the_next_month(desk: Desk) -> None:
    desk.do(decisions.dismiss, desk.card(1001), reason="agreed")

    a_month_passes(desk)

    assert desk.card(1001).state == "dismissed"
    assert november(desk, 1001).state == "open"


def test_rules_are_an_admins_and_split_rules_a_billers(desk: Desk) -> None:
    manager = Actor("Mo Manager", None, "manager")
    values = RuleValues(quantity=Decimal(5))
    with desk.open_session() as session:
        with pytest.raises(NotAllowed, match="A manager may not set rules"):
            rules_store.add_rule(
                session, kind="minimum", company_id=1001, product="SEAT", values=values, by=manager, now=NOW
            )
        with pytest.raises(NotAllowed, match="Viewers can read this"):
            rules_store.set_split(session, company_id=1023, product="SEAT", all_to=523, by=VIEWER, now=NOW)


# undo


def test_undo_of_an_added_line_ends_it_at_zero_and_the_card_is_new_revenue_again(desk: Desk) -> None:
    card = desk.card(1028, "SEAT-B")
    desk.do(decisions.add, card, agreement_id=533)
    desk.settle(card)

    desk.do(decisions.undo, desk.again(card))
    assert desk.settle(card).state == "confirmed"

    (line,) = desk.lines(533, "SEAT-B")
    after = desk.again(card)
    assert (line.quantity, line.cancelled_date) == (Decimal(0), line.effective_date)
    assert (after.state, after.kind, after.agreement_id) == ("undone", "new_revenue", None)
    desk.do(decisions.add, after, agreement_id=533)
    assert desk.settle(card).state == "confirmed"
    assert sorted(desk.quantities(533, "SEAT-B").values()) == [0, 1]


def test_undo_of_a_dated_decrease_reopens_the_old_line_and_empties_the_new_one(desk: Desk) -> None:
    card = desk.card(1010)
    (before,) = desk.lines(510)
    desk.do(decisions.adjust, card, quantity="3", day="2026-11-15")
    desk.settle(card)

    desk.do(decisions.undo, desk.again(card))
    assert desk.settle(card).state == "confirmed"

    old, new = sorted(desk.lines(510), key=lambda line: line.id)
    assert (old.id, old.quantity, old.cancelled_date) == (before.id, before.quantity, None)
    assert (new.quantity, new.cancelled_date) == (Decimal(0), new.effective_date)


def test_undo_of_a_batch_holds_back_the_lines_that_someone_changed_since(desk: Desk) -> None:
    kept, moved = desk.card(1004), desk.card(1009)
    before, (line,) = desk.quantities(504), desk.quantities(509)
    with desk.open_session() as session:
        batch = decisions.approve_many(session, [kept.id, moved.id], by=BILLER, now=desk.now, today=TODAY)
    desk.settle(kept)
    desk.settle(moved)
    desk.set_by_hand(509, line, 9)
    desk.sync("quick")

    with desk.open_session() as session:
        back = decisions.undo_batch(session, batch.id, by=BILLER, now=desk.now, today=TODAY)
    desk.settle(kept)

    assert [one["card_id"] for one in back.left_out] == [moved.id]
    assert "has 9 now, where this decision left 7" in back.left_out[0]["sentence"]
    assert back.undoes_id == batch.id
    assert desk.quantities(504) == before
    assert desk.quantities(509) == {line: Decimal(9)}


def test_undo_of_an_increase_is_a_decrease_that_needs_the_second_person(desk: Desk) -> None:
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    desk.settle(card)
    with desk.open_session() as session:
        settings_store.put(session, "limits", {"any_decrease": True}, by=COMMAND_LINE, now=desk.now)

    desk.do(decisions.undo, desk.again(card))

    assert desk.again(card).state == "waiting"
    assert desk.quantities(504) == {line.id: Decimal(12) for line in desk.lines(504)}


def test_with_limits_a_decision_without_a_known_price_needs_the_second_person(desk: Desk) -> None:
    with desk.open_session() as session:
        settings_store.put(session, "limits", {"amount": {"USD": "1000.00"}}, by=COMMAND_LINE, now=desk.now)
        session.execute(sa.update(PsaAddition).where(PsaAddition.agreement_id == 504).values(unit_price=None))
        session.execute(sa.text("UPDATE psa_product SET price = NULL WHERE identifier = 'SEAT'"))
    card = desk.card(1004)

    desk.do(decisions.approve, card)

    assert desk.push_of(card).cause == "No price is known, so a second person must confirm."


# planned while the portal was read-only


def test_what_was_planned_stops_when_someone_changed_the_line_before_it_was_confirmed(desk: Desk) -> None:
    writing(desk, on=False)
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    (line,) = desk.quantities(504)
    writing(desk, on=True)
    desk.set_by_hand(504, line, 11)

    desk.do(decisions.confirm_planned, card)

    assert desk.settle(card).state == "changed_in_psa"
    assert desk.quantities(504) == {line: Decimal(11)}


def test_limits_that_were_set_meanwhile_hold_for_what_was_planned(desk: Desk) -> None:
    writing(desk, on=False)
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    writing(desk, on=True)
    with desk.open_session() as session:
        settings_store.put(session, "limits", {"amount": {"USD": "10.00"}}, by=COMMAND_LINE, now=desk.now)

    desk.do(decisions.confirm_planned, card)
    assert desk.again(card).state == "waiting"
    assert desk.push_of(card).cause == "A decision above 10.00 USD a month needs a second person."

    desk.do(decisions.confirm_second, card, by=Actor("Mo Manager", None, "manager"))
    assert desk.settle(card).state == "confirmed"


def test_what_was_planned_on_other_lines_of_the_same_sum_is_decided_again(desk: Desk) -> None:
    writing(desk, on=False)
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    desk.set_by_hand(501, 8003, 4)
    desk.set_by_hand(501, 8002, 11)
    desk.sync("quick")
    writing(desk, on=True)

    with pytest.raises(Conflict, match="The lines in ConnectWise changed since this was decided"):
        desk.do(decisions.confirm_planned, card)


def test_many_that_were_planned_are_confirmed_at_once_each_checked_anew(desk: Desk) -> None:
    writing(desk, on=False)
    sent, moved = desk.card(1001), desk.card(1004)
    desk.do(decisions.approve, sent)
    desk.do(decisions.approve, moved)
    with desk.open_session() as session:
        session.execute(sa.update(PsaAddition).where(PsaAddition.agreement_id == 504).values(quantity=Decimal(11)))
    writing(desk, on=True)

    with desk.open_session() as session:
        batch = decisions.confirm_planned_many(session, [sent.id, moved.id], by=BILLER, now=desk.now, today=TODAY)
        members = list(session.scalars(sa.select(Decision.card_id).where(decision_bulk.members(batch.id))))

    assert members == [sent.id]
    assert [one["card_id"] for one in batch.left_out] == [moved.id]
    assert desk.settle(sent).state == "confirmed"
    assert desk.again(moved).state == "planned"


@pytest.mark.parametrize("day", ["0001-01-01", "1999-12-31", "3000-01-01", "9999-12-31"])
def test_a_day_too_far_away_is_refused_at_its_field(desk: Desk, day: str) -> None:
    with desk.open_session() as session:
        session.execute(sa.update(PsaAgreement).where(PsaAgreement.id == 510).values(start_date=None))
        session.execute(sa.update(PsaAddition).where(PsaAddition.agreement_id == 510).values(effective_date=None))

    with pytest.raises(Invalid, match="lies too far away") as refused:
        desk.do(decisions.adjust, desk.card(1010), quantity="7", day=day, invoiced_ok=True)

    assert set(refused.value.fields) == {"date"}
