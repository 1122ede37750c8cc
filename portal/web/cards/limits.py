"""When an approval needs more than one step: a second person, or a change above the person's own "ask me above"."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from sqlalchemy.orm import Session

from portal.db.records import Card
from portal.services import settings_store
from portal.services.sessions import SignedIn

_CHANGES = ("increase", "decrease", "new_revenue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What makes the portal ask before it acts.

    Args:
        amounts: Money a month by currency, above which a second person decides; empty: no limit stands. Where some
            stand and none for a currency, every decision in it needs two.
        any_decrease: Any decrease needs a second person.
        ask_above: The person's own amount a month, in any currency.
    """

    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    any_decrease: bool = False
    ask_above: Decimal | None = None

    def second_needed(self, card: Card) -> bool:
        """Tell whether approving a card will wait for a second person."""
        if card.kind == "decrease" and self.any_decrease:
            return True
        if not self.amounts or card.kind not in _CHANGES:
            return False
        limit = self.amounts.get(card.currency)
        return limit is None or card.revenue_change is None or abs(card.revenue_change) > limit

    def asks(self, card: Card) -> bool:
        """Tell whether approving a card opens its plan first."""
        amount = abs(card.revenue_change or Decimal(0))
        return self.second_needed(card) or (self.ask_above is not None and amount > self.ask_above)


def limits_of(session: Session, person: SignedIn) -> Limits:
    """Read the limits that hold for a person: the setting `limits`, and the person's preference `ask_above`."""
    stored = settings_store.get(session, "limits", {})
    amounts = {currency: _amount(value) for currency, value in (stored.get("amount") or {}).items()}
    return Limits(
        amounts={currency: value for currency, value in amounts.items() if value is not None},
        any_decrease=bool(stored.get("any_decrease")),
        ask_above=_amount(person.preferences.get("ask_above")),
    )


def _amount(value: object) -> Decimal | None:
    """Read an amount of a setting; anything else is none."""
    if value is None or value == "":
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
