"""A service card: what the PSA and the vendors say of one product on one agreement, and what is proposed."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from portal.domain.lines import LineChange
from portal.domain.mapping import Source
from portal.domain.psa import Line
from portal.domain.rules import Ignore


class CardKind(StrEnum):
    """What a card says."""

    INCREASE = "increase"
    DECREASE = "decrease"
    NO_CHANGE = "no_change"
    NEW_REVENUE = "new_revenue"
    NOT_REPORTED = "not_reported"
    PSA_ONLY = "psa_only"
    TO_SPLIT = "to_split"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One product on one agreement in one period, PSA quantity against vendor quantity.

    Args:
        agreement_id: None for new revenue.
        psa: Sum over the active lines; 0 for new revenue.
        vendor: This agreement's part of the count; the whole count while the card is to be split.
        proposed: After the rules; the PSA quantity where the difference is within tolerance.
        difference: Proposed less PSA quantity.
        unit_price: Of the first line that changes, or that would grow, for one billing cycle.
        unit_cost: Likewise.
        revenue_month: Exact, for one month, in `currency`.
        profit_month: Likewise.
        prorates: Whether the agreement takes an effective date; none without agreement.
        cycle_months: Length of the billing cycle; none without agreement.
        lines: The active lines, newest first.
        later_lines: Scheduled changes of the product, which begin after the day looked at.
        changing: The lines that change if the proposal is approved, in order.
        rules: What bent the proposal: "rounding", "minimum", "floor", "split", "tolerance".
        arithmetic: How the proposal came about, in sentences.
        ignored: The rule that leaves the card alone, while its number stands still.
        stale_reason: Why a stale card is stale, as a sentence.
    """

    company_id: int
    agreement_id: int | None
    product: str
    kind: CardKind
    psa: Decimal | None = None
    vendor: Decimal | None = None
    proposed: Decimal | None = None
    difference: Decimal | None = None
    unit_price: Decimal | None = None
    unit_cost: Decimal | None = None
    revenue_month: Fraction | None = None
    profit_month: Fraction | None = None
    prorates: bool | None = None
    currency: str | None = None
    cycle_months: int | None = None
    lines: tuple[Line, ...] = ()
    later_lines: tuple[Line, ...] = ()
    changing: tuple[LineChange, ...] = ()
    rules: tuple[str, ...] = ()
    arithmetic: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    within_tolerance: bool = False
    ignored: Ignore | None = None
    stale_reason: str | None = None


def card_order(card: Card) -> tuple[int, int, str]:
    """Order cards by company, agreement, product; those without an agreement come first in their company."""
    return (card.company_id, card.agreement_id or 0, card.product)
