"""From which day to which an effective date may lie, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from portal.domain.invoicing import invoiced_period
from portal.domain.periods import day_text
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
            return f"The date must not be before {day_text(self.first)}, {self.first_because}."
        if self.last is not None and day > self.last:
            return f"The date must not be after {day_text(self.last)}, {self.last_because}."
        return None

    def words(self) -> str:
        """Say the bounds beside the field: "From 1 Jun 2026, when line 2 begins, to 31 Dec 2026, ..."."""
        parts = []
        if self.first is not None:
            parts.append(f"From {day_text(self.first)}, {self.first_because}")
        if self.last is not None:
            to = "to" if parts else "Up to"
            parts.append(f"{to} {day_text(self.last)}, {self.last_because}")
        span = f"{', '.join(parts)}." if parts else ""
        invoiced = self.invoiced_before
        if invoiced is None or (self.first is not None and invoiced <= self.first):
            return span
        return f"{span} Days before {day_text(invoiced)} were already invoiced; one of them asks for a tick.".strip()


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


def _begins(line: Line) -> date:
    return line.effective or date.min
