"""Agreements that are wanted at once: noted in the store, so that no wish is lost, and read anew within seconds.

The run at work reads them between two of its own calls. Where none is at work, a run of their own does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AgreementWanted, Connection, SyncRun
from portal.services.actors import SYSTEM

AT_ONCE = 25  # agreements at most between two calls of a run, so that it goes on as well
MOST_TRIES = 12  # then the next quick sync has to do
_PAUSES = (5, 15, 30, 60, 120, 300)  # seconds of real time after a try that failed; then the last one again and again
_CAUSE = 64


@dataclass(frozen=True, slots=True)
class Wish:
    """An agreement that is wanted, and since when; asked for again meanwhile, it is read again."""

    agreement_id: int
    asked_at: datetime


def want_agreement(session: Session, agreement_id: int, *, cause: str, real_now: datetime) -> None:
    """Ask for an agreement to be read anew at once; several wishes for one are one.

    Args:
        session: A writing session.
        agreement_id: ConnectWise's id; the portal need not know the agreement yet.
        cause: Who wants it, in a word or two.
        real_now: Real time.
    """
    found = session.get(AgreementWanted, agreement_id, populate_existing=True)
    if found is None:
        found = AgreementWanted(agreement_id=agreement_id)
        session.add(found)
    found.cause, found.asked_at, found.tries, found.try_at = cause[:_CAUSE], real_now, 0, None
    session.flush()


def wanted(session: Session) -> list[int]:
    """Give the agreements that are wanted, those that wait longest first."""
    query = sa.select(AgreementWanted.agreement_id)
    return list(session.scalars(query.order_by(AgreementWanted.asked_at, AgreementWanted.agreement_id)))


def due(session: Session, *, real_now: datetime) -> list[Wish]:
    """Give what may be read now, those that wait longest first, some at a time."""
    query = (
        sa.select(AgreementWanted.agreement_id, AgreementWanted.asked_at)
        .where(sa.or_(AgreementWanted.try_at.is_(None), AgreementWanted.try_at <= real_now))
        .order_by(AgreementWanted.asked_at, AgreementWanted.agreement_id)
        .limit(AT_ONCE)
    )
    return [Wish(agreement_id, asked_at) for agreement_id, asked_at in session.execute(query)]


def start(session: Session, *, now: datetime, real_now: datetime) -> int | None:
    """Queue a run for what is wanted, unless one is at work or about to be.

    Args:
        session: A writing session.
        now: By the business clock.
        real_now: Real time.

    Returns:
        The run that was queued, if one was.
    """
    if not due(session, real_now=real_now) or session.get(Connection, "connectwise") is None:
        return None
    soon = sa.and_(SyncRun.state == "queued", sa.or_(SyncRun.try_at.is_(None), SyncRun.try_at <= real_now))
    if session.scalar(sa.select(sa.exists().where(sa.or_(SyncRun.state == "running", soon)))):
        return None
    run = SyncRun(kind="wanted", requested_by=SYSTEM.name, queued_at=now, phase="Waiting for a worker")
    session.add(run)
    session.flush()
    return run.id


def settle(session: Session, wish: Wish) -> None:
    """Note that an agreement was read; one that was asked for again since stays wanted."""
    done = sa.delete(AgreementWanted).where(
        AgreementWanted.agreement_id == wish.agreement_id, AgreementWanted.asked_at <= wish.asked_at
    )
    session.execute(done.execution_options(synchronize_session=False))


def put_off(session: Session, *, real_now: datetime) -> None:
    """Note that what may be read now could not be: it is tried again later, and given up after many tries."""
    may = sa.or_(AgreementWanted.try_at.is_(None), AgreementWanted.try_at <= real_now)
    for found in session.scalars(sa.select(AgreementWanted).where(may).execution_options(populate_existing=True)):
        found.tries += 1
        if found.tries >= MOST_TRIES:
            session.delete(found)
        else:
            pause = _PAUSES[min(found.tries, len(_PAUSES)) - 1]
            found.try_at = real_now + timedelta(seconds=pause)
    session.flush()
