"""Whether a count is unusual against the months before it: a hint to look twice, never a refusal."""

from dataclasses import dataclass
from decimal import Decimal

from portal.domain.quantities import plain

LEAST_MONTHS = 3  # fewer say nothing of what is usual
FAR = Decimal("1.5")  # times the most that was counted before, or a part of the least
LEAST_UNITS = Decimal(3)  # beyond the most or the least; below that a small count would often be called unusual


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was counted in the months before.

    Args:
        months: How many of the last twelve had a count.
        least: The smallest of them, in units.
        most: The largest.
    """

    months: int
    least: Decimal
    most: Decimal


def unusual(count: Decimal | None, history: History | None) -> str | None:
    """Say why a count is unusual; none where it is not, or where too little is known.

    A count is unusual when it lies at least 3 units outside of what the months before counted, and is more than half
    as much again as the most, or less than two thirds of the least.
    """
    if count is None or history is None or history.months < LEAST_MONTHS:
        return None
    above = count > history.most * FAR and count - history.most >= LEAST_UNITS
    below = count * FAR < history.least and history.least - count >= LEAST_UNITS
    if not (above or below):
        return None
    same = history.least == history.most
    usual = plain(history.most) if same else f"{plain(history.least)} to {plain(history.most)}"
    return f"{plain(count)} now, {usual} in the {history.months} months before."
