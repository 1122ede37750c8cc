"""Signs of life of a run: what people see of it, and the proof that its worker still holds it."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.engine import PATIENCE_MS, WRITES
from portal.db.records import SyncRun, SyncStaged

log = logging.getLogger(__name__)

OpenSession = Callable[[], AbstractContextManager[Session]]
TITLES = {
    "tables": "Statuses, types and cycles",
    "companies": "Companies",
    "products": "Products",
    "agreements": "Agreements",
    "additions": "Additions",
    "picture": "The picture and its cards",
}
_EVERY = 0.5  # seconds of real time between two notes of progress
_BETWEEN = 1.0  # seconds of real time between two looks at what else there is to do
_BEAT = 15.0  # seconds of real time between two signs of life during a long call


class Lost(Exception):
    """The run was taken away from this worker, because it was silent for too long."""


class Stopped(Exception):
    """The process is to end; the run waits for another one."""


class Progress:
    """Notes how far a run is, often enough to watch and seldom enough to cost nothing; keeps what it reads.

    Args:
        open_session: Opens one writing transaction.
        run_id: The run.
        worker: Whose turn it is.
        parts: How far its parts were when it stopped.
        between: What is to be done between two calls, now and then.
    """

    def __init__(
        self,
        open_session: OpenSession,
        run_id: int,
        worker: str,
        *,
        parts: list[dict[str, Any]] | None = None,
        between: Callable[[], None] | None = None,
    ) -> None:
        self._open_session = open_session
        self._run_id = run_id
        self._worker = worker
        self._between = between
        before = {part["name"]: part for part in parts or ()}
        self._parts = {
            name: {
                "name": name,
                "title": title,
                "done": 0,
                "total": None,
                "state": "waiting",
                "seconds": 0.0,
                "skipped": 0,
                **before.get(name, {}),
            }
            for name, title in TITLES.items()
        }
        self._earlier = {name: float(part["seconds"]) for name, part in self._parts.items()}
        self._begun = time.monotonic()
        self._noted = self._looked = float("-inf")
        self._now = ""
        self._phase = ""
        self._elsewhere = 0  # read by earlier tables of the same part
        self._in_between = False

    def part(self, name: str, phase: str, *, total: int | None = None, done: int = 0) -> None:
        """Note that a part of the reading begins, or goes on where it stopped.

        Args:
            name: One of `TITLES`.
            phase: What is done, in words.
            total: How many records it has, if that is known.
            done: How many of them were read before.
        """
        if name == self._now:
            self._elsewhere = self._parts[name]["done"]
        else:
            self._close()
            self._now, self._elsewhere, self._begun = name, 0, time.monotonic()
        self._phase = phase
        self._parts[name] |= {"state": "working", "total": total, "done": self._elsewhere + done}
        self._note()
        self._look()

    def step(self, done: int) -> None:
        """Note how far the part is.

        Raises:
            Lost: The run was given to another worker meanwhile.
        """
        part = self._parts[self._now]
        part["done"] = self._elsewhere + done
        if time.monotonic() - self._noted >= _EVERY:
            self._note()
        self._look()

    def skipped(self, number: int) -> None:
        """Count what the part at hand could not read."""
        self._parts[self._now]["skipped"] += number

    def keep(self, rows: list[dict[str, Any]]) -> None:
        """Keep what was read for good, in one short transaction, if the run is still this worker's.

        Raises:
            Lost: It is not.
        """
        if rows:
            with self._open_session() as session:
                self._hold(session, {**self._values(), "tries": 0})
                session.execute(sa.insert(SyncStaged), rows)
            self._noted = time.monotonic()

    def finished(self) -> list[dict[str, Any]]:
        """Give the parts of a run that is over."""
        self._close()
        return list(self._parts.values())

    def _close(self) -> None:
        if self._now:
            self._clock()
            part = self._parts[self._now]
            part["state"] = "done"
            part["total"] = part["done"] if part["total"] is None else part["total"]

    def _clock(self) -> None:
        part = self._parts[self._now]
        part["seconds"] = round(self._earlier[self._now] + time.monotonic() - self._begun, 1)

    def _values(self) -> dict[str, Any]:
        self._clock()
        part = self._parts[self._now]
        phase = self._phase
        if part["total"] is not None:
            phase = f"{phase}: {part['done']} of {part['total']}"
        elif part["done"]:
            phase = f"{phase}: {part['done']} so far"
        return {
            "phase": phase,
            "done": part["done"],
            "total": part["total"],
            "parts": list(self._parts.values()),
            "heartbeat_at": datetime.now(UTC),
        }

    def _note(self) -> None:
        with self._open_session() as session:
            self._hold(session, self._values())
        self._noted = time.monotonic()

    def _hold(self, session: Session, values: dict[str, Any]) -> None:
        mine = sa.and_(SyncRun.id == self._run_id, SyncRun.state == "running", SyncRun.worker == self._worker)
        held = sa.update(SyncRun).where(mine).values(**values).returning(SyncRun.id)
        found = session.execute(held.execution_options(synchronize_session=False)).scalar_one_or_none()
        if found is None:
            raise Lost

    def _look(self) -> None:
        """Do what waits between two calls."""
        if self._between is None or self._in_between or time.monotonic() - self._looked < _BETWEEN:
            return
        self._looked = time.monotonic()
        self._in_between = True
        try:
            self._between()
        finally:
            self._in_between = False


class Pulse:
    """Gives signs of life on a thread of its own, also while a single call hangs for long.

    Args:
        engine: The store.
        run_id: The run.
        worker: Whose turn it is.
    """

    def __init__(self, engine: sa.Engine, run_id: int, worker: str, *, every: float = _BEAT) -> None:
        self._engine = engine.execution_options(**{WRITES: True, PATIENCE_MS: 5000})
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"sync-{run_id}", daemon=True)
        mine = sa.and_(SyncRun.id == run_id, SyncRun.state == "running", SyncRun.worker == worker)
        self._sign = sa.update(SyncRun).where(mine)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(self._every):
            try:
                with self._engine.begin() as connection:
                    connection.execute(self._sign.values(heartbeat_at=datetime.now(UTC)))
            except sa.exc.SQLAlchemyError as error:  # another writer is at work; the next sign will do
                log.debug("No sign of life of a sync could be given: %s", error)
