"""What an addition costs and earns in the period at hand on an agreement that prorates.

Assumptions, since the reference says no more than that ConnectWise computes these fields and that calendar
days count: the period is the one of the agreement's billing cycle that holds today, or the line's first day
if that lies ahead; periods begin in January, or on the agreement's start date where ``invoicingCycle`` is
``ContractYear``; the amounts are rounded to cents, the extended ones once, from exact numbers.
"""

import calendar
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from portal.sandbox.derived import PRORATED, amount, day
from portal.sandbox.jsontext import JsonValue, Record, plain

_MONTHS = {"monthly": 1, "bimonthly": 2, "quarterly": 3, "semiannual": 6, "yearly": 12, "annual": 12, "annually": 12}
_CENT = Decimal("0.01")
_LAST_YEAR = 9990


def with_prorated(
    addition: Record, agreement: Record, tables: Mapping[str, Mapping[int, Record]], today: date
) -> Record:
    """An addition with its prorated fields; with none but the flag where the agreement does not prorate.

    Args:
        addition: With ``billedQuantity``.
        agreement: The one it hangs under.
        tables: Every record, by resource and id.
        today: The day in the PSA's zone.
    """
    addition = {name: value for name, value in addition.items() if name not in PRORATED}
    months = _months(agreement, tables["billing_cycles"])
    begins, ends = day(addition.get("effectiveDate")), day(addition.get("cancelledDate"))
    if begins is None or begins.year > _LAST_YEAR:  # the end of its period could lie beyond all dates
        return addition | {"prorateCurrentPeriodFlag": False}
    if agreement.get("prorateFlag") is not True or months is None:
        return addition | {"prorateCurrentPeriodFlag": False}
    first, last = period(agreement, months, max(today, begins))
    share = billed_share(begins, ends, first, last)
    item = _found(addition.get("product"), tables["catalog_items"])
    cost = amount(addition.get("unitCost", item.get("cost")))
    price = amount(addition.get("unitPrice", item.get("price")))
    quantity, billed = amount(addition.get("quantity")), amount(addition.get("billedQuantity"))
    amounts = (cost, price, cost * quantity, price * billed)
    return {
        **addition,
        **{name: _cents(Fraction(whole) * share) for name, whole in zip(PRORATED, amounts, strict=True)},
        "prorateCurrentPeriodFlag": 0 < share < 1,
    }


def billed_share(begins: date, ends: date | None, first: date, last: date) -> Fraction:
    """The part of a period that is billed: calendar days from the line's first to its last, both included."""
    start, end = max(begins, first), min(ends or last, last)
    return Fraction(max(0, (end - start).days + 1), (last - first).days + 1)


def period(agreement: Record, months: int, on: date) -> tuple[date, date]:
    """The first and the last day of the period that holds a day."""
    anchor = day(agreement.get("startDate"))
    if agreement.get("invoicingCycle") != "ContractYear" or anchor is None:
        anchor = date(on.year, 1, 1)
    passed = (on.year - anchor.year) * 12 + on.month - anchor.month
    number = passed // months
    if _after(anchor, number * months) > on:
        number -= 1
    return _after(anchor, number * months), _after(anchor, (number + 1) * months) - timedelta(days=1)


def _after(anchor: date, months: int) -> date:
    """A day so many months later; the last of its month where that month is too short."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, min(anchor.day, calendar.monthrange(year, month + 1)[1]))


def _months(agreement: Record, cycles: Mapping[int, Record]) -> int | None:
    return _MONTHS.get(str(_found(agreement.get("billingCycle"), cycles).get("billingOptions", "")).lower())


def _found(reference: JsonValue, table: Mapping[int, Record]) -> Record:
    key = reference.get("id") if isinstance(reference, dict) else None
    return table.get(key, {}) if isinstance(key, int) else {}


def _cents(amount: Fraction) -> Decimal:
    exact = Decimal(amount.numerator) / Decimal(amount.denominator)
    return plain(exact.quantize(_CENT, ROUND_HALF_UP))
