"""Stale cards through real syncs: each way to become one, why and since when, and back again when it is taken back."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.db.records import AuditEvent, Card
from portal.services import card_lines, decisions, statuses
from portal.services.actors import Actor
from portal.services.errors import Conflict
from tests.support.desk import TODAY, ZONE, Desk

COMPANY, AGREEMENT = 1004, 504


def replaced(**values: object) -> list[dict[str, object]]:
    return [{"op": "replace", "path": name, "value": value} for name, value in values.items()]


def turned(desk: Desk) -> list[AuditEvent]:
    return [one for one in desk.events("card.stale", "card.back") if one.agreement_id == AGREEMENT]


def leaves(desk: Desk, how: str) -> None:
    """Let the card's agreement or company leave in ConnectWise."""
    agreement = f"/finance/agreements/{AGREEMENT}"
    if how == "cancelled":
        desk.cancel_by_hand(AGREEMENT)
    elif how == "expired":
        desk.by_hand("PATCH", agreement, replaced(noEndingDateFlag=False, endDate="2026-10-27T00:00:00Z"))
    elif how == "deleted":
        desk.by_hand("DELETE", agreement)
    else:
        desk.by_hand("PATCH", f"/company/companies/{COMPANY}", replaced(status={"id": 2}))


WAYS = {
    "cancelled": "The agreement was cancelled on 28 Oct 2026.",
    "expired": "The agreement ended on 27 Oct 2026.",
    "deleted": "The agreement was deleted in the PSA.",
    "moved out of scope": "The company left the scope.",
}


def standing(desk: Desk) -> dict[bool, int]:
    """Count the stale cards of this month, and those that are not."""
    with desk.open_session() as session:
        states = session.scalars(sa.select(Card.state).where(Card.gone_at.is_(None), Card.agreement_id.is_not(None)))
        stale = [state == "stale" for state in states]
    return {True: sum(stale), False: len(stale) - sum(stale)}


def test_the_effect_of_a_meaning_counts_what_becomes_stale_and_what_comes_back_alike(desk: Desk) -> None:
    told: dict[str, statuses.Effect] = {}
    counts = {"before": standing(desk)}
    for meaning in ("not_customer", "customer"):
        with desk.open_session() as session:
            told[meaning] = statuses.joint_effect(session, {("status", 1): meaning}, today=TODAY, zone=ZONE)
            statuses.set_meaning(
                session, "status", 1, meaning, by=Actor("Ada Admin", 1, "admin"), now=desk.now, zone=ZONE
            )
        counts[meaning] = standing(desk)

    out, back = told["not_customer"].cards, told["customer"].coming
    stale = counts["not_customer"][True] - counts["before"][True]
    assert out == back
    assert out.others > 0
    assert out.total - told["not_customer"].loose == stale
    assert counts["customer"] == counts["before"]


@pytest.mark.parametrize("kind", ["quick", "full"])
@pytest.mark.parametrize("how", WAYS)
def test_what_left_makes_its_cards_stale_at_the_next_sync(desk: Desk, how: str, kind: str) -> None:
    card = desk.card(COMPANY)
    assert card.state == "open"
    leaves(desk, how)
    desk.now += timedelta(minutes=20)

    desk.sync(kind)

    after = desk.again(card)
    assert (after.state, after.stale_reason, after.stale_at) == ("stale", WAYS[how], desk.now)
    assert (after.psa_quantity, after.revenue_change) == (None, None)
    with pytest.raises(Conflict, match="can only be dismissed"):
        desk.do(decisions.approve, after)
    told = turned(desk)
    assert [one.action for one in told] == ["card.stale"]
    assert WAYS[how] in told[0].sentence
    assert card.id in told[0].details["cards"]
    desk.do(decisions.dismiss, after)
    desk.sync(kind)
    assert desk.again(card).state == "dismissed"


def test_a_cancelled_parent_takes_the_cards_of_its_child_along(desk: Desk) -> None:
    card = desk.card(1028, "SEAT", 534)
    desk.cancel_by_hand(533)

    desk.sync("quick")

    after = desk.again(card)
    assert after.state == "stale"
    assert after.stale_reason == "Its parent agreement 533 Managed Services is cancelled."


def test_a_cancellation_that_is_taken_back_brings_the_card_back_with_its_history(desk: Desk) -> None:
    card = desk.card(COMPANY)
    leaves(desk, "cancelled")
    desk.sync("quick")
    desk.by_hand("PATCH", f"/finance/agreements/{AGREEMENT}", replaced(cancelledFlag=False, dateCancelled=None))
    desk.now += timedelta(minutes=20)

    desk.sync("quick")

    after = desk.again(card)
    assert (after.state, after.kind, after.stale_reason, after.stale_at) == ("open", card.kind, None, None)
    assert (after.psa_quantity, after.vendor_quantity) == (card.psa_quantity, card.vendor_quantity)
    assert [one.action for one in turned(desk)] == ["card.stale", "card.back"]
    desk.sync("quick")
    assert len(turned(desk)) == 2


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("cancelled", "the agreement was cancelled on 28 Oct 2026"),
        ("deleted", "its agreement was deleted in ConnectWise"),
        ("moved out of scope", "the company is out of scope: Its status means that it is not a customer"),
    ],
)
def test_each_line_that_is_not_counted_says_why(desk: Desk, how: str, why: str) -> None:
    card = desk.card(COMPANY)
    leaves(desk, how)

    desk.sync("full")

    with desk.open_session() as session:
        found = card_lines.uncounted(session, session.get_one(Card, card.id), day=TODAY)
    assert {one.why for one in found.lines} == {why}


def test_ended_and_later_lines_and_other_spellings_are_not_counted(desk: Desk) -> None:
    card = desk.card(COMPANY)
    with desk.open_session() as session:
        line = sa.text(
            "INSERT INTO psa_addition (id, agreement_id, product, description, quantity, less_included, bill_customer,"
            " effective_date, cancelled_date) VALUES (:id, 504, :product, '', 10000, 0, 'Billable', :since, :until)"
        )
        session.execute(line, {"id": 99001, "product": "SEAT", "since": "2026-01-01", "until": "2026-10-27"})
        session.execute(line, {"id": 99002, "product": "SEAT", "since": "2026-11-01", "until": None})
        session.execute(line, {"id": 99003, "product": "Seat", "since": "2026-01-01", "until": None})
        found = card_lines.uncounted(session, session.get_one(Card, card.id), day=TODAY)

    assert [(one.line.addition_id, one.why) for one in found.lines] == [
        (99003, "another product: Seat is spelled like SEAT, but is not it"),
        (99002, "begins on 1 Nov 2026"),
        (99001, "ended on 27 Oct 2026"),
    ]
    assert found.none == ""


def test_a_company_without_any_agreement_is_told_so(desk: Desk) -> None:
    card = desk.card(1044)
    assert card.agreement_id is None
    with desk.open_session() as session:
        session.execute(sa.text("UPDATE psa_agreement SET company_id = 1 WHERE company_id = 1044"))

        found = card_lines.uncounted(session, session.get_one(Card, card.id), day=TODAY)

    assert (found.none, found.lines) == ("ConnectWise has no agreement of this company, as last read.", ())
