"""What the connections' page and the runs show."""

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Push, SyncRun, UsageImport, Vendor

LAST_RUNS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a run found of one resource."""

    title: str
    new: int
    changed: int
    gone: int
    same: int
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunShown:
    """A run, as the screens show it.

    Args:
        seconds: That it worked, or works by now, without the pauses of one that went on; none before it starts.
        skipped: What was left out, each with what, id and reason.
    """

    id: int
    kind: str
    state: str
    agreement_id: int | None
    requested_by: str
    queued_at: datetime
    phase: str
    done: int
    total: int | None
    seconds: int | None
    counts: tuple[Counted, ...]
    skipped: tuple[dict[str, object], ...]
    error: str

    @property
    def over(self) -> bool:
        """Whether nothing more will happen with it."""
        return self.state in {"done", "failed"}

    @property
    def moved(self) -> int:
        """How many records were new, changed or gone."""
        return sum(each.new + each.changed + each.gone for each in self.counts)


def shown(run: SyncRun) -> RunShown:
    """Bring a run to the form in which it is shown."""
    return RunShown(
        id=run.id,
        kind=run.kind,
        state=run.state,
        agreement_id=run.agreement_id,
        requested_by=run.requested_by,
        queued_at=run.queued_at,
        phase=run.phase,
        done=run.done,
        total=run.total,
        seconds=worked_seconds(run),
        counts=tuple(
            Counted(
                title=name.replace("_", " ").capitalize(),
                new=int(found.get("new", 0)),
                changed=int(found.get("changed", 0)),
                gone=int(found.get("gone", 0)),
                same=int(found.get("same", 0)),
                skipped=int(found.get("skipped", 0)),
            )
            for name, found in (run.counts or {}).items()
        ),
        skipped=tuple(run.skipped or ()),
        error=run.error or "",
    )


def worked_seconds(run: SyncRun) -> int | None:
    """Give how long a run has worked, in seconds; none before it starts.

    One that went on after a pause stood still meanwhile, so its parts' own seconds count. A call that hangs stands in
    no part yet, so the clock counts for one that works or failed without a pause.
    """
    if run.started_at is None:
        return None
    parts = sum(float(part.get("seconds") or 0) for part in run.parts or ())
    if parts and (run.state == "done" or run.resumed):
        return int(parts)
    end = run.finished_at or datetime.now(UTC)
    return max(0, int((end - run.started_at).total_seconds()))


def last_runs(session: Session) -> list[RunShown]:
    """List the newest runs."""
    query = sa.select(SyncRun).order_by(SyncRun.id.desc()).limit(LAST_RUNS)
    return [shown(run) for run in session.scalars(query)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFile:
    """A vendor's newest file, and whether one of its files is held."""

    newest: UsageImport | None
    held: UsageImport | None


def last_files(session: Session) -> dict[str, LastFile]:
    """Give each vendor's newest committed and newest held file, by slug."""
    newest = (
        sa.select(sa.func.max(UsageImport.id))
        .where(UsageImport.state.in_(("committed", "held")))
        .group_by(UsageImport.vendor_id, UsageImport.state)
    )
    rows = session.execute(
        sa.select(Vendor.slug, UsageImport)
        .join(UsageImport, UsageImport.vendor_id == Vendor.id)
        .where(UsageImport.id.in_(newest))
    ).all()
    by_state: dict[tuple[str, str], UsageImport] = {(slug, found.state): found for slug, found in rows}
    return {
        slug: LastFile(newest=by_state.get((slug, "committed")), held=by_state.get((slug, "held")))
        for slug in {slug for slug, _ in rows}
    }


def planned_pushes(session: Session) -> int:
    """Count the decisions that were planned while nothing was sent."""
    return session.scalar(sa.select(sa.func.count()).select_from(Push).where(Push.state == "planned")) or 0
