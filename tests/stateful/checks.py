"""What must hold after each step of a walk, on one picture of the store and the writes that took effect."""

from collections import Counter

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Batch, Decision, Push
from portal.domain.steps import Step, StepAction
from portal.services import decision_bulk
from portal.services.card_making import IN_FLIGHT
from tests.storm.effects import Effect, Effects

_SAYS_NOTHING = ("Nothing was sent.", "Nothing was changed.")
_Signature = tuple[object, ...]


def each_write_is_a_decided_step_and_none_is_made_twice(found: list[Push], effects: Effects) -> None:
    """Compare the writes that took effect with the steps that were asked for, and are not denied."""
    written = Counter(_of_effect(one) for one in effects.all if one.ours)
    asked = Counter(
        _of_step(push, Step.from_stored(row.plan))
        for push in found
        for row in push.steps
        if row.intent_at is not None and (push.state in IN_FLIGHT or not _says_nothing(push))
    )
    more = {one: times for one, times in written.items() if times > asked[one]}
    assert not more, f"written, but not decided, or more often than decided, or denied: {more}; asked {asked}"


def each_step_that_is_said_to_be_done_was_written(found: list[Push], effects: Effects) -> None:
    """Compare the steps that the portal calls done with the writes that took effect."""
    written = Counter(_of_effect(one) for one in effects.all if one.ours)
    done = Counter(
        _of_step(push, Step.from_stored(row.plan)) for push in found for row in push.steps if row.state == "done"
    )
    assert not done - written, f"called done, but never written: {done - written}"


def each_card_of_a_batch_is_decided_once_or_left(session: Session) -> None:
    """Compare each batch that decided something with its cards, whether it is through or half-way."""
    for batch in session.scalars(sa.select(Batch).where(Batch.action.not_in(("send", "second")))):
        query = sa.select(Decision.card_id).where(Decision.batch_id == batch.id)
        reached = [*session.scalars(query), *(int(one["card_id"]) for one in batch.left_out)]
        assert len(reached) == len(set(reached)), f"batch {batch.id} reached a card twice: {reached}"
        bulk = decision_bulk.bulk_of(session, batch.id)
        assert bulk is None or len(reached) == bulk.progress_done, f"batch {batch.id} lost or doubled a card"


def _of_effect(one: Effect) -> _Signature:
    """Name a write that took effect by what it did."""
    if one.created:
        return ("create", one.agreement, one.product, one.quantity, one.effective, one.ended)
    return (one.line, one.changed or "nothing", one.quantity if one.changed == "quantity" else one.ended)


def _of_step(push: Push, step: Step) -> _Signature:
    """Name what a step is to do in the same way."""
    ended = None if step.cancelled is None else step.cancelled.isoformat()
    if step.action is StepAction.CREATE:
        effective = None if step.effective is None else step.effective.isoformat()
        return ("create", push.agreement_id, push.card.product, step.quantity, effective, ended)
    if step.action is StepAction.SET:
        return (step.addition_id, "quantity", step.quantity)
    return (step.addition_id, "ended", ended)


def _says_nothing(push: Push) -> bool:
    return (push.cause or "").endswith(_SAYS_NOTHING)
