"""Pushes: what carries decisions to ConnectWise. Running one is in `push_running`; here is what surrounds it."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.db.records import AgreementLease, Push, PushStep
from portal.domain.reconcile import why_stale
from portal.services.actors import Actor, require
from portal.services.card_making import IN_FLIGHT, UNSENT
from portal.services.card_picture import billed_agreements, companies_by_id
from portal.services.decision_checks import load, writing_is_on
from portal.services.errors import Conflict, NotFound
from portal.services.push_overview import Overview, WorkerSeen, listed, overview, worker_seen
from portal.services.push_points import passed
from portal.services.push_running import CRASH_POINTS, Pace, run_push
from portal.services.push_settling import Settling
from portal.services.push_settling import stale as settle_stale
from portal.services.push_work import ASKED

__all__ = [
    "CRASH_POINTS",
    "Overview",
    "Pace",
    "WorkerSeen",
    "as_json",
    "cannot_begin",
    "due_pushes",
    "get",
    "give_up",
    "listed",
    "overview",
    "retry",
    "run_push",
    "say_whose",
    "stop_stale",
    "worker_seen",
]

_ABANDONABLE = {"failed", "queued", "sending"}
_LOOK_AGAIN = timedelta(seconds=30)  # real time after which a push that could not begin is tried again


def get(session: Session, push_id: int) -> Push:
    """Read a push.

    Raises:
        NotFound: There is no such push.
    """
    push = session.get(Push, push_id, populate_existing=True)
    if push is None:
        raise NotFound(f"There is no push {push_id}.")
    return push


def due_pushes(session: Session, real_now: datetime) -> list[int]:
    """Give the pushes that a worker may carry on now, oldest first.

    Args:
        session: For reading.
        real_now: Real time: back-off and leases are over.
    """
    busy = sa.select(AgreementLease.agreement_id).where(AgreementLease.until > real_now)
    query = (
        sa.select(Push.id)
        .where(
            Push.state.in_(sorted(IN_FLIGHT)),
            sa.or_(Push.next_try_at.is_(None), Push.next_try_at <= real_now),
            Push.agreement_id.not_in(busy),
        )
        .order_by(Push.id)
    )
    return list(session.scalars(query))


def cannot_begin(session: Session, push_id: int, why: str, *, real_now: datetime) -> float | None:
    """Say on a push why no worker can carry it on just now. It stays, goes on by itself later, and can be given up.

    Args:
        session: A writing session.
        push_id: The push; one that is settled, or that a worker has, is left alone.
        why: What stands in the way and what to do, as sentences.
        real_now: Real time.

    Returns:
        Seconds until it is tried again; none where nothing is to be done.
    """
    push = session.get(Push, push_id, populate_existing=True)
    if push is None or push.state not in IN_FLIGHT or push.worker is not None:
        return None
    push.cause, push.next_try_at = f"{why} It goes on by itself afterwards.", real_now + _LOOK_AGAIN
    session.flush()
    return _LOOK_AGAIN.total_seconds()


def retry(session: Session, push_id: int, *, by: Actor, now: datetime) -> Push:
    """Send a failed push again, or try at once one that waits for long; what stands already is not sent twice.

    Args:
        session: A writing session.
        push_id: The push.
        by: A biller or above.
        now: By the business clock.

    Raises:
        NotAllowed: The role does not allow it.
        NotFound: There is no such push.
        Conflict: It neither failed nor waits for long, its card was decided anew, or the portal is read-only.
    """
    require(by, "biller", "try a write again")
    push = get(session, push_id)
    load(session, push.card_id)
    at = Settling(session=session, push=push, now=now)
    if push.needs_look_at is not None and push.state in IN_FLIGHT and push.worker is None:
        push.tries, push.next_try_at = 0, None
        session.flush()
        at.tell("push.retry", f"Tries at once to write {push.card.product} of {push.card.company}.", by=by)
        passed("retrying")
        return push
    if push.state != "failed":
        raise Conflict(f"This push is {_state_words(push)}; only one that failed can be tried again.")
    if push.card.state == "stale":
        raise Conflict(f"{push.card.stale_reason} Nothing is sent; the card can only be dismissed.")
    if not at.is_current():
        raise Conflict("The card was decided anew since, so this is not tried again.")
    if not writing_is_on(session):
        raise Conflict("The portal is read-only: nothing is sent until an admin switches writing on.")
    for step in push.steps:
        if step.state == "refused":
            step.state = "waiting"
    push.tries, push.next_try_at, push.settled_at = 0, None, None
    push.troubled_since = push.needs_look_at = None
    asked = any(step.state in ASKED for step in push.steps)
    written = any(step.state in {"done", "found"} for step in push.steps)
    at.move("in_doubt" if asked else "sending" if written else "queued", None)
    session.flush()
    at.tell("push.retry", f"Tries again to write {push.card.product} of {push.card.company}.", by=by)
    passed("retrying")
    return push


def give_up(session: Session, push_id: int, *, by: Actor, now: datetime, reason: str | None = None) -> Push:
    """Give a push up; what was written of it stands, and the card can be decided again.

    Args:
        session: A writing session.
        push_id: The push.
        by: A biller or above.
        now: By the business clock.
        reason: Why, if the person says so.

    Raises:
        NotAllowed: The role does not allow it.
        NotFound: There is no such push.
        Conflict: It is settled, a worker has it, or it is not known yet whether its write arrived.
    """
    require(by, "biller", "give a write up")
    push = get(session, push_id)
    load(session, push.card_id)
    if push.state == "in_doubt" or any(step.state in ASKED for step in push.steps):
        raise Conflict("It is not known yet whether the write arrived. It is being looked up; give it up afterwards.")
    if push.state not in _ABANDONABLE or push.worker is not None:
        raise Conflict(f"This push is {_state_words(push)}, so it cannot be given up now.")
    at = Settling(session=session, push=push, now=now)
    before = push.cause
    at.end("given_up", f"Given up by {by.name}. {before or ''}".strip())
    session.flush()
    sentence = f"Gave up writing {push.card.product} of {push.card.company}."
    at.tell("push.given_up", sentence, by=by, reason=reason, details={"cause": before})
    passed("giving_up")
    return push


def say_whose(session: Session, push_id: int, *, ours: bool, by: Actor, now: datetime) -> Push:
    """Say whose a line is of which ConnectWise could not tell who made it; wake a worker after the commit.

    Args:
        session: A writing session.
        push_id: A push in doubt that needs a look.
        ours: Our write had arrived; else somebody else made the line, and it is recorded as found, not written.
        by: A biller or above.
        now: By the business clock.

    Raises:
        NotAllowed: The role does not allow it.
        NotFound: There is no such push.
        Conflict: It is not in such doubt, or a worker has it.
    """
    require(by, "biller", "say whose a line is")
    push = get(session, push_id)
    load(session, push.card_id)
    if push.state != "in_doubt" or push.needs_look_at is None or push.worker is not None:
        raise Conflict(f"This push is {_state_words(push)}, and nobody need say whose its line is.")
    push.found = {**push.found, "ours": ours, "said_by": by.name}
    push.tries, push.next_try_at = 0, None
    session.flush()
    word = "our own write" if ours else "somebody else's"
    sentence = f"Said that what stands in ConnectWise for {push.card.product} of {push.card.company} is {word}."
    Settling(session=session, push=push, now=now).tell("push.said_whose", sentence, by=by, details={"ours": ours})
    passed("saying_whose")
    return push


def stop_stale(session: Session, *, now: datetime, zone: ZoneInfo, today: date) -> list[int]:
    """Stop what was decided but not sent for agreements that are gone; their cards become stale.

    A push that a worker has is left to it: it reads the agreement before each write and stops by itself.

    Args:
        session: A writing session.
        now: By the business clock.
        zone: The portal's time zone.
        today: In the portal's time zone.

    Returns:
        The pushes that were stopped.
    """
    session.flush()
    query = (
        sa.select(Push)
        .where(Push.state.in_(sorted(UNSENT | {"queued"})), Push.worker.is_(None))
        .options(joinedload(Push.card), selectinload(Push.steps), joinedload(Push.decision))
        .order_by(Push.id)
    )
    waiting = list(session.scalars(query))
    if not waiting:
        return []
    billed = billed_agreements(session, today)
    companies = companies_by_id(session, {push.card.company_id for push in waiting})
    stopped = []
    for push in waiting:
        reason = why_stale(billed.get(push.agreement_id), companies.get(push.card.company_id))
        if reason is not None:
            settle_stale(Settling(session=session, push=push, now=now, zone=zone), reason)
            stopped.append(push.id)
    return stopped


def as_json(session: Session, *where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    """Give pushes as `pushes list --format json` prints them, oldest first."""
    query = (
        sa.select(Push)
        .where(*where)
        .options(selectinload(Push.steps), joinedload(Push.card), joinedload(Push.decision))
        .order_by(Push.id)
    )
    return [_push_json(push) for push in session.scalars(query)]


def _push_json(push: Push) -> dict[str, Any]:
    return {
        "id": push.id,
        "card": push.card_id,
        "decision": push.decision_id,
        "action": push.decision.action,
        "company": push.card.company_id,
        "agreement": push.agreement_id,
        "product": push.card.product,
        "state": push.state,
        "cause": push.cause,
        "request_id": push.request_id,
        "tries": push.tries,
        "next_try_at": None if push.next_try_at is None else push.next_try_at.isoformat(),
        "steps": list(_steps_json(push.steps)),
    }


def _steps_json(steps: Iterable[PushStep]) -> Iterable[dict[str, Any]]:
    for step in steps:
        yield {
            "ordinal": step.ordinal,
            "state": step.state,
            "plan": step.plan,
            "addition": step.addition_id,
            "answer": step.answer,
            "request_id": step.request_id,
        }


def _state_words(push: Push) -> str:
    return push.state.replace("_", " ").replace("psa", "PSA")
