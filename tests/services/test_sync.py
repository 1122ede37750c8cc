from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AuditEvent,
    Card,
    Connection,
    PsaAddition,
    PsaAgreement,
    PsaBillingCycle,
    PsaCompany,
    PsaListRow,
    SyncRun,
)
from portal.services import push_mirror, statuses, sync, sync_progress
from portal.services.actors import COMMAND_LINE, SYSTEM, Actor
from portal.services.errors import Invalid, NotAllowed, NotFound
from tests.services.conftest import STEPS, ZONE, Psa
from tests.support.pictures import one, picture, rows


def test_a_full_sync_mirrors_everything(psa: Psa) -> None:
    run = psa.sync()

    assert (run.state, run.error, run.phase) == ("done", None, "Done")
    assert run.counts["companies"] == {"new": 47, "changed": 0, "gone": 0, "same": 0, "skipped": 0}
    assert run.counts["products"]["new"] == 13
    agreement = one(psa, PsaAgreement, 501)
    assert (agreement.start_date, agreement.prorates, agreement.next_invoice_date) == (
        date(2024, 3, 1),
        False,
        date(2026, 11, 1),
    )
    lines = rows(psa, PsaAddition, PsaAddition.agreement_id == 501)
    assert sorted((line.id, line.product, line.quantity) for line in lines) == [
        (8001, "SEAT", Decimal(5)),
        (8002, "SEAT", Decimal(10)),
        (8003, "SEAT", Decimal(5)),
    ]
    assert {row.months for row in rows(psa, PsaBillingCycle)} >= {1, 3, 12}
    assert ("type", 1) in {(row.list, row.id) for row in rows(psa, PsaListRow)}
    connection = one(psa, Connection, "connectwise")
    assert connection.last_read_at == connection.last_full_at == STEPS[0]
    assert psa.followed == 1


def test_the_same_again_changes_nothing(psa: Psa) -> None:
    psa.sync()
    before = picture(psa)

    again = psa.sync()

    assert picture(psa) == before
    assert not any(counts[name] for counts in again.counts.values() for name in ("new", "changed", "gone", "skipped"))
    assert again.counts["companies"]["same"] == 47


@pytest.mark.parametrize("kind", ["full", "quick"])
def test_the_next_step_of_the_scenario_reaches_the_picture(psa: Psa, kind: str) -> None:
    psa.meanings()
    psa.sync()
    psa.step(2)

    run = psa.sync(kind)

    assert run.state == "done"
    by_company = {row.company_id: row for row in rows(psa, PsaAgreement) if row.company_id in {1005, 1007}}
    assert by_company[1005].cancelled
    assert by_company[1007].gone_at == STEPS[1]
    assert one(psa, PsaCompany, 1008).in_scope is False
    assert one(psa, PsaCompany, 1004).in_scope is True
    assert run.counts["agreements"]["gone"] == 1


def test_a_quick_sync_ends_at_the_same_picture_as_a_full_one(psa: Psa) -> None:
    psa.meanings()
    psa.sync()
    lines = "/finance/agreements/501/additions"
    psa.by_hand("PATCH", f"{lines}/8001", [{"op": "replace", "path": "quantity", "value": 9}])
    psa.by_hand(
        "POST",
        lines,
        {"product": {"id": 701}, "quantity": 2, "billCustomer": "Billable", "effectiveDate": "2026-10-15T00:00:00Z"},
    )
    psa.by_hand("PATCH", "/company/companies/1002", [{"op": "replace", "path": "name", "value": "Another name"}])
    psa.by_hand("PATCH", "/company/companies/statuses/6", [{"op": "replace", "path": "name", "value": "Gold"}])
    psa.by_hand("PATCH", "/procurement/catalog/701", [{"op": "replace", "path": "price", "value": 12.345}])
    psa.by_hand("PATCH", "/finance/agreements/503", [{"op": "replace", "path": "prorateFlag", "value": True}])
    psa.by_hand("DELETE", "/finance/agreements/504")
    psa.by_hand("DELETE", "/company/companies/1047")
    psa.now += timedelta(minutes=15)

    run = psa.sync("quick")

    moved = {name: (c["new"], c["changed"], c["gone"]) for name, c in run.counts.items() if any(c.values())}
    assert moved["additions"] == (1, 1, 0)
    assert moved["statuses"] == (0, 1, 0)
    assert moved["products"] == (0, 1, 0)
    assert moved["agreements"][2] >= 1
    quick = picture(psa)
    psa.sync()
    assert picture(psa) == quick


