"""The cards of a period as rows of a CSV file."""

from decimal import Decimal
from fractions import Fraction

from portal.domain.money import two_places
from portal.domain.quantities import plain
from portal.domain.reconcile import Card, CardKind

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


def card_row(card: Card, company: str, agreement: str | None) -> list[str]:
    """Write a card as texts in the order of `COLUMNS`; empty: there is no such number.

    Args:
        card: A stale one has no numbers.
        company: The company's name.
        agreement: The agreement's name; none without agreement.
    """
    stale = card.kind is CardKind.STALE
    numbers = (
        quantity_cell(card.psa),
        quantity_cell(card.vendor),
        quantity_cell(card.proposed),
        quantity_cell(card.difference),
        price_cell(card.unit_price),
        price_cell(card.unit_cost),
        money_cell(card.revenue_month),
        money_cell(card.profit_month),
    )
    return [
        str(card.company_id),
        company,
        "" if card.agreement_id is None else str(card.agreement_id),
        agreement or "",
        card.product,
        card.kind.value,
        *([""] * len(numbers) if stale else numbers),
        "" if card.prorates is None else yes_no(answer=card.prorates),
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
