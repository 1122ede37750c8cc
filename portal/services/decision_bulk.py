"""Many cards decided at once: stored first, then carried out in short turns, so that nobody waits for a long write.

A small number is decided at once, in the caller's transaction. Beyond that a worker carries the stored decision out.
How far it is and the decisions of a turn are one transaction: a worker that is killed leaves no half turn, and who goes
on after it decides nothing twice.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal.db.records import Batch, Bulk, BulkCard, Decision, Person
from portal.services import audit
from portal.services.actors import Actor, require
from portal.services.audit_guards import Unguarded
from portal.services.decision_bulk_verbs import VERBS, Chosen, Options, Turn
from portal.services.errors import Conflict, Invalid, NotFound, Refused
from portal.services.push_leases import is_gone

log = logging.getLogger(__name__)

AT_ONCE = 100  # cards that are decided in the request itself
TURN_CARDS = 50  # cards of one turn, at most
TURN_SECONDS = 0.2  # of real time, after which a turn takes no further card
PAUSE_SECONDS = 0.05  # between two turns, for other writers
LEASE = timedelta(seconds=60)  # real time; a turn is far shorter, and each renews it
_UNFINISHED = ("queued", "working")
_OURS = "Something failed on our side with this card. It was left as it was; decide it by itself."
_WORDS = {
    "approve": "Approve",
    "adjust": "Adjust",
    "dismiss": "Dismiss",
    "send": "Send",
    "second": "Confirm as second person",
    "undo": "Undo",
}

OpenSession = Callable[[], AbstractContextManager[Session]]


def begin(
    session: Session,
    action: str,
    chosen: Sequence[Chosen],
    *,
    by: Actor,
    now: datetime,
    today: date,
    options: Options,
    selection: str,
    undoes_id: int | None = None,
) -> Batch:
    """Decide many cards: a small number at once, more are stored for a worker. Wake one after the commit.

    Args:
        session: A writing session.
        action: One of `decision_bulk_verbs.VERBS`.
        chosen: The cards, in order; each counts once.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        options: What holds for all.
        selection: What was selected, in words.
        undoes_id: The batch that is taken back.

    Returns:
        The batch; `left_out` lists the cards that stay, each with why. `bulk_of` tells whether a worker goes on.

    Raises:
        NotAllowed: The role does not allow it.
        Invalid: No card was chosen.
    """
    require(by, "manager" if action == "second" else "biller", _purpose(action))
    cards = list({one.card_id: one for one in chosen}.values())
    if not cards:
        raise Invalid("No card is ticked. Nothing was decided.", {"card_id": "Tick a card."})
    batch = Batch(action=action, by=by.name, at=now, selection=selection, undoes_id=undoes_id, left_out=[])
    session.add(batch)
    session.flush()
    if len(cards) > AT_ONCE:
        _store(session, batch, cards, by=by, now=now, options=options)
        return batch
    turn = Turn(by=by, now=now, today=today, options=options, batch_id=batch.id)
    batch.left_out = [left for one in cards if (left := _decide_one(session, action, one, turn)) is not None]
    session.flush()
    return batch


def bulk_of(session: Session, batch_id: int) -> Bulk | None:
    """Give what a worker carries out for a batch; none where it was decided at once."""
    query = sa.select(Bulk).where(Bulk.batch_id == batch_id).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def due_bulks(session: Session, real_now: datetime) -> list[int]:
    """Give what waits for a worker, oldest first: nobody has it, or whoever had it gave no sign for too long."""
    free = sa.or_(Bulk.worker.is_(None), Bulk.leased_until.is_(None), Bulk.leased_until <= real_now)
    query = sa.select(Bulk.id).where(Bulk.state.in_(_UNFINISHED), free).order_by(Bulk.id)
    return list(session.scalars(query))


def free_the_dead(session: Session, *, starting: bool = False) -> None:
    """Take back what processes of this machine had that are gone, so that nobody waits for their time to be up."""
    query = sa.select(Bulk).where(Bulk.state.in_(_UNFINISHED), Bulk.worker.is_not(None))
    for bulk in session.scalars(query):
        if bulk.worker is not None and is_gone(bulk.worker, starting=starting):
            bulk.worker = bulk.leased_until = None


def stop(session: Session, bulk_id: int, *, by: Actor, now: datetime) -> Bulk:
    """Stop a bulk decision; what is decided stays decided, the other cards stay on the board.

    Raises:
        NotAllowed: The role does not allow it.
        NotFound: There is none.
        Conflict: It has ended already.
    """
    require(by, "biller", "stop bulk decisions")
    bulk = _locked(session, bulk_id)
    if bulk is None:
        raise NotFound(f"There is no bulk decision {bulk_id}.")
    if bulk.state not in _UNFINISHED:
        raise Conflict("It has ended already; there is nothing to stop. To take it back, undo the batch.")
    left = bulk.progress_total - bulk.progress_done
    bulk.stopped_by = by.name
    _end(session, bulk, "stopped", now=now, cause=f"Stopped by {by.name}.")
    audit.record(
        session,
        what="decision",
        action="batch.stop",
        by=by,
        now=now,
        sentence=f"Stopped batch {bulk.batch_id} after {bulk.progress_done:,} cards; {left:,} stay as they were.",
        details={"batch": bulk.batch_id, "bulk": bulk.id, "not_decided": left},
    )
    return bulk


def carry_out(
    open_session: OpenSession,
    bulk_id: int,
    *,
    worker: str,
    now: Callable[[], datetime],
    today: Callable[[], date],
    real_now: Callable[[], datetime],
    stopping: Callable[[], bool] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> bool:
    """Carry a stored decision out, turn by turn, until it ends or this worker is to. Running it twice is harmless.

    Args:
        open_session: Opens one writing transaction.
        bulk_id: Which one.
        worker: Who works; unique among all workers, also over time, as `push_leases.worker_name` makes it.
        now: The business clock.
        today: The day in the portal's time zone.
        real_now: Real time, for the lease.
        stopping: Tells that the worker is to end; the next one goes on.
        pause: Waits some seconds between two turns, so that others may write.

    Returns:
        Whether there is nothing left to do.
    """
    while not (stopping is not None and stopping()):
        with open_session() as session:
            bulk = _locked(session, bulk_id)
            if bulk is None or bulk.state not in _UNFINISHED:
                return True
            if bulk.worker not in {None, worker} and bulk.leased_until is not None and bulk.leased_until > real_now():
                return False  # another worker has it
            bulk.worker, bulk.leased_until, bulk.state = worker, real_now() + LEASE, "working"
            _turn(session, bulk, now=now(), today=today())
            ended = bulk.state not in _UNFINISHED
        if ended:
            return True
        pause(PAUSE_SECONDS)
    with open_session() as session:
        bulk = _locked(session, bulk_id)
        if bulk is not None and bulk.worker == worker:
            bulk.worker = bulk.leased_until = None
    return False


def _turn(session: Session, bulk: Bulk, *, now: datetime, today: date) -> None:
    """Decide the next cards, and move on by as many. The sweep finds the pushes that wait because of it."""
    by = _who(session, bulk)
    if isinstance(by, str):
        _end(session, bulk, "stopped", now=now, cause=by)
        return
    batch = session.get_one(Batch, bulk.batch_id)
    turn = Turn(by=by, now=now, today=today, options=Options.from_stored(bulk.options), batch_id=batch.id)
    query = (
        sa.select(BulkCard)
        .where(BulkCard.bulk_id == bulk.id, BulkCard.ordinal > bulk.progress_done)
        .order_by(BulkCard.ordinal)
        .limit(TURN_CARDS)
    )
    begun, done, left_out = time.monotonic(), 0, list(batch.left_out)
    for row in session.scalars(query).all():
        one = Chosen(card_id=row.card_id, seen=row.seen, decision_id=row.decision_id)
        left = _decide_one(session, bulk.action, one, turn)
        if left is not None:
            left_out.append(left)
        done += 1
        if time.monotonic() - begun > TURN_SECONDS:
            break
    if len(left_out) > len(batch.left_out):
        batch.left_out = left_out
    bulk.progress_done += done
    if bulk.progress_done >= bulk.progress_total or not done:
        _end(session, bulk, "done", now=now)
        _record_end(session, bulk, batch, by=by, now=now)
    session.flush()


def _decide_one(session: Session, action: str, one: Chosen, turn: Turn) -> dict[str, object] | None:
    """Decide one card on its own: one that is refused leaves the others alone.

    Returns:
        None, or the card with why it stays.
    """
    try:
        with session.begin_nested():
            VERBS[action](session, one, turn)
    except (Unguarded, OperationalError):
        raise  # the store, not the card: the whole turn is done again
    except Refused as error:
        return {"card_id": one.card_id, "sentence": str(error)}
    except Exception:
        log.exception("Card %s of batch %s could not be decided.", one.card_id, turn.batch_id)
        return {"card_id": one.card_id, "sentence": _OURS}
    return None


def _who(session: Session, bulk: Bulk) -> Actor | str:
    """Give who decides, in the role they have now; or why they may not any more."""
    if bulk.by_id is None:
        return Actor(bulk.by, None, bulk.role, bulk.address)
    person = session.get(Person, bulk.by_id, populate_existing=True)
    if person is None or not person.active:
        return f"{bulk.by} was switched off meanwhile. The cards that are left stay as they were."
    by = Actor(bulk.by, person.id, person.role, bulk.address)
    needed = "manager" if bulk.action == "second" else "biller"
    if not by.at_least(needed):
        return f"{bulk.by} is a {person.role} now and may not do this. The cards that are left stay as they were."
    return by


def _store(
    session: Session, batch: Batch, cards: Sequence[Chosen], *, by: Actor, now: datetime, options: Options
) -> None:
    """Keep what a worker is to carry out."""
    bulk = Bulk(
        batch_id=batch.id,
        action=batch.action,
        options=options.stored(),
        by_id=by.person_id,
        by=by.name,
        role=by.role,
        address=by.address,
        at=now,
        progress_total=len(cards),
    )
    session.add(bulk)
    session.flush()
    rows = [
        {
            "bulk_id": bulk.id,
            "ordinal": place,
            "card_id": one.card_id,
            "seen": one.seen,
            "decision_id": one.decision_id,
        }
        for place, one in enumerate(cards, start=1)
    ]
    session.execute(sa.insert(BulkCard), rows)
    audit.record(
        session,
        what="decision",
        action="batch.begin",
        by=by,
        now=now,
        sentence=f"{_WORDS[batch.action]}: {len(cards):,} cards together, as batch {batch.id}. {batch.selection}.",
        reason=options.reason,
        effective=options.day,
        details={"batch": batch.id, "bulk": bulk.id, "options": options.stored()},
    )


def _record_end(session: Session, bulk: Bulk, batch: Batch, *, by: Actor, now: datetime) -> None:
    left = len(batch.left_out)
    decided = bulk.progress_done - left
    audit.record(
        session,
        what="decision",
        action="batch.end",
        by=by,
        now=now,
        sentence=f"Batch {batch.id} is through: {decided:,} cards decided, {left:,} left as they were.",
        details={"batch": batch.id, "bulk": bulk.id, "left_out": left},
    )


def _end(session: Session, bulk: Bulk, state: str, *, now: datetime, cause: str | None = None) -> None:
    bulk.state, bulk.finished_at, bulk.cause = state, now, cause
    bulk.worker = bulk.leased_until = None
    session.flush()


def _locked(session: Session, bulk_id: int) -> Bulk | None:
    query = sa.select(Bulk).where(Bulk.id == bulk_id).with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def _purpose(action: str) -> str:
    return {"second": "be the second person", "undo": "undo decisions"}.get(action, "decide cards")


def members(batch_id: int) -> sa.ColumnElement[bool]:
    """Tell which decisions belong to a batch: those made in it, and those it confirmed or sent."""
    return sa.or_(Decision.batch_id == batch_id, Decision.confirm_batch_id == batch_id)
