"""A worker's turn on a run: who may take it, and with what it goes on."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.connectwise import AddressRefused, ConnectWise
from portal.connectwise.address import normalise
from portal.db.engine import WRITES
from portal.db.records import Connection, PsaAgreement, PsaCompany, SyncRun
from portal.domain.periods import local_day
from portal.services import push_leases, sync_stage
from portal.services.sync_read import Known, KnownAgreement, ended
from portal.services.sync_runs import NAME, WHOLE, recover

STAGED_FOR = timedelta(hours=6)  # real time after which what was read first is too old to go on with


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a worker knows of the run it works on.

    Args:
        worker: This turn's name, unique over all workers and time.
        base: Which ConnectWise it reads.
        known: What is already known; none: everything is read.
        at: When the reading first began, by the business clock.
        real_at: The same in real time.
        parts: How far it was when it stopped.
        engine: The store.
    """

    run_id: int
    kind: str
    agreement_id: int | None
    requested_by: str
    worker: str
    base: tuple[str, str]
    known: Known | None
    at: datetime
    real_at: datetime
    parts: list[dict[str, Any]]
    engine: sa.Engine
    begun: float = field(default_factory=time.monotonic)

    def elapsed(self) -> timedelta:
        """Tell for how long the run has been reading, pauses included."""
        here = timedelta(seconds=time.monotonic() - self.begun)
        return max(here, datetime.now(UTC) - self.real_at)

    @property
    def open_reading(self) -> Callable[[], Session]:
        """Opens a session for reading, which waits for no writer."""
        engine = self.engine.execution_options(**{WRITES: False})
        return lambda: Session(engine, expire_on_commit=False)


def claim(session: Session, client: ConnectWise, run_id: int, *, now: datetime, zone: ZoneInfo) -> Turn | None:
    """Take a queued run, unless another one works; the unique mark decides between two workers.

    Args:
        session: A writing session.
        client: The PSA that would be read.
        run_id: The run.
        now: By the business clock.
        zone: The portal's time zone.

    Returns:
        The turn; none where the run is not waiting, another works, or the client is not the connection's any more.
    """
    real_now = datetime.now(UTC)
    recover(session, real_now=real_now)
    connection = session.get(Connection, NAME, populate_existing=True)
    if connection is None or client.address.base != _base(connection):
        return None
    worker = push_leases.worker_name()
    try:
        with session.begin_nested():
            if session.scalar(sa.select(sa.exists().where(SyncRun.running_mark == 1))):
                return None
            may = sa.or_(SyncRun.try_at.is_(None), SyncRun.try_at <= real_now)
            taking = sa.update(SyncRun).where(SyncRun.id == run_id, SyncRun.state == "queued", may)
            values = {"running_mark": 1, "worker": worker, "heartbeat_at": real_now, "try_at": None}
            taking = taking.values(state="running", phase="Connecting", **values).returning(SyncRun.id)
            if session.execute(taking.execution_options(synchronize_session=False)).scalar_one_or_none() is None:
                return None
    except IntegrityError:
        return None
    run = session.get_one(SyncRun, run_id, populate_existing=True)
    at, real_at = now, real_now
    known: Known | None = None
    if run.kind in WHOLE:
        since = connection.changed_since if run.kind == "quick" and connection.last_full_at is not None else None
        at, real_at = _start(session, run, connection, since, (now, real_now))
        known = None if since is None else _known(session, since, local_day(at, zone))
    run.started_at = run.started_at or real_at
    session.flush()
    return Turn(
        run_id=run.id,
        kind=run.kind,
        agreement_id=run.agreement_id,
        requested_by=run.requested_by,
        worker=worker,
        base=(connection.url, connection.company),
        known=known,
        at=at,
        real_at=real_at,
        parts=list(run.parts),
        engine=session.connection().engine,
    )


def _base(connection: Connection) -> str:
    """Give the base that a client of this connection has."""
    try:
        return normalise(connection.url, allow_private=connection.allow_private).base
    except AddressRefused:
        return ""


def _start(
    session: Session, run: SyncRun, connection: Connection, since: datetime | None, now: tuple[datetime, datetime]
) -> tuple[datetime, datetime]:
    """Go on with what the run has staged where that may be, or begin anew; gives when its reading first began."""
    same = {
        "url": connection.url,
        "company": connection.company,
        "since": None if since is None else since.isoformat(),
    }
    before = sync_stage.begun(session, run.id)
    if before is not None and all(before[name] == value for name, value in same.items()):
        at, real_at = datetime.fromisoformat(before["at"]), datetime.fromisoformat(before["real_at"])
        if now[1] - STAGED_FOR < real_at <= now[1]:
            return at, real_at
    sync_stage.throw_away(session, run.id)
    sync_stage.begin(session, run.id, {**same, "at": now[0].isoformat(), "real_at": now[1].isoformat()})
    run.parts = []
    return now


def _known(session: Session, changed_since: datetime, today: date) -> Known:
    scopes = sa.select(PsaCompany.id, PsaCompany.in_scope).where(PsaCompany.gone_at.is_(None))
    companies = {company_id: bool(in_scope) for company_id, in_scope in session.execute(scopes)}
    columns = (
        PsaAgreement.id,
        PsaAgreement.company_id,
        PsaAgreement.cancelled,
        PsaAgreement.no_ending,
        PsaAgreement.end_date,
        PsaAgreement.additions_known_until,
    )
    agreements = {
        row.id: KnownAgreement(
            company_id=row.company_id,
            in_scope=companies.get(row.company_id, False),
            ended=ended(cancelled=row.cancelled, no_ending=row.no_ending, end_date=row.end_date, today=today),
            additions_known_until=row.additions_known_until,
        )
        for row in session.execute(sa.select(*columns).where(PsaAgreement.gone_at.is_(None)))
    }
    return Known(changed_since=changed_since, companies=frozenset(companies), agreements=agreements)
