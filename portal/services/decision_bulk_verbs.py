"""What is done to each card of a bulk decision, by its name; each card is decided by the same rules as alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision
from portal.services import decision_second, decision_undo, decision_verbs
from portal.services.actors import Actor
from portal.services.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What holds for all cards of a bulk decision.

    Args:
        reason: One for all.
        day: The one effective date, for Adjust.
        invoiced_ok: A tick for all, likewise the next ones.
    """

    reason: str | None = None
    day: date | None = None
    invoiced_ok: bool = False
    scheduled_ok: bool = False
    too_old_ok: bool = False

    def stored(self) -> dict[str, Any]:
        """Give them as JSON, to be read back by `from_stored`."""
        return {
            "reason": self.reason,
            "day": None if self.day is None else self.day.isoformat(),
            "invoiced_ok": self.invoiced_ok,
            "scheduled_ok": self.scheduled_ok,
            "too_old_ok": self.too_old_ok,
        }

    @classmethod
    def from_stored(cls, kept: Mapping[str, Any]) -> Self:
        """Read what `stored` gave."""
        day = kept.get("day")
        return cls(
            reason=kept.get("reason"),
            day=None if day is None else date.fromisoformat(day),
            invoiced_ok=bool(kept.get("invoiced_ok")),
            scheduled_ok=bool(kept.get("scheduled_ok")),
            too_old_ok=bool(kept.get("too_old_ok")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Who decides a card of a bulk decision, when, and as part of what."""

    by: Actor
    now: datetime
    today: date
    options: Options
    batch_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A card of a bulk decision.

    Args:
        seen: What the preview showed of it; none: nothing is compared.
        decision_id: For an undo: the decision that is taken back; none: the card's latest.
    """

    card_id: int
    seen: str | None = None
    decision_id: int | None = None


def _approve(session: Session, one: Chosen, turn: Turn) -> Decision:
    return decision_verbs.approve(
        session,
        one.card_id,
        by=turn.by,
        now=turn.now,
        today=turn.today,
        seen=one.seen,
        reason=turn.options.reason,
        scheduled_ok=turn.options.scheduled_ok,
        too_old_ok=turn.options.too_old_ok,
        batch_id=turn.batch_id,
    )


def _adjust(session: Session, one: Chosen, turn: Turn) -> Decision:
    """Adjust a card to its proposal from the one date; an agreement that does not prorate refuses it, and is named."""
    proposed = session.scalar(sa.select(Card.proposed_quantity).where(Card.id == one.card_id))
    if proposed is None:
        raise Invalid("This card proposes no quantity.")
    return decision_verbs.adjust(
        session,
        one.card_id,
        quantity=proposed,
        day=turn.options.day,
        by=turn.by,
        now=turn.now,
        today=turn.today,
        seen=one.seen,
        reason=turn.options.reason,
        invoiced_ok=turn.options.invoiced_ok,
        too_old_ok=turn.options.too_old_ok,
        batch_id=turn.batch_id,
    )


def _dismiss(session: Session, one: Chosen, turn: Turn) -> Decision:
    return decision_verbs.dismiss(
        session,
        one.card_id,
        by=turn.by,
        now=turn.now,
        today=turn.today,
        seen=one.seen,
        reason=turn.options.reason,
        batch_id=turn.batch_id,
    )


def _send(session: Session, one: Chosen, turn: Turn) -> Decision:
    """Send what was planned while the portal was read-only, checked anew."""
    decision = decision_second.confirm_planned(
        session,
        one.card_id,
        by=turn.by,
        now=turn.now,
        today=turn.today,
        seen=one.seen,
        reason=turn.options.reason,
        too_old_ok=turn.options.too_old_ok,
    )
    decision.confirm_batch_id = turn.batch_id
    return decision


def _second(session: Session, one: Chosen, turn: Turn) -> Decision:
    """Confirm as the second person, who is never the first."""
    decision = decision_second.confirm_second(
        session,
        one.card_id,
        by=turn.by,
        now=turn.now,
        today=turn.today,
        seen=one.seen,
        reason=turn.options.reason,
        too_old_ok=turn.options.too_old_ok,
    )
    decision.confirm_batch_id = turn.batch_id
    return decision


def _undo(session: Session, one: Chosen, turn: Turn) -> Decision:
    return decision_undo.undo(
        session,
        one.card_id,
        by=turn.by,
        now=turn.now,
        today=turn.today,
        decision_id=one.decision_id,
        seen=one.seen,
        reason=turn.options.reason,
        invoiced_ok=turn.options.invoiced_ok,
        scheduled_ok=True,
        batch_id=turn.batch_id,
    )


VERBS: Mapping[str, Callable[[Session, Chosen, Turn], Decision]] = {
    "approve": _approve,
    "adjust": _adjust,
    "dismiss": _dismiss,
    "send": _send,
    "second": _second,
    "undo": _undo,
}
"""How a card is decided, by the action of its batch. All raise what they raise for one card."""
