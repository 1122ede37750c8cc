"""The worker: wake-ups, the sweep, and an end that leaves nothing half-done."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from portal.config import Settings
from portal.db.records import Connection, Push, SyncRun
from portal.jobs import doing
from portal.jobs import queue as queues
from portal.jobs.queue import queue_at, wake_push, wake_sync
from portal.jobs.worker import Worker
from portal.services import decision_bulk, decisions, pushes, sync
from portal.services.actors import COMMAND_LINE
from portal.services.sealing import Sealer
from tests.support.desk import BILLER, NOW, SECRET, TODAY, Desk

ROOT = Path(__file__).parents[2]


def until(true: Callable[[], bool], *, seconds: float = 40) -> None:
    """Wait until something is true, not for ever."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "It did not come true in time."
        time.sleep(0.05)  # a state is waited for, with a bound


def approved(desk: Desk, company_id: int = 1001) -> int:
    card = desk.card(company_id)
    decision = desk.do(decisions.approve, card)
    assert decision.push is not None
    return decision.push.id


@contextmanager
def worker(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A worker as a process of its own."""
    env = os.environ | {
        "COUNTERSIGN_DATABASE_URL": settings.database_url,
        "COUNTERSIGN_QUEUE_URL": settings.queue_url,
        "COUNTERSIGN_SECRET_KEY": SECRET,
        "COUNTERSIGN_INSTANCE": str(settings.instance),
        "COUNTERSIGN_NOW": NOW.isoformat(),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app", "jobs", "work"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_finds_what_was_queued_and_ends_when_told(
    desk: Desk, settings: Settings, number: signal.Signals
) -> None:
    push_id = approved(desk)

    with worker(settings) as process:
        until(lambda: desk.state_of(push_id) == "confirmed")
        process.send_signal(number)
        said, _ = process.communicate(timeout=40)

    assert process.returncode == 0, said
    assert "Stopped; nothing was left half-done." in said
    assert sum(desk.quantities(501).values()) == 21


def test_told_to_end_it_finishes_the_push_in_hand(desk: Desk, settings: Settings) -> None:
    desk.faults({"method": "PATCH", "path": "additions", "nth": 1, "times": 1, "kind": "slow", "seconds": 1.5})
    push_id = approved(desk)

    with worker(settings) as process:
        until(lambda: bool(desk.sent()) or desk.state_of(push_id) == "confirmed")
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=40)

    assert process.returncode == 0, said
    assert desk.state_of(push_id) == "confirmed"
    assert len(desk.written()) == 1


@pytest.mark.crash
def test_a_worker_that_was_killed_is_followed_by_one_that_goes_on_at_once(desk: Desk, settings: Settings) -> None:
    desk.faults({"method": "PATCH", "path": "additions", "nth": 1, "times": 1, "kind": "slow", "seconds": 1.0})
    push_id = approved(desk)
    with worker(settings) as first:
        until(lambda: bool(desk.sent()) or desk.state_of(push_id) == "sending")
        first.kill()
        first.wait()

    with worker(settings):
        until(lambda: desk.state_of(push_id) == "confirmed", seconds=40)

    assert sum(desk.quantities(501).values()) == 21


def test_what_was_decided_on_many_cards_is_carried_out_and_sent(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_bulk, "AT_ONCE", 1)
    cards = [desk.card(company_id) for company_id in (1001, 1004, 1009)]
    with desk.open_session() as session:
        batch = decisions.approve_many(session, [card.id for card in cards], by=BILLER, now=NOW, today=TODAY)
        assert decision_bulk.bulk_of(session, batch.id) is not None
    assert {desk.again(card).state for card in cards} == {"open"}

    with worker(settings) as process:
        until(lambda: all(desk.again(card).state == "confirmed" for card in cards))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=40)

    assert len(desk.written()) == len(cards)


def test_a_wake_up_reaches_the_task(app: Flask, settings: Settings) -> None:
    queue = queue_at(settings.queue_url)
    done: list[tuple[str, int]] = []

    def push(push_id: int) -> float | None:
        done.append(("push", push_id))
        return 5.0 if push_id == 8 else None

    def sync(run_id: int) -> None:
        done.append(("sync", run_id))

    queue.runners = queues.Runners(push=push, sync=sync)
    with app.app_context():
        wake_push(7)
        wake_sync(3)
        wake_push(8)
    while (task := queue.huey.dequeue()) is not None:
        queue.huey.execute(task)

    assert sorted(done) == [("push", 7), ("push", 8), ("sync", 3)]
    assert queue.huey.scheduled_count() == 1  # push 8 asked to be looked at again later
    queue.huey.storage.close()


def test_a_queue_that_is_away_fails_no_request_and_loses_nothing(
    desk: Desk, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_id = approved(desk)

    def away(_url: str) -> queues.Queue:
        raise OSError("no such queue")

    monkeypatch.setattr(queues, "queue_at", away)
    with app.app_context():
        wake_push(push_id)
        wake_sync(1)


def test_the_sweep_does_the_work_itself_when_the_queue_is_away(
    desk: Desk, app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_id = approved(desk)
    queue = queue_at(settings.queue_url)
    done = Worker(app, queue)

    def away(_push_id: int, *, after: float = 0.0) -> None:
        del after
        raise OSError("no such queue")

    monkeypatch.setattr(queue, "wake_push", away)
    done.sweep_once(scheduled=False)

    assert desk.state_of(push_id) == "confirmed"
    queue.huey.storage.close()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://somewhere"])
def test_other_queues_are_chosen_by_their_address(url: str) -> None:
    with pytest.raises(Exception, match=r"redis|COUNTERSIGN_QUEUE_URL"):
        queue_at(url)


def sealed_with_another_key(desk: Desk) -> str:
    """Let the stored key be one that the portal cannot open; gives the one of before."""
    with desk.open_session() as session:
        connection = session.get_one(Connection, "connectwise")
        before, connection.sealed_private_key = connection.sealed_private_key, Sealer(["another"]).seal("portal-secret")
        return before


def test_a_key_that_cannot_be_opened_ends_the_sync_with_a_sentence(desk: Desk, app: Flask) -> None:
    sealed_with_another_key(desk)
    with desk.open_session() as session:
        run_id = sync.request_sync(session, "quick", by=COMMAND_LINE, now=desk.now).id

    with app.app_context():
        doing.do_sync(run_id, doing.Clients())

    with desk.open_session() as session:
        run = session.get_one(SyncRun, run_id)
        assert run.state == "failed"
        assert "Restore COUNTERSIGN_SECRET_KEY, or enter the key anew." in str(run.error)


def test_a_push_says_that_the_key_cannot_be_opened_and_goes_on_once_it_can(desk: Desk, app: Flask) -> None:
    push_id = approved(desk)
    before = sealed_with_another_key(desk)

    with app.app_context():
        seconds = doing.do_push(push_id, doing.Clients())

    assert seconds
    with desk.open_session() as session:
        push = session.get_one(Push, push_id)
        assert push.state == "queued"
        assert "cannot be opened" in str(push.cause)
        push.next_try_at = None
        session.get_one(Connection, "connectwise").sealed_private_key = before
    with app.app_context():
        doing.do_push(push_id, doing.Clients())
    assert desk.state_of(push_id) == "confirmed"


def test_a_push_that_cannot_begin_can_be_given_up(desk: Desk, app: Flask) -> None:
    push_id = approved(desk)
    sealed_with_another_key(desk)
    with app.app_context():
        doing.do_push(push_id, doing.Clients())

    with desk.open_session() as session:
        pushes.give_up(session, push_id, by=COMMAND_LINE, now=desk.now)

    assert desk.state_of(push_id) == "given_up"


def a_sync_in_the_middle(desk: Desk, worker_name: str) -> int:
    """A run as a worker left it."""
    with desk.open_session() as session:
        run = sync.request_sync(session, "full", by=COMMAND_LINE, now=desk.now)
        run.state, run.running_mark, run.started_at, run.heartbeat_at = "running", 1, *(2 * [datetime.now(UTC)])
        run.worker = worker_name
        return run.id


def test_a_sync_whose_process_is_gone_waits_for_the_next_worker_at_once(desk: Desk) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    run_id = a_sync_in_the_middle(desk, f"{socket.gethostname()}/{process.pid}/x")

    with desk.open_session() as session:
        assert sync.recover(session, real_now=datetime.now(UTC)) == [run_id]

    with desk.open_session() as session:
        run = session.get_one(SyncRun, run_id)
        assert (run.state, run.running_mark, run.resumed) == ("queued", None, 1)
        assert sync.due_syncs(session) == [run_id]


@pytest.mark.parametrize("worker_name", ["{host}/{pid}/x", "elsewhere/1/x", "nonsense"])
def test_a_sync_that_may_be_at_work_keeps_its_place(desk: Desk, worker_name: str) -> None:
    a_sync_in_the_middle(desk, worker_name.format(host=socket.gethostname(), pid=os.getpid()))

    with desk.open_session() as session, pytest.raises(sync.SyncActive):
        sync.request_sync(session, "quick", by=COMMAND_LINE, now=desk.now)


def test_a_worker_that_begins_with_the_same_number_takes_the_dead_ones_sync_back(desk: Desk) -> None:
    run_id = a_sync_in_the_middle(desk, f"{socket.gethostname()}/{os.getpid()}/x")

    with desk.open_session() as session:
        assert sync.recover(session, real_now=datetime.now(UTC), starting=True) == [run_id]
