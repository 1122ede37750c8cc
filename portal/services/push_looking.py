"""Compare what ConnectWise has with what a push expects: pure, so that each answer can be tested by itself."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from portal.connectwise import Addition
from portal.domain.quantities import plain
from portal.domain.steps import Step, StepAction
from portal.services.decision_checks import line_facts

Facts = Mapping[str, Any]
"""What is compared of a line: id, quantity, effective, cancelled, as text."""


class Found(StrEnum):
    """What a look at ConnectWise says about one step."""

    READY = "ready"  # all is as the person saw it: the step may be sent
    THERE = "there"  # it shows the step's result already
    MOVED = "moved"  # it is neither: somebody changed it


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
        line: The line that the step is about, as it stands; none where it is gone or not there yet.
        moved: The lines that are not as expected; empty where all are.
    """

    found: Found
    line: Addition | None = None
    moved: tuple[Moved, ...] = ()


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
    """
    now = {line.id: line for line in lines}
    if step.action is StepAction.CREATE:
        known = set(expected) if known_ids is None else set(known_ids)
        fresh = [line for line in lines if line.id not in known | set(expected) | set(taken)]
        match = _created(step, fresh, created)
        about = None if match is None else match.id
    else:
        about = step.addition_id
        match = now.get(about) if about is not None else None
    moved = _moved(now, expected, today, except_for=about)
    if moved:
        return Look(found=Found.MOVED, line=match, moved=moved)
    if step.action is StepAction.CREATE:
        return Look(found=Found.READY if match is None else Found.THERE, line=match)
    before = expected.get(about or 0)
    if match is None or before is None:
        return Look(found=Found.MOVED, line=match, moved=(Moved(line_id=about or 0, before=before, line=match),))
    return _written(step, match, before)


def _created(step: Step, fresh: Sequence[Addition], created: int | None) -> Addition | None:
    """Recognise the line that a create made: by its id, else by product, quantity, first and last day."""
    for line in sorted(fresh, key=lambda one: one.id):
        if line.id == created:
            return line
        same = line.quantity == step.quantity and line.effective_date == step.effective
        if same and line.cancelled_date == step.cancelled and step.product in {None, line.product}:
            return line
    return None


def _written(step: Step, line: Addition, expected: Facts) -> Look:
    """Compare the line that is set, ended or reopened; every other field of it must be as it was."""
    facts = facts_of(line)
    field = "quantity" if step.action is StepAction.SET else "cancelled"
    wanted = plain(step.quantity or Decimal(0)) if field == "quantity" else _day(step.cancelled)
    others = all(facts[name] == expected[name] for name in ("quantity", "effective", "cancelled") if name != field)
    if others and facts[field] == wanted:
        return Look(found=Found.THERE, line=line)
    if others and facts[field] == expected[field]:
        return Look(found=Found.READY, line=line)
    return Look(found=Found.MOVED, line=line, moved=(Moved(line_id=line.id, before=expected, line=line),))


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
