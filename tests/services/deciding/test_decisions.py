"""Decisions: every rule is the server's, and of two people one wins and the other is told."""

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from portal.db.records import Connection, Decision, Push, UsageImport, Vendor
from portal.services import connections, decisions, settings_store
from portal.services.actors import COMMAND_LINE, Actor
from portal.services.errors import Conflict, Invalid, NotAllowed, NotFound
from tests.support.desk import BILLER, MANAGER, OCTOBER, TODAY, VIEWER, ZONE, Desk


def limits(desk: Desk, **value: Any) -> None:
    with desk.open_session() as session:
        settings_store.put(session, "limits", value, by=COMMAND_LINE, now=desk.now)


def test_a_decision_its_plan_its_event_its_push_and_the_steps_are_one_transaction(desk: Desk) -> None:
    card = desk.card(1001)

    decision = desk.do(decisions.approve, card)

    push = desk.push_of(card)
    (event,) = desk.events("card.approve")
    assert (push.state, [step.action for step in push.steps]) == ("queued", ["set"])
    assert (event.decision_id, event.push_id, event.before, event.after) == (decision.id, push.id, "20", "21")
    assert event.details["seen"]["vendor"] == "21"
    assert desk.again(card).state == "queued"


def test_a_decision_that_fails_half_way_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    card = desk.card(1001)

    def fails(*_args: Any, **_values: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("portal.services.audit.record", fails)
    with pytest.raises(RuntimeError):
        desk.do(decisions.approve, card)

    with desk.open_session() as session:
        assert session.scalar(sa.select(sa.func.count(Decision.id))) == 0
        assert session.scalar(sa.select(sa.func.count(Push.id))) == 0
    assert desk.again(card).state == "open"


@pytest.mark.parametrize("verb", [decisions.approve, decisions.dismiss, decisions.undo])
def test_a_viewer_may_not_decide(desk: Desk, verb: Any) -> None:
    with pytest.raises(NotAllowed, match="Viewers can read this, not change it"):
        desk.do(verb, desk.card(1001), by=VIEWER)


def test_a_card_that_is_not_there_is_not_found(desk: Desk) -> None:
    with desk.open_session() as session, pytest.raises(NotFound):
        decisions.approve(session, 999_999, by=BILLER, now=desk.now, today=TODAY)


@pytest.mark.parametrize("day", ["2026-10-28", "2026-11-01", "2026-10-27"])
def test_trap_04_without_prorating_no_date_is_accepted_not_even_todays(desk: Desk, day: str) -> None:
    card = desk.card(1009)

    with pytest.raises(Invalid, match="does not prorate, so no date can be picked") as refused:
        desk.do(decisions.adjust, card, quantity="7", day=day)

    assert set(refused.value.fields) == {"date"}
    assert desk.again(card).state == "open"
    with pytest.raises(Invalid, match="does not prorate"):
        desk.do(decisions.add, desk.card(1028, "SEAT-B"), agreement_id=533, day=day)


def test_where_it_prorates_adjust_needs_a_date(desk: Desk) -> None:
    card = desk.card(1010)

    with pytest.raises(Invalid, match="Pick the day") as refused:
        desk.do(decisions.adjust, card, quantity="7")

    assert set(refused.value.fields) == {"date"}


@pytest.mark.parametrize(
    ("day", "words"),
    [("2024-02-29", "before 1 Mar 2024"), ("not a day", "is not a date"), ("2026-02-30", "is not a date")],
)
def test_a_date_that_cannot_be_is_refused_at_its_field(desk: Desk, day: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        desk.do(decisions.adjust, desk.card(1010), quantity="7", day=day)

    assert set(refused.value.fields) == {"date"}


def test_a_date_that_was_invoiced_needs_a_tick(desk: Desk) -> None:
    card = desk.card(1010)

    with pytest.raises(Invalid, match="already invoiced") as refused:
        desk.do(decisions.adjust, card, quantity="7", day="2026-09-15")
    assert set(refused.value.fields) == {"invoiced_ok"}

    decision = desk.do(decisions.adjust, card, quantity="7", day="2026-09-15", invoiced_ok=True)
    assert str(decision.effective) == "2026-09-15"


@pytest.mark.parametrize("text", ["1O", "", "-1", "1e3", "1.23456", "12,5", "ten"])
def test_a_quantity_that_is_none_is_refused_at_its_field(desk: Desk, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        desk.do(decisions.adjust, desk.card(1009), quantity=text)

    assert set(refused.value.fields) == {"quantity"}


def test_a_line_that_begins_later_needs_a_tick(desk: Desk) -> None:
    line = next(iter(desk.quantities(504)))
    desk.add_by_hand(504, line, 3, "2026-11-15")
    desk.sync("quick")
    card = desk.card(1004)

    with pytest.raises(Invalid, match="both would bill") as refused:
        desk.do(decisions.approve, card)
    assert set(refused.value.fields) == {"scheduled_ok"}
    assert not card.facts["one_step"]

    desk.do(decisions.approve, card, scheduled_ok=True)
    assert desk.settle(card).state == "confirmed"


def test_trap_06_a_minimum_is_what_approve_writes(desk: Desk) -> None:
    card = desk.card(1013)

    decision = desk.do(decisions.approve, card)

    assert decision.quantity == 5
    assert any("minimum 5" in line for line in card.facts["arithmetic"])


def test_trap_10_two_agreements_with_the_product_are_never_guessed(desk: Desk) -> None:
    card = desk.card(1023, agreement_id=523)

    with pytest.raises(Invalid, match="Share the count first"):
        desk.do(decisions.approve, card)
    desk.do(decisions.share, card, fixed={523: "5"}, rest_to=524, zone=ZONE)

    one, other = desk.card(1023, agreement_id=523), desk.card(1023, agreement_id=524)
    assert [(c.kind, c.proposed_quantity) for c in (one, other)] == [
        ("no_change", Decimal(5)),
        ("increase", Decimal(9)),
    ]


def test_a_share_that_cannot_be_applied_is_refused(desk: Desk) -> None:
    card = desk.card(1026, agreement_id=529)

    with pytest.raises(Invalid, match="more than the 3 counted"):
        desk.do(decisions.share, card, fixed={529: "5"}, rest_to=530, zone=ZONE)


def test_trap_13_of_two_clicks_one_decides_and_the_other_is_told_who(desk: Desk) -> None:
    card = desk.card(1001)
    desk.do(decisions.approve, card, by=Actor("Dana Hale", None, "biller"))
    desk.now += timedelta(seconds=70)

    with pytest.raises(Conflict, match=r"Dana Hale approved 21 a minute ago\."):
        desk.do(decisions.approve, card)

    with desk.open_session() as session:
        assert session.scalar(sa.select(sa.func.count(Decision.id))) == 1


def test_trap_13_of_many_people_at_the_same_moment_one_decides(desk: Desk) -> None:
    card = desk.card(1001)
    told: list[str] = []
    start = threading.Barrier(6)

    def click(number: int) -> None:
        start.wait()
        try:
            desk.do(decisions.approve, card, by=Actor(f"Person {number}", None, "biller"))
        except Conflict as error:
            told.append(str(error))

    threads = [threading.Thread(target=click, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with desk.open_session() as session:
        assert session.scalar(sa.select(sa.func.count(Decision.id))) == 1
        assert session.scalar(sa.select(sa.func.count(Push.id))) == 1
    assert len(told) == 5
    assert all(" approved 21 a moment ago." in one for one in told)


def test_numbers_that_moved_since_the_form_was_shown_are_told_and_nothing_is_decided(desk: Desk) -> None:
    card = desk.card(1004)
    seen = decisions.seen_token(card)
    desk.do(decisions.approve, card)
    line = next(iter(desk.quantities(504)))
    desk.set_by_hand(504, line, 11)
    desk.settle(card)

    with pytest.raises(Conflict, match=r"ConnectWise changed from 10 to 11 while you looked\. Nothing was sent"):
        desk.do(decisions.approve, desk.again(card), seen=seen)
    with pytest.raises(Conflict):
        desk.do(decisions.approve, desk.again(card), seen="<script>")
    desk.do(decisions.approve, desk.again(card), seen=decisions.seen_token(desk.again(card)))


def test_a_source_that_is_too_old_blocks_unless_a_manager_gives_a_reason(desk: Desk) -> None:
    card = desk.card(1001)
    desk.now += timedelta(hours=30)

    with pytest.raises(Invalid, match=r"ConnectWise is 30 h old \(limit 24 h\)") as refused:
        desk.do(decisions.approve, card)
    assert set(refused.value.fields) == {"too_old_ok"}
    with pytest.raises(NotAllowed, match="Only a manager"):
        desk.do(decisions.approve, card, too_old_ok=True, reason="the invoice run is today")
    with pytest.raises(Invalid, match="Give the reason"):
        desk.do(decisions.approve, card, by=MANAGER, too_old_ok=True)

    decision = desk.do(decisions.approve, card, by=MANAGER, too_old_ok=True, reason="the invoice run is today")
    assert decision.seen["too_old"] == ["ConnectWise"]
    desk.do(decisions.dismiss, desk.card(1004), reason="nothing is written, so age does not matter")


def test_trap_09_a_held_feed_blocks_the_cards_it_feeds(desk: Desk) -> None:
    with desk.open_session() as session:
        slug = session.scalar(
            sa.select(Vendor.slug)
            .join(UsageImport)
            .where(UsageImport.state == "held", UsageImport.period == str(OCTOBER))
        )
    assert slug is not None
    card = desk.card(1021, "VAULT")

    with pytest.raises(Invalid, match="is held for a person"):
        desk.do(decisions.adjust, card, quantity="30")


def test_read_only_mode_plans_and_sends_nothing_until_a_person_confirms(desk: Desk) -> None:
    with desk.open_session() as session:
        connections.set_writing(session, False, by=COMMAND_LINE, now=desk.now)
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    assert desk.again(card).state == "planned"
    with desk.open_session() as session, pytest.raises(Conflict, match="read-only"):
        decisions.confirm_planned(session, card.id, by=BILLER, now=desk.now, today=TODAY)

    with desk.open_session() as session:
        connections.set_writing(session, True, by=COMMAND_LINE, now=desk.now)
    assert desk.turn(desk.push_of(card).id) == "planned"
    assert desk.sent() == []

    desk.do(decisions.confirm_planned, card)
    assert desk.settle(card).state == "confirmed"


def test_writing_that_is_switched_off_stops_what_was_queued(desk: Desk) -> None:
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    with desk.open_session() as session:
        connections.set_writing(session, False, by=COMMAND_LINE, now=desk.now)

    assert desk.settle(card).state == "planned"
    assert desk.sent() == []
    assert desk.again(card).state == "planned"


def test_a_decision_above_the_limit_waits_for_a_second_person_who_is_never_the_first(desk: Desk) -> None:
    limits(desk, amount={"USD": "10.00"})
    card = desk.card(1001)
    first = Actor("Mo Manager", None, "manager")
    desk.do(decisions.approve, card, by=first)
    assert desk.again(card).state == "waiting"
    assert desk.turn(desk.push_of(card).id) == "waiting"

    with pytest.raises(NotAllowed, match="You decided it; somebody else must confirm"):
        desk.do(decisions.confirm_second, card, by=first)
    with pytest.raises(NotAllowed, match="a manager may"):
        desk.do(decisions.confirm_second, card, by=BILLER)
    desk.do(decisions.confirm_second, card, by=Actor("Ada Admin", None, "admin"))

    assert desk.settle(card).state == "confirmed"


@pytest.mark.parametrize(
    ("value", "company_id", "state"),
    [
        ({"any_decrease": True}, 1015, "waiting"),
        ({"any_decrease": True}, 1001, "queued"),
        ({"amount": {"USD": "24.00"}}, 1015, "queued"),
        ({"amount": {"CAD": "1000.00"}}, 1001, "waiting"),
        ({}, 1015, "queued"),
    ],
)
def test_limits_are_per_currency_and_above_means_above(
    desk: Desk, value: dict[str, Any], company_id: int, state: str
) -> None:
    limits(desk, **value)
    card = desk.card(company_id)

    desk.do(decisions.approve, card)

    assert desk.again(card).state == state


def test_undo_while_queued_takes_it_back_and_nothing_is_sent(desk: Desk) -> None:
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    push_id = desk.push_of(card).id

    desk.do(decisions.undo, card)

    assert desk.again(card).state == "withdrawn"
    assert desk.turn(push_id) == "withdrawn"
    assert desk.sent() == []
    desk.do(decisions.approve, desk.again(card))


def test_undo_while_it_is_being_sent_is_refused(desk: Desk) -> None:
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    refusals: list[str] = []

    def meanwhile(point: str) -> None:
        if point == "looked":
            with pytest.raises(Conflict, match="being sent just now") as refused:
                desk.do(decisions.undo, card)
            refusals.append(str(refused.value))

    assert desk.turn(desk.push_of(card).id, crash=meanwhile) == "confirmed"
    assert len(refusals) == 1


def test_a_dismissal_needs_a_reason_and_can_be_taken_back(desk: Desk) -> None:
    card = desk.card(1001)
    with pytest.raises(Invalid, match="Give a reason"):
        desk.do(decisions.dismiss, card)

    desk.do(decisions.dismiss, card, reason="agreed by phone")
    assert desk.again(card).state == "dismissed"
    desk.do(decisions.undo, card)
    assert desk.again(card).state == "open"


def test_a_stale_card_can_only_be_dismissed(desk: Desk) -> None:
    card = desk.card(1005, agreement_id=505)
    with pytest.raises(Conflict, match="stale and can only be dismissed"):
        desk.do(decisions.approve, card)

    desk.do(decisions.dismiss, card)

    assert desk.again(card).state == "dismissed"


def test_many_are_decided_each_on_its_own_and_what_cannot_be_is_listed(desk: Desk) -> None:
    good = [desk.card(1001), desk.card(1004)]
    split = desk.card(1023, agreement_id=523)
    seen = {good[0].id: decisions.seen_token(good[0]), good[1].id: "9:9:9:000000000000"}
    with desk.open_session() as session:
        batch = decisions.approve_many(
            session,
            [good[0].id, split.id, good[1].id, good[0].id, 999_999],
            by=BILLER,
            now=desk.now,
            today=TODAY,
            seen=seen,
            selection="4 cards ticked",
        )

    assert [one["card_id"] for one in batch.left_out] == [split.id, good[1].id, 999_999]
    assert "ConnectWise changed from 9 to 10" in batch.left_out[1]["sentence"]
    assert desk.again(good[0]).state == "queued"
    assert desk.settle(good[0]).state == "confirmed"
    with desk.open_session() as session:
        undone = decisions.undo_batch(session, batch.id, by=BILLER, now=desk.now, today=TODAY)
    assert undone.left_out == []
    assert desk.settle(good[0]).state == "confirmed"
    assert sum(desk.quantities(501).values()) == 20


def test_a_bundle_is_refused_since_the_psa_refuses_it(desk: Desk) -> None:
    with pytest.raises(Invalid, match="bundle"):
        desk.do(decisions.add, desk.card(1047, "PACK"), agreement_id=553)


def test_an_agreement_of_another_company_is_refused(desk: Desk) -> None:
    with pytest.raises(Invalid, match="not one of") as refused:
        desk.do(decisions.add, desk.card(1028, "SEAT-B"), agreement_id=501)

    assert set(refused.value.fields) == {"agreement"}


def test_an_added_price_is_read_exactly(desk: Desk) -> None:
    card = desk.card(1028, "SEAT-B")
    with pytest.raises(Invalid) as refused:
        desk.do(decisions.add, card, agreement_id=533, price="12.-")
    assert set(refused.value.fields) == {"price"}

    desk.do(decisions.add, card, agreement_id=533, price="13.125", quantity="2.5")
    desk.settle(card)

    (line,) = desk.lines(533, "SEAT-B")
    assert (line.quantity, line.unit_price) == (Decimal("2.5"), Decimal("13.125"))


def test_no_setting_of_the_connection_is_needed_to_plan(desk: Desk) -> None:
    card = desk.card(1001)
    with desk.open_session() as session:
        plan = decisions.plan_for(session, card, "approve", today=TODAY)
        connection = session.get_one(Connection, "connectwise")

        assert [step.as_json() for step in plan.steps] == [
            {"action": "set", "addition": 8003, "expected": "5", "quantity": "6"}
        ]
        assert connection.writing
        assert session.scalar(sa.select(sa.func.count(Decision.id))) == 0
