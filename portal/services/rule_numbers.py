"""The numbers that an ignore rule was set for, as they are stored: it holds while they stand still.

By month, a list of `[company, product, count, quantity]`, decimals as text, no count as null. Cards of the month before
are still looked at when a month begins, so both months' numbers are kept. A later month is held against the last one.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from portal.domain.periods import Period
from portal.domain.quantities import plain
from portal.domain.rules import Seen

Numbers = Mapping[str, Sequence[Sequence[Any]]]


def stored(seen: Mapping[Period, Iterable[tuple[int, str, Seen]]]) -> dict[str, Any]:
    """Write numbers as they are stored.

    Args:
        seen: By month: company, product, and the two numbers of the company and product.
    """
    return {
        str(month): sorted(
            ([company, product, _text(one.vendor), _text(one.psa)] for company, product, one in rows),
            key=lambda row: (row[0], row[1]),
        )
        for month, rows in sorted(seen.items())
    }


def of_day(numbers: Numbers, day: date) -> dict[tuple[int, str], Seen]:
    """Give the numbers that hold for the month of a day: its own or, failing that, those of the last one before it."""
    month = str(Period.holding(day))
    known = [one for one in numbers if one <= month]
    if not known:
        return {}
    return {
        (int(company), str(product)): Seen(vendor=_number(vendor), psa=_number(psa))
        for company, product, vendor, psa in numbers[max(known)]
    }


def count(numbers: Numbers | None) -> int:
    """Count the companies' products of the last month that is known."""
    return len(numbers[max(numbers)]) if numbers else 0


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
