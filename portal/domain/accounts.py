"""Vendor accounts: which are shown, hidden or worth a warning."""

from decimal import Decimal
from enum import StrEnum


class AccountMeaning(StrEnum):
    """What a vendor's word for an account's status means; the same word differs between vendors."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class AccountVisibility(StrEnum):
    """How the mapping grid shows an account."""

    ACTIVE = "active"
    HIDDEN = "hidden"
    SHOWN = "shown"
    WARNING = "warning"
    NEEDS_DECISION = "needs_decision"


def account_visibility(
    meaning: AccountMeaning | None, counted_this: Decimal, counted_previous: Decimal
) -> AccountVisibility:
    """Tell how an account is shown.

    Args:
        meaning: What its status word means; none: an unknown word, which counts as active. An account whose
            vendor gives no status at all is active.
        counted_this: Units counted in the period, over all services.
        counted_previous: Likewise in the period before.

    Returns:
        An inactive account is hidden only where nothing was counted in either period. One that is still counted
        is a warning, since somebody pays for it.
    """
    if meaning is None:
        return AccountVisibility.NEEDS_DECISION
    if meaning is AccountMeaning.ACTIVE:
        return AccountVisibility.ACTIVE
    if counted_this != 0:
        return AccountVisibility.WARNING
    return AccountVisibility.SHOWN if counted_previous != 0 else AccountVisibility.HIDDEN
