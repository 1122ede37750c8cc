"""Cards: made from the PSA and the vendors, kept while their numbers stand, stale when their agreement is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
import sqlalchemy as sa

from portal.db.records import Card, PsaAddition, PsaAgreement, PsaCompany, UsageCount
from portal.services import cards, decisions, remaking, rules_store
from portal.services.actors import COMMAND_LINE
from portal.services.card_facts import amount
from portal.services.rules_store import RuleValues
from tests.support.desk import NOW, OCTOBER, TODAY, TRAPS, ZONE, Desk


def remake(desk: Desk, *, today: date = TODAY) -> cards.MadeCards:
    with desk.open_session() as session:
        return cards.make_cards(session, period=OCTOBER, today=today, now=desk.now, zone=ZONE)


@contextmanager
def queries(desk: Desk) -> Iterator[list[str]]:
    """Note every statement that the store is asked."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    sa.event.listen(desk.engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(desk.engine, "before_cursor_execute", note)


def test_the_export_is_what_the_samples_say(desk: Desk) -> None:
    with desk.open_session() as session:
        lines = list(cards.export_csv(session, OCTOBER))

    assert "".join(lines) == (TRAPS / "expected" / "cards-2026-10.csv").read_text(encoding="utf-8")


def test_making_the_cards_again_changes_nothing(desk: Desk) -> None:
    made = remake(desk)

    assert made == cards.MadeCards(new=0, changed=0, stale=0, reopened=0, gone=0)


def test_more_cards_need_no_more_queries(desk: Desk) -> None:
    with queries(desk) as few:
        remake(desk)
    with desk.open_session() as session:
        for number in range(300):
            session.add(
                PsaAddition(
                    id=90_000 + number, agreement_id=501, product=f"MORE-{number}", quantity=Decimal(1),
                    unit_price=Decimal(2), unit_cost=Decimal(1),
                )
            )  # fmt: skip
    assert remake(desk).new == 300
    with queries(desk) as many:
        remake(desk)

    assert len(many) == len(few)
    assert len(few) < 25


def test_cards_of_one_company_leave_the_others_alone(desk: Desk) -> None:
    with desk.open_session() as session:
        session.execute(sa.update(PsaAddition).where(PsaAddition.product == "SEAT").values(quantity=Decimal(1)))
        made = cards.make_cards(session, period=OCTOBER, today=TODAY, now=NOW, zone=ZONE, company_ids=[1004])

    assert made.changed == 1
    assert desk.card(1004).psa_quantity == 1
    assert desk.card(1013).psa_quantity == 3


def test_trap_05_included_units_are_shown_and_never_subtracted(desk: Desk) -> None:
    equal, more = desk.card(1011), desk.card(1012)

    assert (equal.psa_quantity, equal.kind, equal.facts["included"]) == (Decimal(10), "no_change", "2")
    assert (more.difference, more.proposed_quantity) == (Decimal(2), Decimal(12))


def test_trap_07_two_terms_of_one_sku_are_both_counted(desk: Desk) -> None:
    with desk.open_session() as session:
        card = session.scalars(sa.select(Card).where(Card.company_id == 1016, Card.vendor_quantity == 15)).one()
        why = cards.explain(session, card, today=TODAY, zone=ZONE)

    assert sorted((one.source.term, one.source.counted) for one in why.sources) == [
        ("Annual", Decimal(11)),
        ("Monthly", Decimal(4)),
    ]


def test_trap_08_a_part_month_file_and_then_the_full_one_make_no_doubles(desk: Desk) -> None:
    assert desk.card(1017, "MARKET-A").vendor_quantity == 10
    with desk.open_session() as session:
        kinds = set(session.scalars(sa.select(Card.kind).where(Card.company_id == 1019)))
    assert kinds == {"not_reported"}  # in the part-month file alone: no longer reported, which is not zero


def test_trap_09_one_customer_at_zero_is_a_real_zero(desk: Desk) -> None:
    with desk.open_session() as session:
        (card,) = session.scalars(sa.select(Card).where(Card.company_id == 1020))

    assert (card.kind, card.vendor_quantity) == ("decrease", Decimal(0))


