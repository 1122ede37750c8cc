"""Runs as they stand in the store: asked for, waiting, at work, over. One works at a time: the database sees to it.

A worker that died is noticed by its process or its silence; its run waits again and goes on where it stopped.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Connection, SyncRun
from portal.domain.periods import day_text
from portal.services import audit, push_leases, sync_stage, sync_wanted
from portal.services.actors import SYSTEM, Actor, require
from portal.services.errors import Conflict, Invalid, NotFound

NAME = "connectwise"
KINDS = ("full", "quick", "agreement")
WHOLE = ("full", "quick")
ACTIVE = ("queued", "running")
SILENCE = timedelta(minutes=3)  # real time without a sign of life, after which a run's worker counts as dead
MOST_RESUMED = 20  # deaths of its worker, after which a run is given up
GO_ON = timedelta(hours=1)  # real time for which a failed run's readings wait for another one of its kind
_KEPT = 1000  # runs of people and the schedule in the history
_WANTED_KEPT = 200  # runs for single agreements that were wanted


class SyncActive(Conflict):
    """Another run is waiting or working.

    Args:
        sentence: Which one, since when.
        run_id: That run.
    """

    def __init__(self, sentence: str, run_id: int) -> None:
        super().__init__(sentence)
        self.run_id = run_id


def request_sync(session: Session, kind: str, *, agreement_id: int | None = None, by: Actor, now: datetime) -> SyncRun:
    """Queue a sync. It goes on where a failed one of its kind stopped lately.

    Args:
        session: A writing session.
        kind: `full`, `quick` (what changed) or `agreement` (one agreement anew).
        agreement_id: Which one, for the last kind only.
        by: Who asks; a biller may.
        now: By the business clock.

    Returns:
        The run. Where another one waits or works, and one agreement is asked for, it is that other one, which reads
        the agreement before anything else, or lets it be read while it waits itself.

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
    real_now = datetime.now(UTC)
    recover(session, real_now=real_now)
    active = active_run(session)
    if active is not None and agreement_id is not None:
        sync_wanted.want_agreement(session, agreement_id, cause=by.name, real_now=real_now)
        return active
    if active is not None and active.kind != "wanted":  # that one takes seconds
        doing = "is at work" if active.state == "running" else "waits for its turn"
        raise SyncActive(f"A {named(active)} {doing} already. Watch it, or start another when it is done.", active.id)
    run = SyncRun(
        kind=kind, agreement_id=agreement_id, requested_by=by.name, queued_at=now, phase="Waiting for a worker"
    )
    session.add(run)
    session.flush()
    if kind in WHOLE:
        _go_on(session, run, real_now)
    return run


def _go_on(session: Session, run: SyncRun, real_now: datetime) -> None:
    """Hand over what a failed run of the same kind has read, if that is not long ago."""
    query = sa.select(SyncRun).where(SyncRun.kind == run.kind, SyncRun.id < run.id)
    last = session.scalars(query.order_by(SyncRun.id.desc()).limit(1)).first()
    if last is None or last.state != "failed" or last.finished_at is None or last.finished_at < real_now - GO_ON:
        return
    if sync_stage.begun(session, last.id) is not None:
        sync_stage.hand_over(session, last.id, run.id)
        run.parts = last.parts
        run.phase = f"Waiting for a worker, to go on where run {last.id} stopped"
        session.flush()


def active_run(session: Session) -> SyncRun | None:
    """Give the run that is waiting or working, if any; one that works first."""
    query = sa.select(SyncRun).where(SyncRun.state.in_(ACTIVE)).order_by(SyncRun.running_mark, SyncRun.id.desc())
    found = list(session.scalars(query))
    return next((run for run in found if run.running_mark == 1), found[0] if found else None)


def due_syncs(session: Session) -> list[int]:
    """Give the runs that may begin or go on now, those for wanted agreements first, else oldest first."""
    may = sa.or_(SyncRun.try_at.is_(None), SyncRun.try_at <= datetime.now(UTC))
    query = sa.select(SyncRun.id).where(SyncRun.state == "queued", may)
    return list(session.scalars(query.order_by(SyncRun.kind != "wanted", SyncRun.id)))


