"""Syncs: each a run that people can watch, and that leaves either the new whole picture or the last one.

Everything is read first, with no transaction open, and applied in one. One run works at a time, which the database
itself sees to. A worker that died in mid-run is noticed by its silence.
"""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise, ConnectWiseError
from portal.db.records import Connection, PsaAgreement, PsaCompany, Setting, SyncRun
from portal.domain.periods import day_text, local_day
from portal.services import audit, push_leases, remaking, scope, sync_read
from portal.services.actors import SYSTEM, Actor, require
from portal.services.errors import Conflict, Invalid, NotFound
from portal.services.sync_apply import Applied, ListedNothing, apply
from portal.services.sync_read import Known, KnownAgreement, Read

log = logging.getLogger(__name__)

NAME = "connectwise"
KINDS = ("full", "quick", "agreement")
ACTIVE = ("queued", "running")
SILENCE = timedelta(minutes=8)  # real time without a sign of life, after which a run counts as dead
_WORKER = "sync_worker"  # the process that carries the run; it is no setting that people make
_EVERY = 0.5  # seconds of real time between two notes of progress
_SKIPS_KEPT = 500

OpenSession = Callable[[], AbstractContextManager[Session]]
After = Callable[[Session], None]


class SyncActive(Conflict):
    """Another run is waiting or working.

    Args:
        sentence: Which one, since when.
        run_id: That run.
    """

    def __init__(self, sentence: str, run_id: int) -> None:
        super().__init__(sentence)
        self.run_id = run_id


class _Lost(Exception):
    """The run was taken away from this worker, because it was silent for too long."""


def request_sync(session: Session, kind: str, *, agreement_id: int | None = None, by: Actor, now: datetime) -> SyncRun:
    """Queue a sync.

    Args:
        session: A writing session.
        kind: `full`, `quick` (what changed) or `agreement` (one agreement anew).
        agreement_id: Which one, for the last kind only.
        by: Who asks; a biller may.
        now: By the business clock.

    Raises:
        NotAllowed: The role is too low.
        NotFound: ConnectWise is not connected yet.
        SyncActive: A run is waiting or working; it names which.
        Invalid: No such kind, or the agreement is missing.
    """
    require(by, "biller", "start a sync")
    if kind not in KINDS or (kind == "agreement") != (agreement_id is not None):
        raise Invalid("Choose a full sync, a quick sync, or one agreement.")
    if session.get(Connection, NAME) is None:
        raise NotFound("ConnectWise is not connected yet. An admin can connect it under Connections.")
    recover(session, real_now=datetime.now(UTC))
    active = active_run(session)
    if active is not None:
        doing = "is at work" if active.state == "running" else "waits for its turn"
        raise SyncActive(f"A {_named(active)} {doing} already. Watch it, or start another when it is done.", active.id)
    run = SyncRun(
        kind=kind, agreement_id=agreement_id, requested_by=by.name, queued_at=now, phase="Waiting for a worker"
    )
    session.add(run)
    session.flush()
    return run


def active_run(session: Session) -> SyncRun | None:
    """Give the run that is waiting or working, if any."""
    query = sa.select(SyncRun).where(SyncRun.state.in_(ACTIVE)).order_by(SyncRun.id.desc()).limit(1)
    return session.scalars(query).first()


def due_syncs(session: Session) -> list[int]:
    """Give the runs that wait for a worker, oldest first."""
    return list(session.scalars(sa.select(SyncRun.id).where(SyncRun.state == "queued").order_by(SyncRun.id)))


def recover(session: Session, *, real_now: datetime, starting: bool = False) -> list[int]:
    """Give up runs whose worker is gone or fell silent, and name them. The last whole picture stays.

    Args:
        session: A writing session.
        real_now: Real time.
        starting: This process has only begun, so a run of its own process id is a dead one's.
    """
    running = list(session.scalars(sa.select(SyncRun).where(SyncRun.state == "running")))
    noted = session.get(Setting, _WORKER, populate_existing=True) if running else None
    at_work = {} if noted is None else noted.value
    dead = [
        run
        for run in running
        if (run.heartbeat_at is not None and run.heartbeat_at < real_now - SILENCE)
        or (at_work.get("run") == run.id and push_leases.is_gone(str(at_work.get("worker")), starting=starting))
    ]
    for run in dead:
        run.state, run.running_mark, run.finished_at = "failed", None, real_now
        run.error = "The worker stopped in the middle of it. Nothing was changed. Start another sync."
    session.flush()
    return [run.id for run in dead]


