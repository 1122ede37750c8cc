"""The meanings that statuses, types and vendors' words can have, and what they are called on screen."""

from collections.abc import Mapping
from typing import Literal

from portal.services.errors import Invalid, NotFound

ListName = Literal["status", "type"]
Flag = Literal["needs_decision", "renamed", "deleted"]
MEANINGS: Mapping[str, tuple[str, ...]] = {
    "status": ("customer", "not_customer", "ignore"),
    "type": ("in", "out"),
    "vendor": ("active", "inactive"),
}
TITLES: Mapping[str, str] = {
    "customer": "Customer",
    "not_customer": "Not a customer",
    "ignore": "Ignore",
    "in": "In",
    "out": "Out",
    "active": "Active",
    "inactive": "Inactive",
}
_ORDER: Mapping[Flag, int] = {"needs_decision": 0, "renamed": 1, "deleted": 2}


def check(list_name: str, meaning: str) -> None:
    """Refuse a meaning that the list does not have.

    Raises:
        NotFound: There is no such list.
        Invalid: There is no such meaning.
    """
    possible = MEANINGS.get(list_name)
    if possible is None:
        raise NotFound("There is no such list.")
    if meaning not in possible:
        sentence = f"Choose one of: {', '.join(title_of(each) for each in possible)}."
        raise Invalid(sentence, {"meaning": sentence})


def rank(flags: tuple[Flag, ...]) -> int:
    """Order rows by what an admin should look at first."""
    return min((_ORDER[flag] for flag in flags), default=len(_ORDER))


def title_of(meaning: str | None) -> str:
    """Give what a meaning is called on screen."""
    return "no decision" if meaning is None else TITLES[meaning]
