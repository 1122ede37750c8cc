"""What Undo would write, and what it is about: the decision that stands, and the lines it wrote, by their ids."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, Push
from portal.domain.lines import total
from portal.domain.steps import Plan, Step, lines_after
from portal.domain.undo import DoneStep, plan_undo
from portal.services.card_making import IN_FLIGHT
from portal.services.errors import Conflict, NotFound
from portal.services.undo_reading import Reads

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


def target_of(session: Session, card: Card, decision_id: int | None = None, reads: Reads | None = None) -> Target:
    """Find the decision that an undo of a card would take back.

    An undo that came to nothing is passed over: what it was to take back still stands.

    Args:
        session: For reading.
        card: The card.
        decision_id: The decision that is meant; none: the card's latest that stands.
        reads: What was read for many cards together; none: it is read as it goes.

    Raises:
        Conflict: There is none, or another one holds by now; the text says which.
    """
    reads = reads or Reads(session)
    latest = None if card.decision_id is None else reads.decision(card.decision_id)
    if latest is None:
        if decision_id is None:
            raise Conflict("There is nothing to undo on this card.")
        raise Conflict(_no_such(None))
    found = Target(decision=latest, push=reads.push_of(latest.id))
    while decision_id != found.decision.id and _came_to_nothing(found) and found.decision.undoes_id is not None:
        before = reads.decision(found.decision.undoes_id)
        if before is None:
            raise Conflict(_no_such(None))
        found = Target(decision=before, push=reads.push_of(before.id))
    if decision_id not in {None, found.decision.id}:
        raise Conflict(_no_such(latest if latest.undoes_id == decision_id else None))
    return found


def plan_back(session: Session, push: Push, *, product: str, today: date, reads: Reads | None = None) -> Plan:
    """Plan to take back what a push wrote; refused where nothing of it can go back.

    Lines are found by their ids, so a product that was renamed since is no hindrance.

    Args:
        session: For reading.
        push: The push.
        product: What the card calls the product.
        today: In the portal's time zone.
        reads: As for `target_of`.
    """
    reads = reads or Reads(session)
    try:
        agreement = reads.agreement(push.agreement_id, today)
    except NotFound as error:
        return Plan(refused=str(error))
    named = product_now(session, push, product, reads)
    done = [
        DoneStep(step=Step.from_stored(step.plan), addition_id=step.addition_id, found=step.state == "found")
        for step in push.steps
        if step.state in WRITTEN
    ]
    return plan_undo(
        agreement,
        reads.lines(push.agreement_id, named),
        reads.item(named),
        done,
        push.decision.at.date(),
    )


def before_and_after(
    session: Session, push: Push, plan: Plan, *, product: str, today: date, reads: Reads | None = None
) -> tuple[Decimal, Decimal]:
    """Give what the lines of a product sum to today, and what they would after a plan that `plan_back` gave."""
    reads = reads or Reads(session)
    lines = reads.lines(push.agreement_id, product_now(session, push, product, reads))
    before = total(line for line in lines if line.active(today))
    return before, total(line for line in lines_after(lines, plan.steps) if line.active(today))


def product_now(session: Session, push: Push, product: str, reads: Reads | None = None) -> str:
    """Give the Product ID that the lines of a push have by now; it may have been renamed since.

    Args:
        session: For reading.
        push: The push.
        product: What the card calls it.
        reads: As for `target_of`.
    """
    names = (reads or Reads(session)).names(push)
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
