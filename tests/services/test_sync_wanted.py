"""Agreements that are wanted at once: by a run of their own, or by the run at work between two of its calls."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from portal.connectwise import Unreachable
from portal.connectwise.agreements import Agreements
from portal.db.records import AgreementWanted, AuditEvent, Card, PsaAddition, PsaAgreement, PsaCompany, SyncRun
from portal.services import sync, sync_progress, sync_wanted
from portal.services.actors import COMMAND_LINE
from tests.services.conftest import STEPS, ZONE, Psa
from tests.support.pictures import one, rows

LINES = "/finance/agreements/501/additions"


def want(psa: Psa, *agreement_ids: int) -> None:
    with psa.open_session() as session:
        for agreement_id in agreement_ids:
            sync.want_agreement(session, agreement_id, cause="callback", real_now=datetime.now(UTC))


def wanted(psa: Psa) -> list[int]:
    with psa.open_session() as session:
        return sync.wanted(session)


def started(psa: Psa) -> int | None:
    with psa.open_session() as session:
        return sync.start_wanted(session, now=psa.now, real_now=datetime.now(UTC))


def nine(psa: Psa) -> None:
    """Somebody in the PSA sets line 8001 to nine."""
    psa.by_hand("PATCH", f"{LINES}/8001", [{"op": "replace", "path": "quantity", "value": 9}])


def test_what_is_wanted_is_read_by_a_run_of_its_own(psa: Psa) -> None:
    psa.sync()
    nine(psa)
    want(psa, 501, 501, 502)
    psa.forget()

    run_id = started(psa)
    assert run_id is not None
    assert started(psa) is None
    run = psa.run(run_id)

    assert (run.kind, run.state, run.error) == ("wanted", "done", None)
    assert one(psa, PsaAddition, 8001).quantity == Decimal(9)
    assert run.counts["additions"]["changed"] == 1
    assert wanted(psa) == []
    assert len([each for each in psa.asked if each.endswith(LINES)]) == 1
    assert started(psa) is None
    told = rows(psa, AuditEvent, AuditEvent.agreement_id == 501)
    assert [event.sentence for event in told] == ["Read agreement 501 again: additions 0 new, 1 changed, 0 gone."]


def test_cards_follow_at_once(psa: Psa) -> None:
    psa.meanings()
    with psa.open_session() as session:
        run_id = sync.request_sync(session, "full", by=COMMAND_LINE, now=psa.now).id
    sync.run_sync(psa.open_session, psa.client, run_id, now=lambda: psa.now, zone=ZONE)
    others = {card.id: card.version for card in rows(psa, Card, Card.company_id != 1001)}
    nine(psa)
    want(psa, 501)
    psa.now += timedelta(minutes=1)

    wanted_run = started(psa)
    assert wanted_run is not None
    sync.run_sync(psa.open_session, psa.client, wanted_run, now=lambda: psa.now, zone=ZONE)

    card = rows(psa, Card, Card.company_id == 1001, Card.product == "SEAT")[0]
    assert card.psa_quantity == Decimal(24)
    assert {card.id: card.version for card in rows(psa, Card, Card.company_id != 1001)} == others


def test_keys_that_are_refused_put_the_wishes_off(psa: Psa) -> None:
    psa.sync()
    psa.faults({"kind": "status_before", "status": 401, "path": "/agreements/501$", "times": 99})
    want(psa, 501, 502)

    run_id = started(psa)
    assert run_id is not None
    assert psa.run(run_id).state == "failed"

    assert wanted(psa) == [501, 502]
    assert started(psa) is None


def test_a_run_that_cannot_even_begin_puts_the_wishes_off(psa: Psa) -> None:
    psa.sync()
    want(psa, 501)

    run_id = started(psa)
    assert run_id is not None
    with psa.open_session() as session:
        sync.fail(session, run_id, "The stored key cannot be opened.", now=psa.now, zone=ZONE)

    assert wanted(psa) == [501]
    assert started(psa) is None


@pytest.mark.parametrize("kind", ["full", "quick"])
def test_the_run_at_work_reads_what_is_wanted_between_its_calls_and_never_overwrites_it(
    psa: Psa, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    psa.meanings()
    psa.sync()
    monkeypatch.setattr(sync_progress, "_BETWEEN", 0.0)
    seen: list[Decimal] = []
    of_many = psa.client.additions.of_many

    def edited_meanwhile(agreement_ids: Any, **named: Any) -> Iterator[Any]:
        found = list(of_many(agreement_ids, **named))
        if len(found) > 1 and not seen:  # the run at work, which has read the old quantity
            nine(psa)
            want(psa, 501)
        for each in found:
            yield each
            seen.append(one(psa, PsaAddition, 8001).quantity)

    monkeypatch.setattr(psa.client.additions, "of_many", edited_meanwhile)
    run = psa.sync(kind)

    assert run.state == "done"
    assert seen.index(Decimal(9)) < 4  # long before the run is over
    assert one(psa, PsaAddition, 8001).quantity == Decimal(9)
    assert wanted(psa) == []


def test_an_agreement_that_the_portal_does_not_know_yet_is_taken_in(psa: Psa) -> None:
    psa.sync()
    with psa.open_session() as session:
        session.execute(sa.delete(PsaAddition).where(PsaAddition.agreement_id == 501))
        session.execute(sa.delete(PsaAgreement).where(PsaAgreement.id == 501))
        session.execute(sa.delete(PsaCompany).where(PsaCompany.id == 1001))
    want(psa, 501)

    run_id = started(psa)
    assert run_id is not None
    assert psa.run(run_id).state == "done"

    assert one(psa, PsaAgreement, 501).company_id == 1001
    assert one(psa, PsaCompany, 1001).gone_at is None
    assert len(rows(psa, PsaAddition, PsaAddition.agreement_id == 501)) == 3


def test_one_that_connectwise_does_not_have_is_gone_or_never_was(psa: Psa) -> None:
    psa.sync()
    psa.by_hand("DELETE", "/finance/agreements/504")
    want(psa, 504, 99_999)

    run_id = started(psa)
    assert run_id is not None
    assert psa.run(run_id).state == "done"

    assert one(psa, PsaAgreement, 504).gone_at == STEPS[0]
    assert not rows(psa, PsaAgreement, PsaAgreement.id == 99_999)
    assert wanted(psa) == []


def test_one_that_is_refused_is_skipped_with_its_reason(psa: Psa) -> None:
    psa.sync()
    psa.faults({"kind": "status_before", "status": 403, "path": "/agreements/501", "times": 99})
    want(psa, 501, 502)

    run_id = started(psa)
    assert run_id is not None
    run = psa.run(run_id)

    assert run.state == "done"
    assert [each["id"] for each in run.skipped] == [501]
    assert wanted(psa) == []


def test_a_connectwise_that_does_not_answer_is_asked_again_later_and_not_for_ever(
    psa: Psa, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_self: Agreements, _agreement_id: int) -> Any:
        raise Unreachable("No answer.")

    psa.sync()
    monkeypatch.setattr(Agreements, "get", silent)
    want(psa, 501)

    for tries in range(1, sync_wanted.MOST_TRIES + 1):
        run_id = started(psa)
        assert run_id is not None
        assert psa.run(run_id).state == "failed"
        assert started(psa) is None
        if tries < sync_wanted.MOST_TRIES:
            assert one(psa, AgreementWanted, 501).tries == tries
            with psa.open_session() as session:
                session.get_one(AgreementWanted, 501).try_at = None

    assert wanted(psa) == []


def test_asked_for_again_while_it_is_read_it_is_read_again(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    psa.sync()
    want(psa, 501)
    get, asked = Agreements.get, []

    def again(self: Agreements, agreement_id: int) -> Any:
        asked.append(agreement_id)
        if len(asked) == 1:
            want(psa, 501)
        return get(self, agreement_id)

    monkeypatch.setattr(Agreements, "get", again)
    run_id = started(psa)
    assert run_id is not None
    psa.run(run_id)

    assert asked == [501, 501]
    assert wanted(psa) == []


def test_asking_for_one_agreement_while_a_run_works_puts_it_first(psa: Psa) -> None:
    with psa.open_session() as session:
        full = sync.request_sync(session, "full", by=COMMAND_LINE, now=psa.now)
        given = sync.request_sync(session, "agreement", agreement_id=501, by=COMMAND_LINE, now=psa.now)

    assert given.id == full.id
    assert wanted(psa) == [501]


def test_a_run_that_waits_for_a_silent_connectwise_keeps_nobody_waiting(psa: Psa) -> None:
    psa.sync()
    with psa.open_session() as session:
        run = sync.request_sync(session, "full", by=COMMAND_LINE, now=psa.now)
        run.try_at = datetime.now(UTC) + timedelta(minutes=5)
    want(psa, 501)

    run_id = started(psa)

    assert run_id is not None
    assert psa.run(run_id).state == "done"
    assert one(psa, SyncRun, run.id).state == "queued"


def test_a_sync_can_be_asked_for_while_wanted_agreements_are_read(psa: Psa) -> None:
    psa.sync()
    want(psa, 501)
    assert started(psa) is not None

    with psa.open_session() as session:
        run = sync.request_sync(session, "quick", by=COMMAND_LINE, now=psa.now)
        due = sync.due_syncs(session)

    assert due[-1] == run.id
    assert len(due) == 2


def test_old_runs_leave_the_history(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.services.sync_runs._KEPT", 2)
    monkeypatch.setattr("portal.services.sync_runs._WANTED_KEPT", 1)
    for _ in range(4):
        psa.sync("agreement", agreement_id=501)
        want(psa, 501)
        run_id = started(psa)
        assert run_id is not None
        last = psa.run(run_id)

    kinds = sorted((run.id, run.kind) for run in rows(psa, SyncRun))
    assert kinds == [(last.id - 3, "agreement"), (last.id - 1, "agreement"), (last.id, "wanted")]
