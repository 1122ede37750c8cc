"""The worker: wake-ups, the sweep, and an end that leaves nothing half-done."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from portal.config import Settings
from portal.jobs import queue as queues
from portal.jobs.queue import queue_at, wake_push, wake_sync
from portal.jobs.worker import Worker
from portal.services import decisions
from tests.support.desk import NOW, SECRET, Desk

ROOT = Path(__file__).parents[2]


def until(true: Callable[[], bool], *, seconds: float = 40) -> None:
    """Wait until something is true, not for ever."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "It did not come true in time."
        time.sleep(0.05)


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