def test_a_quick_sync_asks_only_for_what_changed(psa: Psa) -> None:
    psa.meanings()
    psa.sync()
    psa.forget()
    psa.by_hand("PATCH", "/finance/agreements/501/additions/8001", [{"op": "replace", "path": "quantity", "value": 9}])

    run = psa.sync("quick")

    assert one(psa, PsaAddition, 8001).quantity == Decimal(9)
    assert run.counts["additions"]["changed"] == 1
    assert run.counts["additions"]["same"] < 5
    assert run.counts["companies"]["gone"] == 0


def test_a_quick_sync_before_any_full_one_reads_everything(psa: Psa) -> None:
    run = psa.sync("quick")

    assert run.counts["companies"]["new"] == 47
    assert one(psa, Connection, "connectwise").last_full_at == STEPS[0]


def test_a_deleted_line_is_found_by_a_full_sync_and_kept_as_gone(psa: Psa) -> None:
    psa.meanings()
    psa.sync()
    psa.by_hand("DELETE", "/finance/agreements/501/additions/8003")

    run = psa.sync()

    assert run.counts["additions"]["gone"] == 1
    assert one(psa, PsaAddition, 8003).gone_at == STEPS[0]
    assert one(psa, PsaAddition, 8003).quantity == Decimal(5)


def test_a_row_that_comes_back_is_no_longer_gone(psa: Psa, session: Session) -> None:
    psa.sync()
    session.get_one(PsaCompany, 1001).gone_at = STEPS[0]
    session.get_one(PsaAgreement, 501).gone_at = STEPS[0]
    session.get_one(PsaAddition, 8001).gone_at = STEPS[0]
    session.commit()

    run = psa.sync("quick")

    assert run.state == "done"
    assert one(psa, PsaCompany, 1001).gone_at is None
    assert one(psa, PsaAgreement, 501).gone_at is None
    psa.sync()
    assert one(psa, PsaAddition, 8001).gone_at is None


def test_one_agreement_can_be_read_anew(psa: Psa) -> None:
    psa.sync()
    psa.by_hand("PATCH", "/finance/agreements/501/additions/8001", [{"op": "replace", "path": "quantity", "value": 9}])
    psa.by_hand("DELETE", "/finance/agreements/501/additions/8003")
    psa.now = STEPS[1]
    psa.forget()

    run = psa.sync("agreement", agreement_id=501)

    assert run.state == "done"
    assert one(psa, PsaAddition, 8001).quantity == Decimal(9)
    assert one(psa, PsaAddition, 8003).gone_at == STEPS[1]
    assert one(psa, PsaAgreement, 501).additions_read_at == STEPS[1]
    assert one(psa, Connection, "connectwise").last_read_at == STEPS[0]
    assert len([each for each in psa.asked if each.startswith("GET")]) == 3


def test_one_agreement_that_is_no_longer_there_is_gone(psa: Psa) -> None:
    psa.sync()
    with psa.open_session() as session:
        session.add(PsaAgreement(id=999, name="Ghost", company_id=1001))

    psa.sync("agreement", agreement_id=999)

    assert one(psa, PsaAgreement, 999).gone_at == STEPS[0]


