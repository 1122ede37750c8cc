"""Turn Undo into a plan: what a decision wrote is taken back, unless someone changed it since."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from portal.domain.invoicing import Move, invoice_effect
from portal.domain.lines import revenue
from portal.domain.periods import day_text
from portal.domain.psa import BilledAgreement, CatalogItem, Line
from portal.domain.quantities import plain
from portal.domain.steps import Effect, Plan, Step, StepAction, effect_words


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneStep:
    """A step that a push carried out.

    Args:
        addition_id: The line that a create made; for other steps none is needed.
        found: The PSA showed the result already, by a person's edit: it was not written by us.
    """

    step: Step
    addition_id: int | None = None
    found: bool = False

    @property
    def line_id(self) -> int | None:
        """The line that the step wrote."""
        return self.addition_id if self.step.action is StepAction.CREATE else self.step.addition_id


def plan_undo(
    agreement: BilledAgreement, lines: Iterable[Line], item: CatalogItem | None, done: Sequence[DoneStep]
) -> Plan:
    """Plan to restore what stood before a decision, last step first.

    A quantity is set back, a line that was ended is reopened, and a line that was created is set to 0, since the
    portal may not delete. What was found and not written by us is left alone.

    Args:
        agreement: As it stands now.
        lines: All lines of the product on the agreement, as they stand now.
        item: The catalogue item, for the money.
        done: The steps that were carried out, in their order.

    Returns:
        The writes; or a refusal where someone has changed one of the lines since.
    """
    if agreement.why_not is not None:
        return Plan(refused=agreement.why_not)
    known = {line.addition_id: line for line in lines}
    steps: list[Step] = []
    moves: list[Move] = []
    left_alone: list[str] = []
    for one in reversed(done):
        if one.found:
            left_alone.append(f"Left alone, since it was found and not written by us: {one.step.words()}")
            continue
        line = None if one.line_id is None else known.get(one.line_id)
        if line is None:
            return Plan(refused=f"Line {one.line_id} is gone from the PSA, so this cannot be undone as a whole.")
        if (changed := _changed_since(one.step, line)) is not None:
            return Plan(refused=changed)
        steps.append(_back(one.step, line))
        moves.append(_move_back(agreement, one.step, line, item))
    effect = invoice_effect(agreement, moves)
    negative = [
        f"Line {line.addition_id} keeps {plain(line.less_included)} included units: set them to 0 in the PSA by hand."
        for one in done
        if one.step.action is StepAction.CREATE and one.addition_id is not None and not one.found
        for line in [known[one.addition_id]]
        if line.less_included
    ]
    words = [step.words() for step in steps] or ["There is nothing to take back."]
    after = effect_words(effect, steps) if steps else []
    return Plan(steps=tuple(steps), effect=Effect.of(effect), sentences=(*words, *left_alone, *negative, *after))


def _changed_since(step: Step, line: Line) -> str | None:
    """Say what someone changed on a line since a step was done; none where it stands as the step left it."""
    name = f"Line {line.addition_id}"
    tail = "Someone changed it since, so nothing is undone. Look at the line and decide again."
    if step.quantity is not None and line.quantity != step.quantity:
        return f"{name} has {plain(line.quantity)} now, where this decision left {plain(step.quantity)}. {tail}"
    if step.action is not StepAction.SET and line.cancelled != step.cancelled:
        now = "has no last day" if line.cancelled is None else f"ends on {day_text(line.cancelled)}"
        return f"{name} {now} now, unlike this decision left it. {tail}"
    return None


def _back(step: Step, line: Line) -> Step:
    """Give the write that takes a step back."""
    if step.action is StepAction.CREATE:
        return Step(action=StepAction.SET, addition_id=line.addition_id, expected=step.quantity, quantity=Decimal(0))
    if step.action is StepAction.SET:
        before = step.expected if isinstance(step.expected, Decimal) else Decimal(0)
        return Step(action=StepAction.SET, addition_id=line.addition_id, expected=step.quantity, quantity=before)
    last_day = step.expected if isinstance(step.expected, date) else None
    action = StepAction.REOPEN if step.action is StepAction.END else StepAction.END
    return Step(action=action, addition_id=line.addition_id, expected=step.cancelled, cancelled=last_day)


def _move_back(agreement: BilledAgreement, step: Step, line: Line, item: CatalogItem | None) -> Move:
    """Give what taking a step back does to the invoices: the reverse of what the step did."""
    prorates = agreement.agreement.prorates
    if step.action is StepAction.SET:
        before = step.expected if isinstance(step.expected, Decimal) else Decimal(0)
        return Move(amount=revenue(line, item, before - line.quantity), ends=line.cancelled)
    if step.action is StepAction.CREATE:
        begins = step.effective if prorates else None
        return Move(amount=revenue(line, item, -line.quantity), begins=begins, ends=line.cancelled)
    first, last = (step.cancelled, step.expected) if step.action is StepAction.END else (step.expected, step.cancelled)
    units = line.quantity if step.action is StepAction.END else -line.quantity
    begins = first + timedelta(days=1) if isinstance(first, date) else None
    return Move(amount=revenue(line, item, units), begins=begins, ends=last if isinstance(last, date) else None)
