"""Undo: what was not sent is taken back; what was sent is restored by a new decision, through the same checks."""

from dataclasses import replace
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, Push
from portal.domain.lines import total
from portal.domain.quantities import plain
from portal.domain.steps import lines_after
from portal.services.actors import Actor, require
from portal.services.card_making import IN_FLIGHT
from portal.services.decision_checks import Ticks, load, require_seen, require_ticks
from portal.services.decision_making import Made, decide, named, settle_without_push
from portal.services.decision_plans import lines_of, plan_back
from portal.services.errors import Conflict

_UNSENT = {"waiting", "planned", "queued"}
_WRITTEN = {"done", "found"}


def undo(
    session: Session,
    card_id: int,
    *,
    by: Actor,
    now: datetime,
    today: date,
    decision_id: int | None = None,
    seen: str | None = None,
    reason: str | None = None,
    invoiced_ok: bool = False,
    scheduled_ok: bool = False,
    batch_id: int | None = None,
) -> Decision:
    """Take back the latest decision on a card.

    While nothing was sent, the push is withdrawn. Afterwards a reverse plan is pushed as a decision of its own; lines
    that somebody changed since are left alone, and the undo is refused.

    Args:
        session: A writing session.
        card_id: The card.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        decision_id: The decision that is meant; none: the card's latest.
        seen: What `seen_token` gave when the form was shown; none: nothing is compared.
        reason: Why, if the person says so.
        invoiced_ok: A tick.
        scheduled_ok: A tick.
        batch_id: The batch that it is part of.

    Raises:
        NotAllowed: The role does not allow it.
        NotFound: There is no such card.
        Conflict: There is nothing to undo, it is being sent just now, or somebody changed a line since.
    """
    require(by, "biller", "undo decisions")
    card = load(session, card_id)
    require_seen(card, seen)
    decision = None if card.decision_id is None else session.get(Decision, card.decision_id)
    if decision is None and decision_id is None:
        raise Conflict("There is nothing to undo on this card.")
    if decision is None or (decision_id is not None and decision_id != decision.id):
        raise Conflict("There is no such decision on this card any more. Look at it again.")
    push = session.scalars(
        sa.select(Push).where(Push.decision_id == decision.id).execution_options(populate_existing=True)
    ).one_or_none()
    made = Made(action="undo", by=by, now=now, reason=reason, batch_id=batch_id, undoes=decision.id)
    if push is None:
        return _undo_dismissal(session, card, decision, made)
    if push.state in _UNSENT:
        return _withdraw(session, card, decision, push, made)
    if push.state in IN_FLIGHT:
        raise Conflict("It is being sent just now. Undo it when it is settled.")
    if decision.action == "undo" or push.state in {"undone", "withdrawn"}:
        raise Conflict("This was undone already.")
    if not any(step.state in _WRITTEN for step in push.steps):
        raise Conflict("Nothing was written, so there is nothing to undo.")
    ticks = Ticks(invoiced_ok=invoiced_ok, scheduled_ok=scheduled_ok)
    return _restore(session, card, push, made, today=today, ticks=ticks)


def _undo_dismissal(session: Session, card: Card, decision: Decision, made: Made) -> Decision:
    if card.state != "dismissed" or decision.action != "dismiss":
        raise Conflict("There is nothing to undo on this card.")
    whole = replace(made, sentence=f"Took back the dismissal of {named(card)}.")
    return settle_without_push(session, card, whole, state="stale" if card.kind == "stale" else "open")


def _withdraw(session: Session, card: Card, decision: Decision, push: Push, made: Made) -> Decision:
    """Take back a push before a worker began with it; a worker that was quicker wins.

    Where it was itself an undo, what it would have undone holds again: ConnectWise still has it.
    """
    claimed = session.execute(
        sa.update(Push)
        .where(Push.id == push.id, Push.state.in_(sorted(_UNSENT)), Push.worker.is_(None))
        .values(state="withdrawn", settled_at=made.now, cause="Taken back, nothing was sent.", next_try_at=None)
        .returning(Push.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if claimed is None:
        raise Conflict("It is being sent just now. Undo it when it is settled.")
    session.refresh(push)
    whole = replace(
        made,
        agreement_id=push.agreement_id,
        sentence=f"Took back the decision on {named(card)}; nothing was sent.",
        details={"withdrew_push": push.id},
    )
    undone = session.scalars(sa.select(Push).where(Push.decision_id == decision.undoes_id)).one_or_none()
    if undone is None:
        return settle_without_push(session, card, whole, state="withdrawn")
    return settle_without_push(session, card, whole, state=undone.state, stands=undone.decision_id)


def _restore(session: Session, card: Card, push: Push, made: Made, *, today: date, ticks: Ticks) -> Decision:
    """Push the reverse of what was written."""
    plan = plan_back(session, push, product=card.product, today=today)
    if plan.refused is not None:
        raise Conflict(f"{plan.refused} Nothing was sent.")
    if not plan.steps:
        raise Conflict("What this decision wanted was found in ConnectWise, not written by us. It is left alone.")
    require_ticks(plan, ticks)
    lines = lines_of(session, push.agreement_id, card.product)
    before = total(line for line in lines if line.active(today))
    after = total(line for line in lines_after(lines, plan.steps) if line.active(today))
    whole = replace(
        made,
        quantity=after,
        agreement_id=push.agreement_id,
        lower=after < before,
        before=before,
        sentence=f"Undo for {named(card)}: {plain(before)} back to {plain(after)}, effective immediately.",
    )
    return decide(session, card, whole, plan)