def recover(session: Session, *, real_now: datetime, starting: bool = False) -> list[int]:
    """Let runs wait again whose worker is gone or fell silent, and name them. They go on where they stopped.

    Args:
        session: A writing session.
        real_now: Real time.
        starting: This process has only begun, so a run of its own process id is a dead one's.
    """
    running = session.scalars(sa.select(SyncRun).where(SyncRun.state == "running"))
    dead = [
        run
        for run in running
        if (run.heartbeat_at is not None and run.heartbeat_at < real_now - SILENCE)
        or push_leases.is_gone(run.worker or "", starting=starting)
    ]
    for run in dead:
        run.running_mark, run.worker, run.resumed = None, None, run.resumed + 1
        if run.resumed > MOST_RESUMED:
            run.state, run.finished_at = "failed", real_now
            run.error = (
                f"Its worker stopped {run.resumed} times in the middle of it. Nothing was changed. Look at what ends "
                "the workers, then start another sync."
            )
            sync_stage.forbid(session, [run.id])
            if run.kind == "wanted":
                sync_wanted.put_off(session, real_now=real_now)
        else:
            run.state, run.try_at = "queued", None
            run.phase = "Its worker stopped; it goes on where it was"
    session.flush()
    return [run.id for run in dead]


def fail(session: Session, run_id: int, why: str, *, now: datetime, zone: ZoneInfo, keep: bool = False) -> None:
    """Note that a run failed, or cannot even begin; the last whole picture stays in place.

    Args:
        session: A writing session.
        run_id: The run; one that is over is left alone.
        why: What happened, and what to do, as sentences.
        now: By the business clock.
        zone: The portal's time zone.
        keep: Whether another run of its kind may go on with what it has read.
    """
    run = session.get_one(SyncRun, run_id, populate_existing=True)
    if run.state not in ACTIVE:
        return
    connection = session.get(Connection, NAME)
    read_at = None if connection is None else connection.last_read_at
    kept = "Nothing was read yet." if read_at is None else f"The picture of {when(read_at, now, zone)} stays in use."
    if keep and _has_read(run):
        minutes = int(GO_ON.total_seconds() // 60)
        kept = f"A {run.kind} sync that is started within {minutes} minutes goes on where it stopped. {kept}"
    else:
        sync_stage.forbid(session, [run.id])
    if run.kind == "wanted":
        sync_wanted.put_off(session, real_now=datetime.now(UTC))
    earlier = sa.select(SyncRun.state).where(SyncRun.id < run.id, SyncRun.state.in_(("done", "failed")))
    before = session.scalar(earlier.order_by(SyncRun.id.desc()).limit(1))
    run.state, run.running_mark, run.worker, run.finished_at = "failed", None, None, datetime.now(UTC)
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
        sentence=f"A {named(run)} failed: {run.error}",
        agreement_id=run.agreement_id,
        details={"run": run.id},
    )


def _has_read(run: SyncRun) -> bool:
    return run.kind in WHOLE and any(part["done"] for part in run.parts)


def let_go(session: Session, *, real_now: datetime) -> None:
    """Keep no longer what failed runs have read, once no other run may go on with it."""
    late = sa.select(SyncRun.id).where(SyncRun.state == "failed", SyncRun.finished_at < real_now - GO_ON)
    sync_stage.forbid(session, list(session.scalars(late.where(SyncRun.id.in_(sync_stage.beginnings())))))


def prune(session: Session) -> None:
    """Drop the oldest runs of a long history."""
    for of_these, kept in ((SyncRun.kind != "wanted", _KEPT), (SyncRun.kind == "wanted", _WANTED_KEPT)):
        over = sa.select(SyncRun.id).where(of_these, SyncRun.state.not_in(ACTIVE)).order_by(SyncRun.id.desc())
        oldest = session.scalar(over.offset(kept).limit(1))
        if oldest is not None:
            gone = sa.delete(SyncRun).where(of_these, SyncRun.state.not_in(ACTIVE), SyncRun.id <= oldest)
            session.execute(gone.execution_options(synchronize_session=False))


def named(run: SyncRun) -> str:
    """Name a run in a sentence."""
    if run.kind == "wanted":
        return "reading of wanted agreements"
    return f"sync of agreement {run.agreement_id}" if run.kind == "agreement" else f"{run.kind} sync"


def when(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Write a time of today as a time, another one with its day."""
    local = moment.astimezone(zone)
    if local.date() == now.astimezone(zone).date():
        return f"{local:%H:%M}"
    return f"{day_text(local.date())}, {local:%H:%M}"
