"""The cards of a period as rows of a CSV file."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from portal.domain.money import two_places
from portal.domain.quantities import plain

COLUMNS = (
    "company_id",
    "company",
    "agreement_id",
    "agreement",
    "product",
    "kind",
    "psa_quantity",
    "vendor_quantity",
    "proposed_quantity",
    "difference",
    "unit_price",
    "unit_cost",
    "monthly_revenue_change",
    "monthly_profit_change",
    "prorates",
)


def card_cells(
    *,
    company_id: int,
    company: str,
    agreement_id: int | None,
    agreement: str | None,
    product: str,
    kind: str,
    quantities: Iterable[Decimal | None],
    prices: Iterable[Decimal | None],
    money: Iterable[Fraction | Decimal | None],
    prorates: bool | None,
) -> list[str]:
    """Write a card as texts in the order of `COLUMNS`; empty: there is no such number.

    Args:
        company_id: The PSA's id.
        company: The company's name.
        agreement_id: The agreement; none for new revenue.
        agreement: Its name.
        product: The Product ID.
        kind: A `CardKind`'s value.
        quantities: PSA, vendor, proposed, difference.
        prices: Price and cost of one unit.
        money: Revenue and profit change a month.
        prorates: Whether the agreement takes an effective date; none without agreement.
    """
    return [
        str(company_id),
        company,
        "" if agreement_id is None else str(agreement_id),
        agreement or "",
        product,
        kind,
        *map(quantity_cell, quantities),
        *map(price_cell, prices),
        *map(money_cell, money),
        "" if prorates is None else yes_no(answer=prorates),
    ]


def quantity_cell(value: Decimal | None) -> str:
    """Write a quantity without trailing zeros."""
    return "" if value is None else plain(value)


def price_cell(value: Decimal | None) -> str:
    """Write a price with all its decimals, at least two: "12.00", "0.123456"."""
    if value is None:
        return ""
    whole, _, decimals = plain(value).partition(".")
    return f"{whole}.{decimals:0<2}"


def money_cell(value: Fraction | Decimal | None) -> str:
    """Write an amount with two decimals, half to even."""
    return "" if value is None else f"{two_places(value):f}"


def yes_no(*, answer: bool) -> str:
    """Write a flag."""
    return "yes" if answer else "no"
