"""Syncs: each a run that people can watch, and that leaves either the new whole picture or the last one.

Everything is read first, with no transaction open, and kept in a stage; it is applied in one transaction. A run that
was killed, or whose ConnectWise fell silent, goes on with what it has staged, as long as that is of the same
ConnectWise, not too old, and no other run has brought a newer picture since.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise, ConnectWiseError, UnexpectedPayload, Unreachable
from portal.db.records import Connection, SyncRun
from portal.domain.periods import local_day
from portal.services import remaking, scope, sync_lines, sync_runs, sync_stage
from portal.services.sync_apply import Given, ListedNothing, apply
from portal.services.sync_claim import Turn, claim
from portal.services.sync_one import After, OneReader, record, settle_run
from portal.services.sync_progress import Lost, Progress, Pulse, Stopped
from portal.services.sync_read import Tables
from portal.services.sync_runs import (
    ACTIVE,
    GO_ON,
    KINDS,
    MOST_RESUMED,
    NAME,
    SILENCE,
    SyncActive,
    active_run,
    due_syncs,
    fail,
    recover,
    request_sync,
)
from portal.services.sync_stage import TableStage
from portal.services.sync_wanted import start as start_wanted
from portal.services.sync_wanted import want_agreement, wanted

__all__ = [
    "ACTIVE",
    "GO_ON",
    "KINDS",
    "MOST_RESUMED",
    "NAME",
    "PAUSES",
    "SILENCE",
    "SyncActive",
    "active_run",
    "due_syncs",
    "fail",
    "recover",
    "request_sync",
    "run_sync",
    "start_wanted",
    "want_agreement",
    "wanted",
]

log = logging.getLogger(__name__)

PAUSES = (timedelta(minutes=1), timedelta(minutes=3), timedelta(minutes=10))
"""Real time that a worker lets pass before it asks a silent ConnectWise again; after the last one a run fails."""
_LONGEST_PAUSE = timedelta(minutes=30)  # where ConnectWise asks for more, a person is to look

OpenSession = Callable[[], AbstractContextManager[Session]]


class _StoreAway(Exception):
    """The store did not take what was read: another writer had it for too long, or it was away."""

    def __init__(self) -> None:
        super().__init__("The portal's own database was busy for too long, or away.")


def run_sync(
    open_session: OpenSession,
    client: ConnectWise,
    run_id: int,
    *,
    now: Callable[[], datetime],
    zone: ZoneInfo,
    after: Callable[[Session], None] | None = None,
    pauses: Sequence[timedelta] = (),
    stopping: Callable[[], bool] | None = None,
) -> None:
    """Carry out a queued run, and note in its row what came of it.

    Args:
        open_session: Opens one writing transaction and commits it at its end.
        client: The PSA.
        run_id: The run. One that is not queued any more, or whose turn it is not yet, is left alone.
        now: The business clock.
        zone: The portal's time zone.
        after: What follows in the transaction that applies; by default cards are made anew and stale pushes stopped.
        pauses: How long the run waits each time that ConnectWise does not answer, before it is to be carried out
            again; with none it fails at once.
        stopping: Tells that this process is to end: the run then waits again and is gone on with by the next one.

    A ConnectWise that cannot be read is no error here: the run says so. Anything unexpected is raised after the run
    has been noted as failed.
    """
    with open_session() as session:
        turn = claim(session, client, run_id, now=now(), zone=zone)
    if turn is None:
        return
    follow = _follow(now, zone) if after is None else _only(after)
    run = _Run(open_session, client, turn, now, zone, follow, stopping)
    try:
        with Pulse(turn.engine, run_id, turn.worker):
            run.carry_out()
    except Stopped:
        run.leave()
    except Lost:
        log.warning("Sync %s was taken away from this worker.", run_id)
    except (Unreachable, UnexpectedPayload) as error:
        run.wait(error, pauses)
    except ConnectWiseError as error:
        run.fail(str(error), keep=True)
    except OperationalError as error:
        log.warning("The store could not take what sync %s read: %s", run_id, error)
        run.wait(_StoreAway(), pauses)
    except ListedNothing as error:
        run.fail(str(error))
    except BaseException:
        run.fail("Something failed on our side; the worker's log says more.", keep=not run.applying)
        raise
    _tidy(open_session)


def _tidy(open_session: OpenSession) -> None:
    """Throw away what nobody goes on with, a little at a time, so that nobody waits for it."""
    with open_session() as session:
        sync_runs.let_go(session, real_now=datetime.now(UTC))
    more = True
    while more:
        with open_session() as session:
            more = sync_stage.sweep(session)
            if not more:
                sync_runs.prune(session)


class _Run:
    """One turn of a worker on a run."""

    def __init__(
        self,
        open_session: OpenSession,
        client: ConnectWise,
        turn: Turn,
        now: Callable[[], datetime],
        zone: ZoneInfo,
        after: After,
        stopping: Callable[[], bool] | None,
    ) -> None:
        self._stopping = stopping
        self._open_session = open_session
        self._client = client
        self._turn = turn
        self._now = now
        self._zone = zone
        self._after = after
        self._one = OneReader(open_session, client, now=now, base=turn.base, after=after)
        self.applying = False

    def carry_out(self) -> None:
        """Read and apply what the run's kind asks for."""
        if self._turn.kind == "wanted":
            self._one.read_due()
            with self._open_session() as session:
                settle_run(session, self._turn, self._one.read, self._one.skipped)
        elif self._turn.agreement_id is not None:
            self._one.read_one(self._turn.agreement_id, self._turn)
        else:
            self._whole()

    def _whole(self) -> None:
        turn = self._turn
        progress = Progress(self._open_session, turn.run_id, turn.worker, parts=turn.parts, between=self._between)
        stage = TableStage(turn.run_id, progress.keep)
        open_reading = turn.open_reading
        Tables(self._client, stage, open_reading, progress).read(turn.known)
        with open_reading() as session:
            if turn.known is None:
                wishes = sync_lines.all_live(session, stage, local_day(turn.at, self._zone))
            else:
                wishes = sync_lines.to_look_at(session, stage, turn.known, local_day(turn.at, self._zone))
        sync_lines.LinesReader(self._client, stage, open_reading, progress).read(wishes)
        self._one.read_due_quietly()
        elapsed = turn.elapsed()
        progress.part("picture", "Bringing the picture up to date")
        self.applying = True
        with self._open_session() as session:
            self._finish(session, stage, progress, elapsed)

    def _finish(self, session: Session, stage: TableStage, progress: Progress, elapsed: timedelta) -> None:
        """Apply what was read, and all that follows from it, in the caller's transaction."""
        turn = self._turn
        run = session.get_one(SyncRun, turn.run_id, populate_existing=True)
        connection = session.get(Connection, NAME, populate_existing=True)
        if run.state != "running" or run.worker != turn.worker:
            raise Lost
        if connection is None or (connection.url, connection.company) != turn.base:
            raise ListedNothing("The connection was changed while it was read. Start another sync.")
        latest = stage.latest(session)
        # The latest change that was read lies before the reading's end, so the reading's length before it lies before
        # the reading's beginning; that needs no clock of ours. Ours only matters where the PSA holds future times.
        known_until = None if latest is None else min(turn.at, latest - elapsed)
        applied = apply(session, Given(stage=stage, now=turn.at, until=self._now(), known_until=known_until))
        changes = scope.refresh(session)
        applied.touches([*changes.joined, *changes.left])
        connection.last_read_at = turn.at
        known = [moment for moment in (connection.changed_since, known_until) if moment is not None]
        connection.changed_since = max(known, default=None)
        if turn.known is None:
            connection.last_full_at = turn.at
        self._after(session, applied.companies)
        settle_run(session, turn, applied.counts, applied.skipped)
        run.parts = progress.finished()
        sync_stage.forbid(session)  # what others have staged is older than this picture
        record(session, turn, applied, changes, turn.at)

    def wait(self, error: Exception, pauses: Sequence[timedelta]) -> None:
        """Let the run wait for a ConnectWise or a store that does not answer, or fail where it has waited enough."""
        turn = self._turn
        if turn.kind == "wanted":
            pauses = ()  # the wishes themselves are put off
        with self._open_session() as session:
            run = session.get_one(SyncRun, turn.run_id, populate_existing=True)
            if run.state != "running" or run.worker != turn.worker:
                return
            asked = timedelta(seconds=getattr(error, "retry_after", None) or 0)
            if run.tries < len(pauses) and asked <= _LONGEST_PAUSE:
                pause = max(pauses[run.tries], asked)
                run.state, run.running_mark, run.worker = "queued", None, None
                run.tries, run.try_at = run.tries + 1, datetime.now(UTC) + pause
                at = (self._now() + pause).astimezone(self._zone)
                run.phase = f"{error} Tried again at {at:%H:%M}."
                return
        self.fail(str(error), keep=True)

    def leave(self) -> None:
        """Let the run wait for the next worker, since this one is to end."""
        with self._open_session() as session:
            run = session.get_one(SyncRun, self._turn.run_id, populate_existing=True)
            if run.state == "running" and run.worker == self._turn.worker:
                run.state, run.running_mark, run.worker = "queued", None, None
                run.phase = "Its worker was ended; it goes on where it was"

    def _between(self) -> None:
        """Do what waits between two calls of the run."""
        if self._stopping is not None and self._stopping():
            raise Stopped
        self._one.read_due_quietly()

    def fail(self, why: str, *, keep: bool = False) -> None:
        """Note that the run failed, unless another worker has it."""
        turn = self._turn
        with self._open_session() as session:
            run = session.get_one(SyncRun, turn.run_id, populate_existing=True)
            if run.state == "running" and run.worker == turn.worker:
                sync_runs.fail(session, turn.run_id, why, now=self._now(), zone=self._zone, keep=keep)


def _follow(now: Callable[[], datetime], zone: ZoneInfo) -> After:
    return lambda session, companies: remaking.remake(session, now=now(), zone=zone, company_ids=companies)


def _only(after: Callable[[Session], None]) -> After:
    return lambda session, _companies: after(session)
