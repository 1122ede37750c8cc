"""Compare what ConnectWise has with what a push expects: pure, so that each answer can be tested by itself."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.connectwise import Addition
from portal.domain.quantities import plain
from portal.domain.steps import Step, StepAction
from portal.services.decision_checks import line_facts

Facts = Mapping[str, Any]
"""What is compared of a line: id, quantity, effective, cancelled, as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A line that is not as expected.

    Args:
        before: As it was seen; none: it is new.
        line: As it stands; none: it is gone.
    """

    line_id: int
    before: Facts | None
    line: Addition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look says.

    Args:
        there: The step's result stands there.
        line: The line that the step is about, as it stands; none where it is gone or not there yet.
        moved: The lines that are not as expected; empty where all are.
        twins: How many lines could be the one that a create made.
    """

    there: bool
    line: Addition | None = None
    moved: tuple[Moved, ...] = ()
    twins: int = 0


def facts_of(line: Addition) -> dict[str, Any]:
    """Give what is compared of a line that was read."""
    return line_facts(line.id, line.quantity, line.effective_date, line.cancelled_date)


def look(
    step: Step,
    lines: Sequence[Addition],
    expected: Mapping[int, Facts],
    today: date,
    *,
    known_ids: Collection[int] | None = None,
    created: int | None = None,
    taken: Collection[int] = (),
    member: str | None = None,
) -> Look:
    """Say what ConnectWise shows of one step.

    Args:
        step: The write.
        lines: All lines of the product on the agreement, as just read.
        expected: The lines as the person saw them, with what earlier steps of the push did, by id.
        today: Lines that ended before this day do not matter.
        known_ids: Ids of the agreement's lines before the create was sent; none: it was not.
        created: The line that the create's own answer named.
        taken: Lines that other steps are known to have made.
        member: Our API member, if known: of several equal lines the one that it made is ours.
    """
    now = {line.id: line for line in lines}
    if step.action is StepAction.CREATE:
        known = set(expected) if known_ids is None else set(known_ids)
        fresh = [line for line in lines if line.id not in known | set(expected) | set(taken)]
        alike = _created(step, fresh, created, member)
        match = alike[0] if alike else None
        moved = _moved(now, expected, today, except_for=None if match is None else match.id)
        if match is not None and not _alike(step, match):  # ours by its id, and changed since
            moved = (*moved, Moved(line_id=match.id, before=_wanted(step, match), line=match))
            return Look(there=False, line=match, moved=moved)
        return Look(there=match is not None, line=match, moved=moved, twins=len(alike))
    about = step.addition_id or 0
    line, before = now.get(about), expected.get(about)
    moved = _moved(now, expected, today, except_for=about)
    if line is None or before is None:
        return Look(there=False, line=line, moved=(*moved, Moved(line_id=about, before=before, line=line)))
    there, as_before = _written(step, line, before)
    if not there and not as_before:
        moved = (*moved, Moved(line_id=about, before=before, line=line))
    return Look(there=there, line=line, moved=moved)


def made_by(line: Addition) -> str:
    """Give who made a line, as far as ConnectWise says: who changed it last, where it does not tell more."""
    return (line.entered_by or line.updated_by).casefold()


def _created(step: Step, fresh: Sequence[Addition], created: int | None, member: str | None) -> list[Addition]:
    """Give the lines that a create may have made, the likeliest first: what its answer named, what our member made.

    Else a line is recognised by product, quantity, first and last day.
    """
    named = [line for line in fresh if line.id == created]
    if named:
        return named
    alike = [line for line in sorted(fresh, key=lambda one: one.id) if _alike(step, line)]
    return sorted(alike, key=lambda line: member is None or made_by(line) != member.casefold())


def _alike(step: Step, line: Addition) -> bool:
    days = (line.effective_date, line.cancelled_date) == (step.effective, step.cancelled)
    return days and line.quantity == step.quantity and step.product in {None, line.product}


def _wanted(step: Step, line: Addition) -> Facts:
    return line_facts(line.id, step.quantity or Decimal(0), step.effective, step.cancelled)


def _written(step: Step, line: Addition, expected: Facts) -> tuple[bool, bool]:
    """Tell whether a line shows what a step sets, and whether it is as before; all else of it must be as it was."""
    facts = facts_of(line)
    field = "quantity" if step.action is StepAction.SET else "cancelled"
    wanted = plain(step.quantity or Decimal(0)) if field == "quantity" else _day(step.cancelled)
    others = all(facts[name] == expected[name] for name in ("quantity", "effective", "cancelled") if name != field)
    return others and facts[field] == wanted, others and facts[field] == expected[field]


def _moved(
    now: Mapping[int, Addition], expected: Mapping[int, Facts], today: date, *, except_for: int | None
) -> tuple[Moved, ...]:
    """Give the lines that differ from what is expected: changed, new or gone."""
    changed = []
    for line_id in sorted({*now, *expected} - {except_for}):
        line, before = now.get(line_id), expected.get(line_id)
        facts = None if line is None else facts_of(line)
        if facts != before and (_matters(facts, today) or _matters(before, today)):
            changed.append(Moved(line_id=line_id, before=before, line=line))
    return tuple(changed)


def _matters(facts: Facts | None, today: date) -> bool:
    """Tell whether a line is billed today or later."""
    return facts is not None and (facts["cancelled"] is None or facts["cancelled"] >= today.isoformat())


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
