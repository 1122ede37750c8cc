"""A plan: the PSA writes of one decision, in order, and what they do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal, Self

from portal.domain.invoicing import InvoiceEffect
from portal.domain.money import money_text, two_places
from portal.domain.periods import day_text
from portal.domain.psa import Line
from portal.domain.quantities import plain


class StepAction(StrEnum):
    """What a write does to an addition."""

    SET = "set"
    CREATE = "create"
    END = "end"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One write.

    Args:
        addition_id: The line that is written; none for a new one.
        like: The line that a new one copies; none where it comes from the catalogue.
        expected: What must stand there before: a quantity (set) or the last day, none if open-ended (end, reopen).
        quantity: What is set, or what the new line has.
        effective: The new line's first day.
        cancelled: The last day that a line gets; none: open-ended.
        product: The new line's product.
        less_included: The new line's included units: the old line's where it replaces it, else 0.
        unit_price: The new line's, where it copies none.
        unit_cost: Likewise.
    """

    action: StepAction
    addition_id: int | None = None
    like: int | None = None
    expected: Decimal | date | None = None
    quantity: Decimal | None = None
    effective: date | None = None
    cancelled: date | None = None
    product: str | None = None
    less_included: Decimal = Decimal(0)
    unit_price: Decimal | None = None
    unit_cost: Decimal | None = None

    def as_json(self) -> dict[str, str | int | None]:
        """Give the step as `cards plan` prints it."""
        if self.action is StepAction.CREATE:
            created: dict[str, str | int | None] = {"action": self.action.value, "like": self.like}
            if self.like is None:
                created["product"] = self.product
            created |= {
                "quantity": _text(self.quantity),
                "effective": _text(self.effective),
                "cancelled": _text(self.cancelled),
            }
            if self.like is None:
                created |= {"unit_price": _text(self.unit_price), "unit_cost": _text(self.unit_cost)}
            return created
        written: dict[str, str | int | None] = {
            "action": self.action.value,
            "addition": self.addition_id,
            "expected": _text(self.expected),
        }
        if self.action is StepAction.SET:
            return written | {"quantity": _text(self.quantity)}
        return written | {"cancelled": _text(self.cancelled)}

    def stored(self) -> dict[str, str | int | None]:
        """Give the whole step as JSON, to be kept and read back by `from_stored`."""
        kept = self.as_json()
        if self.action is StepAction.CREATE:
            kept |= {
                "product": self.product,
                "less_included": plain(self.less_included),
                "unit_price": _text(self.unit_price),
                "unit_cost": _text(self.unit_cost),
            }
        return kept

    @classmethod
    def from_stored(cls, kept: Mapping[str, str | int | None]) -> Self:
        """Read a step that `stored` gave.

        Raises:
            ValueError: It is no such step.
        """
        action = StepAction(str(kept["action"]))
        dated = action in {StepAction.END, StepAction.REOPEN}
        return cls(
            action=action,
            addition_id=_id(kept.get("addition")),
            like=_id(kept.get("like")),
            expected=_day(kept.get("expected")) if dated else _number(kept.get("expected")),
            quantity=_number(kept.get("quantity")),
            effective=_day(kept.get("effective")),
            cancelled=_day(kept.get("cancelled")),
            product=None if kept.get("product") is None else str(kept["product"]),
            less_included=_number(kept.get("less_included")) or Decimal(0),
            unit_price=_number(kept.get("unit_price")),
            unit_cost=_number(kept.get("unit_cost")),
        )

    def words(self) -> str:
        """Say the step in plain words."""
        quantity = "" if self.quantity is None else plain(self.quantity)
        match self.action:
            case StepAction.SET:
                before = f" from {plain(self.expected)}" if isinstance(self.expected, Decimal) else ""
                return f"Set line {self.addition_id}{before} to {quantity}."
            case StepAction.CREATE:
                like = f" like line {self.like}" if self.like is not None else f" for {self.product}"
                since = "" if self.effective is None else f", effective {day_text(self.effective)}"
                until = "" if self.cancelled is None else f", until {day_text(self.cancelled)}"
                return f"Create a line{like} with quantity {quantity}{since}{until}."
            case StepAction.END:
                last = "" if self.cancelled is None else f" after {day_text(self.cancelled)}"
                return f"End line {self.addition_id}{last}."
            case StepAction.REOPEN:
                until = "" if self.cancelled is None else f" until {day_text(self.cancelled)}"
                return f"Reopen line {self.addition_id}{until}."


def _text(value: Decimal | date | None) -> str | None:
    """Write a number or a day as JSON text."""
    if value is None:
        return None
    return plain(value) if isinstance(value, Decimal) else value.isoformat()


