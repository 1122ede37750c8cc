"""Workers that end or stop where a test says, each a process of its own, forked by one that has read all modules.

A fork of the test itself would not do, since it serves the sandbox by threads; a new interpreter each takes a second.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.engine import WRITES, watch
from portal.db.records import Push
from portal.jobs import queue
from portal.services import push_leases, pushes
from portal.services.actors import Actor
from portal.services.card_making import IN_FLIGHT
from portal.services.push_points import watched
from tests.support.desk import client_of, edit_by_hand

ROOT = Path(__file__).parents[2]
BILLER = Actor("Bo Biller", None, "biller")
ZONE = ZoneInfo("America/New_York")
TURNS = 60


class Workers:
    """Starts such workers. Close it.

    A job is JSON: `database`, `url`, `pushes`, `real`, `now`; `point` and `times`: where it ends; `how`: kill or stop;
    `touch`: a person edits another field of a line as soon as an answer was lost; `deed`: what a person does, in place
    of a worker; `lease`: seconds of real time that a lease holds, which then is this machine's.
    """

    def __init__(self) -> None:
        self._forker = subprocess.Popen(
            [sys.executable, "-m", "tests.support.dying_worker"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._forker.stdin is not None and self._forker.stdout is not None:
            self._forker.stdin.close()
            self._forker.stdout.close()
        self._forker.wait(30)

    def start(self, job: Mapping[str, Any]) -> int:
        """Start a worker, and give its process id."""
        return self._say({"job": job})

    def ended(self, pid: int) -> int:
        """Wait until it has ended, and give how: 0 well, below zero by a signal."""
        return self._say({"wait": pid})

    def run(self, job: Mapping[str, Any]) -> int:
        """Start a worker and wait until it has ended."""
        return self.ended(self.start(job))

    def _say(self, what: Mapping[str, Any]) -> int:
        if self._forker.stdin is None or self._forker.stdout is None:
            raise AssertionError
        self._forker.stdin.write(json.dumps(what) + "\n")
        self._forker.stdin.flush()
        return int(self._forker.stdout.readline())


def _serve() -> None:
    for line in sys.stdin:
        told = json.loads(line)
        if "wait" in told:
            answer = os.waitstatus_to_exitcode(os.waitpid(told["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                _child(told["job"])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _child(job: dict[str, Any]) -> None:
    """Do a job and end without a word to the test's pipes."""
    code = 1
    try:
        _work(job)
        code = 0
    finally:
        os._exit(code)


def _work(job: dict[str, Any]) -> None:
    engine = sa.create_engine(job["database"])
    watch(engine)
    left = [int(job.get("times", 0))]

    def passing(point: str) -> None:
        if point == "doubted" and job.get("touch"):
            agreement_id, addition_ids = job["touch"]
            edit_by_hand(job["url"], agreement_id, addition_ids, f"by hand, {time.monotonic_ns()}")
        if point == job.get("point"):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGSTOP if job.get("how") == "stop" else signal.SIGKILL)

    @contextmanager
    def open_session() -> Iterator[Session]:
        with Session(engine.execution_options(**{WRITES: True})) as session, session.begin():
            yield session

    with watched(passing):
        if job.get("deed"):
            _deeds(open_session, job)
        else:
            _pushes(open_session, job)


def _pushes(open_session: Callable[[], Any], job: dict[str, Any]) -> None:
    """Take turns on each push until it is settled; between them time passes as the push asks."""
    real = datetime.fromisoformat(job["real"])
    moment = datetime.fromisoformat(job["now"])
    clock: Callable[[], datetime] = lambda: real  # noqa: E731 - one of two
    pace = pushes.Pace()
    if job.get("lease"):
        clock = lambda: datetime.now(real.tzinfo)  # noqa: E731 - the other
        pace = pushes.Pace(lease=timedelta(seconds=job["lease"]), margin=timedelta(seconds=job["lease"] / 4))
    with client_of(job["url"]) as client:
        for push_id in job["pushes"]:
            for _ in range(TURNS):
                state = pushes.run_push(
                    open_session, client, push_id, worker=push_leases.worker_name(), now=lambda: moment,
                    real_now=clock, zone=ZONE, pace=pace,
                )  # fmt: skip
                if state not in IN_FLIGHT or job.get("lease"):
                    break
                with open_session() as session:
                    asked = session.get_one(Push, push_id).next_try_at
                real = max(real, asked or real) + timedelta(milliseconds=1)


def _deeds(open_session: Callable[[], Any], job: dict[str, Any]) -> None:
    """Do what a person does, with each push."""
    now = datetime.fromisoformat(job["now"])
    for push_id in job["pushes"]:
        with open_session() as session:
            if job["deed"] == "retry":
                pushes.retry(session, push_id, by=BILLER, now=now)
            elif job["deed"] == "give up":
                pushes.give_up(session, push_id, by=BILLER, now=now)
            else:
                pushes.say_whose(session, push_id, ours=True, by=BILLER, now=now)
        queue.wake_push(push_id)


if __name__ == "__main__":
    _serve()
