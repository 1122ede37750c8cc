"""A worker: threads that carry out wake-ups, and a sweep that finds what nobody was woken for."""

import logging
import signal
import threading
import time
from types import FrameType

from flask import Flask

from portal.db.session import transaction
from portal.factory import clock
from portal.jobs import doing, errands, schedule, trail
from portal.jobs.queue import WANTED, Queue, Runners
from portal.services import remaking

log = logging.getLogger(__name__)

THREADS = 4
SWEEP_SECONDS = 2.0  # how often our own tables are looked at
SCHEDULE_SECONDS = 15.0  # how often the schedule is
_REMEMBER_SECONDS = 5.0  # how long a wake-up is not repeated


class Worker:
    """Carries out wake-ups until it is told to stop; it then finishes the step in hand.

    Args:
        app: The portal.
        queue: Where wake-ups wait.
        threads: How many pieces of work at the same time; one agreement is never written by two.
    """

    def __init__(self, app: Flask, queue: Queue, *, threads: int = THREADS) -> None:
        self.app = app
        self.queue = queue
        self.threads = threads
        self.clients = doing.Clients()
        self.stopping = threading.Event()
        self._woken: dict[tuple[str, int], float] = {}

    def run(self) -> None:
        """Work in the foreground until SIGTERM or SIGINT; a second one ends it at once."""
        self.queue.runners = Runners(
            push=self._push, sync=self._sync, question=self._question, import_=self._import, bulk=self._bulk
        )
        with self.app.app_context():
            doing.recover(starting=True)
        consumer = self.queue.huey.create_consumer(
            workers=self.threads,
            periodic=False,
            initial_delay=0.05,
            max_delay=0.25,
            backoff=1.15,
            scheduler_interval=1,
            check_worker_health=True,
        )
        sweeper = threading.Thread(target=self._sweep, name="sweep", daemon=True)
        consumer.start()
        handlers = {number: signal.signal(number, self._told) for number in (signal.SIGTERM, signal.SIGINT)}
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        sweeper.start()
        others = errands.start(self.app, self.clients, self.stopping)
        try:
            while not self.stopping.wait(1.0):
                consumer.check_worker_health()
        finally:
            consumer.stop(graceful=True)
            for each in (sweeper, *others):
                each.join(errands.END_SECONDS)
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def sweep_once(self, *, scheduled: bool) -> None:
        """Find what waits, and wake workers for it; without the queue, do it here."""
        with self.app.app_context():
            if trail.is_unguarded():
                return  # nothing is changed that the trail could not tell of
            if scheduled:
                doing.recover()
                remaking.begin_day(transaction, now=clock().now(), zone=clock().zone)
                with transaction() as session:
                    schedule.follow(session, now=clock().now(), zone=clock().zone)
            doing.start_wanted()
            push_ids, run_ids = doing.due()
            question_ids = doing.due_questions()
            import_ids = doing.due_imports()
        for push_id in push_ids:
            self._wake("push", push_id)
        for run_id in run_ids:
            self._wake("sync", run_id)
        for question_id in question_ids:
            self._wake("question", question_id)
        for import_id in import_ids:
            self._wake("import", import_id)

    def _told(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.stopping.is_set():
            raise SystemExit(128 + number)
        self.stopping.set()

    def _sweep(self) -> None:
        last_schedule = float("-inf")
        while not self.stopping.is_set():
            scheduled = time.monotonic() - last_schedule >= SCHEDULE_SECONDS
            try:
                self.sweep_once(scheduled=scheduled)
                if scheduled:
                    last_schedule = time.monotonic()
            except Exception:
                log.exception("The sweep stopped half-way; it is done again.")
            self.stopping.wait(SWEEP_SECONDS)

    def _wake(self, kind: str, work_id: int) -> None:
        now = time.monotonic()
        if now - self._woken.get((kind, work_id), float("-inf")) < _REMEMBER_SECONDS:
            return
        self._woken = {key: at for key, at in self._woken.items() if now - at < _REMEMBER_SECONDS}
        self._woken[kind, work_id] = now
        try:
            if kind == "push":
                self.queue.wake_push(work_id)
            elif kind == "sync":
                self.queue.wake_sync(work_id)
            elif kind == "import":
                self.queue.wake_import(work_id)
            else:
                self.queue.wake_question(work_id)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the queue, the work is done all the same
            log.warning("The queue is away (%s); working without it.", error)
            runners = {"push": self._push, "sync": self._sync, "question": self._question, "import": self._import}
            runners[kind](work_id)

    def _push(self, push_id: int) -> float | None:
        with self.app.app_context():
            return trail.LOOK_AGAIN_SECONDS if trail.is_unguarded() else doing.do_push(push_id, self.clients)

    def _sync(self, run_id: int) -> float | None:
        with self.app.app_context():
            if trail.is_unguarded():
                return None  # the sweep finds it again
            found = doing.start_wanted() if run_id == WANTED else run_id
            if found is not None:
                doing.do_sync(found, self.clients, self.stopping.is_set)
        return None

    def _question(self, question_id: int) -> float | None:
        with self.app.app_context():
            doing.do_question(question_id)
        return None

    def _import(self, import_id: int) -> float | None:
        with self.app.app_context():
            if trail.is_unguarded():
                return None
            doing.do_import(import_id, self.stopping.is_set)
        return None

    def _bulk(self, bulk_id: int) -> float | None:
        with self.app.app_context():
            if not trail.is_unguarded():
                doing.do_bulk(bulk_id, self.stopping.is_set)
        return None