def _number(value: str | int | None) -> Decimal | None:
    """Read a number that `_text` wrote."""
    return None if value is None else Decimal(value)


def _day(value: str | int | None) -> date | None:
    """Read a day that `_text` wrote."""
    return None if value is None else date.fromisoformat(str(value))


def _id(value: str | int | None) -> int | None:
    """Read the id of a line."""
    return None if value is None else int(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a plan does to the invoices, rounded to two decimals, in the agreement's currency.

    Args:
        next_invoice: None where there is no figure; `why` says why.
        per_month: None where no price is known.
        each_later: What each later invoice changes by.
    """

    next_invoice: Decimal | None
    per_month: Decimal | None
    why: str | None = None
    each_later: Decimal | None = None

    @classmethod
    def of(cls, effect: InvoiceEffect) -> Self:
        """Round an exact effect, once."""
        return cls(
            next_invoice=None if effect.next_invoice is None else two_places(effect.next_invoice),
            per_month=None if effect.per_month is None else two_places(effect.per_month),
            why=effect.why,
            each_later=None if effect.each_later is None else two_places(effect.each_later),
        )

    def as_json(self) -> dict[str, str | None]:
        """Give the effect as `cards plan` prints it."""
        return {
            "next_invoice": None if self.next_invoice is None else f"{self.next_invoice:f}",
            "per_month": None if self.per_month is None else f"{self.per_month:f}",
        }

    def words(self) -> str:
        """Say the effect in plain words."""
        if self.next_invoice is None:
            return f"No figure for the next invoice: {self.why}"
        later = "" if self.each_later is None else f", each later one {money_text(self.each_later)}"
        return f"Next invoice {money_text(self.next_invoice)}{later}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something that a person must tick before the plan is carried out."""

    code: Literal["invoiced_ok", "scheduled_ok"]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one decision would write.

    Args:
        steps: In the order of writing; none where there is nothing to change.
        effect: None of both where it is refused.
        refused: Why the decision cannot be carried out, as a sentence.
        warnings: What must be ticked first.
        sentences: The whole plan in plain words, warnings left out.
        held: What Undo leaves as it is since someone changed it, each with both numbers.
    """

    steps: tuple[Step, ...] = ()
    effect: Effect = Effect(next_invoice=None, per_month=None)
    refused: str | None = None
    warnings: tuple[Warned, ...] = ()
    sentences: tuple[str, ...] = ()
    held: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Give the plan as `cards plan` prints it."""
        return {
            "steps": [step.as_json() for step in self.steps],
            "effect": self.effect.as_json(),
            "refused": self.refused,
        }


def effect_words(effect: InvoiceEffect, steps: Sequence[Step]) -> list[str]:
    """Say what the next invoice gains or loses by a plan."""
    if not steps:
        return ["The PSA has this quantity already: there is nothing to write."]
    reaches = [] if effect.period is None else [f"The change reaches {effect.period.words()}."]
    return [*reaches, Effect.of(effect).words()]


def lines_after(lines: Iterable[Line], steps: Iterable[Step]) -> list[Line]:
    """Give the lines as they stand once the steps are done; new ones have ids from -1 downwards.

    Raises:
        ValueError: A step does not fit the lines: it writes an unknown one, or expects something else.
    """
    after = {line.addition_id: line for line in lines}
    for number, step in enumerate(steps, start=1):
        if step.action is StepAction.CREATE:
            after[-number] = _created(-number, step, after)
            continue
        line = None if step.addition_id is None else after.get(step.addition_id)
        stands = line and (line.quantity if step.action is StepAction.SET else line.cancelled)
        if line is None or stands != step.expected:
            msg = f"The step does not fit: {step.words()}"
            raise ValueError(msg)
        if step.action is StepAction.SET:
            changed = replace(line, quantity=step.quantity or Decimal(0))
        else:
            changed = replace(line, cancelled=step.cancelled)
        after[line.addition_id] = changed
    return list(after.values())


def _created(number: int, step: Step, lines: Mapping[int, Line]) -> Line:
    """Make the line that a step creates."""
    like = None if step.like is None else lines[step.like]
    fresh = Line(
        addition_id=number,
        agreement_id=0,
        product=step.product or "",
        quantity=Decimal(0),
        unit_price=step.unit_price,
        unit_cost=step.unit_cost,
    )
    return replace(
        like or fresh,
        addition_id=number,
        quantity=step.quantity or Decimal(0),
        less_included=step.less_included,
        effective=step.effective,
        cancelled=step.cancelled,
    )
