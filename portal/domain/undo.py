"""Turn Undo into a plan: what a decision wrote is taken back, unless someone changed it since."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import cast

from portal.domain.invoicing import InvoiceEffect, Move, already_invoiced, invoice_effect, invoiced_period
from portal.domain.lines import revenue
from portal.domain.money import money_text
from portal.domain.periods import day_text
from portal.domain.psa import BilledAgreement, CatalogItem, Line
from portal.domain.quantities import plain
from portal.domain.steps import Effect, Plan, Step, StepAction, Warned, effect_words, lines_after

_LOOK = "Look at the line and decide again."


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
    agreement: BilledAgreement,
    lines: Iterable[Line],
    item: CatalogItem | None,
    done: Sequence[DoneStep],
    decided_on: date | None = None,
) -> Plan:
    """Plan to restore what stood before a decision, last step first.

    A quantity is set back and a line that was ended is reopened. A line that was created is set to 0 and ends on its
    own first day, the earliest that ConnectWise takes, since the portal may not delete. What was found and not written
    by us is left alone. A line that someone changed since is held back with all that belongs to it, so that nothing is
    billed twice or not at all; the rest goes back.

    Args:
        agreement: As it stands now.
        lines: All lines of the product on the agreement, as they stand now.
        item: The catalogue item, for the money.
        done: The steps that were carried out, in their order.
        decided_on: The day of the decision, for saying what was invoiced since; none: nothing is said.

    Returns:
        The writes; or a refusal where nothing of it can go back.
    """
    if agreement.why_not is not None:
        return Plan(refused=agreement.why_not)
    known = {line.addition_id: line for line in lines}
    ours = [one for one in done if not one.found]
    held = _held(ours, known)
    taken = [one for one in reversed(ours) if _key(one, ours) not in held]
    if held and not taken:
        return Plan(refused=f"{' '.join(held.values())} {_LOOK}", held=tuple(held.values()))
    steps = [step for one in taken for step in _back(one.step, known[cast("int", one.line_id)])]
    created = [known[cast("int", one.line_id)] for one in taken if one.step.action is StepAction.CREATE]
    moves = [
        move
        for line_id in dict.fromkeys(cast("int", one.line_id) for one in taken)
        for move in _moves_of(
            agreement,
            known[line_id],
            [step for step in steps if step.addition_id == line_id],
            item,
            created=known[line_id] in created,
        )
    ]
    effect = invoice_effect(agreement, moves)
    words = [step.words() for step in steps] or ["There is nothing to take back."]
    return Plan(
        steps=tuple(steps),
        effect=Effect.of(effect),
        warnings=_invoiced(agreement, moves, effect),
        held=tuple(held.values()),
        sentences=(
            *words,
            *(_never_deleted(line) for line in created),
            *(f"Held back: {sentence}" for sentence in held.values()),
            *(
                f"Left alone, since it was found and not written by us: {one.step.words()}"
                for one in reversed(done)
                if one.found
            ),
            *(
                f"Line {line.addition_id} keeps {plain(line.less_included)} included units: "
                "set them to 0 in the PSA by hand."
                for line in created
                if line.less_included
            ),
            *_invoiced_since(agreement, decided_on, moves),
            *(effect_words(effect, steps) if steps else []),
        ),
    )


def _key(one: DoneStep, done: Sequence[DoneStep]) -> int | None:
    """Tell what a step belongs to: a line and what replaces it go back together.

    What an earlier undo did with several lines at once also belongs together.
    """
    if any(other.step.action is StepAction.REOPEN for other in done):
        return None
    return one.step.like if one.step.like is not None else one.line_id


def _held(done: Sequence[DoneStep], known: Mapping[int, Line]) -> dict[int | None, str]:
    """Give what cannot go back, each with both numbers."""
    held: dict[int | None, str] = {}
    for one in done:
        line = None if one.line_id is None else known.get(one.line_id)
        if line is None:
            why: str | None = f"Line {one.line_id} is gone from ConnectWise, so it cannot be put back."
        else:
            why = _changed_since(one.step, line)
        if why is not None:
            held.setdefault(_key(one, done), why)
    return held


def _changed_since(step: Step, line: Line) -> str | None:
    """Say what someone changed on a line since a step was done; none where it stands as the step left it."""
    name = f"Line {line.addition_id}"
    tail = "Someone changed it since, so nothing is undone."
    if step.quantity is not None and line.quantity != step.quantity:
        return f"{name} has {plain(line.quantity)} now, where this decision left {plain(step.quantity)}. {tail}"
    if step.action is not StepAction.SET and line.cancelled != step.cancelled:
        return f"{name} {_ends(line.cancelled)} now, where this decision left it so: {_ends(step.cancelled)}. {tail}"
    return None


def _ends(last: date | None) -> str:
    return "has no last day" if last is None else f"ends on {day_text(last)}"


def _back(step: Step, line: Line) -> list[Step]:
    """Give the writes that take a step back."""
    line_id = line.addition_id
    if step.action is StepAction.CREATE:
        empty = Step(action=StepAction.SET, addition_id=line_id, expected=step.quantity, quantity=Decimal(0))
        last = line.effective if line.effective is not None else step.effective
        if last is None or line.cancelled == last:
            return [empty]
        return [empty, Step(action=StepAction.END, addition_id=line_id, expected=line.cancelled, cancelled=last)]
    if step.action is StepAction.SET:
        before = step.expected if isinstance(step.expected, Decimal) else Decimal(0)
        return [Step(action=StepAction.SET, addition_id=line_id, expected=step.quantity, quantity=before)]
    last_day = step.expected if isinstance(step.expected, date) else None
    action = StepAction.REOPEN if step.action is StepAction.END else StepAction.END
    return [Step(action=action, addition_id=line_id, expected=step.cancelled, cancelled=last_day)]


def _never_deleted(line: Line) -> str:
    """Say what becomes of a line that the decision had added."""
    last = "" if line.effective is None else f" and ends on its own first day, {day_text(line.effective)}"
    return f"Line {line.addition_id} was added by this decision. The portal never deletes: it is set to 0{last}."


def _moves_of(
    agreement: BilledAgreement, line: Line, back: Sequence[Step], item: CatalogItem | None, *, created: bool
) -> list[Move]:
    """Give what the writes that take a line back do to the invoices: what it bills afterwards, less what it bills now.

    Args:
        agreement: Whether it prorates.
        line: As it stands now.
        back: All writes of the undo on this line, in their order.
        item: For the price.
        created: The decision made the line, so that nothing of it is left.
    """
    (after,) = lines_after([line], back)
    if line.void or after.void or created:  # it comes back, or goes, with all of its days
        begins = line.effective if agreement.agreement.prorates else None
        units = (Decimal(0) if created else after.billed_units) - line.billed_units
        return [
            Move(
                amount=revenue(line, item, units), begins=begins, ends=after.cancelled if line.void else line.cancelled
            )
        ]
    moves = []
    if line.cancelled != after.cancelled:
        first, last = sorted((line.cancelled, after.cancelled), key=lambda day: (day is None, day or date.max))
        longer = last == after.cancelled
        units = line.billed_units if longer else -line.billed_units
        begins = None if first is None else first + timedelta(days=1)
        moves.append(Move(amount=revenue(line, item, units), begins=begins, ends=last))
    if line.quantity != after.quantity:
        moves.append(Move(amount=revenue(line, item, after.quantity - line.quantity), ends=after.cancelled))
    return moves


def _invoiced(agreement: BilledAgreement, moves: Sequence[Move], effect: InvoiceEffect) -> tuple[Warned, ...]:
    """Spell out that what is taken back begins in a period that was already invoiced."""
    days = [move.begins for move in moves if move.amount and move.begins is not None]
    early = [day for day in days if already_invoiced(agreement, day)]
    if not early:
        return ()
    period = invoiced_period(agreement)
    since = "" if period is None else f" (all days before {day_text(period.first)} are)"
    amount = "" if effect.next_invoice is None else f": {money_text(effect.on_top)}"
    what = f"What that period billed for it is set right on the next invoice{amount}."
    return (Warned(code="invoiced_ok", sentence=f"{day_text(min(early))} was already invoiced{since}. {what}"),)


def _invoiced_since(agreement: BilledAgreement, decided_on: date | None, moves: Sequence[Move]) -> list[str]:
    """Say that an undo does not reach what was invoiced between the decision and now."""
    period = invoiced_period(agreement)
    if decided_on is None or period is None or decided_on >= period.first:
        return []
    if all(move.begins is not None for move in moves):
        return []
    return [f"What was invoiced for days before {day_text(period.first)} stays as it was invoiced."]
