"""What a change does to the next invoice of an agreement.

The invoiced period is the agreement's own billing cycle. With N as the next invoice date, an agreement that bills in
advance (Future) bills [N, N + cycle) on N; one that bills in arrears (Current, and Both) bills [N - cycle, N). Days
before that period are already invoiced.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from portal.domain.money import per_month
from portal.domain.periods import add_months, day_before, day_text
from portal.domain.psa import BilledAgreement, PeriodType


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicedPeriod:
    """The days that one invoice bills; both ends count.

    Args:
        invoice_on: The date of the invoice.
    """

    first: date
    last: date
    invoice_on: date

    @property
    def days(self) -> int:
        """How many days the period has."""
        return (self.last - self.first).days + 1

    def share(self, begins: date, ends: date | None) -> Fraction:
        """Give the part of the period from one day to another, both included; 0 to 1."""
        first = max(self.first, begins)
        last = self.last if ends is None else min(self.last, ends)
        return Fraction(max(0, (last - first).days + 1), self.days)

    def words(self) -> str:
        """Say which invoice it is and what it bills."""
        return f"the invoice of {day_text(self.invoice_on)} (for {day_text(self.first)} to {day_text(self.last)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What one changed line adds to an invoice.

    Args:
        amount: Revenue change of one whole billing cycle; none where no price is known.
        begins: The day from which it holds; none: at once and for the whole open period.
        ends: The line's last day; none: open-ended.
    """

    amount: Fraction | None
    begins: date | None = None
    ends: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceEffect:
    """What a change adds to the invoices to come, exact, in the agreement's currency.

    Args:
        next_invoice: None where there is no figure; `why` says why.
        on_top: The part of `next_invoice` that bills days of periods which were already invoiced.
        each_later: What each later invoice changes by, as long as the changed lines stand.
        per_month: The same for one month.
        period: What the next invoice bills.
    """

    next_invoice: Fraction | None
    on_top: Fraction = Fraction(0)
    each_later: Fraction | None
    per_month: Fraction | None
    period: InvoicedPeriod | None
    why: str | None = None


def invoiced_period(agreement: BilledAgreement, back: int = 0) -> InvoicedPeriod | None:
    """Give the days that the next invoice bills.

    Args:
        agreement: With the terms it takes from its parent.
        back: 0 for the next invoice, 1 for the one before it, and so on.

    Returns:
        None where the PSA tells no next invoice date, no cycle, or not which period an invoice bills.
    """
    invoice_on, cycle = agreement.next_invoice, agreement.cycle_months
    if invoice_on is None or cycle is None or agreement.period_type is None:
        return None
    ahead = 1 if agreement.period_type is PeriodType.FUTURE else 0
    return InvoicedPeriod(
        first=add_months(invoice_on, cycle * (ahead - 1 - back)),
        last=day_before(add_months(invoice_on, cycle * (ahead - back))),
        invoice_on=add_months(invoice_on, -cycle * back),
    )


def already_invoiced(agreement: BilledAgreement, day: date) -> bool:
    """Tell whether a day lies in a period that was already invoiced; false where that is not known."""
    period = invoiced_period(agreement)
    return period is not None and day < period.first


def invoice_effect(agreement: BilledAgreement, moves: Iterable[Move]) -> InvoiceEffect:
    """Sum what the changed lines of an agreement do to its next invoice.

    A change without a date moves the whole period that the next invoice bills. A dated one moves the days from its
    date to the period's end, or to the line's, both included, over the days of the period. Where its date lies in
    an invoiced period, the rest of that period comes on top, and all of those between (an assumption, to be verified
    on a live PSA).
    """
    listed = tuple(moves)
    period = invoiced_period(agreement)
    amounts = [move.amount for move in listed if move.amount is not None]
    if len(amounts) < len(listed):
        why = "No price is known, neither on the line nor in the catalogue."
        return InvoiceEffect(next_invoice=None, each_later=None, per_month=None, period=period, why=why)
    cycle_total = sum(amounts, Fraction(0))
    own_end = agreement.agreement.last_day
    lasting = sum(
        (amount for amount, move in zip(amounts, listed, strict=True) if _lasts(move, period, own_end)), Fraction(0)
    )
    month_total = per_month(cycle_total, agreement.cycle_months or 1)
    if period is None:
        return InvoiceEffect(
            next_invoice=None, each_later=lasting, per_month=month_total, period=None, why=_no_figure(agreement)
        )
    shares = [_share(agreement, period, move) for move in listed]
    now = sum((amount * within for amount, (within, _) in zip(amounts, shares, strict=True)), Fraction(0))
    on_top = sum((amount * before for amount, (_, before) in zip(amounts, shares, strict=True)), Fraction(0))
    return InvoiceEffect(
        next_invoice=now + on_top, on_top=on_top, each_later=lasting, per_month=month_total, period=period
    )


def _lasts(move: Move, period: InvoicedPeriod | None, own_end: date | None) -> bool:
    """Tell whether a changed line, and its agreement, still stand after the period that the next invoice bills."""
    last_days = [day for day in (move.ends, own_end) if day is not None]
    return period is None or all(day > period.last for day in last_days)


def _no_figure(agreement: BilledAgreement) -> str:
    """Say why there is no figure for the next invoice."""
    if agreement.next_invoice is None:
        return "The agreement has no next invoice date in the PSA."
    if agreement.period_type is None:
        return "The PSA does not say whether the agreement bills in advance or in arrears."
    return "The agreement has no billing cycle."


def _share(agreement: BilledAgreement, period: InvoicedPeriod, move: Move) -> tuple[Fraction, Fraction]:
    """Give the part of the period that a change moves, and the periods already invoiced that come on top."""
    last_days = [day for day in (move.ends, agreement.agreement.last_day) if day is not None]
    ends = min(last_days, default=None)
    if move.begins is None:
        return Fraction(0 if ends is not None and ends < period.first else 1), Fraction(0)
    on_top = Fraction(0)
    back = 1
    while (earlier := invoiced_period(agreement, back)) is not None and earlier.last >= move.begins:
        on_top += earlier.share(move.begins, ends)
        back += 1
    return period.share(move.begins, ends), on_top