def test_trap_15_companies_keep_their_cards_through_renamed_and_deleted_statuses(desk: Desk) -> None:
    with desk.open_session() as session:
        found = set(session.scalars(sa.select(Card.company_id).where(Card.company_id.between(1036, 1040))))

    assert found == {1036, 1037, 1040}


def test_every_count_leads_down_to_its_rows(desk: Desk) -> None:
    with desk.open_session() as session:
        why = cards.explain(session, desk.card(1001), today=TODAY, zone=ZONE)
        (source,) = why.sources
        assert source.account is not None
        assert source.service is not None
        assert source.usage_import is not None
        rows = cards.rows_behind(session, source.account.id, source.service.id, source.usage_import.id)

    assert sum((row.units or Decimal(0) for row in rows), Decimal(0)) == source.source.counted == 21
    assert [shown.line.addition_id for shown in why.lines] == [8003, 8002, 8001]
    assert why.made is not None
    assert why.psa_read_at is not None


def test_trap_03_cards_of_gone_agreements_are_stale_and_say_why(desk: Desk) -> None:
    found = {
        company: desk.card(company, agreement_id=agreement)
        for company, agreement in ((1005, 505), (1006, 506), (1007, 507), (1008, 508))
    }

    assert {card.state for card in found.values()} == {"stale"}
    assert "cancelled" in (found[1005].stale_reason or "")
    assert "ended" in (found[1006].stale_reason or "")
    assert found[1007].stale_reason == "The agreement was deleted in the PSA."
    assert found[1008].stale_reason == "The company left the scope."
    assert all(card.stale_at is not None and card.psa_quantity is None for card in found.values())


def test_a_stale_card_whose_agreement_lives_again_comes_back(desk: Desk) -> None:
    card = desk.card(1005, agreement_id=505)
    with desk.open_session() as session:
        agreement = session.get_one(PsaAgreement, 505)
        agreement.cancelled, agreement.cancelled_on = False, None

    made = remake(desk)

    after = desk.again(card)
    assert made.reopened == 1
    assert (after.state, after.kind, after.stale_reason) == ("open", "increase", None)


def test_an_end_date_that_passes_is_noticed_at_midnight_without_a_sync(desk: Desk) -> None:
    card = desk.card(1041)
    assert card.state == "open"

    with desk.open_session() as session:
        remaking.remake(session, now=desk.now + timedelta(days=1), zone=ZONE)

    after = desk.again(card)
    assert (after.state, after.stale_reason) == ("stale", "The agreement ended on 28 Oct 2026.")


def test_trap_16_the_day_is_the_portals_not_the_servers(desk: Desk) -> None:
    card = desk.card(1041)
    late = NOW.replace(hour=3, minute=30) + timedelta(days=1)  # 28 October, 23:30 in New York; the 29th in UTC

    with desk.open_session() as session:
        remaking.remake(session, now=late, zone=ZONE)
    assert desk.again(card).state == "open"
    with desk.open_session() as session:
        remaking.remake(session, now=late + timedelta(minutes=31), zone=ZONE)

    assert desk.again(card).state == "stale"


def test_a_dismissed_card_stays_while_its_numbers_stand_and_returns_when_they_change(desk: Desk) -> None:
    card = desk.card(1001)
    desk.do(decisions.dismiss, card, reason="agreed")
    remake(desk)
    assert desk.again(card).state == "dismissed"

    with desk.open_session() as session:
        session.execute(sa.update(PsaAddition).where(PsaAddition.id == 8002).values(quantity=Decimal(11)))
    made = remake(desk)

    assert made.reopened == 1
    assert (desk.again(card).state, desk.again(card).psa_quantity) == ("open", Decimal(21))


def test_a_confirmed_card_returns_when_the_vendor_counts_anew(desk: Desk) -> None:
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    desk.settle(card)
    remake(desk)
    assert desk.again(card).state == "confirmed"

    with desk.open_session() as session:
        count = session.scalars(
            sa.select(UsageCount).where(UsageCount.quantity == 21).order_by(UsageCount.id.desc())
        ).first()
        assert count is not None
        count.quantity = Decimal(25)
    remake(desk)

    after = desk.again(card)
    assert (after.state, after.kind, after.vendor_quantity) == ("open", "increase", Decimal(25))


