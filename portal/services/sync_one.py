"""Single agreements read anew, each applied in a short transaction of its own; and what a run's end is noted as."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise, ConnectWiseError, UnexpectedPayload
from portal.connectwise.errors import Rejected
from portal.db.records import Connection, PsaAgreement, SyncRun
from portal.services import audit, scope, sync_stage, sync_wanted
from portal.services.actors import SYSTEM, Actor
from portal.services.sync_apply import Applied, Given, apply
from portal.services.sync_claim import Turn
from portal.services.sync_lines import staged
from portal.services.sync_merge import Counts, ListedNothing
from portal.services.sync_progress import Lost
from portal.services.sync_read import read_agreement
from portal.services.sync_runs import NAME, named
from portal.services.sync_stage import LINES, MemoryStage, Staged
from portal.services.sync_values import Skip

log = logging.getLogger(__name__)

OpenSession = Callable[[], AbstractContextManager[Session]]
After = Callable[[Session, set[int] | None], None]
"""What follows where these companies' cards may be different (none: everybody's)."""

_ROUNDS = 40  # looks at what is wanted in one run for it; what is left then waits for the next


class OneReader:
    """Reads single agreements anew, for people, callbacks, and in between for a run at work.

    Args:
        open_session: Opens one writing transaction.
        client: The PSA.
        now: The business clock.
        base: Which ConnectWise that is.
        after: What follows from an agreement that was read.
    """

    def __init__(
        self,
        open_session: OpenSession,
        client: ConnectWise,
        *,
        now: Callable[[], datetime],
        base: tuple[str, str],
        after: After,
    ) -> None:
        self._open_session = open_session
        view = getattr(client, "urgent", None)  # goes before reads in bulk, where the calls a minute are few
        self._client: ConnectWise = client if view is None else view()
        self._now = now
        self._base = base
        self._after = after
        self.read: dict[str, Counts] = {}
        self.skipped: list[Skip] = []

    def read_one(self, agreement_id: int, turn: Turn) -> None:
        """Read the agreement that a run is about.

        Raises:
            ConnectWiseError: A call that gave nothing of use.
        """
        at, stage = self._now(), self._ask(agreement_id)
        with self._open_session() as session:
            run = session.get_one(SyncRun, turn.run_id, populate_existing=True)
            if run.state != "running" or run.worker != turn.worker:
                raise Lost
            applied, changes = self._apply(session, agreement_id, stage, at)
            settle_run(session, turn, applied.counts, applied.skipped)
            record(session, turn, applied, changes, at)

    def read_due(self) -> None:
        """Read what is wanted, until nothing is.

        Raises:
            ConnectWiseError: ConnectWise does not answer, or refuses all; a run that fails puts its wishes off.
        """
        for _ in range(_ROUNDS):
            with self._open_session() as session:
                wishes = sync_wanted.due(session, real_now=datetime.now(UTC))
            if not wishes:
                return
            for wish in wishes:
                self._read(wish)

    def read_due_quietly(self) -> None:
        """Read some of what is wanted, between two calls of a run at work, which has troubles of its own."""
        with self._open_session() as session:
            wishes = sync_wanted.due(session, real_now=datetime.now(UTC))
        for wish in wishes:
            try:
                self._read(wish)
            except ConnectWiseError as error:
                log.info("Agreement %s could not be read in between: %s", wish.agreement_id, error)
                with self._open_session() as session:
                    sync_wanted.put_off(session, real_now=datetime.now(UTC))
                return

    def _read(self, wish: sync_wanted.Wish) -> None:
        """Read one wanted agreement and apply it at once; one that is refused is not asked for again."""
        at = self._now()
        try:
            stage = self._ask(wish.agreement_id)
        except (Rejected, UnexpectedPayload) as error:
            if _of_all(error):
                raise
            self.skipped.append(Skip("agreement", wish.agreement_id, str(error)))
            with self._open_session() as session:
                sync_wanted.settle(session, wish)
            return
        with self._open_session() as session:
            applied, changes = self._apply(session, wish.agreement_id, stage, at)
            sync_wanted.settle(session, wish)
            _record_wish(session, wish, applied, changes, at)
        self.skipped += applied.skipped
        for name, counts in applied.counts.items():
            total = self.read.setdefault(name, Counts())
            for field, number in asdict(counts).items():
                setattr(total, field, getattr(total, field) + number)

    def _ask(self, agreement_id: int) -> MemoryStage:
        stage = MemoryStage()
        if read_agreement(self._client, agreement_id, stage):
            stage.put(staged(each, whole=True) for each in self._client.additions.of_many([agreement_id]))
        else:
            stage.put([Staged(LINES, agreement_id, {"rows": [], "ids": None, "same": 0, "missing": True, "skips": []})])
        return stage

    def _apply(
        self, session: Session, agreement_id: int, stage: MemoryStage, at: datetime
    ) -> tuple[Applied, scope.ScopeChanges]:
        connection = session.get(Connection, NAME, populate_existing=True)
        if connection is None or (connection.url, connection.company) != self._base:
            raise ListedNothing("The connection was changed while it was read. Start another sync.")
        applied = apply(session, Given(stage=stage, now=at, until=self._now()))
        changes = scope.refresh(session)
        applied.touches([*changes.joined, *changes.left])
        company_id = session.scalar(sa.select(PsaAgreement.company_id).where(PsaAgreement.id == agreement_id))
        sync_stage.note_meanwhile(session, agreement_id, company_id)
        self._after(session, applied.companies)
        return applied, changes


def _of_all(error: Rejected | UnexpectedPayload) -> bool:
    """Tell whether an error is no fault of the one agreement that was asked for."""
    return error.unauthorized if isinstance(error, Rejected) else error.record_id is None


def settle_run(session: Session, turn: Turn, counts: Mapping[str, Counts], skipped: Sequence[Skip]) -> None:
    """Note that a run is done.

    Raises:
        Lost: It was given to another worker meanwhile.
    """
    run = session.get_one(SyncRun, turn.run_id, populate_existing=True)
    if run.state != "running" or run.worker != turn.worker:
        raise Lost
    real_now = datetime.now(UTC)
    run.state, run.running_mark, run.worker, run.finished_at, run.heartbeat_at = "done", None, None, real_now, real_now
    run.phase, run.tries, run.try_at, run.error = "Done", 0, None, None
    if run.total is not None:
        run.done = run.total
    run.counts = {resource: asdict(each) for resource, each in counts.items()}
    run.skipped = [asdict_skip(skip) for skip in skipped]
    session.flush()


def asdict_skip(skip: Skip) -> dict[str, Any]:
    """Give a skip as a run's row keeps it."""
    return {"what": skip.what, "id": skip.id, "reason": skip.reason}


