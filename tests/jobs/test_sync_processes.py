"""Syncs and the processes that carry them: killed ones, ended ones, and several that want the same."""

import signal
import subprocess
import sys
from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.config import Settings
from portal.db.records import AgreementWanted, Connection, PsaAddition, SyncRun, SyncStaged
from portal.services import sync
from portal.services.actors import COMMAND_LINE
from tests.jobs.test_worker import ROOT, until, worker
from tests.support.desk import NOW, Desk
from tests.support.pictures import one, picture, rows

RACERS = 4
LINES = "/finance/agreements/501/additions"


def asked_for(desk: Desk, kind: str = "full") -> int:
    with desk.open_session() as session:
        return sync.request_sync(session, kind, by=COMMAND_LINE, now=desk.now).id


def state(desk: Desk, run_id: int) -> str:
    return one(desk, SyncRun, run_id).state


def slow_additions(desk: Desk) -> None:
    """Let each list of additions, read by itself, take long enough to be stopped in the middle of all of them."""
    with desk.open_session() as session:
        session.get_one(Connection, "connectwise").bundle_size = 0
    desk.faults({"method": "GET", "path": "additions$", "nth": 1, "times": 9999, "kind": "slow", "seconds": 0.6})


def staged(desk: Desk) -> int:
    return len(rows(desk, SyncStaged, SyncStaged.part == "lines"))


@pytest.mark.crash
def test_a_sync_whose_worker_was_killed_is_gone_on_with_by_the_next(desk: Desk, settings: Settings) -> None:
    before = picture(desk)
    slow_additions(desk)
    run_id = asked_for(desk)

    with worker(settings) as first:
        until(lambda: staged(desk) > 0)
        first.kill()
        first.wait()
    kept = staged(desk)
    assert state(desk, run_id) == "running"
    desk.faults()
    with worker(settings):
        until(lambda: state(desk, run_id) == "done")

    run = one(desk, SyncRun, run_id)
    assert kept > 0
    assert (run.resumed, run.error) == (1, None)
    assert picture(desk) == before


@pytest.mark.crash
def test_a_worker_that_is_told_to_end_leaves_its_sync_to_the_next(desk: Desk, settings: Settings) -> None:
    slow_additions(desk)
    run_id = asked_for(desk)

    with worker(settings) as first:
        until(lambda: staged(desk) > 0)
        first.send_signal(signal.SIGTERM)
        said, _ = first.communicate(timeout=40)
    left = one(desk, SyncRun, run_id)
    desk.faults()
    with worker(settings):
        until(lambda: state(desk, run_id) == "done")

    assert first.returncode == 0, said
    assert (left.state, left.running_mark, left.resumed) == ("queued", None, 0)


def test_a_wanted_agreement_is_read_by_a_worker_without_any_run_being_asked_for(desk: Desk, settings: Settings) -> None:
    desk.by_hand("PATCH", f"{LINES}/8001", [{"op": "replace", "path": "quantity", "value": 9}])
    with desk.open_session() as session:
        sync.want_agreement(session, 501, cause="callback", real_now=NOW - timedelta(days=1))

    with worker(settings):
        until(lambda: one(desk, PsaAddition, 8001).quantity == 9)
        until(lambda: not rows(desk, AgreementWanted))

    assert one(desk, PsaAddition, 8001).quantity == 9


def test_of_several_processes_that_want_the_same_runs_one_gets_one(desk: Desk) -> None:
    with desk.open_session() as session:
        session.execute(sa.update(SyncRun).where(SyncRun.state == "queued").values(state="failed"))
        runs = [SyncRun(kind="quick", requested_by="x", queued_at=desk.now) for _ in range(3)]
        session.add_all(runs)
        session.flush()
        run_ids = [str(run.id) for run in runs]
    database = desk.engine.url.render_as_string(hide_password=False)
    told = (database, desk.url, NOW.isoformat(), *run_ids)
    racers = [
        subprocess.Popen(  # noqa: S603 - a program of our own
            [sys.executable, "-m", "tests.support.racing_claims", *told],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(RACERS)
    ]
    assert [_said(racer, "ready") for racer in racers] == [[]] * RACERS
    for racer in racers:
        _tell(racer)
    taken = [run_id for racer in racers for run_id in _said(racer, "tried")]
    at_work = [run for run in rows(desk, SyncRun) if run.state == "running"]
    for racer in racers:
        _tell(racer)
        racer.communicate(timeout=60)

    assert taken == [str(run.id) for run in at_work]
    assert len(taken) == 1
    assert [racer.returncode for racer in racers] == [0] * RACERS


def _tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _said(process: subprocess.Popen[str], last: str) -> list[str]:
    """Give what a process says before this word."""
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        if line.strip() == last:
            return said
        said.append(line.strip())
    raise AssertionError(f"It never said {last}.")
