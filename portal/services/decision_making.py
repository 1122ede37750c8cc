"""Write a decision down: itself, its plan, its audit event, its push and the steps, all in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, PsaProduct, Push, PushStep
from portal.domain.periods import day_text
from portal.domain.quantities import plain
from portal.domain.steps import Plan, Step, StepAction
from portal.services import audit
from portal.services.actors import Actor
from portal.services.decision_checks import claim, lines_seen, needs_second, writing_is_on

# what came next at that moment: an event is read long after it, so none of them says how it stands
STATE_WORDS = {
    "waiting": "Left for a second person to confirm.",
    "planned": "Planned and not sent, since the portal was read-only.",
    "queued": "Queued for ConnectWise.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a person decided.

    Args:
        quantity: What the card's quantity becomes.
        effective: The date that was picked; none: immediately.
        agreement_id: Where it is written.
        lower: The quantity falls.
        overridden: Titles of sources that were too old or held.
        undoes: The decision that is taken back.
        product: What ConnectWise calls the product by now, where that is not what the card says.
    """

    action: str
    by: Actor
    now: datetime
    quantity: Decimal | None = None
    effective: date | None = None
    agreement_id: int | None = None
    reason: str | None = None
    batch_id: int | None = None
    lower: bool = False
    overridden: Sequence[str] = ()
    undoes: int | None = None
    sentence: str = ""
    before: Decimal | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    product: str | None = None


def decide(session: Session, card: Card, made: Made, plan: Plan) -> Decision:
    """Write down a decision that writes to the PSA, and queue its push.

    The push waits where a second person must confirm, and is only planned while the portal is read-only.

    Raises:
        Conflict: Somebody changed the card in the same moment.
    """
    agreement_id = made.agreement_id if made.agreement_id is not None else card.agreement_id
    if agreement_id is None:
        raise ValueError("A decision that writes needs an agreement.")
    second = needs_second(session, card, plan, lower=made.lower)
    state = "waiting" if second else "queued" if writing_is_on(session) else "planned"
    seen = {**numbers(card), "lines": lines_seen(session, agreement_id, made.product or card.product)}
    if made.product is not None:
        seen["product"] = made.product
    if made.overridden:
        seen["too_old"] = list(made.overridden)
    decision = _decision(session, card, made, seen, plan)
    push = Push(
        decision=decision,
        card_id=card.id,
        agreement_id=agreement_id,
        state=state,
        cause=second,
        queued_at=made.now,
        steps=[_step(session, number, step) for number, step in enumerate(plan.steps, start=1)],
    )
    session.add(push)
    session.flush()
    before = made.before if made.before is not None else card.psa_quantity
    claim(session, card, state=state, decision_id=decision.id, changed_at=made.now)
    audit.record(
        session,
        what="decision",
        action=f"card.{made.action}",
        by=made.by,
        now=made.now,
        sentence=f"{made.sentence} {STATE_WORDS[state]}",
        company_id=card.company_id,
        company=card.company,
        agreement_id=agreement_id,
        product=card.product,
        card_id=card.id,
        decision_id=decision.id,
        push_id=push.id,
        before=before,
        after=made.quantity,
        effective=made.effective,
        reason=made.reason,
        details={
            "seen": seen,
            "plan": decision.plan,
            "sentences": plan.sentences,
            "ticked": [one.code for one in plan.warnings],
            "state": state,
            **made.details,
        },
    )
    return decision


def settle_without_push(session: Session, card: Card, made: Made, *, state: str, stands: int | None = None) -> Decision:
    """Write down a decision that writes nothing to the PSA.

    Args:
        session: A writing session.
        card: The card.
        made: What was decided.
        state: What the card's state becomes.
        stands: The earlier decision that holds again, on which the card hangs from now on; none: this one.
    """
    decision = _decision(session, card, made, numbers(card), None)
    session.flush()
    claim(session, card, state=state, decision_id=stands or decision.id, changed_at=made.now)
    audit.record(
        session,
        what="decision",
        action=f"card.{made.action}",
        by=made.by,
        now=made.now,
        sentence=made.sentence,
        company_id=card.company_id,
        company=card.company,
        agreement_id=card.agreement_id,
        product=card.product,
        card_id=card.id,
        decision_id=decision.id,
        before=made.before,
        reason=made.reason,
        details={"seen": decision.seen, "state": state, **made.details},
    )
    return decision


def numbers(card: Card) -> dict[str, Any]:
    """Give the numbers of a card as the person saw them, as text."""
    return {
        "psa": _text(card.psa_quantity),
        "vendor": _text(card.vendor_quantity),
        "proposed": _text(card.proposed_quantity),
        "difference": _text(card.difference),
        "kind": card.kind,
        "sources": card.facts.get("sources", []),
        "arithmetic": card.facts.get("arithmetic", []),
    }


def named(card: Card) -> str:
    """Name a card in a sentence: "EDR-SEAT of Alder Dental"."""
    return f"{card.product} of {card.company}"


def since(effective: date | None) -> str:
    """Say from when a decision holds."""
    return "effective immediately" if effective is None else f"effective {day_text(effective)}"


def _decision(session: Session, card: Card, made: Made, seen: Mapping[str, Any], plan: Plan | None) -> Decision:
    decision = Decision(
        card_id=card.id,
        batch_id=made.batch_id,
        action=made.action,
        by_id=made.by.person_id,
        by=made.by.name,
        at=made.now,
        quantity=made.quantity,
        effective=made.effective,
        agreement_id=made.agreement_id if made.agreement_id is not None else card.agreement_id,
        reason=(made.reason or "").strip() or None,
        seen=dict(seen),
        plan={} if plan is None else plan.as_json(),
        undoes_id=made.undoes,
    )
    session.add(decision)
    return decision


def _step(session: Session, number: int, step: Step) -> PushStep:
    kept: dict[str, Any] = dict(step.stored())
    if step.action is StepAction.CREATE and step.like is None:
        kept["product_id"] = session.scalar(
            sa.select(sa.func.min(PsaProduct.id)).where(
                PsaProduct.identifier == step.product, PsaProduct.gone_at.is_(None)
            )
        )
    return PushStep(ordinal=number, action=step.action.value, plan=kept, addition_id=step.addition_id)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
