"""What confirms a decision later: the second person, or somebody once writing was switched on. All is checked anew."""

from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, Push
from portal.domain.quantities import plain
from portal.domain.steps import Effect, Plan
from portal.services import audit
from portal.services.actors import Actor, require
from portal.services.card_making import DECIDABLE
from portal.services.decision_checks import (
    Ticks,
    claim,
    decided_words,
    lines_seen,
    load,
    needs_second,
    require_fresh,
    require_seen,
    writing_is_on,
)
from portal.services.decision_making import STATE_WORDS, named
from portal.services.decision_plans import billed_agreement
from portal.services.errors import Conflict, NotAllowed


def confirm_second(
    session: Session,
    card_id: int,
    *,
    by: Actor,
    now: datetime,
    today: date,
    seen: str | None = None,
    reason: str | None = None,
    too_old_ok: bool = False,
) -> Decision:
    """Confirm a decision that waits for a second person, who is never the first.

    Args:
        session: A writing session.
        card_id: The card.
        by: A manager or above, not who decided.
        now: By the business clock.
        today: In the portal's time zone.
        seen: What `seen_token` gave when the form was shown; none: nothing is compared.
        reason: Needed where a source is too old.
        too_old_ok: Ticked: go on though a source is too old or held.

    Raises:
        NotAllowed: The role is too low, or it is the first person.
        NotFound: There is no such card.
        Conflict: It does not wait (any more), or the numbers moved.
        Invalid: A source is too old and that was not ticked.
    """
    card, decision, push = _pending(session, card_id, "waiting", now, seen)  # first: a second click is told the truth
    require(by, "manager", "be the second person")
    if by.same_as(decision.by, decision.by_id):
        raise NotAllowed("You decided it; somebody else must confirm.")
    _check_anew(session, card, push, today)
    ticks = Ticks(too_old_ok=too_old_ok)
    require_fresh(session, card, now, by=by, reason=reason, ticks=ticks)
    state = "queued" if writing_is_on(session) else "planned"
    decision.second_id, decision.second, decision.second_at = by.person_id, by.name, now
    _go_on(session, card, push, state, now)
    _record(session, card, decision, push, by=by, now=now, action="card.confirm", reason=reason)
    return decision


def confirm_planned(
    session: Session,
    card_id: int,
    *,
    by: Actor,
    now: datetime,
    today: date,
    seen: str | None = None,
    reason: str | None = None,
    too_old_ok: bool = False,
) -> Decision:
    """Send what was planned while the portal was read-only, checked anew, limits too: it may wait for a second person.

    Args:
        session: A writing session.
        card_id: The card.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        seen: As in `confirm_second`, likewise the next ones.
        reason: Needed where a source is too old.
        too_old_ok: A tick; for a manager or above.

    Raises:
        Refused: As `confirm_second`; `Conflict` while the portal is still read-only.
    """
    require(by, "biller", "decide cards")
    card, decision, push = _pending(session, card_id, "planned", now, seen)
    if not writing_is_on(session):
        raise Conflict("The portal is read-only: nothing is sent until an admin switches writing on.")
    _check_anew(session, card, push, today)
    require_fresh(session, card, now, by=by, reason=reason, ticks=Ticks(too_old_ok=too_old_ok))
    second = _needs_second_now(session, card, decision)
    _go_on(session, card, push, "waiting" if second else "queued", now, cause=second)
    _record(session, card, decision, push, by=by, now=now, action="card.send", reason=reason)
    return decision


def _pending(
    session: Session, card_id: int, state: str, now: datetime, seen: str | None
) -> tuple[Card, Decision, Push]:
    card = load(session, card_id)
    if card.state != state:
        if card.state in DECIDABLE or card.decision_id is None:
            raise Conflict("Nothing waits on this card any more. Look at it and decide again.")
        raise Conflict(decided_words(session, card, now))
    require_seen(card, seen)
    push = session.scalars(sa.select(Push).where(Push.decision_id == card.decision_id)).one()
    return card, push.decision, push


def _check_anew(session: Session, card: Card, push: Push, today: date) -> None:
    """Refuse a plan that rests on lines or an agreement that are not as they were."""
    why_not = billed_agreement(session, push.agreement_id, today).why_not
    if why_not is not None:
        raise Conflict(f"{why_not} Nothing was sent.")
    seen = push.decision.seen
    if lines_seen(session, push.agreement_id, seen.get("product", card.product)) != seen.get("lines"):
        raise Conflict("The lines in ConnectWise changed since this was decided. Take it back and decide again.")


def _needs_second_now(session: Session, card: Card, decision: Decision) -> str | None:
    """Say why a second person must confirm what was planned, by the limits as they stand now; none where not."""
    if decision.second is not None:
        return None
    month, psa = decision.plan["effect"]["per_month"], decision.seen.get("psa")
    plan = Plan(effect=Effect(next_invoice=None, per_month=None if month is None else Decimal(month)))
    lower = decision.quantity is not None and psa is not None and decision.quantity < Decimal(psa)
    return needs_second(session, card, plan, lower=lower)


def _go_on(session: Session, card: Card, push: Push, state: str, now: datetime, *, cause: str | None = None) -> None:
    push.state, push.cause, push.queued_at = state, cause, now
    session.flush()
    claim(session, card, state=state, changed_at=now)


def _record(
    session: Session,
    card: Card,
    decision: Decision,
    push: Push,
    *,
    by: Actor,
    now: datetime,
    action: str,
    reason: str | None,
) -> None:
    quantity = "" if decision.quantity is None else f" {plain(decision.quantity)}"
    audit.record(
        session,
        what="decision",
        action=action,
        by=by,
        now=now,
        sentence=f"Confirmed{quantity} for {named(card)}, decided by {decision.by}. {STATE_WORDS[push.state]}",
        company_id=card.company_id,
        company=card.company,
        agreement_id=push.agreement_id,
        product=card.product,
        card_id=card.id,
        decision_id=decision.id,
        push_id=push.id,
        before=decision.seen.get("psa"),
        after=decision.quantity,
        effective=decision.effective,
        reason=reason,
        details={"first": decision.by, "plan": decision.plan},
    )