def test_two_runs_never_work_at_once(psa: Psa) -> None:
    with psa.open_session() as session:
        waiting = sync.request_sync(session, "full", by=COMMAND_LINE, now=psa.now)
    with psa.open_session() as session, pytest.raises(sync.SyncActive, match="full sync waits") as refused:
        sync.request_sync(session, "quick", by=COMMAND_LINE, now=psa.now)
    assert refused.value.run_id == waiting.id
    with psa.open_session() as session:
        session.add(
            SyncRun(
                kind="full",
                state="running",
                running_mark=1,
                requested_by="x",
                queued_at=psa.now,
                heartbeat_at=datetime.now(UTC),
            )
        )

    assert psa.run(waiting.id).state == "queued"
    assert not psa.asked


def test_the_same_run_is_never_carried_out_twice(psa: Psa) -> None:
    run = psa.sync()
    psa.forget()

    assert psa.run(run.id).finished_at == run.finished_at
    assert not psa.asked


def test_the_run_of_a_worker_that_fell_silent_waits_again(psa: Psa) -> None:
    with psa.open_session() as session:
        run_id = sync.request_sync(session, "full", by=COMMAND_LINE, now=psa.now).id
        run = session.get_one(SyncRun, run_id)
        run.state, run.running_mark = "running", 1
        run.heartbeat_at = datetime.now(UTC) - sync.SILENCE - timedelta(seconds=1)

    with psa.open_session() as session:
        assert sync.recover(session, real_now=datetime.now(UTC)) == [run_id]
        assert sync.due_syncs(session) == [run_id]
    again = psa.run(run_id)

    assert (again.state, again.running_mark, again.resumed) == ("done", None, 1)


def test_a_run_whose_worker_dies_again_and_again_is_given_up(psa: Psa) -> None:
    with psa.open_session() as session:
        run = sync.request_sync(session, "full", by=COMMAND_LINE, now=psa.now)
        for _ in range(sync.MOST_RESUMED + 1):
            run.state, run.running_mark = "running", 1
            run.heartbeat_at = datetime.now(UTC) - sync.SILENCE - timedelta(seconds=1)
            sync.recover(session, real_now=datetime.now(UTC))

    given_up = one(psa, SyncRun, run.id)
    assert (given_up.state, given_up.running_mark) == ("failed", None)
    assert "Its worker stopped 21 times" in (given_up.error or "")
    assert psa.sync().state == "done"


