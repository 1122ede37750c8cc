"""Undo: what was not sent is taken back; what was sent is restored by a new decision, through the same checks."""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, Push
from portal.domain.quantities import plain
from portal.services import undo_sharing
from portal.services.actors import Actor, require
from portal.services.card_making import DECIDABLE
from portal.services.card_remaking import cards_anew
from portal.services.decision_checks import Ticks, load, require_seen, require_ticks
from portal.services.decision_making import Made, decide, named, settle_without_push
from portal.services.errors import Conflict
from portal.services.undo_planning import Target, before_and_after, plan_back, product_now, target_of, why_not
from portal.services.undo_settling import state_of

_UNSENT = frozenset({"waiting", "planned", "queued"})


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
    zone: ZoneInfo | None = None,
) -> Decision:
    """Take back the latest decision on a card; an undo too.

    While nothing was sent, the push is withdrawn. Afterwards a reverse plan is pushed as a decision of its own. What
    somebody changed since is left alone: the rest goes back, or the undo is refused where nothing of it can.

    Args:
        session: A writing session.
        card_id: The card.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        decision_id: The decision that is meant; none: the card's latest that stands.
        seen: What `seen_token` gave when the form was shown; none: nothing is compared.
        reason: Why, if the person says so.
        invoiced_ok: Ticked: what is taken back was invoiced already.
        scheduled_ok: A tick.
        batch_id: The batch that it is part of.
        zone: The portal's time zone; needed to make the cards anew after Share is undone.

    Raises:
        NotAllowed: The role does not allow it.
        NotFound: There is no such card.
        Conflict: There is nothing to undo, it is being sent just now, or somebody changed what it wrote since.
        Invalid: A tick is missing.
    """
    require(by, "biller", "undo decisions")
    card = load(session, card_id)
    require_seen(card, seen)
    found = target_of(session, card, decision_id)
    made = Made(action="undo", by=by, now=now, reason=reason, batch_id=batch_id, undoes=found.decision.id)
    if found.push is None:
        return _without_push(session, card, found.decision, made, zone)
    if found.push.state in _UNSENT:
        return _withdraw(session, card, found.decision, found.push, made)
    refused = why_not(found)
    if refused is not None:
        raise Conflict(refused)
    return _restore(
        session, card, found, made, today=today, ticks=Ticks(invoiced_ok=invoiced_ok, scheduled_ok=scheduled_ok)
    )


def _without_push(session: Session, card: Card, decision: Decision, made: Made, zone: ZoneInfo | None) -> Decision:
    """Take back what wrote nothing to ConnectWise: a dismissal, a share, or an undo of one of them."""
    first = decision if decision.undoes_id is None else session.get_one(Decision, decision.undoes_id)
    again = decision.action == "undo"
    if first.action == "split":
        return _share(session, card, first, made, again=again, zone=zone)
    if first.action != "dismiss":
        raise Conflict("The decision was taken back before anything was sent. Decide the card again.")
    if not again:
        if card.state != "dismissed":
            raise Conflict("There is nothing to undo on this card.")
        whole = replace(made, sentence=f"Took back the dismissal of {named(card)}.")
        return settle_without_push(session, card, whole, state="stale" if card.kind == "stale" else "open")
    if card.state not in DECIDABLE | {"stale"}:
        raise Conflict("The card was decided anew since, so it is not dismissed again.")
    whole = replace(made, reason=made.reason or first.reason, sentence=f"Dismissed {named(card)} again.")
    return settle_without_push(session, card, whole, state="dismissed", stands=first.id)


def _share(
    session: Session, card: Card, shared: Decision, made: Made, *, again: bool, zone: ZoneInfo | None
) -> Decision:
    """Bring back the split rule of before a Share, or let the Share hold again."""
    if zone is None:
        raise Conflict("How a count is shared is taken back on its own card, not together with others.")
    if card.state not in DECIDABLE:
        raise Conflict("The card was decided since. Undo that first.")
    change = undo_sharing.bring_back if again else undo_sharing.take_back
    holds = change(session, card, shared, by=made.by, now=made.now)
    what = "Shared" if again else "Took back how the count is shared of"
    whole = replace(made, sentence=f"{what} {named(card)}: {holds}.", details={"holds": holds})
    decision = settle_without_push(session, card, whole, state=card.state, stands=shared.id if again else None)
    cards_anew(session, now=made.now, zone=zone, period=card.period, company_ids=[card.company_id])
    return decision


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
    if decision.undoes_id is None:
        return settle_without_push(session, card, whole, state="withdrawn")
    before = session.get_one(Decision, decision.undoes_id)
    return settle_without_push(session, card, whole, state=state_of(session, before), stands=before.id)


def _restore(session: Session, card: Card, found: Target, made: Made, *, today: date, ticks: Ticks) -> Decision:
    """Push the reverse of what was written."""
    push = found.push
    if push is None:
        raise ValueError("What was pushed is restored.")
    plan = plan_back(session, push, product=card.product, today=today)
    if plan.refused is not None:
        raise Conflict(f"{plan.refused} Nothing was sent.")
    if not plan.steps:
        raise Conflict("What this decision wanted was found in ConnectWise, not written by us. It is left alone.")
    require_ticks(plan, ticks)
    product = product_now(session, push, card.product)
    before, after = before_and_after(session, push, plan, product=card.product, today=today)
    what = "Undo of the undo" if found.decision.action == "undo" else "Undo"
    held = "".join(f" Held back: {sentence}" for sentence in plan.held)
    whole = replace(
        made,
        quantity=after,
        agreement_id=push.agreement_id,
        lower=after < before,
        before=before,
        sentence=f"{what} for {named(card)}: {plain(before)} back to {plain(after)}, effective immediately.{held}",
        details={"held_back": list(plan.held)} if plan.held else {},
        product=None if product == card.product else product,
    )
    return decide(session, card, whole, plan)
