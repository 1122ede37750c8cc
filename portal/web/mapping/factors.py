"""Factors: how many units of a product one unit of a vendor service is, as a person types it."""

import re
from decimal import Decimal

from portal.domain.quantities import POINT, BadQuantity, Marks, neutral

PLACES = 9  # decimals that are kept
LARGEST = Decimal(1_000_000)


class BadFactor(ValueError):
    """A text that is no factor; its message is a sentence for the person who typed it."""


def parse_factor(text: str, marks: Marks = POINT) -> Decimal:
    """Read a factor: above zero, at most `LARGEST`, at most `PLACES` decimals; empty means 1.

    Args:
        text: As a person types it.
        marks: How that person writes numbers.

    Raises:
        BadFactor: The text is something else.
    """
    try:
        word = neutral(text, marks)
    except BadQuantity as error:
        raise BadFactor(str(error)) from error
    if not word:
        return Decimal(1)
    if re.fullmatch(r"[0-9]+,[0-9]+", word):
        raise BadFactor(f"“{word}” is not a factor. Did you mean {word.replace(',', '.')}?")
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,20})?", word):
        raise BadFactor(f"“{word}” is not a factor. Type a number such as 1 or 0.001.")
    if len(word.partition(".")[2].rstrip("0")) > PLACES:
        raise BadFactor(f"“{word}” has too many decimals. At most {PLACES} are kept.")
    value = Decimal(word)
    if not 0 < value <= LARGEST:
        raise BadFactor(f"“{word}” is out of range. A factor is above 0 and at most 1,000,000.")
    return value
