"""Undo beside decisions: cards come back to what they were, and what was sent to ConnectWise stays and is named."""

from pathlib import Path

import sqlalchemy as sa

from portal.db.records import AuditEvent, Card, UsageImport
from portal.services import decisions, imports
from portal.services.import_cards import cards_that_change
from tests.support.desk import BILLER, NOW, PERIOD, TODAY, ZONE, Desk

HEAD = "Account,Account name,State,SKU,SKU name,Term,Units\r\n"


def imported(desk: Desk, uploads: Path, lines: str) -> int:
    with desk.open_session() as session:
        vendor = imports.vendor_by_name(session, "Plainfield Cloud", create=False, by=BILLER, now=NOW)
        import_id = imports.receive(
            session, vendor=vendor, filename="late.csv", content=(HEAD + lines).encode(), uploads=uploads, by=BILLER,
            now=NOW, zone=ZONE, complete=False,
        ).id  # fmt: skip
    assert imports.read_waiting(desk.open_session, import_id, uploads=uploads, now=NOW, zone=ZONE) == "ready"
    with desk.open_session() as session:
        assert imports.commit(session, import_id, by=BILLER, now=NOW, zone=ZONE).state == "committed"
    return import_id


def undone(desk: Desk, import_id: int) -> UsageImport:
    with desk.open_session() as session:
        return imports.undo(session, import_id, by=BILLER, now=NOW, zone=ZONE)


def cards(desk: Desk) -> dict[tuple[int, str, int | None], tuple[object, ...]]:
    """All cards of the month as people see them."""
    with desk.open_session() as session:
        return {
            (one.company_id, one.product, one.agreement_id): (
                one.kind, one.state, one.psa_quantity, one.vendor_quantity, one.proposed_quantity, one.difference,
                one.revenue_change, one.gone_at is None,
            )
            for one in session.scalars(sa.select(Card).where(Card.period == PERIOD, Card.gone_at.is_(None)))
        }  # fmt: skip


def test_cards_come_back_to_what_they_were(desk: Desk, tmp_path: Path) -> None:
    before = cards(desk)
    import_id = imported(desk, tmp_path, "TAD-179,Alder,active,P-1,Seat,,30\r\nTBB-725,Bracken,active,P-1,Seat,,0\r\n")
    changed = cards(desk)
    assert changed != before

    found = undone(desk, import_id)

    assert cards(desk) == before
    assert found.notes["sent"] == []
    assert found.message == "Undone by Bo Biller on 28 Oct 2026."


def test_a_decision_that_was_sent_stays_and_is_named(desk: Desk, tmp_path: Path) -> None:
    before = cards(desk)
    import_id = imported(desk, tmp_path, "TAD-179,Alder,active,P-1,Seat,,30\r\nTBB-725,Bracken,active,P-1,Seat,,14\r\n")
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    assert desk.settle(card).state == "confirmed"

    found = undone(desk, import_id)

    assert [one["words"] for one in found.notes["sent"]] == ["T01 Alder Dental, SEAT: 30"]
    assert found.message == (
        "Undone by Bo Biller on 28 Oct 2026. 1 decision was already sent to ConnectWise and stays: "
        "T01 Alder Dental, SEAT: 30."
    )
    with desk.open_session() as session:
        event = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "usage.undo")).one()
        assert event.sentence.endswith("and stays: T01 Alder Dental, SEAT: 30.")
    after = cards(desk)
    moved = {key for key in before if after.get(key) != before[key]}
    assert moved == {(card.company_id, "SEAT", card.agreement_id)}


def test_a_decision_of_another_file_is_not_named(desk: Desk, tmp_path: Path) -> None:
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    desk.settle(card)
    import_id = imported(desk, tmp_path, "TBB-725,Bracken,active,P-1,Seat,,14\r\n")

    assert undone(desk, import_id).notes["sent"] == []


def changing(desk: Desk, import_id: int) -> tuple[int, int]:
    with desk.open_session() as session:
        return cards_that_change(session, session.get_one(UsageImport, import_id), today=TODAY)


def test_how_many_cards_change_is_told_before(desk: Desk, tmp_path: Path) -> None:
    import_id = imported(desk, tmp_path, "TAD-179,Alder,active,P-1,Seat,,30\r\nTBB-725,Bracken,active,P-1,Seat,,0\r\n")
    told, before = changing(desk, import_id), cards(desk)
    undone(desk, import_id)
    after = cards(desk)
    assert told == (sum(after.get(key) != before[key] for key in before), 0) == (2, 0)

    import_id = imported(desk, tmp_path, "TAD-179,Alder,active,P-1,Seat,,31\r\nTBB-725,Bracken,active,P-1,Seat,,1\r\n")
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    desk.settle(card)
    assert changing(desk, import_id) == (1, 1)
    undone(desk, import_id)
    assert desk.again(card).state == "open"


def test_a_count_that_stands_without_the_file_too_changes_no_card(desk: Desk, tmp_path: Path) -> None:
    lines = "TAD-179,Alder,active,P-1,Seat,,30\r\n"
    imported(desk, tmp_path, lines)
    import_id = imported(desk, tmp_path, f"{lines}Z-1,Nobody,active,P-1,Seat,,4\r\n")

    assert changing(desk, import_id) == (0, 0)


def test_a_decision_that_was_taken_back_does_not_stay_and_neither_does_its_undo(desk: Desk, tmp_path: Path) -> None:
    import_id = imported(desk, tmp_path, "TAD-179,Alder,active,P-1,Seat,,30\r\n")
    card = desk.card(1001)
    sent = []
    for verb in (decisions.approve, decisions.undo, decisions.undo):
        desk.do(verb, desk.again(card))
        assert desk.settle(card).state == "confirmed"
        with desk.open_session() as session:
            sent.append(
                [one.words() for one in imports.sent_decisions(session, session.get_one(UsageImport, import_id))]
            )

    assert sent == [["T01 Alder Dental, SEAT: 30"], [], ["T01 Alder Dental, SEAT: 30"]]
