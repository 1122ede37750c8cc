"""The lines behind one card: which one changes, by how much, and what that is worth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from portal.domain.psa import Billing, CatalogItem, Line


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """One line whose quantity changes."""

    addition_id: int
    before: Decimal
    after: Decimal


def newest_first(lines: Iterable[Line]) -> list[Line]:
    """Order lines by effective date, latest first, then by id, highest first."""
    return sorted(lines, key=lambda line: (line.effective or date.min, line.addition_id), reverse=True)


def line_to_grow(lines: Iterable[Line]) -> Line | None:
    """Give the line that takes an increase: the newest open-ended one, else the newest."""
    ordered = newest_first(lines)
    return next((line for line in ordered if line.cancelled is None), ordered[0] if ordered else None)


def line_changes(lines: Sequence[Line], wanted: Decimal) -> tuple[LineChange, ...]:
    """Say which lines change so that they sum to a wanted quantity.

    Growth goes to `line_to_grow`; shrinking takes from the newest to the oldest, none below zero.

    Args:
        lines: The active lines of one product on one agreement, in any order.
        wanted: 0 or more.

    Returns:
        The lines that change, in the order of change; none where the sum is as wanted or there is no line.
    """
    difference = wanted - total(lines)
    if difference > 0:
        line = line_to_grow(lines)
        return () if line is None else (_change(line, line.quantity + difference),)
    changes = []
    for line in newest_first(lines):
        taken = min(-difference, line.quantity)
        if taken > 0:
            changes.append(_change(line, line.quantity - taken))
            difference += taken
    return tuple(changes)


def _change(line: Line, after: Decimal) -> LineChange:
    """Pair a line's quantity with what it becomes."""
    return LineChange(addition_id=line.addition_id, before=line.quantity, after=after)


def total(lines: Iterable[Line]) -> Decimal:
    """Sum the quantities of lines; included units count."""
    return sum((line.quantity for line in lines), Decimal(0))


def price_of(line: Line, item: CatalogItem | None) -> Decimal | None:
    """Give a line's price for one unit and cycle: its own, else the catalogue's. 0 is a price."""
    if line.unit_price is not None:
        return line.unit_price
    return None if item is None else item.price


def cost_of(line: Line, item: CatalogItem | None) -> Decimal | None:
    """Give a line's cost for one unit and cycle: its own, else the catalogue's. 0 is a cost."""
    if line.unit_cost is not None:
        return line.unit_cost
    return None if item is None else item.cost


def revenue(line: Line, item: CatalogItem | None, units: Decimal) -> Fraction | None:
    """Give what units of a line bring in for one cycle; none where no price is known.

    A line marked do not bill or no charge carries no revenue.
    """
    if line.billing is not Billing.BILLABLE:
        return Fraction(0)
    price = price_of(line, item)
    return None if price is None else Fraction(units) * Fraction(price)


def profit(line: Line, item: CatalogItem | None, units: Decimal) -> Fraction | None:
    """Give what units of a line earn for one cycle: revenue less cost; none where either is unknown."""
    income, cost = revenue(line, item, units), cost_of(line, item)
    return None if income is None or cost is None else income - Fraction(units) * Fraction(cost)
