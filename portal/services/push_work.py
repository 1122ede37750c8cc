"""A push as a worker holds it between transactions: plain values, read anew before every write."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Connection, Push, PushStep
from portal.domain.steps import Step
from portal.services.push_looking import Facts

WRITTEN = frozenset({"done", "found"})
ASKED = frozenset({"intent", "sent"})
"""States of a step that may have reached ConnectWise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWork:
    """One step.

    Args:
        product_id: The catalogue item of a line that copies none.
        known_ids: The agreement's lines before a create was sent.
        created: The line that ConnectWise's own answer named.
        before_updated: When ConnectWise had last changed the line before the write, by its own clock.
        asked_at: When it was last sent, or was about to be, in real time; none: it was not.
        author: Who had last changed the line before the write.
        answered: ConnectWise's own answer said that it took the write.
    """

    id: int
    ordinal: int
    step: Step
    state: str
    product_id: int | None
    known_ids: tuple[int, ...] | None
    created: int | None
    before_updated: datetime | None
    asked_at: datetime | None
    author: str = ""
    answered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A push.

    Args:
        dated: The person picked a date, so the agreement must still prorate.
        seen: The numbers that the person saw.
        expected: The lines as the person saw them, with what the finished steps did, by id.
        taken: Lines that finished steps made.
        member: The API member's identifier, if known.
        said: What a person said of a line of which nobody could tell who made it: whether it is ours.
        writing: Writes may be sent.
        wanted: What the card's quantity becomes, as text.
    """

    push_id: int
    decision_id: int
    card_id: int
    agreement_id: int
    product: str
    state: str
    dated: bool
    seen: Mapping[str, Any]
    expected: Mapping[int, Facts]
    taken: frozenset[int]
    steps: tuple[StepWork, ...]
    member: str | None
    said: bool | None
    writing: bool
    wanted: str | None

    @property
    def next_step(self) -> StepWork | None:
        """The first step that is not finished."""
        return next((step for step in self.steps if step.state not in WRITTEN), None)

    @property
    def begun(self) -> bool:
        """Whether anything may have reached ConnectWise."""
        return any(step.state in WRITTEN | ASKED for step in self.steps)


def read_work(session: Session, push: Push) -> Work:
    """Read a push with all that a worker needs to carry it on."""
    expected: dict[int, Facts] = {facts["id"]: facts for facts in push.decision.seen.get("lines", [])}
    taken = set()
    for step in push.steps:
        if step.state in WRITTEN and step.after is not None:
            expected[step.after["id"]] = {
                name: step.after[name] for name in ("id", "quantity", "effective", "cancelled")
            }
            if step.action == "create":
                taken.add(step.after["id"])
    connection = session.execute(
        sa.select(Connection.member, Connection.writing).where(Connection.name == "connectwise")
    ).first()
    quantity = push.decision.quantity
    return Work(
        push_id=push.id,
        decision_id=push.decision_id,
        card_id=push.card_id,
        agreement_id=push.agreement_id,
        product=push.decision.seen.get("product", push.card.product),  # it may have been renamed since
        state=push.state,
        dated=push.decision.effective is not None,
        seen=push.decision.seen,
        expected=expected,
        taken=frozenset(taken),
        steps=tuple(_step(step) for step in push.steps),
        member=None if connection is None else connection.member,
        said=push.found.get("ours"),
        writing=connection is not None and connection.writing,
        wanted=None if quantity is None else f"{quantity.normalize():f}",
    )


def _step(step: PushStep) -> StepWork:
    updated = (step.before or {}).get("last_updated")
    return StepWork(
        id=step.id,
        ordinal=step.ordinal,
        step=Step.from_stored(step.plan),
        state=step.state,
        product_id=step.plan.get("product_id"),
        known_ids=None if step.known_ids is None or step.state not in ASKED else tuple(step.known_ids),
        created=step.addition_id if step.action == "create" else None,
        before_updated=None if updated is None else datetime.fromisoformat(updated),
        asked_at=step.sent_at or step.intent_at,
        author=(step.before or {}).get("updated_by") or "",
        answered=step.state == "sent",
    )
