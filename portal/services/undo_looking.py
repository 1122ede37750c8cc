"""What undoing many decisions would do to each card, before anything is undone: what goes back, and what is held."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Batch, Card, Decision, Push
from portal.domain.steps import Plan
from portal.services import decision_bulk
from portal.services.card_making import DECIDABLE
from portal.services.decision_bulk_verbs import Chosen
from portal.services.decision_checks import needs_second
from portal.services.errors import Conflict, NotFound
from portal.services.undo_planning import Target, before_and_after, plan_back, target_of, why_not
from portal.services.undo_reading import Reads, ReadTogether

How = Literal["unsent", "dismissal", "dismissed_again", "write"]
_UNSENT = frozenset({"waiting", "planned", "queued"})
_CHUNK = 500  # ids in one query


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What undoing would do to one card.

    Args:
        decision: What would be taken back; none where nothing is.
        how: It is withdrawn unsent, was a dismissal, was what took one back, or is written back; none: it stays.
        why: Why it stays as it is; "" where it goes back.
        plan: The writes, where there are some.
        before: What the lines sum to now.
        after: What they would sum to.
        second: Why a second person must confirm; none where not.
    """

    card: Card
    decision: Decision | None = None
    how: How | None = None
    why: str = ""
    plan: Plan | None = None
    before: Decimal | None = None
    after: Decimal | None = None
    second: str | None = None

    @property
    def per_month(self) -> Decimal | None:
        """The money a month; none where nothing is written, or no price is known."""
        return None if self.plan is None else self.plan.effect.per_month


def chosen_of_batch(session: Session, batch_id: int) -> tuple[Batch, list[Chosen]]:
    """Give the cards of a batch with the decisions that it made, in their order.

    Raises:
        NotFound: There is no such batch.
    """
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise NotFound(f"There is no batch {batch_id}.")
    members = sa.select(Decision.card_id, Decision.id).where(decision_bulk.members(batch_id)).order_by(Decision.id)
    return batch, [Chosen(card_id=card_id, decision_id=one) for card_id, one in session.execute(members)]


def look(session: Session, chosen: Sequence[Chosen], *, today: date) -> list[Looked]:
    """Say what undoing would do to each card, in a number of queries that hardly grows with them.

    Args:
        session: For reading.
        chosen: The cards; one without a decision means its latest.
        today: In the portal's time zone.
    """
    cards = _cards(session, [one.card_id for one in chosen])
    meant = [one.decision_id for one in chosen if one.decision_id is not None]
    reads = ReadTogether(session, cards.values(), meant, today)
    return [_look(reads, cards[one.card_id], one.decision_id, today) for one in chosen if one.card_id in cards]


def _cards(session: Session, ids: Sequence[int]) -> dict[int, Card]:
    found: dict[int, Card] = {}
    for begin in range(0, len(ids), _CHUNK):
        query = sa.select(Card).where(Card.id.in_(ids[begin : begin + _CHUNK]))
        found |= {card.id: card for card in session.scalars(query)}
    return found


def _look(reads: Reads, card: Card, decision_id: int | None, today: date) -> Looked:
    try:
        found = target_of(reads.session, card, decision_id, reads)
    except Conflict as error:
        return Looked(card=card, why=str(error))
    push, decision = found.push, found.decision
    if push is None:
        return _wrote_nothing(reads, card, found)
    if push.state in _UNSENT:
        return Looked(card=card, decision=decision, how="unsent", before=decision.quantity, after=_saw(decision))
    refused = why_not(found)
    if refused is not None:
        return Looked(card=card, decision=decision, why=refused)
    return _written(reads, card, decision, push, today)


def _written(reads: Reads, card: Card, decision: Decision, push: Push, today: date) -> Looked:
    """Say what taking back writes of a push does."""
    plan = plan_back(reads.session, push, product=card.product, today=today, reads=reads)
    if plan.refused is not None:
        return Looked(card=card, decision=decision, why=plan.refused, plan=plan)
    if not plan.steps:
        return Looked(card=card, decision=decision, why="It was found in ConnectWise, not written by us.")
    before, after = before_and_after(reads.session, push, plan, product=card.product, today=today, reads=reads)
    second = needs_second(reads.session, card, plan, lower=after < before, limits=reads.limits())
    return Looked(card=card, decision=decision, how="write", plan=plan, before=before, after=after, second=second)


def _wrote_nothing(reads: Reads, card: Card, found: Target) -> Looked:
    """Say what undoing a dismissal does, or what took one back, or that it is something else."""
    decision, again = found.decision, found.decision.action == "undo"
    first = decision if decision.undoes_id is None else reads.decision(decision.undoes_id) or decision
    if first.action == "split":
        return Looked(card=card, decision=decision, why="How a count is shared is taken back on its own card.")
    if first.action != "dismiss":
        return Looked(card=card, decision=decision, why="It was taken back before anything was sent.")
    if again and card.state in DECIDABLE | {"stale"}:
        return Looked(card=card, decision=decision, how="dismissed_again")
    if not again and card.state == "dismissed":
        return Looked(card=card, decision=decision, how="dismissal")
    return Looked(card=card, decision=decision, why="The card was decided anew since.")


def _saw(decision: Decision) -> Decimal | None:
    """Give what the PSA had when it was decided."""
    seen = decision.seen.get("psa")
    return None if seen is None else Decimal(seen)


def sums(looked: Iterable[Looked]) -> dict[str, Decimal]:
    """Add up the money a month of what goes back, by currency; what has no price is left out."""
    found: dict[str, Decimal] = {}
    for one in looked:
        if one.how is not None and one.per_month is not None:
            found[one.card.currency] = found.get(one.card.currency, Decimal(0)) + one.per_month
    return found
