"""What a storm broke, judged by what stands in the sandbox and by what the portal says of it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.connectwise.bundles import PATH
from portal.db.records import Push
from portal.domain.steps import Step, StepAction
from portal.services.card_making import IN_FLIGHT
from tests.storm.effects import Effect, Effects
from tests.storm.storm import WRITE_FAULTS, Result

_SAYS_NOTHING = ("Nothing was sent.", "Nothing was changed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Figures of one storm; each broken rule as a sentence that names the push.

    Args:
        sent: Write requests of the portal.
        faults: How many of them were hit, by kind.
        confirmed: Pushes that were.
        held: Pushes that stopped since the person had edited.
        lost: Decisions that neither took effect nor say truly why not.
        doubled: Steps that took effect more than once.
        overwritten: Edits of the person that a write of ours went over.
        untrue: Pushes that say that nothing was written, and it was.
    """

    decisions: int
    sent: int
    faults: Counter[str]
    confirmed: int
    held: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    overwritten: tuple[str, ...]
    untrue: tuple[str, ...]

    @property
    def broken(self) -> tuple[str, ...]:
        """Every broken rule."""
        return (*self.lost, *self.doubled, *self.overwritten, *self.untrue)


def judge(result: Result, pushes: Sequence[Push]) -> Verdict:
    """Judge a storm."""
    requests = [one for one in result.journal if one["member"] != "human" and _writes(one)]
    hit = Counter(str(one["fault"]) for one in requests if one["fault"])
    effects = result.effects
    return Verdict(
        decisions=len(result.decided),
        sent=len(requests),
        faults=Counter({kind: hit[kind] for kind in WRITE_FAULTS}),
        confirmed=sum(push.state == "confirmed" for push in pushes),
        held=sum(push.state == "changed_in_psa" for push in pushes),
        lost=tuple(_lost(pushes, effects)),
        doubled=tuple(doubled(effects)),
        overwritten=tuple(_overwritten(effects)),
        untrue=tuple(_untrue(pushes, effects)),
    )


def _writes(request: Mapping[str, object]) -> bool:
    """Tell whether a request writes: a bundle is posted, but reads."""
    return request["method"] in {"POST", "PATCH"} and not str(request["path"]).endswith(PATH)


def doubled(effects: Effects) -> Iterator[str]:
    """Name each write of ours that took effect more than once: a month decides each line, and each new one, once."""
    made = Counter((one.agreement, one.product, one.quantity) for one in effects.all if one.ours and one.created)
    for (agreement, product, _), times in made.items():
        for _ in range(times - 1):
            yield f"{product} on {agreement} was created {times} times."
    written = Counter(one.line for one in effects.all if one.ours and not one.created)
    for line, times in written.items():
        for _ in range(times - 1):
            yield f"Line {line} was written {times} times."


def _overwritten(effects: Effects) -> Iterator[str]:
    """Name each line that we wrote after a person had: every card was decided before the person touched it."""
    touched: dict[int, Effect] = {}
    for one in effects.all:
        if not one.ours:
            touched[one.line] = one
        elif one.line in touched:
            yield f"Line {one.line} got {one.quantity} over a person's {touched.pop(one.line).quantity}."


def _lost(pushes: Sequence[Push], effects: Effects) -> Iterator[str]:
    for push in pushes:
        if push.state in IN_FLIGHT:
            yield f"Push {push.id} is still {push.state}: {push.cause}"
        elif push.state == "confirmed":
            for row in push.steps:
                if not _stands(push, Step.from_stored(row.plan), effects):
                    yield f"Push {push.id} is confirmed, but step {row.ordinal} stands nowhere."
        elif push.state != "changed_in_psa" or not _was_edited(push, effects):
            yield f"Push {push.id} is {push.state} without a reason in ConnectWise: {push.cause}"


def _untrue(pushes: Sequence[Push], effects: Effects) -> Iterator[str]:
    for push in pushes:
        says_nothing = (push.cause or "").endswith(_SAYS_NOTHING)
        if (
            push.state == "changed_in_psa"
            and says_nothing
            and any(
                _is_of(one, push, Step.from_stored(row.plan)) and one.ours for row in push.steps for one in effects.all
            )
        ):
            yield f"Push {push.id} says “{push.cause}”, but its write took effect."


def _stands(push: Push, step: Step, effects: Effects) -> bool:
    """Tell whether a step's result was ever made; by us, or by a person who made the very same line."""
    return any(_is_of(one, push, step) for one in effects.all)


def _is_of(effect: Effect, push: Push, step: Step) -> bool:
    if step.action is StepAction.CREATE:
        return (
            effect.created
            and (effect.agreement, effect.product) == (push.agreement_id, push.card.product)
            and effect.quantity == step.quantity
        )
    if effect.line != step.addition_id or effect.created:
        return False
    if step.action is StepAction.SET:
        return effect.quantity == (step.quantity or Decimal(0))
    return effect.ended == (None if step.cancelled is None else step.cancelled.isoformat())


def _was_edited(push: Push, effects: Effects) -> bool:
    """Tell whether a person changed anything of what the push is about."""
    about = (push.agreement_id, push.card.product)
    return any(not one.ours and (one.agreement, one.product) == about for one in effects.all)
