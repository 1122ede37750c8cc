"""A sync that stopped in the middle goes on there, and never with what is too old, or of another ConnectWise."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from portal.connectwise import Unreachable
from portal.connectwise.conditions import Condition
from portal.db.records import Connection, PsaAddition, PsaAgreement, PsaCompany, SyncRun, SyncStaged
from portal.services import sync, sync_claim, sync_lines, sync_read, sync_runs
from portal.services.actors import COMMAND_LINE
from portal.services.sync_progress import Pulse
from tests.services.conftest import STEPS, ZONE, Psa
from tests.support.pictures import one, picture, rows

PAUSES = (timedelta(minutes=1), timedelta(minutes=3))


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours is carried out after it."""


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stage often, so that the little that the traps hold stops in the middle."""
    monkeypatch.setattr(sync_lines, "_AT_ONCE", 3)
    monkeypatch.setattr(sync_read, "_ROWS_A_TIME", 10)


def stopping(listing: Callable[..., Iterator[Any]], after: int, error: BaseException) -> Callable[..., Iterator[Any]]:
    """Let a listing yield so many and then stop."""

    def listed(*args: Any, **named: Any) -> Iterator[Any]:
        for number, record in enumerate(listing(*args, **named)):
            if number == after:
                raise error
            yield record

    return listed


def asked_for(psa: Psa, kind: str = "full") -> int:
    with psa.open_session() as session:
        return sync.request_sync(session, kind, by=COMMAND_LINE, now=psa.now).id


def kill(psa: Psa, run_id: int, monkeypatch: pytest.MonkeyPatch, resource: Any, name: str, after: int) -> None:
    """Carry a run out until its worker is killed, after so many records; then its silence is noticed."""
    with monkeypatch.context() as patched:
        patched.setattr(resource, name, stopping(getattr(resource, name), after, Killed()))
        patched.setattr(sync._Run, "fail", lambda *_args, **_named: None)
        with pytest.raises(Killed):
            psa.run(run_id)
    with psa.open_session() as session:
        run = session.get_one(SyncRun, run_id)
        assert run.state == "running"
        run.heartbeat_at = datetime.now(UTC) - sync.SILENCE - timedelta(seconds=1)
        sync.recover(session, real_now=datetime.now(UTC))


def lists_asked(psa: Psa) -> dict[str, int]:
    """How often each list was asked for, paths alone."""
    found: dict[str, int] = {}
    for each in psa.asked:
        path = each.partition(" ")[2].partition("?")[0].rpartition("/apis/3.0")[2]
        found[path] = found.get(path, 0) + 1
    return found


def test_a_killed_run_goes_on_where_it_stopped(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    psa.sync()
    expected = picture(psa)
    with psa.open_session() as session:
        for table in (PsaAddition, PsaAgreement):
            session.execute(sa.delete(table))
    run_id = asked_for(psa)

    kill(psa, run_id, monkeypatch, psa.client.additions, "of_many", 20)
    staged = {row.key for row in rows(psa, SyncStaged, SyncStaged.part == "lines")}
    psa.forget()
    run = psa.run(run_id)

    asked = lists_asked(psa)
    assert (run.state, run.resumed) == ("done", 1)
    assert picture(psa) == expected
    assert len(staged) >= 18
    assert not {f"/finance/agreements/{agreement_id}/additions" for agreement_id in staged} & asked.keys()
    assert not {"/finance/agreements", "/company/companies", "/procurement/catalog"} & asked.keys()
    assert not rows(psa, SyncStaged)


def test_a_list_that_broke_off_is_read_on_from_its_last_staged_row(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = asked_for(psa)

    kill(psa, run_id, monkeypatch, psa.client.companies, "all", 25)
    asked: list[str] = []
    listing = psa.client.companies.all

    def noted(*, where: Condition | None = None, **named: Any) -> Iterator[Any]:
        asked.append("" if where is None else where.text)
        return listing(where, **named)

    monkeypatch.setattr(psa.client.companies, "all", noted)
    run = psa.run(run_id)

    assert run.state == "done"
    assert run.counts["companies"]["new"] == 47
    assert asked == ["id > 1020"]


def test_a_run_gives_signs_of_life_while_a_single_call_hangs(psa: Psa, engine: sa.Engine) -> None:
    run_id = asked_for(psa)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    with psa.open_session() as session:
        run = session.get_one(SyncRun, run_id)
        run.state, run.running_mark, run.worker, run.heartbeat_at = "running", 1, "elsewhere/1/x", long_ago

    with Pulse(engine, run_id, "elsewhere/1/another", every=0.01):
        pass
    with Pulse(engine, run_id, "elsewhere/1/x", every=0.01):
        end = time.monotonic() + 20
        while one(psa, SyncRun, run_id).heartbeat_at == long_ago:
            assert time.monotonic() < end, "No sign of life came."

    with psa.open_session() as session:
        assert sync.recover(session, real_now=datetime.now(UTC)) == []


def test_ten_kills_make_no_difference(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    psa.sync()
    expected = picture(psa)
    with psa.open_session() as session:
        session.execute(sa.delete(PsaAddition))
    run_id = asked_for(psa)

    for _ in range(3):
        kill(psa, run_id, monkeypatch, psa.client.companies, "all", 11)
    for after in range(4, 11):
        kill(psa, run_id, monkeypatch, psa.client.additions, "of_many", after)
    run = psa.run(run_id)

    assert (run.state, run.resumed) == ("done", 10)
    assert picture(psa) == expected


@pytest.mark.parametrize("kind", ["full", "quick"])
def test_what_changes_during_a_pause_is_not_lost(psa: Psa, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    psa.meanings()
    psa.sync()
    run_id = asked_for(psa, kind)
    kill(psa, run_id, monkeypatch, psa.client.additions, "of_many", 30)
    lines = "/finance/agreements/501/additions"
    psa.by_hand("PATCH", f"{lines}/8001", [{"op": "replace", "path": "quantity", "value": 9}])
    psa.by_hand("PATCH", "/company/companies/1002", [{"op": "replace", "path": "name", "value": "Another name"}])

    assert psa.run(run_id).state == "done"
    psa.now += timedelta(minutes=1)
    psa.sync("quick")

    assert one(psa, PsaAddition, 8001).quantity == Decimal(9)
    assert one(psa, PsaCompany, 1002).name == "Another name"
    quick = picture(psa)
    psa.sync()
    assert picture(psa) == quick


def test_a_company_that_was_read_during_the_pause_is_not_marked_as_gone(
    psa: Psa, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = asked_for(psa)
    with monkeypatch.context() as patched:
        all_but_one = psa.client.companies.all
        patched.setattr(
            psa.client.companies, "all", lambda **named: (row for row in all_but_one(**named) if row.id != 1001)
        )
        not_501 = psa.client.agreements.all
        patched.setattr(
            psa.client.agreements, "all", lambda **named: (row for row in not_501(**named) if row.id != 501)
        )
        kill(psa, run_id, monkeypatch, psa.client.additions, "of_many", 5)
    with psa.open_session() as session:
        sync.want_agreement(session, 501, cause="callback", real_now=datetime.now(UTC))

    assert psa.run(run_id).state == "done"

    assert one(psa, PsaCompany, 1001).gone_at is None
    assert one(psa, PsaAgreement, 501).gone_at is None
    assert len(rows(psa, PsaAddition, PsaAddition.agreement_id == 501, PsaAddition.gone_at.is_(None))) == 3


def test_a_lost_connection_is_waited_for_and_then_gone_on_with(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = asked_for(psa)
    with monkeypatch.context() as patched:
        lost = stopping(psa.client.agreements.all, 20, Unreachable("The site does not answer."))
        patched.setattr(psa.client.agreements, "all", lost)
        sync.run_sync(psa.open_session, psa.client, run_id, now=lambda: psa.now, zone=ZONE, pauses=PAUSES)

    waiting = one(psa, SyncRun, run_id)
    assert (waiting.state, waiting.running_mark, waiting.tries) == ("queued", None, 1)
    assert waiting.phase == "The site does not answer. Tried again at 09:01."
    assert psa.run(run_id).state == "queued"
    with psa.open_session() as session:
        assert sync.due_syncs(session) == []
        session.get_one(SyncRun, run_id).try_at = datetime.now(UTC)
    psa.forget()

    run = psa.run(run_id)

    assert (run.state, run.tries) == ("done", 0)
    assert "/company/companies" not in lists_asked(psa)


def test_a_connection_that_stays_lost_fails_and_the_next_run_of_its_kind_goes_on(
    psa: Psa, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = asked_for(psa)
    with monkeypatch.context() as patched:
        patched.setattr(psa.client.agreements, "all", _silent)
        for _ in range(3):
            sync.run_sync(psa.open_session, psa.client, run_id, now=lambda: psa.now, zone=ZONE, pauses=PAUSES)
            with psa.open_session() as session:
                session.get_one(SyncRun, run_id).try_at = None
    failed = one(psa, SyncRun, run_id)
    assert failed.state == "failed"
    assert failed.error == (
        "No answer. A full sync that is started within 60 minutes goes on where it stopped. Nothing was read yet."
    )
    psa.forget()

    run = psa.sync()

    assert run.state == "done"
    assert run.id != run_id
    assert "/company/companies" not in lists_asked(psa)
    assert run.counts["companies"]["new"] == 47


def _silent(**_named: Any) -> Iterator[Any]:
    raise Unreachable("No answer.")


def _failed(psa: Psa, monkeypatch: pytest.MonkeyPatch, kind: str = "full") -> SyncRun:
    """A run that failed after it had read the companies."""
    with monkeypatch.context() as patched:
        patched.setattr(psa.client.agreements, "all", _silent)
        return psa.sync(kind)


def test_a_run_of_another_kind_reads_for_itself(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    psa.meanings()
    psa.sync()
    _failed(psa, monkeypatch)
    psa.forget()

    assert psa.sync("quick").state == "done"

    assert lists_asked(psa)["/company/companies"] == 2
    assert not rows(psa, SyncStaged)


def test_what_a_newer_picture_has_overtaken_is_not_gone_on_with(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    psa.meanings()
    psa.sync()
    _failed(psa, monkeypatch)
    psa.by_hand("PATCH", "/company/companies/1002", [{"op": "replace", "path": "name", "value": "Another name"}])
    psa.now += timedelta(minutes=15)
    psa.sync("quick")

    psa.sync()

    assert one(psa, PsaCompany, 1002).name == "Another name"


@pytest.mark.parametrize("name", ["STAGED_FOR", "GO_ON"])
def test_what_is_too_old_is_read_anew(psa: Psa, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _failed(psa, monkeypatch)
    monkeypatch.setattr(sync_claim if name == "STAGED_FOR" else sync_runs, name, timedelta())
    psa.forget()

    assert psa.sync().state == "done"

    assert lists_asked(psa)["/company/companies"] == 1


def test_what_was_read_of_another_connectwise_is_never_applied(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    _failed(psa, monkeypatch)
    with psa.open_session() as session:
        session.get_one(Connection, "connectwise").company = "another"
    psa.forget()

    assert psa.sync().state == "done"

    assert lists_asked(psa)["/company/companies"] == 1


def test_a_connection_that_is_changed_during_a_run_ends_it(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed_meanwhile(**_named: Any) -> Iterator[Any]:
        with psa.open_session() as session:
            session.get_one(Connection, "connectwise").company = "another"
        return iter(())

    with monkeypatch.context() as patched:
        patched.setattr(psa.client.billing_cycles, "all", changed_meanwhile)
        run = psa.sync()

    assert run.state == "failed"
    assert (run.error or "").startswith("The connection was changed while it was read. Start another sync.")
    assert not rows(psa, PsaCompany)
    assert not rows(psa, SyncStaged)


def test_a_client_of_another_address_than_the_connections_reads_nothing(psa: Psa) -> None:
    run_id = asked_for(psa)
    with psa.open_session() as session:
        session.get_one(Connection, "connectwise").url = "https://elsewhere.example/v4_6_release/apis/3.0"

    assert psa.run(run_id).state == "queued"

    assert not psa.asked


def test_the_times_of_the_first_start_hold(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = asked_for(psa)
    kill(psa, run_id, monkeypatch, psa.client.additions, "of_many", 8)
    psa.now = STEPS[1]

    psa.run(run_id)

    connection = one(psa, Connection, "connectwise")
    assert connection.last_read_at == connection.last_full_at == STEPS[0]
    assert connection.changed_since is not None
    assert connection.changed_since <= STEPS[0]
    assert one(psa, PsaAgreement, 501).additions_read_at == STEPS[0]
