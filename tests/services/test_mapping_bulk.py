"""Accounts mapped and excluded together, exclusions that end, and companies that are not suggested again."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AccountLine, AccountMapping, AuditEvent, PsaCompany
from portal.services import account_lines, mapping
from portal.services.account_pages import AccountsWanted, suggested_rows
from portal.services.errors import Conflict, Invalid, NotAllowed
from tests.services.usage_desk import BILLER, NOW, VIEWER, ZONE, Desk

TODAY = NOW.astimezone(ZONE).date()


@pytest.fixture
def desk(session: Session, tmp_path: Path) -> Desk:
    for company_id, name in ((1, "Alder Dental"), (2, "Birch Legal"), (3, "Cedar Freight Group"), (4, "Gone")):
        gone = company_id == 4
        session.add(PsaCompany(id=company_id, identifier=name, name=name, in_scope=not gone, deleted=gone))
    session.flush()
    made = Desk(session, tmp_path / "uploads")
    made.take([("A", 5, "Alder Dental Ltd"), ("B", 7, "Birch Legal"), ("C", 9, "Cedar Freight"), ("D", 1, "Zebra")])
    return made


def suggestions(desk: Desk, score: int = 50) -> list[tuple[str, int]]:
    """Give what is suggested, the weakest first."""
    account_lines.refresh(desk.session, today=TODAY, now=NOW)
    rows, total = suggested_rows(desk.session, AccountsWanted(), score=score)
    assert total == len(rows)
    return [(row.external_id, row.suggestion.company_id) for row in rows if row.suggestion]


def states(desk: Desk) -> dict[str, int | None]:
    rows = desk.session.scalars(sa.select(AccountMapping).order_by(AccountMapping.account_external_id))
    return {row.account_external_id: row.company_id for row in rows}


def pairs(desk: Desk) -> dict[int, int]:
    return {desk.account(name).id: company for name, company in suggestions(desk)}


def test_suggestions_come_with_the_weakest_first(desk: Desk) -> None:
    assert suggestions(desk) == [("C", 3), ("A", 1), ("B", 2)]
    assert suggestions(desk, 100) == [("A", 1), ("B", 2)]


def test_each_mapping_of_a_batch_is_an_event_and_the_whole_is_undone(desk: Desk) -> None:
    batch = mapping.map_many(desk.session, pairs(desk), by=BILLER, now=NOW, zone=ZONE)

    assert states(desk) == {"A": 1, "B": 2, "C": 3}
    assert desk.session.scalar(sa.select(sa.func.count()).where(AuditEvent.action == "mapping.account")) == 3
    assert mapping.latest_batch(desk.session, now=NOW) == batch
    undone = mapping.undo_batch(desk.session, batch.id, by=BILLER, now=NOW, zone=ZONE)

    assert (undone.done, undone.left) == (3, ())
    assert states(desk) == {}
    assert mapping.latest_batch(desk.session, now=NOW) is None
    assert suggestions(desk) == [("C", 3), ("A", 1), ("B", 2)]
    with pytest.raises(Conflict, match="has undone it already"):
        mapping.undo_batch(desk.session, batch.id, by=BILLER, now=NOW, zone=ZONE)


def test_what_was_decided_since_stays_when_a_batch_is_undone(desk: Desk) -> None:
    batch = mapping.map_many(desk.session, pairs(desk), by=BILLER, now=NOW, zone=ZONE)
    mapping.map_account(desk.session, desk.account("C").id, 1, by=BILLER, now=NOW)

    undone = mapping.undo_batch(desk.session, batch.id, by=BILLER, now=NOW, zone=ZONE)

    assert (undone.done, undone.left) == (2, ("Cedar Freight",))
    assert states(desk) == {"C": 1}


def test_a_batch_is_undone_but_for_what_would_go_back_to_a_deleted_company(desk: Desk) -> None:
    mapping.map_account(desk.session, desk.account("A").id, 2, by=BILLER, now=NOW)
    both = {desk.account("A").id: 1, desk.account("B").id: 3}
    batch = mapping.map_many(desk.session, both, by=BILLER, now=NOW, zone=ZONE)
    desk.session.get_one(PsaCompany, 2).deleted = True

    undone = mapping.undo_batch(desk.session, batch.id, by=BILLER, now=NOW, zone=ZONE)

    assert (undone.done, undone.left) == (1, ("Alder Dental Ltd",))
    assert states(desk) == {"A": 1}


def test_a_batch_is_all_or_nothing(desk: Desk) -> None:
    wanted = {desk.account("A").id: 1, desk.account("B").id: 4}

    with pytest.raises(Invalid, match="Nothing was changed"), desk.session.begin_nested():
        mapping.map_many(desk.session, wanted, by=BILLER, now=NOW, zone=ZONE)
    with pytest.raises(NotAllowed):
        mapping.map_many(desk.session, wanted, by=VIEWER, now=NOW, zone=ZONE)

    assert states(desk) == {}


def test_a_batch_is_offered_to_be_undone_for_a_day(desk: Desk) -> None:
    mapping.map_many(desk.session, pairs(desk), by=BILLER, now=NOW, zone=ZONE)

    assert mapping.latest_batch(desk.session, now=NOW + timedelta(hours=23)) is not None
    assert mapping.latest_batch(desk.session, now=NOW + timedelta(hours=24)) is None


def test_a_company_that_was_taken_off_an_account_is_not_suggested_again_until_it_is_chosen(desk: Desk) -> None:
    account = desk.account("A").id
    suggestions(desk)
    mapping.map_account(desk.session, account, 1, by=BILLER, now=NOW)
    mapping.unmap_account(desk.session, account, by=BILLER, now=NOW)
    assert ("A", 1) not in suggestions(desk)

    mapping.map_account(desk.session, account, 1, by=BILLER, now=NOW)
    mapping.unmap_account(desk.session, account, by=BILLER, now=NOW, refuse=False)

    assert ("A", 1) in suggestions(desk)


def test_an_excluded_suggestion_comes_back_only_with_the_undo_of_the_exclusion(desk: Desk) -> None:
    account = desk.account("A").id
    suggestions(desk)
    mapping.exclude_account(desk.session, account, reason="ours", by=BILLER, now=NOW)
    assert ("A", 1) not in suggestions(desk)

    mapping.unmap_account(desk.session, account, by=BILLER, now=NOW)

    assert ("A", 1) in suggestions(desk)


def test_an_exclusion_with_a_name_and_an_end_holds_up_to_that_day(desk: Desk) -> None:
    ids = [desk.account(one).id for one in ("A", "D")]
    end = TODAY + timedelta(days=2)
    mapping.exclude_many(
        desk.session, ids, reason="", kind="not_for_resale", until=end.isoformat(), by=BILLER, now=NOW, zone=ZONE
    )

    for days, left in ((2, ["A", "D"]), (3, [])):
        mapping.end_exclusions(desk.session, now=NOW + timedelta(days=days), zone=ZONE)
        assert list(states(desk)) == left
    lines = desk.session.execute(sa.select(AccountLine.state).distinct()).scalars().all()
    assert lines in ([], ["unmapped"])
    told = desk.session.scalars(sa.select(AuditEvent.sentence).order_by(AuditEvent.n.desc()).limit(1)).one()
    assert "ended after 30 Oct 2026." in told
    assert told.endswith("It is unmapped again.")


@pytest.mark.parametrize(
    ("kind", "until"), [("", ""), ("nonsense", ""), ("internal", "2026-10-27"), ("internal", "soon")]
)
def test_an_exclusion_that_cannot_be_is_refused(desk: Desk, kind: str, until: str) -> None:
    with pytest.raises(Invalid):
        mapping.exclude_account(
            desk.session, desk.account("A").id, reason="", kind=kind, until=until, by=BILLER, now=NOW, zone=ZONE
        )

    assert states(desk) == {}
