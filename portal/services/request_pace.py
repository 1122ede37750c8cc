"""How fast all workers together call ConnectWise: a token bucket in the database.

Every process takes tokens from it in small batches, which it may use up within `LEASE`; so a sync does not write the
database for each call. A share is kept for calls that somebody's decision waits for. After a 429 the bucket gives
nothing for as long as ConnectWise asked, to anybody.

The bound holds in any rolling minute: a bucket of `b` tokens that refills by `r` a second gives at most b + r * w
within w seconds. Tokens are used up to `LEASE` seconds after they were given, and a call may arrive `SLACK` seconds
later than it left, so w is 60 s and both. `limits` chooses r so that the sum stays below one more than the configured
number.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from portal.connectwise.pace import LONGEST_WAIT, asked_for_fewer, pause
from portal.db.engine import PATIENCE_MS, WRITES
from portal.db.records import RequestPace

OpenSession = Callable[[], AbstractContextManager[Session]]
Wait = Callable[[float, threading.Event | None], None]

MINUTE = 60.0
LEASE = 2.0  # seconds in which a leased token may be used
SLACK = 2.0  # seconds by which calls may arrive closer together than they left
PATIENCE = 60.0  # seconds that a read in bulk waits at most before it is put off
URGENT_PATIENCE = 20.0  # likewise for a call that somebody's decision waits for: it is put off and taken up again
_BUCKET_SHARE = 20  # the bucket holds this part of a minute's calls
_KEPT_SHARE = 3  # and this part of the bucket is for urgent calls alone
_URGENT_BATCH = 2
_BUSY = 0.2  # seconds until the store is asked again where another writer has it
_STORE_MS = 2_000  # how long SQLite is asked to wait for another writer
_SLICE = 1.0  # seconds after which a wait looks again: another process may have been told to wait less or more
_UNIT = 1_000_000  # the database keeps whole numbers


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a number of requests a minute means for the bucket.

    Args:
        size: Tokens it holds.
        rate: Tokens that come back in a second.
        kept: Tokens that only urgent calls may take.
        batch: Tokens that a read in bulk takes at a time.
    """

    size: int
    rate: float
    kept: int
    batch: int