def test_a_worker_that_lost_its_run_applies_nothing(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    def given_up_meanwhile() -> object:
        with psa.open_session() as session:
            session.execute(sa.update(SyncRun).values(state="failed", running_mark=None, error="gone"))
        return iter(())

    monkeypatch.setattr(psa.client.billing_cycles, "all", lambda **_named: given_up_meanwhile())

    run = psa.sync()

    assert (run.state, run.error) == ("failed", "gone")
    assert not rows(psa, PsaCompany)


def test_progress_can_be_watched_in_words_and_by_part(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_progress, "_EVERY", 0.0)
    seen: list[tuple[str, int, int | None, str]] = []

    @contextmanager
    def watched() -> Iterator[Session]:
        with psa.open_session() as session:
            yield session
            run = session.scalars(sa.select(SyncRun)).one()
            working = [part["name"] for part in run.parts if part["state"] == "working"]
            seen.append((run.phase, run.done, run.total, *(working or [""])))

    with psa.open_session() as session:
        run_id = sync.request_sync(session, "full", by=COMMAND_LINE, now=psa.now).id
    sync.run_sync(watched, psa.client, run_id, now=lambda: psa.now, zone=ZONE, after=lambda _session: None)

    assert [name for name, _ in groupby(part for *_, part in seen) if name] == list(sync_progress.TITLES)
    total = max(total for _, _, total, part in seen if part == "additions" and total is not None)
    assert (f"Reading additions: {total} of {total}", total, total, "additions") in seen
    assert ("Reading companies: 47 so far", 47, None, "companies") in seen
    run = one(psa, SyncRun, run_id)
    assert {part["state"] for part in run.parts} == {"done"}
    assert next(part for part in run.parts if part["name"] == "additions")["done"] == total


def test_who_may_start_which_sync(psa: Psa, session: Session) -> None:
    with pytest.raises(NotAllowed):
        sync.request_sync(session, "full", by=Actor("Vera", 2, "viewer"), now=psa.now)
    for kind, agreement_id in (("other", None), ("agreement", None), ("full", 3)):
        with pytest.raises(Invalid):
            sync.request_sync(session, kind, agreement_id=agreement_id, by=SYSTEM, now=psa.now)
    session.delete(session.get_one(Connection, "connectwise"))
    session.flush()
    with pytest.raises(NotFound, match="not connected"):
        sync.request_sync(session, "full", by=SYSTEM, now=psa.now)


def test_the_trail_tells_what_a_sync_changed_and_not_of_idle_rounds(psa: Psa) -> None:
    psa.meanings()
    psa.sync(by=SYSTEM)
    psa.sync("quick", by=SYSTEM)
    psa.step(2)
    psa.sync("quick", by=SYSTEM)
    psa.faults({"kind": "status_before", "times": 9999})
    psa.sync("quick", by=SYSTEM)
    psa.sync("quick", by=SYSTEM)

    told = rows(psa, AuditEvent, AuditEvent.what == "sync")

    assert [event.action for event in told] == ["sync.done", "sync.done", "sync.failed"]
    assert 1008 in told[1].details["left"]
    assert "1 left it" in told[1].sentence


@pytest.mark.parametrize("seconds", [0, 1])
def test_what_a_push_read_meanwhile_is_newer_than_what_the_run_read(
    psa: Psa, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    psa.sync()
    lines = [
        replace(line, quantity=Decimal(11) if line.id == 8001 else line.quantity)
        for line in psa.client.additions.of(501)
    ]
    psa.by_hand("PATCH", "/finance/agreements/501/additions/8001", [{"op": "replace", "path": "quantity", "value": 9}])

    def pushed(**_named: object) -> Iterator[object]:
        psa.now += timedelta(seconds=seconds)
        with psa.open_session() as session:
            push_mirror.mirror_lines(session, 501, lines, now=psa.now)
        return iter(())

    with monkeypatch.context() as patched:
        patched.setattr(psa.client.billing_cycles, "all", pushed)
        psa.sync()
    assert one(psa, PsaAddition, 8001).quantity == Decimal(11)

    psa.now += timedelta(minutes=1)
    psa.sync()
    assert one(psa, PsaAddition, 8001).quantity == Decimal(9)


def test_cards_follow_in_the_same_transaction(psa: Psa) -> None:
    psa.meanings()
    with psa.open_session() as session:
        run_id = sync.request_sync(session, "full", by=COMMAND_LINE, now=psa.now).id

    sync.run_sync(psa.open_session, psa.client, run_id, now=lambda: psa.now, zone=ZONE)

    assert one(psa, SyncRun, run_id).error is None
    made = {card.company_id: card for card in rows(psa, Card)}
    assert (made[1001].psa_quantity, made[1001].kind) == (Decimal(20), "psa_only")
    assert 1038 not in made
    assert 1005 in made
    psa.step(2)
    with psa.open_session() as session:
        run_id = sync.request_sync(session, "quick", by=COMMAND_LINE, now=psa.now).id
    sync.run_sync(psa.open_session, psa.client, run_id, now=lambda: psa.now, zone=ZONE)

    assert {1005, 1007, 1008}.isdisjoint(card.company_id for card in rows(psa, Card, Card.kind != "stale"))


def test_a_meaning_makes_the_cards_anew_at_once(psa: Psa) -> None:
    psa.sync()
    with psa.open_session() as session:
        statuses.set_meaning(session, "status", 1, "customer", by=COMMAND_LINE, now=psa.now, zone=ZONE)
        statuses.set_meaning(session, "type", 1, "in", by=COMMAND_LINE, now=psa.now, zone=ZONE)

    assert 1001 in {card.company_id for card in rows(psa, Card)}
