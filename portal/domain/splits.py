"""How one count is shared between several agreements of a company."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from portal.domain.quantities import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A split rule: all to one agreement, or fixed quantities on all but one and the rest to that one.

    Args:
        all_to: The agreement that takes everything; the others get zero.
        fixed: Quantity by agreement, each 0 or more.
        rest_to: The agreement that takes what the fixed parts leave.
    """

    all_to: int | None = None
    fixed: Mapping[int, Decimal] = field(default_factory=dict)
    rest_to: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotSplit:
    """A rule that cannot be applied is no rule; why, as a sentence."""

    reason: str


def share(
    total: Decimal, split: Split, agreements: Collection[int], names: Mapping[int, str] | None = None
) -> dict[int, Decimal] | CannotSplit:
    """Share a quantity between the agreements that hold the product.

    Args:
        total: 0 or more.
        split: The rule.
        agreements: Ids of the company's agreements with an active line of the product.
        names: What people call them, where a sentence names one; none: their ids.

    Returns:
        A part for each agreement, which sum to the total exactly; or why the rule cannot be applied.
    """
    if (reason := _why_not(split, agreements, names or {})) is not None:
        return CannotSplit(reason=reason)
    if split.all_to is not None:
        return {one: total if one == split.all_to else Decimal(0) for one in sorted(agreements)}
    rest = total - sum(split.fixed.values(), Decimal(0))
    if rest < 0:
        return CannotSplit(reason=f"The fixed parts are {plain(-rest)} more than the {plain(total)} counted.")
    if rest and split.rest_to is None:
        return CannotSplit(reason=f"The fixed parts leave {plain(rest)} over.")
    return {one: rest if one == split.rest_to else split.fixed[one] for one in sorted(agreements)}


def in_words(split: Split, names: Mapping[int, str]) -> str:
    """Say what a split rule does, from the middle of a sentence on.

    Args:
        split: The rule.
        names: What people call its agreements; one without a name is said by its id alone.
    """
    told = {
        one: f"“{names[one]}” ({one})" if names.get(one) else f"agreement {one}"
        for one in (split.all_to, *split.fixed, split.rest_to)
        if one is not None
    }
    if split.all_to is not None:
        return f"all to {told[split.all_to]}"
    parts = [f"{plain(quantity)} to {told[one]}" for one, quantity in sorted(split.fixed.items())]
    rest = [] if split.rest_to is None else [f"the rest to {told[split.rest_to]}"]
    return ", ".join(parts + rest)


def _why_not(split: Split, agreements: Collection[int], names: Mapping[int, str]) -> str | None:
    """Say why a rule cannot be applied to these agreements, whatever the quantity; none where it can."""
    named = [one for one in (split.all_to, *split.fixed, split.rest_to) if one is not None]
    others = sorted(set(named) - set(agreements))
    missing = sorted(set(agreements) - set(named))
    reason = None
    if split.all_to is not None and len(named) > 1:
        reason = "The rule names one agreement for everything, and others too."
    elif others:
        reason = f"The rule names {_called(others[0], names)}, which does not have the product."
    elif split.all_to is None and missing:
        reason = f"The rule says nothing of {_called(missing[0], names)}."
    elif len(set(named)) < len(named):
        reason = f"The rule names {_called(split.rest_to, names)} twice."
    elif any(part < 0 for part in split.fixed.values()):
        reason = "A fixed part is below zero."
    return reason


def _called(agreement: int | None, names: Mapping[int, str]) -> str:
    """Name an agreement as people know it."""
    name = None if agreement is None else names.get(agreement)
    return f"agreement {agreement}" if name is None else f"“{name}”"
