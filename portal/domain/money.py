"""Money: exact until it is shown, then two decimals, half to even."""

from decimal import Decimal
from fractions import Fraction


def two_places(value: Decimal | Fraction) -> Decimal:
    """Bring an amount to two decimals, half to even. Called once, where a figure is shown."""
    return Decimal(round(Fraction(value) * 100)).scaleb(-2)


def per_month(amount: Decimal | Fraction, cycle_months: int) -> Fraction:
    """Turn an amount of one billing cycle into that of one month.

    Args:
        amount: In the currency of the agreement, for a whole cycle.
        cycle_months: The length of the cycle, 1 or more.

    Raises:
        ValueError: The cycle has no length.
    """
    if cycle_months < 1:
        msg = f"A billing cycle of {cycle_months} months cannot be."
        raise ValueError(msg)
    return Fraction(amount) / cycle_months


def money_text(value: Decimal | Fraction) -> str:
    """Write a change of money with its sign and two decimals: "+20.00", "-7.74", "0.00"."""
    rounded = two_places(value)
    return f"+{rounded:f}" if rounded > 0 else f"{rounded:f}"
