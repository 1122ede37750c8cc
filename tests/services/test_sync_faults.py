"""A ConnectWise that refuses, breaks off, lies or falls silent: all is read, or it is said what is missing."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from portal.connectwise import Rejected, Throttled, Unreachable
from portal.db.records import Connection, PsaAddition, PsaAgreement, SyncRun
from portal.services import sync
from portal.services.actors import COMMAND_LINE
from tests.services.conftest import STEPS, ZONE, Psa
from tests.support.pictures import one, picture, rows


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status_before", "path": "/additions", "nth": 7, "times": 99},
        {"kind": "html", "status": 200, "path": "/finance/agreements$", "times": 99},
        {"kind": "drop_after", "path": "/procurement/catalog", "times": 99},
        {"kind": "throttle", "seconds": 0, "path": "/company/companies$", "times": 99},
    ],
)
@pytest.mark.parametrize("kind", ["full", "quick"])
def test_a_sync_that_fails_half_way_leaves_the_last_whole_picture(
    psa: Psa, fault: dict[str, object], kind: str
) -> None:
    psa.meanings()
    psa.sync()
    before = picture(psa)
    psa.step(2)
    psa.faults(fault)

    run = psa.sync(kind)

    assert run.state == "failed"
    assert run.error is not None
    assert run.error.endswith("The picture of 20 Oct 2026, 09:00 stays in use.")
    assert picture(psa) == before
    assert one(psa, Connection, "connectwise").last_read_at == STEPS[0]
    assert psa.followed == 1
    psa.faults()
    with psa.connected() as psa.client:
        assert psa.sync(kind).state == "done"


def test_refused_keys_say_so_and_what_to_do(psa: Psa) -> None:
    psa.sync()
    psa.client.transport._credentials = type(psa.client.transport._credentials)(
        company="sandbox", public_key="portal", private_key="old", client_id="5d1c7f0e-2f0b-4b57-9d4a-0f6f4d1f6c11"
    )

    run = psa.sync()

    assert run.error is not None
    assert run.error.startswith("ConnectWise refused the key (401).")
    assert run.error.endswith("The picture of 09:00 stays in use.")


def test_a_failure_while_applying_rolls_everything_back(psa: Psa) -> None:
    psa.sync()
    before = picture(psa)
    psa.step(2)

    def broken(_session: Session) -> None:
        raise RuntimeError

    with psa.open_session() as session:
        run_id = sync.request_sync(session, "full", by=COMMAND_LINE, now=psa.now).id
    with pytest.raises(RuntimeError):
        psa.run(run_id, after=broken)

    assert picture(psa) == before
    run = one(psa, SyncRun, run_id)
    assert (run.state, run.running_mark) == ("failed", None)
    assert "the worker's log says more. The picture of" in (run.error or "")


def test_an_empty_list_is_taken_for_a_lost_right(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    psa.sync()
    before = picture(psa)
    monkeypatch.setattr(psa.client.agreements, "all", lambda *_args, **_named: iter(()))

    run = psa.sync()

    assert run.state == "failed"
    assert "listed no agreements at all, where there were" in (run.error or "")
    assert picture(psa) == before


def test_a_record_that_cannot_be_kept_is_skipped_with_its_reason_and_stays_as_it_was(psa: Psa) -> None:
    psa.sync()
    psa.by_hand(
        "PATCH", "/finance/agreements/501/additions/8001", [{"op": "replace", "path": "quantity", "value": 5.123456}]
    )

    run = psa.sync()

    assert run.counts["additions"]["skipped"] == 1
    assert run.skipped[0]["id"] == 8001
    assert "more than 4 decimals" in run.skipped[0]["reason"]
    line = one(psa, PsaAddition, 8001)
    assert (line.quantity, line.gone_at) == (Decimal(5), None)


def test_a_run_that_cannot_even_begin_is_noted_and_blocks_nobody(psa: Psa) -> None:
    with psa.open_session() as session:
        run_id = sync.request_sync(session, "full", by=COMMAND_LINE, now=psa.now).id
        sync.fail(session, run_id, "The stored key cannot be opened.", now=psa.now, zone=ZONE)
        sync.fail(session, run_id, "Again.", now=psa.now, zone=ZONE)

    assert one(psa, SyncRun, run_id).error == "The stored key cannot be opened. Nothing was read yet."
    assert psa.sync().state == "done"


def test_a_stormy_psa_is_read_whole_or_not_at_all(psa: Psa) -> None:
    psa.sync()
    before = picture(psa)
    kinds = ("drop_before", "status_before", "truncate", "drop_after", "html", "throttle")
    psa.faults(*({"kind": kind, "method": "GET", "nth": 3 + 11 * n, "seconds": 0} for n, kind in enumerate(kinds)))

    run = psa.sync()

    assert (run.state, run.error) == ("done", None)
    assert picture(psa) == before


@pytest.mark.parametrize("kind", ["full", "quick"])
def test_one_agreement_that_is_refused_is_skipped_and_stays_as_it_was(psa: Psa, kind: str) -> None:
    psa.meanings()
    psa.sync()
    before = rows(psa, PsaAddition, PsaAddition.agreement_id == 501)
    read_at = one(psa, PsaAgreement, 501).additions_read_at
    psa.now += timedelta(minutes=15)
    psa.faults({"kind": "status_before", "status": 403, "path": "/agreements/501/additions", "times": 99})

    run = psa.sync(kind)

    assert (run.state, run.error) == ("done", None)
    assert run.counts["agreements"]["skipped"] == 1
    assert run.skipped[0]["id"] == 501
    assert "403" in run.skipped[0]["reason"]
    assert len(rows(psa, PsaAddition, PsaAddition.agreement_id == 501, PsaAddition.gone_at.is_(None))) == len(before)
    assert one(psa, PsaAgreement, 501).additions_read_at == read_at
    assert next(part for part in run.parts if part["name"] == "additions")["skipped"] == 1


def test_a_right_that_is_lost_in_the_middle_fails_the_run(psa: Psa) -> None:
    psa.sync()
    before = picture(psa)
    psa.faults({"kind": "status_before", "status": 403, "path": "/additions", "nth": 9, "times": 999})

    run = psa.sync()

    assert run.state == "failed"
    assert "403" in (run.error or "")
    assert picture(psa) == before


def test_an_agreement_that_vanishes_between_the_lists_is_gone(psa: Psa) -> None:
    psa.sync()
    psa.faults({"kind": "status_before", "status": 404, "path": "/agreements/501/additions", "times": 99})

    run = psa.sync()

    assert (run.state, run.counts["agreements"]["gone"]) == ("done", 1)
    assert one(psa, PsaAgreement, 501).gone_at == STEPS[0]


def test_an_answer_that_stays_away_for_one_agreement_only_is_skipped(psa: Psa) -> None:
    psa.sync()
    psa.faults({"kind": "status_before", "status": 500, "path": "/agreements/501/additions", "times": 99})

    run = psa.sync()

    assert run.state == "done"
    assert [each["id"] for each in run.skipped] == [501]


@pytest.mark.parametrize(
    "error", [Throttled("Too many.", retry_after=90), Rejected("The key.", status=401), Unreachable("Away.")]
)
def test_a_connection_that_is_lost_among_the_additions_is_no_fault_of_one_agreement(
    psa: Psa, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refusing(*_args: Any, **_named: Any) -> Iterator[Any]:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(psa.client.additions, "of_many", refusing)
        patched.setattr(psa.client.additions, "of", refusing)
        run = psa.sync()

    assert run.state == "failed"
    assert not rows(psa, PsaAddition)
    assert psa.sync().counts["additions"]["new"] > 0
