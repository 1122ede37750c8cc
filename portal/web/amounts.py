"""Amounts of money in fields: read the way the person writes numbers, and shown so that they are read back the same."""

from collections.abc import Mapping
from decimal import Decimal

from portal.domain.quantities import BadQuantity, parse_quantity
from portal.services.errors import Invalid
from portal.web.filters import typed
from portal.web.locale_choice import current_marks


def amount(form: Mapping[str, str], name: str) -> Decimal | None:
    """Give an amount of money, 0 or more, or none where the field is empty.

    Raises:
        Invalid: It is no amount.
    """
    value = form.get(name, "").strip().lstrip("$€£").strip()
    if not value:
        return None
    try:
        return parse_quantity(value, current_marks())
    except BadQuantity as error:
        raise Invalid(str(error), {name: str(error)}) from error


def stored_amount(value: object) -> str:
    """Write an amount, as it is stored, for the field that `amount` reads; an empty text for none."""
    return typed(Decimal(str(value))) if value else ""