def run_sync(
    open_session: OpenSession,
    client: ConnectWise,
    run_id: int,
    *,
    now: Callable[[], datetime],
    zone: ZoneInfo,
    after: After | None = None,
) -> None:
    """Carry out a queued run, and note in its row what came of it.

    Args:
        open_session: Opens one writing transaction and commits it at its end.
        client: The PSA.
        run_id: The run. One that is not queued any more, or whose turn it is not yet, is left alone.
        now: The business clock.
        zone: The portal's time zone.
        after: What follows in the transaction that applies; by default cards are made anew and stale pushes stopped.

    A ConnectWise that cannot be read is no error here: the run says so. Anything unexpected is raised after the run
    has been noted as failed.
    """
    started = now()
    with open_session() as session:
        known = _claim(session, run_id, local_day(started, zone))
    if known is None:
        return
    run = _Run(open_session, run_id)
    try:
        found = _read(client, known, run.report, at=started, today=local_day(started, zone))
        run.report("Bringing the picture up to date", 0, None)
        with open_session() as session:
            _finish(session, known, found, at=started, after=after or _follow(started, zone))
    except _Lost:
        log.warning("Sync %s was taken away from this worker.", run_id)
    except (ConnectWiseError, ListedNothing) as error:
        with open_session() as session:
            fail(session, run_id, str(error), now=now(), zone=zone)
    except BaseException as error:
        with open_session() as session:
            fail(session, run_id, f"Something unexpected happened ({type(error).__name__}).", now=now(), zone=zone)
        raise


def fail(session: Session, run_id: int, why: str, *, now: datetime, zone: ZoneInfo) -> None:
    """Note that a run failed, or cannot even begin; the last whole picture stays in place.

    Args:
        session: A writing session.
        run_id: The run; one that is over is left alone.
        why: What happened, and what to do, as sentences.
        now: By the business clock.
        zone: The portal's time zone.
    """
    run = session.get_one(SyncRun, run_id, populate_existing=True)
    if run.state not in ACTIVE:
        return
    connection = session.get(Connection, NAME)
    read_at = None if connection is None else connection.last_read_at
    kept = "Nothing was read yet." if read_at is None else f"The picture of {_when(read_at, now, zone)} stays in use."
    earlier = sa.select(SyncRun.state).where(SyncRun.id < run.id, SyncRun.state.in_(("done", "failed")))
    before = session.scalar(earlier.order_by(SyncRun.id.desc()).limit(1))
    run.state, run.running_mark, run.finished_at = "failed", None, datetime.now(UTC)
    run.error = f"{why} {kept}"
    session.flush()
    by_person = run.requested_by != SYSTEM.name
    if before == "failed" and not by_person:
        return  # the first failure in a row was told; one every quarter of an hour would hide the rest of the trail
    audit.record(
        session,
        what="sync",
        action="sync.failed",
        by=Actor(run.requested_by) if by_person else SYSTEM,
        now=now,
        sentence=f"A {_named(run)} failed: {run.error}",
        agreement_id=run.agreement_id,
        details={"run": run.id},
    )


class _Claimed:
    """What a worker knows of the run it works on."""

    def __init__(self, run: SyncRun, connection: Connection, known: Known | None) -> None:
        self.run_id = run.id
        self.kind = run.kind
        self.agreement_id = run.agreement_id
        self.requested_by = run.requested_by
        self.base = (connection.url, connection.company)
        self.known = known


class _Run:
    """Notes progress in the run's row, often enough to watch and seldom enough to cost nothing."""

    def __init__(self, open_session: OpenSession, run_id: int) -> None:
        self._open_session = open_session
        self._run_id = run_id
        self._noted = 0.0
        self._phase = ""

    def report(self, phase: str, done: int, total: int | None) -> None:
        """Note how far it is.

        Raises:
            _Lost: The run was given up meanwhile.
        """
        kind = phase.partition(":")[0]
        if kind == self._phase and done != total and time.monotonic() - self._noted < _EVERY:
            return
        self._phase, self._noted = kind, time.monotonic()
        values = {"phase": phase, "done": done, "total": total, "heartbeat_at": datetime.now(UTC)}
        with self._open_session() as session:
            held = sa.update(SyncRun).where(SyncRun.id == self._run_id, SyncRun.state == "running").values(**values)
            if session.execute(held.returning(SyncRun.id)).scalar_one_or_none() is None:
                raise _Lost


def _claim(session: Session, run_id: int, today: date) -> _Claimed | None:
    """Take a queued run, unless another one works; the unique mark decides between two workers."""
    recover(session, real_now=datetime.now(UTC))
    real_now = datetime.now(UTC)
    try:
        with session.begin_nested():
            if session.scalar(sa.select(sa.exists().where(SyncRun.running_mark == 1))):
                return None
            claim = (
                sa.update(SyncRun)
                .where(SyncRun.id == run_id, SyncRun.state == "queued")
                .values(state="running", running_mark=1, started_at=real_now, heartbeat_at=real_now, phase="Connecting")
            )
            if session.execute(claim.returning(SyncRun.id)).scalar_one_or_none() is None:
                return None
    except IntegrityError:
        return None
    _note_worker(session, run_id, real_now)
    run = session.get_one(SyncRun, run_id, populate_existing=True)
    connection = session.get_one(Connection, NAME)
    known = None
    if run.kind == "quick" and connection.changed_since is not None and connection.last_full_at is not None:
        known = _known(session, connection.changed_since, today)
    return _Claimed(run, connection, known)


