"""From which day to which an effective date may lie, and why."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from portal.domain.invoicing import invoiced_period
from portal.domain.lines import line_changes
from portal.domain.periods import day_before, day_text
from portal.domain.psa import BilledAgreement, Line

EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)
"""Between these days an effective date lies; any other is a slip of the hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DateBounds:
    """The first and the last day that may be picked; both may.

    Args:
        first: None: no bound of its own.
        first_because: What the first day is: "when the agreement begins".
        last: None: no bound of its own.
        invoiced_before: Days before this one were already invoiced, so that they ask for a tick; none: not known.
    """

    first: date | None = None
    first_because: str = ""
    last: date | None = None
    last_because: str = ""
    invoiced_before: date | None = None

    def why_not(self, day: date) -> str | None:
        """Say why a day cannot be picked; none where it can."""
        if not EARLIEST <= day <= LATEST:
            return f"The date lies too far away. Choose one from {day_text(EARLIEST)} to {day_text(LATEST)}."
        if self.first is not None and day < self.first:
            why = f"{day_text(day)} is before {day_text(self.first)}, {self.first_because}."
            return f"{why} Choose that day or a later one."
        if self.last is not None and day > self.last:
            why = f"{day_text(day)} is after {day_text(self.last)}, {self.last_because}."
            return f"{why} Choose that day or an earlier one."
        return None

    def words(self, write: Callable[[date], str] = day_text) -> str:
        """Say the bounds beside the field: "From 1 Jun 2026, when line 2 begins, to 31 Dec 2026, ...".

        Args:
            write: How a day is written.
        """
        parts = []
        if self.first is not None:
            parts.append(f"From {write(self.first)}, {self.first_because}")
        if self.last is not None:
            to = "to" if parts else "Up to"
            parts.append(f"{to} {write(self.last)}, {self.last_because}")
        span = f"{', '.join(parts)}." if parts else ""
        invoiced = self.invoiced_before
        if invoiced is None or (self.first is not None and invoiced <= self.first):
            return span
        return f"{span} Days before {write(invoiced)} were already invoiced; one of them asks for a tick.".strip()

    @property
    def earliest(self) -> date:
        """The first day that a field takes."""
        return EARLIEST if self.first is None else max(EARLIEST, self.first)

    @property
    def latest(self) -> date:
        """The last day that a field takes."""
        return LATEST if self.last is None else min(LATEST, self.last)

    def nearest(self, day: date) -> date:
        """Give the day itself where it may be picked, else the bound that it passed."""
        return min(max(day, self.earliest), self.latest)


def date_bounds(agreement: BilledAgreement, touched: Iterable[Line] = ()) -> DateBounds:
    """Give the days within which a change of some lines may begin.

    Not before the agreement's start nor before the latest effective date of the lines that the plan touches, and not
    after the agreement's end.
    """
    own, period = agreement.agreement, invoiced_period(agreement)
    first, because = own.start, "when the agreement begins"
    latest = max((line for line in touched if line.effective is not None), key=_begins, default=None)
    if latest is not None and latest.effective is not None and (first is None or latest.effective > first):
        first, because = latest.effective, f"when line {latest.addition_id} begins"
    return DateBounds(
        first=first,
        first_because=because,
        last=own.last_day,
        last_because="when the agreement ends",
        invoiced_before=None if period is None else period.first,
    )


def change_bounds(
    agreement: BilledAgreement, lines: Iterable[Line], quantity: Decimal | None, today: date
) -> DateBounds:
    """Give the days from which the lines of a product may come to a quantity.

    Args:
        agreement: Its start, end, and what it invoiced.
        lines: All lines of the product on it, ended and scheduled ones too.
        quantity: What is wanted; none: not known yet, so that any line may be touched.
        today: The day looked at.
    """
    known = list(lines)
    active = [line for line in known if line.active(today)]
    changes = () if quantity is None else line_changes(active, quantity)
    changing = {change.addition_id for change in changes}
    bounds = date_bounds(agreement, [line for line in active if not changing or line.addition_id in changing])
    later = [line for line in known if line.begins_after(today) and _begins(line) <= bounds.latest]
    going = [*active, *later]
    ends = [(line.cancelled, line.addition_id) for line in going if line.cancelled is not None]
    if not ends or len(ends) < len(going):
        return bounds
    last, number = max(ends)
    if bounds.last is not None and bounds.last <= last:
        return bounds
    return replace(bounds, last=last, last_because=f"when line {number} ends")


def add_bounds(agreement: BilledAgreement, lines: Iterable[Line], today: date) -> DateBounds:
    """Give the days around today from which a line may be added: those on which no line of the product stands.

    Args:
        agreement: Its start, end, and what it invoiced.
        lines: All lines of the product on it, ended and scheduled ones too.
        today: In the portal's time zone.
    """
    bounds, known = date_bounds(agreement), [line for line in lines if not line.void]
    ended = [(line.cancelled, line.addition_id) for line in known if _ended(line, today) and line.cancelled is not None]
    if ended:
        last, number = max(ended)
        if bounds.first is None or last >= bounds.first:
            free = last + timedelta(days=1)
            bounds = replace(bounds, first=free, first_because=f"the day after line {number} ends")
    later = [(line.effective, line.addition_id) for line in known if line.begins_after(today) and line.effective]
    if later:
        first, number = min(later)
        if bounds.last is None or first <= bounds.last:
            bounds = replace(bounds, last=day_before(first), last_because=f"the day before line {number} begins")
    return bounds


def _ended(line: Line, today: date) -> bool:
    """Tell whether a line was billed on some day before today, and no more."""
    begun = line.effective is None or line.cancelled is None or line.effective <= line.cancelled
    return begun and line.cancelled is not None and line.cancelled < today


def _begins(line: Line) -> date:
    return line.effective or date.min