def record(session: Session, turn: Turn, applied: Applied, changes: scope.ScopeChanges, now: datetime) -> None:
    """Note in the audit trail what a run changed; one that changed nothing, only where a person asked for it."""
    by_person = turn.requested_by != SYSTEM.name
    said = _said(applied, changes)
    if not (said or by_person):
        return
    run = session.get_one(SyncRun, turn.run_id)
    audit.record(
        session,
        what="sync",
        action="sync.done",
        by=Actor(turn.requested_by) if by_person else SYSTEM,
        now=now,
        sentence=f"Finished a {named(run)}: {said or 'nothing had changed'}.",
        agreement_id=turn.agreement_id,
        details={"run": run.id, **_details(applied, changes)},
    )


def _record_wish(
    session: Session, wish: sync_wanted.Wish, applied: Applied, changes: scope.ScopeChanges, now: datetime
) -> None:
    """Note what reading a wanted agreement changed, if it changed anything."""
    said = _said(applied, changes)
    if said:
        audit.record(
            session,
            what="sync",
            action="sync.done",
            by=SYSTEM,
            now=now,
            sentence=f"Read agreement {wish.agreement_id} again: {said}.",
            agreement_id=wish.agreement_id,
            details=_details(applied, changes),
        )


def _said(applied: Applied, changes: scope.ScopeChanges) -> str:
    moved = {name: counts for name, counts in applied.counts.items() if counts.moved}
    parts = [f"{name} {c.new} new, {c.changed} changed, {c.gone} gone" for name, c in moved.items()]
    if changes.joined or changes.left:
        parts.append(f"{len(changes.joined)} companies joined the scope and {len(changes.left)} left it")
    return "; ".join(parts)


def _details(applied: Applied, changes: scope.ScopeChanges) -> dict[str, Any]:
    return {
        "counts": {resource: asdict(each) for resource, each in applied.counts.items()},
        "skipped": sum(each.skipped for each in applied.counts.values()),
        "joined": list(changes.joined),
        "left": list(changes.left),
    }