def _note_worker(session: Session, run_id: int, real_now: datetime) -> None:
    """Note which process carries a run, so that one that was killed is noticed as soon as somebody looks."""
    noted = session.get(Setting, _WORKER, populate_existing=True)
    if noted is None:
        noted = Setting(name=_WORKER)
        session.add(noted)
    noted.value = {"run": run_id, "worker": push_leases.worker_name()}
    noted.set_by, noted.set_at = SYSTEM.name, real_now
    session.flush()


def _known(session: Session, changed_since: datetime, today: date) -> Known:
    scopes = sa.select(PsaCompany.id, PsaCompany.in_scope).where(PsaCompany.gone_at.is_(None))
    companies = {company_id: bool(in_scope) for company_id, in_scope in session.execute(scopes)}
    agreements = {}
    for row in session.scalars(sa.select(PsaAgreement).where(PsaAgreement.gone_at.is_(None))):
        over = None if row.no_ending else row.end_date
        agreements[row.id] = KnownAgreement(
            company_id=row.company_id,
            in_scope=companies.get(row.company_id, False),
            ended=row.cancelled or (over is not None and over < today - sync_read.RECENT),
            additions_known_until=row.additions_known_until,
        )
    return Known(changed_since=changed_since, companies=frozenset(companies), agreements=agreements)


def _read(client: ConnectWise, claimed: _Claimed, report: sync_read.Report, *, at: datetime, today: date) -> Read:
    """Read what the run's kind asks for. A quick sync before any full one reads everything."""
    if claimed.agreement_id is not None:
        return sync_read.read_agreement(client, claimed.agreement_id, report)
    if claimed.known is not None:
        return sync_read.read_changes(client, claimed.known, report, at=at, today=today)
    return sync_read.read_all(client, report, at=at, today=today)


def _finish(session: Session, claimed: _Claimed, found: Read, *, at: datetime, after: After) -> None:
    """Apply what was read, and all that follows from it, in the caller's transaction."""
    run = session.get_one(SyncRun, claimed.run_id, populate_existing=True)
    connection = session.get(Connection, NAME, populate_existing=True)
    if run.state != "running" or connection is None or (connection.url, connection.company) != claimed.base:
        if run.state == "running":
            raise ListedNothing("The connection was changed while it was read. Start another sync.")
        raise _Lost
    applied = apply(session, found, now=at)
    changes = scope.refresh(session)
    whole = claimed.agreement_id is None
    if whole:
        connection.last_read_at = at
        known = [moment for moment in (connection.changed_since, found.known_until) if moment is not None]
        connection.changed_since = max(known, default=None)
        if claimed.known is None:
            connection.last_full_at = at
    after(session)
    real_now = datetime.now(UTC)
    run.state, run.running_mark, run.finished_at, run.heartbeat_at = "done", None, real_now, real_now
    run.phase, run.done, run.total = "Done", len(found.lines), len(found.lines)
    run.counts = {resource: asdict(counts) for resource, counts in applied.counts.items()}
    run.skipped = [{"what": s.what, "id": s.id, "reason": s.reason} for s in applied.skipped[:_SKIPS_KEPT]]
    session.flush()
    _record(session, claimed, run, applied, changes, at)


def _record(
    session: Session, claimed: _Claimed, run: SyncRun, applied: Applied, changes: scope.ScopeChanges, now: datetime
) -> None:
    """Note in the audit trail what a run changed; one that changed nothing, only where a person asked for it."""
    moved = {name: counts for name, counts in applied.counts.items() if counts.moved}
    by_person = claimed.requested_by != SYSTEM.name
    if not (moved or changes.joined or changes.left or by_person):
        return
    parts = [f"{name} {c.new} new, {c.changed} changed, {c.gone} gone" for name, c in moved.items()]
    if changes.joined or changes.left:
        parts.append(f"{len(changes.joined)} companies joined the scope and {len(changes.left)} left it")
    audit.record(
        session,
        what="sync",
        action="sync.done",
        by=Actor(claimed.requested_by) if by_person else SYSTEM,
        now=now,
        sentence=f"Finished a {_named(run)}: {'; '.join(parts) or 'nothing had changed'}.",
        agreement_id=claimed.agreement_id,
        details={
            "run": run.id,
            "counts": run.counts,
            "skipped": len(applied.skipped),
            "joined": list(changes.joined),
            "left": list(changes.left),
        },
    )


def _follow(now: datetime, zone: ZoneInfo) -> After:
    return lambda session: remaking.remake(session, now=now, zone=zone)


def _named(run: SyncRun) -> str:
    return f"sync of agreement {run.agreement_id}" if run.kind == "agreement" else f"{run.kind} sync"


def _when(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Write a time of today as a time, another one with its day."""
    local = moment.astimezone(zone)
    if local.date() == now.astimezone(zone).date():
        return f"{local:%H:%M}"
    return f"{day_text(local.date())}, {local:%H:%M}"
