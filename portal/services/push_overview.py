"""What the pages of pushes show: what waits, what is being sent, what needs a look, and whether any worker lives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.db.records import Card, Drift, Push, Setting
from portal.services.actors import SYSTEM

Show = Literal["waiting", "sending", "in_doubt", "needs_look", "planned", "settled"]
SHOWS: tuple[Show, ...] = ("waiting", "sending", "in_doubt", "needs_look", "planned", "settled")

_STOPPED = ("failed", "changed_in_psa")
_SIGN = "worker"  # under which workers leave their signs of life; it is no setting that people make
SILENT = timedelta(seconds=60)
"""Real time after which no worker is taken to live; each leaves a sign every quarter of a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How many pushes stand where. One that needs a look is counted there alone, though it goes on being tried.

    Args:
        waiting: Queued for a worker, also those that ConnectWise put off.
        sending: A worker carries them.
        in_doubt: An answer was lost, and it is being looked up.
        needs_look: Failed, changed in ConnectWise, or unable to go on for long.
        planned: Planned while the portal was read-only.
        drifted: Confirmed lines that somebody changed since, not acknowledged yet.
    """

    waiting: int = 0
    sending: int = 0
    in_doubt: int = 0
    needs_look: int = 0
    planned: int = 0
    drifted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSeen:
    """The last sign of life of any worker.

    Args:
        at: Real time; none: never.
        alive: It is not long ago.
    """

    at: datetime | None
    alive: bool

    @property
    def sentence(self) -> str:
        """Say that no worker is there, and what to do; "" where one is."""
        if self.alive:
            return ""
        since = "yet" if self.at is None else f"since {self.at:%d %b %Y, %H:%M} UTC"
        return (
            f"No worker has shown a sign of life {since}. Nothing is lost: what waits is carried out once one runs. "
            "Start it with “make worker”, or look why it stopped."
        )


def condition(show: Show) -> sa.ColumnElement[bool]:
    """Give what is in one part of the overview."""
    calm = Push.needs_look_at.is_(None)
    match show:
        case "waiting":
            return sa.and_(Push.state == "queued", calm)
        case "sending":
            return sa.and_(Push.state == "sending", calm)
        case "in_doubt":
            return sa.and_(Push.state == "in_doubt", calm)
        case "needs_look":
            stuck = sa.and_(Push.state.in_(("queued", "sending", "in_doubt")), Push.needs_look_at.is_not(None))
            return sa.or_(Push.state.in_(_STOPPED) & Push.card_id.in_(_hanging()), stuck)
        case "planned":
            return Push.state == "planned"
        case "settled":
            return Push.settled_at.is_not(None)


def overview(session: Session) -> Overview:
    """Count the pushes by where they stand, in one query and one for drift."""
    parts: tuple[Show, ...] = ("waiting", "sending", "in_doubt", "needs_look", "planned")
    live = Push.state.in_(("queued", "sending", "in_doubt", "planned", *_STOPPED))
    counts = session.execute(
        sa.select(*(sa.func.coalesce(sa.func.sum(sa.case((condition(part), 1), else_=0)), 0) for part in parts)).where(
            live
        )
    ).one()
    drifted = session.scalar(
        sa.select(sa.func.count()).select_from(Drift).where(Drift.acknowledged_at.is_(None), Drift.over_at.is_(None))
    )
    return Overview(**dict(zip(parts, counts, strict=True)), drifted=drifted or 0)


def listed(session: Session, show: Show, *, limit: int = 50, offset: int = 0) -> Sequence[Push]:
    """List one part of the overview, with steps, card and decision: oldest first, what is settled newest first."""
    order = Push.id.desc() if show == "settled" else Push.id
    return session.scalars(
        sa.select(Push)
        .where(condition(show))
        .options(selectinload(Push.steps), joinedload(Push.card), joinedload(Push.decision))
        .order_by(order)
        .limit(limit)
        .offset(offset)
    ).all()


def sign_of_life(session: Session, *, real_now: datetime) -> None:
    """Note that a worker lives.

    Args:
        session: A writing session.
        real_now: Real time.
    """
    found = session.get(Setting, _SIGN)
    if found is None:
        session.add(Setting(name=_SIGN, value={"at": real_now.isoformat()}, set_by=SYSTEM.name, set_at=real_now))
    else:
        found.value, found.set_at = {"at": real_now.isoformat()}, real_now
    session.flush()


def worker_seen(session: Session, real_now: datetime) -> WorkerSeen:
    """Tell when a worker last showed a sign of life.

    Args:
        session: For reading.
        real_now: Real time.
    """
    found = session.get(Setting, _SIGN, populate_existing=True)
    if found is None:
        return WorkerSeen(at=None, alive=False)
    at = datetime.fromisoformat(found.value["at"])
    return WorkerSeen(at=at, alive=real_now - at <= SILENT)


def _hanging() -> sa.Select[Any]:
    """Give the cards that still hang on a push's decision: one that was decided anew needs no look any more."""
    return sa.select(Card.id).where(Card.decision_id == Push.decision_id).correlate(Push)
