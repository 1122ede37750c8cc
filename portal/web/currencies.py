"""How a currency is written: as the PSA writes it, else by the sign that everybody knows, else by its code."""

from collections import Counter
from dataclasses import dataclass
from typing import cast

import sqlalchemy as sa
from flask import g, has_request_context

from portal.db.records import PsaCurrency
from portal.db.session import reading

SIGNS = {"USD": "$", "CAD": "CA$", "AUD": "A$", "NZD": "NZ$", "EUR": "€", "GBP": "£"}
PLACES = 2


@dataclass(frozen=True, slots=True)
class Written:
    """A currency's sign, or "" where its code follows the number; and decimal places, 2 or 0."""

    sign: str
    places: int


def written(code: str) -> Written:
    """Give how a currency is written.

    Args:
        code: ISO code, in any case; "" for money of no known currency.
    """
    return _known().get(code.upper(), Written(SIGNS.get(code.upper(), ""), PLACES))


def _known() -> dict[str, Written]:
    """Give what the PSA said, read once a request; outside a request nothing is asked."""
    if not has_request_context():
        return {}
    if "currencies" not in g:
        rows = reading().execute(sa.select(PsaCurrency.code, PsaCurrency.symbol, PsaCurrency.places)).all()
        g.currencies = signs([(code, symbol, places) for code, symbol, places in rows])
    return cast("dict[str, Written]", g.currencies)


def signs(rows: list[tuple[str, str, int | None]]) -> dict[str, Written]:
    """Give the signs of the PSA's currencies. One that two of them share tells neither: they get one of their own.

    Args:
        rows: Code, symbol ("" for none) and decimal places of each.
    """
    shared = Counter(symbol for _, symbol, _ in rows)
    return {
        code: Written(
            SIGNS.get(code, "") if shared[symbol] > 1 else "" if symbol.upper() == code else symbol,
            0 if places == 0 else PLACES,
        )
        for code, symbol, places in rows
    }
