"""What Undo would write, and what it is about: the decision that stands, and the lines it wrote, by their ids."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, PsaAddition, Push
from portal.domain.lines import total
from portal.domain.steps import Plan, Step, lines_after
from portal.domain.undo import DoneStep, plan_undo
from portal.services.card_making import IN_FLIGHT
from portal.services.card_picture import catalog
from portal.services.decision_plans import billed_agreement, lines_of
from portal.services.errors import Conflict, NotFound

WRITTEN = frozenset({"done", "found"})
_CAME_TO_NOTHING = frozenset({"changed_in_psa", "failed", "given_up", "stale", "withdrawn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What an undo of a card is about.

    Args:
        decision: The decision that would be taken back.
        push: Its push; none: it wrote nothing.
    """

    decision: Decision
    push: Push | None


def target_of(session: Session, card: Card, decision_id: int | None = None) -> Target:
    """Find the decision that an undo of a card would take back.

    An undo that came to nothing is passed over: what it was to take back still stands.

    Args:
        session: For reading.
        card: The card.
        decision_id: The decision that is meant; none: the card's latest that stands.

    Raises:
        Conflict: There is none, or another one holds by now; the text says which.
    """
    latest = None if card.decision_id is None else session.get(Decision, card.decision_id)
    if latest is None:
        if decision_id is None:
            raise Conflict("There is nothing to undo on this card.")
        raise Conflict(_no_such(None))
    found = Target(decision=latest, push=push_of(session, latest.id))
    while decision_id != found.decision.id and _came_to_nothing(found) and found.decision.undoes_id is not None:
        before = session.get_one(Decision, found.decision.undoes_id)
        found = Target(decision=before, push=push_of(session, before.id))
    if decision_id not in {None, found.decision.id}:
        raise Conflict(_no_such(latest if latest.undoes_id == decision_id else None))
    return found


def push_of(session: Session, decision_id: int) -> Push | None:
    """Read the push of a decision as it is now."""
    query = sa.select(Push).where(Push.decision_id == decision_id)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def plan_back(session: Session, push: Push, *, product: str, today: date) -> Plan:
    """Plan to take back what a push wrote; refused where nothing of it can go back.

    Lines are found by their ids, so a product that was renamed since is no hindrance.

    Args:
        session: For reading.
        push: The push.
        product: What the card calls the product.
        today: In the portal's time zone.
    """
    try:
        agreement = billed_agreement(session, push.agreement_id, today)
    except NotFound as error:
        return Plan(refused=str(error))
    named = product_now(session, push, product)
    done = [
        DoneStep(step=Step.from_stored(step.plan), addition_id=step.addition_id, found=step.state == "found")
        for step in push.steps
        if step.state in WRITTEN
    ]
    return plan_undo(
        agreement,
        lines_of(session, push.agreement_id, named),
        catalog(session, named).get(named),
        done,
        push.decision.at.date(),
    )


def before_and_after(session: Session, push: Push, plan: Plan, *, product: str, today: date) -> tuple[Decimal, Decimal]:
    """Give what the lines of a product sum to today, and what they would after a plan that `plan_back` gave."""
    lines = lines_of(session, push.agreement_id, product_now(session, push, product))
    before = total(line for line in lines if line.active(today))
    return before, total(line for line in lines_after(lines, plan.steps) if line.active(today))


def product_now(session: Session, push: Push, product: str) -> str:
    """Give the Product ID that the lines of a push have by now; it may have been renamed since.

    Args:
        session: For reading.
        push: The push.
        product: What the card calls it.
    """
    ids = {step.addition_id for step in push.steps if step.addition_id is not None}
    query = sa.select(PsaAddition.product).where(
        PsaAddition.agreement_id == push.agreement_id, PsaAddition.id.in_(ids), PsaAddition.gone_at.is_(None)
    )
    names = set(session.scalars(query))
    return product if product in names or len(names) != 1 else names.pop()


def why_not(target: Target) -> str | None:
    """Say why a decision that wrote cannot be taken back just now; none where it can, or wrote nothing."""
    push = target.push
    if push is None:
        return None
    if push.state in IN_FLIGHT - {"queued"}:
        return "It is being sent just now. Undo it when it is settled."
    if push.state in {"undone", "withdrawn"}:
        return "This was undone already."
    if push.state not in {"waiting", "planned", "queued"} and not any(step.state in WRITTEN for step in push.steps):
        return "Nothing was written, so there is nothing to undo."
    return None


def _came_to_nothing(found: Target) -> bool:
    push = found.push
    if found.decision.action != "undo" or push is None or push.state not in _CAME_TO_NOTHING:
        return False
    return not any(step.state in WRITTEN for step in push.steps)


def _no_such(undo: Decision | None) -> str:
    if undo is not None:
        return f"{undo.by} undid this already."
    return "It was decided anew since. Look at the card again."
