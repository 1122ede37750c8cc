"""Rules as admins set them: told before, made to hold at once, ended with history, expiring at local midnight."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from portal.db.records import Card, PsaAddition, Rule, UsageCount
from portal.domain.quantities import plain
from portal.services import decisions, remaking, rule_reading, rules, rules_store, settings_store
from portal.services.actors import Actor
from portal.services.errors import Conflict, Invalid, NotAllowed
from portal.services.rules_store import RuleValues
from tests.support.desk import BILLER, MANAGER, NOW, TODAY, ZONE, Desk

ADA = Actor("Ada Admin", None, "admin")
ON_THE_PAIR: dict[str, Any] = {"company_id": 1001, "product": "SEAT"}


def set_rule(desk: Desk, kind: str, *, by: Actor = ADA, on: dict[str, Any] = ON_THE_PAIR, **values: Any) -> Rule:
    seen = values.pop("seen", None)
    with desk.open_session() as session:
        return rules.set_rule(
            session, kind=kind, **on, values=RuleValues(**values), by=by, now=desk.now, zone=ZONE, seen=seen
        )


def told(desk: Desk, kind: str, *, on: dict[str, Any] = ON_THE_PAIR, **values: Any) -> str:
    with desk.open_session() as session:
        effect = rules.effect_of_setting(
            session, kind=kind, **on, values=RuleValues(**values), by=ADA, now=desk.now, zone=ZONE
        )
        return effect.sentence


def move_count(desk: Desk, was: int, now: int) -> None:
    with desk.open_session() as session:
        query = sa.select(UsageCount).where(UsageCount.quantity == was).order_by(UsageCount.id.desc())
        count = session.scalars(query).first()
        assert count is not None
        count.quantity = Decimal(now)
        remaking.remake(session, now=desk.now, zone=ZONE)


def looks(desk: Desk) -> dict[int, tuple[object, ...]]:
    with desk.open_session() as session:
        return {
            card.id: (card.kind, card.state, card.proposed_quantity, card.difference)
            for card in session.scalars(sa.select(Card))
        }


def shown(desk: Desk) -> tuple[str, str]:
    card = desk.card(1001)
    return card.state, plain(card.proposed_quantity or Decimal(0))


def test_a_minimum_is_told_before_and_holds_at_once(desk: Desk) -> None:
    before = desk.card(1001)
    assert [before.psa_quantity, before.vendor_quantity] == [20, 21]

    assert told(desk, "minimum", quantity=Decimal(30)) == "1 card would change: 1 proposes another quantity."
    assert desk.again(before).proposed_quantity == 21
    set_rule(desk, "minimum", quantity=Decimal(30), until=date(2027, 3, 31), reference="contract 114")

    card = desk.again(before)
    assert card.proposed_quantity == 30
    assert card.facts["arithmetic"] == ["Counted 21, minimum 30 until 31 Mar 2027 (contract 114): proposes 30"]
    (event,) = desk.events("rule.set")[-1:]
    assert (event.before, event.after) == (None, "minimum 30 until 2027-03-31 (contract 114)")


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("minimum", {"quantity": Decimal(12)}),
        ("floor", {"quantity": Decimal(40), "reason": "annual"}),
        ("tolerance", {"units": Decimal(2)}),
        ("tolerance", {"percent": Decimal(50)}),
        ("tolerance", {"money": Decimal(100)}),
        ("rounding", {"mode": "up", "to": Decimal(10)}),
        ("ignore", {"reason": "pilot"}),
    ],
)
@pytest.mark.parametrize("on", [{"company_id": None, "product": "SEAT"}, {"company_id": 1004, "product": None}])
def test_what_is_told_is_what_happens(desk: Desk, kind: str, values: dict[str, Any], on: dict[str, Any]) -> None:
    before = looks(desk)
    with desk.open_session() as session:
        effect = rules.effect_of_setting(
            session, kind=kind, **on, values=RuleValues(**values), by=ADA, now=desk.now, zone=ZONE
        )
    assert looks(desk) == before

    set_rule(desk, kind, on=on, **values)

    after = looks(desk)
    moved = {number for number in before if before[number] != after[number]}
    assert moved == {change.card_id for change in effect.changes}
    for change in effect.changes:
        assert change.card_id is not None
        look = change.after
        assert after[change.card_id] == (look.kind, look.state, look.proposed, look.difference)


def test_a_changed_rule_ends_and_a_new_one_begins(desk: Desk) -> None:
    first = set_rule(desk, "minimum", quantity=Decimal(30))
    second = set_rule(desk, "minimum", quantity=Decimal(40), seen=str(first.id))
    assert set_rule(desk, "minimum", quantity=Decimal(40)).id == second.id

    with desk.open_session() as session:
        rows = session.scalars(sa.select(Rule).where(Rule.company_id == 1001).order_by(Rule.id)).all()
        assert [row.quantity for row in rows] == [30, 40]
        assert [row.ended_by for row in rows] == ["Ada Admin", None]
    last = desk.events("rule.set")[-1]
    assert (last.before, last.after) == ("minimum 30", "minimum 40")


def test_of_two_admins_the_second_is_told(desk: Desk) -> None:
    set_rule(desk, "minimum", quantity=Decimal(30), seen="")
    with pytest.raises(Conflict, match="Ada Admin has set “minimum 30” while you looked"):
        set_rule(desk, "minimum", quantity=Decimal(40), seen="")


def test_an_ended_rule_holds_no_more_and_its_end_is_told(desk: Desk) -> None:
    rule = set_rule(desk, "minimum", quantity=Decimal(30))
    with desk.open_session() as session:
        effect = rules.effect_of_ending(session, session.get_one(Rule, rule.id), now=desk.now, zone=ZONE)
        assert effect.sentence == "1 card would change: 1 proposes another quantity."
        rules.end_rule(session, rule.id, by=ADA, now=desk.now, zone=ZONE, reason="contract over")

    assert desk.card(1001).proposed_quantity == 21
    (event,) = desk.events("rule.end")
    assert (event.before, event.after, event.reason) == ("minimum 30", None, "contract over")
    with desk.open_session() as session, pytest.raises(Conflict, match="has ended this rule already"):
        rules.end_rule(session, rule.id, by=ADA, now=desk.now, zone=ZONE)


def test_an_ignored_card_comes_back_when_the_count_moves(desk: Desk) -> None:
    assert told(desk, "ignore", reason="pilot") == "1 card would change: 1 is left alone."
    set_rule(desk, "ignore", reason="pilot")
    card = desk.card(1001)
    assert card.state == "dismissed"
    assert card.facts["arithmetic"][-1] == "Left alone while the count is 21 and the PSA has 20 (pilot)"

    move_count(desk, 21, 22)

    card = desk.card(1001)
    assert card.state == "open"
    assert card.facts["arithmetic"][-1] == (
        "Left alone no more: a number moved since the count was 21 and the PSA had 20 (pilot)"
    )


def test_an_ignored_card_comes_back_when_the_psa_moves(desk: Desk) -> None:
    set_rule(desk, "ignore", reason="pilot")
    line = int(desk.card(1001).facts["lines"][0]["id"])
    with desk.open_session() as session:
        session.execute(sa.update(PsaAddition).where(PsaAddition.id == line).values(quantity=Decimal(19)))
        remaking.remake(session, now=desk.now, zone=ZONE)

    assert desk.card(1001).state == "open"


def test_an_ignore_rule_on_a_product_holds_for_the_numbers_of_each_company(desk: Desk) -> None:
    on = {"company_id": None, "product": "SEAT"}
    set_rule(desk, "ignore", on=on, reason="price talks")
    with desk.open_session() as session:
        left = session.scalars(
            sa.select(Card.state).where(Card.product == "SEAT", Card.kind.in_(("increase", "decrease", "new_revenue")))
        ).all()
    assert set(left) == {"dismissed"}

    move_count(desk, 21, 22)

    assert desk.card(1001).state == "open"
    assert desk.card(1044).state == "dismissed"


def test_what_is_equal_is_not_left_alone(desk: Desk) -> None:
    with desk.open_session() as session:
        equal = session.scalars(sa.select(Card).where(Card.kind == "no_change", Card.state == "open")).first()
        assert equal is not None
    set_rule(desk, "ignore", on={"company_id": equal.company_id, "product": equal.product}, reason="pilot")

    assert desk.again(equal).state == "open"


@pytest.mark.parametrize(
    ("kind", "values", "during", "after"),
    [
        ("minimum", {"quantity": Decimal(30)}, ("open", "30"), ("open", "21")),
        ("ignore", {"reason": "pilot"}, ("dismissed", "21"), ("open", "21")),
    ],
)
def test_a_rule_ends_at_local_midnight(
    desk: Desk, kind: str, values: dict[str, Any], during: tuple[str, str], after: tuple[str, str]
) -> None:
    set_rule(desk, kind, until=TODAY, **values)
    before_midnight = datetime(2026, 10, 28, 23, 59, 59, tzinfo=ZONE)
    remaking.begin_day(desk.open_session, now=before_midnight, zone=ZONE)
    assert shown(desk) == during

    remaking.begin_day(desk.open_session, now=before_midnight + timedelta(seconds=1), zone=ZONE)

    assert shown(desk) == after


def test_a_decision_that_waits_is_taken_back_and_told_before(desk: Desk) -> None:
    with desk.open_session() as session:
        settings_store.put(session, "limits", {"amount": {"USD": "1.00"}}, by=ADA, now=NOW)
    card = desk.card(1001)
    desk.do(decisions.approve, card, by=BILLER)
    assert looks(desk)[card.id][1] == "waiting"

    sentence = told(desk, "minimum", quantity=Decimal(30))

    assert sentence.endswith("1 decision of which nothing was sent is taken back.")
    set_rule(desk, "minimum", quantity=Decimal(30))
    assert desk.again(card).state == "open"


@pytest.mark.parametrize(
    ("on", "values", "field"),
    [
        ({"company_id": 4711, "product": "SEAT"}, {"quantity": Decimal(5)}, "company"),
        ({"company_id": 1001, "product": "NOPE"}, {"quantity": Decimal(5)}, "product"),
        ({"company_id": None, "product": None}, {"quantity": Decimal(5)}, "product"),
        (ON_THE_PAIR, {}, "quantity"),
        (ON_THE_PAIR, {"quantity": Decimal(5), "until": date(2026, 10, 27)}, "until"),
    ],
)
def test_a_slip_is_refused_with_its_field(desk: Desk, on: dict[str, Any], values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        set_rule(desk, "minimum", on=on, **values)

    assert field in refused.value.fields
    assert desk.events("rule.set")[3:] == []


def test_only_admins_set_and_end_rules(desk: Desk) -> None:
    rule = set_rule(desk, "minimum", quantity=Decimal(30))
    for who in (BILLER, MANAGER):
        with pytest.raises(NotAllowed, match="may not set rules"):
            set_rule(desk, "minimum", by=who, quantity=Decimal(31))
        with desk.open_session() as session, pytest.raises(NotAllowed, match="may not end rules"):
            rules.end_rule(session, rule.id, by=who, now=NOW, zone=ZONE)
    with desk.open_session() as session:
        assert session.get_one(Rule, rule.id).ended_at is None
        assert rules_store.words(session.get_one(Rule, rule.id)) == "minimum 30"


def test_a_list_tells_what_is_in_force_expires_soon_or_is_over(desk: Desk) -> None:
    soon = set_rule(desk, "minimum", quantity=Decimal(30), until=TODAY + timedelta(days=30))
    later = set_rule(desk, "floor", quantity=Decimal(4), until=TODAY + timedelta(days=31))
    over = set_rule(desk, "tolerance", units=Decimal(1))
    with desk.open_session() as session:
        rules.end_rule(session, over.id, by=ADA, now=desk.now, zone=ZONE)

    def states(day: date) -> dict[int, str]:
        with desk.open_session() as session:
            page = rule_reading.list_rules(session, today=day, state="all", company_id=1001)
            assert page.by_state["all"] == 3
            return {shown.rule.id: shown.state for shown in page.rules}

    assert states(TODAY) == {soon.id: "expiring", later.id: "in_force", over.id: "ended"}
    assert states(TODAY + timedelta(days=31)) == {soon.id: "expired", later.id: "expiring", over.id: "ended"}


def test_a_rule_s_example_is_a_card_that_it_bends(desk: Desk) -> None:
    rule = set_rule(desk, "minimum", on={"company_id": None, "product": "SEAT"}, quantity=Decimal(30))
    with desk.open_session() as session:
        example = rule_reading.rule_shown(session, rule.id, TODAY).example

        assert example is not None
        assert "minimum 30" in example.facts["arithmetic"][-1]
