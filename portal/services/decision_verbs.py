"""Approve, adjust, add, dismiss: each checks every rule, then writes the decision down."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from portal.db.records import Card, Decision
from portal.domain.periods import Period
from portal.domain.quantities import plain
from portal.domain.steps import Plan
from portal.services.actors import Actor, require
from portal.services.card_making import DECIDABLE
from portal.services.decision_checks import Ticks, load, require_fresh, require_seen, require_state, require_ticks
from portal.services.decision_making import Made, decide, named, settle_without_push, since
from portal.services.decision_plans import (
    billed_agreement,
    plan_for,
    read_day,
    read_quantity,
    refuse_plan,
)
from portal.services.errors import Conflict, Invalid

_APPROVABLE = {"increase", "decrease"}
_WHY_NOT_APPROVED = {
    "new_revenue": "Nothing bills this usage yet, so there is no line to set. Add it to an agreement.",
    "to_split": "The product stands on several agreements. Share the count first; it is never guessed.",
    "not_reported": "No count arrived for this company, so there is nothing to approve. Adjust or dismiss it.",
    "no_change": "Both quantities are equal, so there is nothing to approve.",
    "psa_only": "No vendor feeds this product, so there is nothing to approve. Adjust it.",
}


def approve(
    session: Session,
    card_id: int,
    *,
    by: Actor,
    now: datetime,
    today: date,
    seen: str | None = None,
    reason: str | None = None,
    invoiced_ok: bool = False,
    scheduled_ok: bool = False,
    too_old_ok: bool = False,
    batch_id: int | None = None,
) -> Decision:
    """Let the proposed quantity become the PSA's, immediately.

    Args:
        session: A writing session.
        card_id: The card.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        seen: What `seen_token` gave when the form was shown; none: nothing is compared.
        reason: Needed where a source is too old.
        invoiced_ok: Ticked: the period was already invoiced.
        scheduled_ok: Ticked: a line begins later, and both would bill.
        too_old_ok: Ticked by a manager or above: go on though a source is too old or held.
        batch_id: The batch that it is part of.

    Raises:
        NotAllowed: The role does not allow it.
        NotFound: There is no such card.
        Conflict: Somebody decided it already, the numbers moved, or the agreement is gone.
        Invalid: A tick or a reason is missing, or there is nothing to approve.
    """
    ticks = Ticks(invoiced_ok=invoiced_ok, scheduled_ok=scheduled_ok, too_old_ok=too_old_ok)
    card = opened(session, card_id, by=by, now=now, seen=seen)
    if card.kind not in _APPROVABLE or card.proposed_quantity is None or card.psa_quantity is None:
        raise Invalid(_WHY_NOT_APPROVED.get(card.kind, "There is nothing to approve."))
    overridden = require_fresh(session, card, now, by=by, reason=reason, ticks=ticks)
    _require_live(session, card, card.agreement_id, today)
    plan = plan_for(session, card, "approve", today=today)
    refuse_plan(plan, field="quantity")
    require_ticks(plan, ticks)
    wanted = card.proposed_quantity
    made = Made(
        action="approve",
        by=by,
        now=now,
        quantity=wanted,
        reason=reason,
        batch_id=batch_id,
        lower=wanted < card.psa_quantity,
        overridden=overridden,
        sentence=f"Approved {plain(wanted)} for {named(card)}, effective immediately.",
    )
    return decide(session, card, made, plan)


def adjust(
    session: Session,
    card_id: int,
    *,
    quantity: str | Decimal,
    day: date | str | None = None,
    by: Actor,
    now: datetime,
    today: date,
    seen: str | None = None,
    reason: str | None = None,
    invoiced_ok: bool = False,
    scheduled_ok: bool = False,
    too_old_ok: bool = False,
    batch_id: int | None = None,
) -> Decision:
    """Let a quantity that the person types become the PSA's.

    Args:
        session: A writing session.
        card_id: The card.
        quantity: As typed, or exact.
        day: The effective date: needed where the agreement prorates, refused elsewhere, even today's.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        seen: As in `approve`, likewise the next ones.
        reason: Why, if the person says so.
        invoiced_ok: A tick.
        scheduled_ok: A tick.
        too_old_ok: A tick.
        batch_id: The batch that it is part of.

    Raises:
        Refused: As `approve`; `Invalid` names the field (`quantity`, `date`, or a tick).
    """
    ticks = Ticks(invoiced_ok=invoiced_ok, scheduled_ok=scheduled_ok, too_old_ok=too_old_ok)
    card = opened(session, card_id, by=by, now=now, seen=seen)
    if card.agreement_id is None or card.psa_quantity is None:
        raise Invalid("Nothing bills this usage yet, so there is no line to adjust. Add it to an agreement.")
    wanted, picked = read_quantity(quantity), read_day(day)
    overridden = require_fresh(session, card, now, by=by, reason=reason, ticks=ticks)
    _require_live(session, card, card.agreement_id, today)
    plan = plan_for(session, card, "adjust", quantity=wanted, day=picked, today=today)
    refuse_plan(plan, field=_field(plan, picked))
    require_ticks(plan, ticks)
    made = Made(
        action="adjust",
        by=by,
        now=now,
        quantity=wanted,
        effective=picked,
        reason=reason,
        batch_id=batch_id,
        lower=wanted < card.psa_quantity,
        overridden=overridden,
        sentence=f"Adjusted {named(card)} to {plain(wanted)}, {since(picked)}.",
    )
    return decide(session, card, made, plan)


def add(
    session: Session,
    card_id: int,
    *,
    quantity: str | Decimal | None = None,
    agreement_id: int | None,
    day: date | str | None = None,
    price: str | Decimal | None = None,
    cost: str | Decimal | None = None,
    by: Actor,
    now: datetime,
    today: date,
    seen: str | None = None,
    reason: str | None = None,
    invoiced_ok: bool = False,
    scheduled_ok: bool = False,
    too_old_ok: bool = False,
    batch_id: int | None = None,
) -> Decision:
    """Let new revenue become an addition on an agreement of the company.

    Args:
        session: A writing session.
        card_id: The card.
        quantity: As typed, or exact; none: the proposal.
        agreement_id: The agreement that the person chose.
        day: The effective date, only where that agreement prorates; none: today.
        price: For one unit and billing cycle; none: the catalogue's.
        cost: Likewise.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        seen: As in `approve`, likewise the next ones.
        reason: Why, if the person says so.
        invoiced_ok: A tick.
        scheduled_ok: A tick.
        too_old_ok: A tick.
        batch_id: The batch that it is part of.

    Raises:
        Refused: As `approve`; `Invalid` names the field (`quantity`, `date`, `agreement`, `price`, `cost`, or a tick).
    """
    ticks = Ticks(invoiced_ok=invoiced_ok, scheduled_ok=scheduled_ok, too_old_ok=too_old_ok)
    card = opened(session, card_id, by=by, now=now, seen=seen)
    if card.kind != "new_revenue":
        raise Invalid("An agreement bills this product already. Adjust its quantity instead.")
    if agreement_id is None:
        raise Invalid("Choose an agreement.", {"agreement": "Choose an agreement."})
    typed = card.proposed_quantity if quantity is None else read_quantity(quantity)
    wanted = Decimal(0) if typed is None else typed
    picked = read_day(day)
    overridden = require_fresh(session, card, now, by=by, reason=reason, ticks=ticks)
    plan = plan_for(
        session,
        card,
        "add",
        quantity=wanted,
        day=picked,
        agreement_id=agreement_id,
        price=price,
        cost=cost,
        today=today,
    )
    refuse_plan(plan, field=_field(plan, picked, otherwise="agreement"))
    require_ticks(plan, ticks)
    made = Made(
        action="add",
        by=by,
        now=now,
        quantity=wanted,
        effective=picked,
        agreement_id=agreement_id,
        reason=reason,
        batch_id=batch_id,
        overridden=overridden,
        before=Decimal(0),
        sentence=f"Added {plain(wanted)} {named(card)} to agreement {agreement_id}, {since(picked or today)}.",
    )
    return decide(session, card, made, plan)


def dismiss(
    session: Session,
    card_id: int,
    *,
    by: Actor,
    now: datetime,
    today: date,
    seen: str | None = None,
    reason: str | None = None,
    batch_id: int | None = None,
) -> Decision:
    """Take a card off the board for this period; nothing is written to the PSA.

    It returns in the next period, and at once if its numbers change. A stale card does not return.

    Args:
        session: A writing session.
        card_id: The card.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        seen: As in `approve`.
        reason: Needed, but for a stale card.
        batch_id: The batch that it is part of.

    Raises:
        Refused: As `approve`.
    """
    del today
    card = opened(session, card_id, by=by, now=now, seen=seen, stale=True)
    because = (reason or "").strip()
    if card.state != "stale" and not because:
        raise Invalid("Give a reason. Nothing was decided.", {"reason": "Give a reason."})
    made = Made(
        action="dismiss",
        by=by,
        now=now,
        reason=because or None,
        batch_id=batch_id,
        sentence=f"Dismissed {named(card)}; nothing is written.",
        details={"stale": card.stale_reason} if card.state == "stale" else {},
    )
    return settle_without_push(session, card, made, state="dismissed")


def opened(session: Session, card_id: int, *, by: Actor, now: datetime, seen: str | None, stale: bool = False) -> Card:
    """Read a card that is about to be decided."""
    require(by, "biller", "decide cards")
    card = load(session, card_id)
    require_state(session, card, now, allowed=DECIDABLE | {"stale"} if stale else DECIDABLE)
    require_seen(card, seen)
    return card


def _require_live(session: Session, card: Card, agreement_id: int | None, today: date) -> None:
    """Refuse to write to an agreement that is not billed any more, on the day looked at or today.

    A card of a past month looks at that month's last day; the push, which writes today, would stop.
    """
    if agreement_id is None:
        return
    for day in sorted({Period.parse(card.period).looked_at(today), today}):
        why_not = billed_agreement(session, agreement_id, day).why_not
        if why_not is not None:
            raise Conflict(f"{why_not} Nothing was sent.")


def _field(plan: Plan, picked: date | None, *, otherwise: str = "quantity") -> str:
    """Name the form field that a refused plan is about."""
    if plan.refused is None:
        return otherwise
    about_day = picked is not None or plan.refused.startswith(("This agreement prorates", "This agreement does not"))
    if plan.refused.startswith(("A quantity", "An added line")) or "largest quantity" in plan.refused:
        return "quantity"
    return "date" if about_day else otherwise