def limits(requests_a_minute: int) -> Limits:
    """Choose the bucket so that no rolling minute sees more calls than this.

    Raises:
        ValueError: It is below one.
    """
    if requests_a_minute < 1:
        raise ValueError("At least one request a minute is needed.")
    size = max(1, requests_a_minute // _BUCKET_SHARE)
    rate = (requests_a_minute - size + 0.9) / (MINUTE + LEASE + SLACK)
    kept = size // _KEPT_SHARE
    return Limits(size=size, rate=rate, kept=kept, batch=max(1, min(math.floor(rate), size - kept)))


class SharedPace:
    """The pace of one connection, for all threads of this process; the bucket is shared with all others.

    Args:
        open_session: Opens one short writing transaction and commits it at its end; for any thread.
        name: The connection.
        requests_a_minute: At most, over all workers.
        real_now: Real time.
        wait: Waits for some seconds, or until nobody waits for the answer any more.
    """

    def __init__(
        self,
        open_session: OpenSession,
        name: str,
        requests_a_minute: int,
        *,
        real_now: Callable[[], datetime] = _now,
        wait: Wait = pause,
    ) -> None:
        self._open_session = open_session
        self._name = name
        self._limits = limits(requests_a_minute)
        self._real_now = real_now
        self._wait = wait
        self._lock = threading.Lock()
        self._held = {True: 0, False: 0}  # by whether they are for urgent calls
        self._held_until = {True: datetime.min.replace(tzinfo=UTC), False: datetime.min.replace(tzinfo=UTC)}
        self._nothing_before = dict(self._held_until)
        self._told_until = datetime.min.replace(tzinfo=UTC)

    def take(self, *, urgent: bool, stopped: threading.Event | None = None) -> None:
        """Wait until a call may go.

        Args:
            urgent: Somebody's decision waits for it, so it goes before reads in bulk.
            stopped: Set when nobody waits for the answer any more.

        Raises:
            Throttled: It may not go within a time worth waiting for.
            Stopped: ``stopped`` was set.
        """
        last = self._real_now() + timedelta(seconds=URGENT_PATIENCE if urgent else PATIENCE)
        while True:
            with self._lock:
                seconds = self._try(urgent=urgent)
            if seconds <= 0:
                return
            if self._real_now() + timedelta(seconds=seconds) > last:
                raise asked_for_fewer(seconds)
            # no lock and no transaction is held while waiting
            self._wait(min(seconds, _SLICE), stopped)

    def told_to_wait(self, seconds: float) -> None:
        """Let no call of any worker's go for so long: ConnectWise asked for fewer."""
        until = self._real_now() + timedelta(seconds=min(max(seconds, 0.0), LONGEST_WAIT))
        with self._lock:
            self._told_until = max(self._told_until, until)
            self._held = {True: 0, False: 0}
            try:
                with self._open_session() as session:
                    row = self._row(session)
                    row.tokens = 0
                    row.counted_at = self._real_now()
                    row.wait_until = until if row.wait_until is None else max(row.wait_until, until)
            except OperationalError:
                return  # another writer has the store for long; this process waits all the same

    def _try(self, *, urgent: bool) -> float:
        """Use a token; return 0, or the seconds after which to try again."""
        now = self._real_now()
        if now < self._told_until:
            return _seconds(self._told_until - now)
        for kind in (urgent, False) if urgent else (False,):
            if self._held[kind] > 0 and now < self._held_until[kind]:
                self._held[kind] -= 1
                return 0.0
        if now < self._nothing_before[urgent]:
            return _seconds(self._nothing_before[urgent] - now)
        try:
            with self._open_session() as session:
                given, seconds = self._lease(session, self._row(session), urgent=urgent)
        except OperationalError:
            given, seconds = 0, _BUSY
        if not given:
            self._nothing_before[urgent] = now + timedelta(seconds=seconds)
            return seconds
        self._held[urgent], self._held_until[urgent] = given - 1, now + timedelta(seconds=LEASE)
        return 0.0

    def _lease(self, session: Session, row: RequestPace, *, urgent: bool) -> tuple[int, float]:
        """Take a batch from the bucket; or say after how many seconds there will be one."""
        now = self._real_now()
        longest = now + timedelta(seconds=LONGEST_WAIT)
        wait_until = None if row.wait_until is None else min(row.wait_until, longest)
        if wait_until is not None and now < wait_until:
            self._told_until = wait_until
            return 0, _seconds(wait_until - now)
        # a clock that was put back, or another machine's that runs ahead, neither stops the bucket nor fills it
        since = row.counted_at if wait_until is None else max(row.counted_at, wait_until)
        elapsed = _seconds(now - since)
        if elapsed < -LEASE:
            row.counted_at, elapsed = now, 0.0
        level = min(self._limits.size, row.tokens / _UNIT + max(0.0, elapsed) * self._limits.rate)
        kept = 0 if urgent else self._limits.kept
        batch = min(_URGENT_BATCH, max(1, math.floor(level))) if urgent else self._limits.batch
        if level - kept < batch:
            return 0, max(0.01, (kept + batch - level) / self._limits.rate)
        row.tokens = math.floor((level - batch) * _UNIT)
        row.counted_at = max(now, row.counted_at)
        session.flush()
        return batch, 0.0

    def _row(self, session: Session) -> RequestPace:
        """Lock the bucket; a new one is full."""
        found = session.get(RequestPace, self._name, populate_existing=True, with_for_update=True)
        if found is not None:
            return found
        try:
            with session.begin_nested():
                session.add(
                    RequestPace(
                        name=self._name, tokens=self._limits.size * _UNIT, counted_at=self._real_now(), wait_until=None
                    )
                )
        except IntegrityError:
            pass  # another process was quicker
        return session.get_one(RequestPace, self._name, populate_existing=True, with_for_update=True)


def sessions_of(engine: sa.Engine) -> OpenSession:
    """Give short writing transactions of an engine, for threads that have no request or job of their own.

    On SQLite they wait for another writer only for moments: the pace asks again.
    """
    bound = engine.execution_options(**{WRITES: True, PATIENCE_MS: _STORE_MS})

    @contextmanager
    def opened() -> Iterator[Session]:
        with Session(bound, expire_on_commit=False) as session, session.begin():
            yield session

    return opened


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
