"""Counts that only the whole file decides: the latest snapshot, the largest, a mean over days, charge lines.

Wherever one row decides, the others are left out with the reason, so that the counted rows add up to the count.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from portal.domain.quantities import bring_to_places, plain, plus
from portal.vendors.ledger import Ledger
from portal.vendors.profiles import Measure

ZERO = Decimal(0)
_REFUND = "A refund or an earlier charge; the last charge of the cycle is on line {line}."


@dataclass(slots=True)
class Settled:
    """A count that is settled.

    Args:
        exact: Its units.
        lines: The rows that decide it.
        note: The arithmetic in words.
        left: Rows that do not decide, by the reason.
        zero: Rows that decide that there is nothing, by the reason.
        notices: What a person should look at.
    """

    exact: Decimal = ZERO
    lines: "array[int]" = field(default_factory=lambda: array("I"))
    note: str = ""
    left: dict[str, "array[int]"] = field(default_factory=dict)
    zero: dict[str, "array[int]"] = field(default_factory=dict)
    notices: list[tuple[str, int]] = field(default_factory=list)

    def leave(self, reason: str, line: int) -> None:
        """Leave a row out."""
        self.left.setdefault(reason, array("I")).append(line)


class Settle(Protocol):
    """Settles one count from its entries."""

    def __call__(self, entries: Sequence[int]) -> Settled:
        """Settle."""


def largest(ledger: Ledger, entries: Sequence[int]) -> Settled:
    """Take the largest row; of equal ones the first."""
    best = max(entries, key=lambda entry: (ledger.units(entry), -entry))
    found = Settled(ledger.units(best), array("I", [ledger.line(best)]))
    if len(entries) > 1:
        found.note = f"the largest of {len(entries)} rows: {plain(found.exact)} on line {ledger.line(best)}"
    for entry in entries:
        if entry != best:
            found.leave(f"Line {ledger.line(best)} has the largest count, {plain(found.exact)}.", ledger.line(entry))
    return found


def distinct(ledger: Ledger, entries: Sequence[int], column: str) -> Settled:
    """Count different values; the first row of each counts one."""
    found, seen = Settled(), dict[int, int]()
    for entry in entries:
        mark = ledger.extra[0][entry]
        if mark in seen:
            found.leave(f"The same {column} as on a line before.", ledger.line(entry))
        else:
            seen[mark] = entry
            found.lines.append(ledger.line(entry))
    found.exact = Decimal(len(seen))
    if len(seen) < len(entries):
        found.note = f"{len(seen)} different values of {column} in {len(entries)} rows"
    return found


def latest(ledger: Ledger, entries: Sequence[int], day: int | None = None) -> Settled:
    """Add up the rows of the latest day.

    Args:
        ledger: With the day of each entry.
        entries: Of one count.
        day: The day that holds; none: the entries' own latest. Without a row on it there is no count.
    """
    days = ledger.extra[0]
    chosen = max(days[entry] for entry in entries) if day is None else day
    found = Settled()
    for entry in entries:
        if days[entry] == chosen:
            found.exact = plus(found.exact, ledger.units(entry))
            found.lines.append(ledger.line(entry))
        else:
            found.leave(f"The snapshot of {_iso(chosen)} is later.", ledger.line(entry))
    if found.left:
        found.note = f"the snapshot of {_iso(chosen)}"
    return found


def over_days(ledger: Ledger, entries: Sequence[int], measure: Measure, all_days: int) -> Settled:
    """Add up each day, then take the largest, the last or the mean.

    Args:
        ledger: With the day of each entry.
        entries: Of one count.
        measure: Which to take.
        all_days: Over how many days a mean goes.
    """
    sums: dict[int, Decimal] = {}
    days = ledger.extra[0]
    for entry in entries:
        sums[days[entry]] = plus(sums.get(days[entry], ZERO), ledger.units(entry))
    if measure.take == "mean":
        total = ZERO
        for one in sums.values():
            total = plus(total, one)
        mean = bring_to_places(Fraction(total) / all_days)
        words = "rounded, " if Fraction(mean) * all_days != Fraction(total) else ""
        note = f"the mean of {all_days} days: {plain(total)} ÷ {all_days} = {plain(mean)}"
        lines = array("I", sorted({ledger.line(entry) for entry in entries}))
        return Settled(mean, lines, f"{words}{note}")
    best = max(sums, key=lambda day: (sums[day], day)) if measure.take == "max" else max(sums)
    found = Settled(sums[best])
    chosen = {ledger.line(entry) for entry in entries if days[entry] == best}
    found.lines = array("I", sorted(chosen))
    words = "the largest" if measure.take == "max" else "the last"
    found.note = f"{words} of {len(sums)} days: {plain(found.exact)} on {_iso(best)}"
    for line in sorted({ledger.line(entry) for entry in entries} - chosen):
        found.leave(f"{_iso(best)} is {words} day, with {plain(found.exact)}.", line)
    return found


def charges(ledger: Ledger, entries: Sequence[int], how: str) -> Settled:
    """Net charge lines within each subscription, by the last charge or by the signed sum.

    The two rules differ where a cycle's first charge stands in an earlier file, or where a line has only the seats
    that were added; both are worked out, and a difference is a notice.

    Args:
        ledger: With group, first day, last day and the sign of the amount.
        entries: Of one count.
        how: `last_charge` or `signed_sum`.
    """
    found = Settled()
    by_group: dict[int, list[int]] = {}
    for entry in entries:
        by_group.setdefault(ledger.extra[0][entry], []).append(entry)
    seats = []
    for group in by_group.values():
        last = max(ledger.extra[2][entry] for entry in group)
        cycle = [entry for entry in group if ledger.extra[2][entry] == last]
        for entry in group:
            if ledger.extra[2][entry] != last:
                found.leave(f"A later line reaches {_iso(last)}; this one is of an earlier cycle.", ledger.line(entry))
        charge = _last_charge(ledger, cycle)
        by_charge = ZERO if charge is None else ledger.units(charge).copy_abs()
        by_sum = ZERO
        for entry in cycle:
            by_sum = plus(by_sum, _signed(ledger, entry))
        if by_charge != by_sum:
            sentence = (
                f"By the last charge it is {plain(by_charge)}, by the sum of charges and refunds {plain(by_sum)}."
            )
            found.notices.append((sentence, ledger.line(cycle[-1])))
        if how == "signed_sum":
            found.exact = plus(found.exact, by_sum)
            found.lines.extend(ledger.line(entry) for entry in cycle)
        else:
            found.exact = plus(found.exact, by_charge)
            _decide(ledger, cycle, charge, found)
        seats.append(plain(by_sum if how == "signed_sum" else by_charge))
    if len(seats) > 1:
        found.note = f"{' + '.join(seats[:12])}{' + …' if len(seats) > 12 else ''} = {plain(found.exact)}"  # noqa: PLR2004
    return found


def _decide(ledger: Ledger, cycle: list[int], charge: int | None, found: Settled) -> None:
    """Say of each line of a cycle whether it decides."""
    if charge is None:
        deciding = max(cycle, key=lambda entry: (ledger.extra[1][entry], entry))
        found.zero.setdefault("The subscription was refunded, and no charge follows.", array("I")).append(
            ledger.line(deciding)
        )
        found.lines.append(ledger.line(deciding))
    else:
        deciding = charge
        found.lines.append(ledger.line(charge))
    for entry in cycle:
        if entry != deciding:
            found.leave(_REFUND.format(line=ledger.line(deciding)), ledger.line(entry))


def _last_charge(ledger: Ledger, cycle: list[int]) -> int | None:
    """Give the charge that begins last; none where a refund begins after it, or there is none."""
    paid = [entry for entry in cycle if _direction(ledger, entry) > 0]
    refunds = [entry for entry in cycle if _direction(ledger, entry) < 0]
    if not paid:
        zero = [entry for entry in cycle if _direction(ledger, entry) == 0]
        return max(zero, key=lambda entry: (ledger.extra[1][entry], -entry)) if zero and not refunds else None
    starts = ledger.extra[1]
    best = max(paid, key=lambda entry: (starts[entry], ledger.units(entry).copy_abs(), -entry))
    return None if any(starts[entry] > starts[best] for entry in refunds) else best


def _direction(ledger: Ledger, entry: int) -> int:
    """Tell whether a line charges or refunds: by its money, and where that is zero by its quantity."""
    sign = ledger.extra[3][entry]
    if sign:
        return sign
    units = ledger.units(entry)
    return (units > 0) - (units < 0)


def _signed(ledger: Ledger, entry: int) -> Decimal:
    units = ledger.units(entry).copy_abs()
    return units.copy_negate() if _direction(ledger, entry) < 0 and units else units


def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()