def test_what_waits_unsent_is_taken_back_when_its_numbers_move(desk: Desk) -> None:
    card = desk.card(1001)
    with desk.open_session() as session:
        session.execute(sa.text("UPDATE connection SET writing = 0"))
    desk.do(decisions.approve, card)
    with desk.open_session() as session:
        session.execute(sa.update(PsaAddition).where(PsaAddition.id == 8002).values(quantity=Decimal(11)))
    push_id = desk.push_of(card).id

    remake(desk)

    assert desk.again(card).state == "open"
    assert desk.turn(push_id) == "withdrawn"
    assert "The numbers changed before it was sent" in (desk.events("push.withdrawn")[0].sentence)


def test_a_stale_dismissal_does_not_return(desk: Desk) -> None:
    card = desk.card(1005, agreement_id=505)
    desk.do(decisions.dismiss, card)

    remake(desk)

    assert desk.again(card).state == "dismissed"


def test_what_was_planned_for_an_agreement_that_is_gone_becomes_stale_at_the_next_sync(desk: Desk) -> None:
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    desk.cancel_by_hand(504)

    desk.sync("quick")

    assert desk.again(card).state == "stale"
    assert desk.push_of(card).state == "stale"
    assert set(desk.quantities(504).values()) == {Decimal(10)}


def test_a_line_that_ended_makes_no_stale_card(desk: Desk) -> None:
    card = desk.card(1004)
    with desk.open_session() as session:
        session.execute(
            sa.update(PsaAddition).where(PsaAddition.agreement_id == 504).values(cancelled_date=date(2026, 10, 27))
        )

    remake(desk)

    after = desk.card(1004)
    assert (after.agreement_id, after.kind, after.state) == (None, "new_revenue", "open")
    with desk.open_session() as session:
        assert session.get(Card, card.id) is None


def test_an_ignored_card_leaves_the_board_until_its_number_moves(desk: Desk) -> None:
    with desk.open_session() as session:
        rules_store.add_rule(
            session,
            kind="ignore",
            company_id=1001,
            product="SEAT",
            values=RuleValues(reason="pilot", vendor_quantity=Decimal(21)),
            by=COMMAND_LINE,
            now=NOW,
        )
    remake(desk)
    assert desk.card(1001).state == "dismissed"

    with desk.open_session() as session:
        count = session.scalars(
            sa.select(UsageCount).where(UsageCount.quantity == 21).order_by(UsageCount.id.desc())
        ).first()
        assert count is not None
        count.quantity = Decimal(22)
    remake(desk)

    assert desk.card(1001).state == "open"


def test_a_company_that_leaves_takes_its_new_revenue_along(desk: Desk) -> None:
    assert desk.card(1044).kind == "new_revenue"
    with desk.open_session() as session:
        session.get_one(PsaCompany, 1044).in_scope = False

    remake(desk)

    with desk.open_session() as session:
        assert session.scalars(sa.select(Card).where(Card.company_id == 1044)).all() == []


def test_a_past_month_looks_at_its_last_day(desk: Desk) -> None:
    with desk.open_session() as session:
        seen = cards.picture(session, period=OCTOBER, today=date(2026, 11, 3), zone=ZONE)

    assert seen.day == date(2026, 10, 31)


@pytest.mark.parametrize(
    ("exact", "cents"),
    [
        (Fraction(1, 3), "0.33"),
        (Fraction(-1, 3), "-0.33"),
        (Fraction("0.005000000001"), "0.01"),
        (Fraction("0.015"), "0.02"),
        (Fraction("0.025"), "0.02"),
        (Fraction("-0.024999999999"), "-0.02"),
    ],
)
def test_an_amount_that_is_stored_rounds_as_the_exact_one_does(exact: Fraction, cents: str) -> None:
    stored = amount(exact)

    assert stored is not None
    assert str(round(stored, 2)) == cents
    assert abs(Fraction(stored) - exact) < Fraction(1, 10**7)


def test_totals_and_tabs_count_what_stands(desk: Desk) -> None:
    with desk.open_session() as session:
        before = cards.board_counts(session, OCTOBER)
        sums = cards.totals(session, OCTOBER)
    desk.do(decisions.approve, desk.card(1001))
    with desk.open_session() as session:
        after = cards.board_counts(session, OCTOBER)

    assert sums.cards == before.all == 57
    assert (before.decide - after.decide, after.decided - before.decided) == (1, 1)
    assert before.stale == 4
