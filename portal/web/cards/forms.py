"""What people type into a decision's form, read field by field: a wrong one is named with a sentence under it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from werkzeug.datastructures import MultiDict

from portal.domain.quantities import BadQuantity, neutral, parse_quantity
from portal.services.errors import Invalid
from portal.web.locale_choice import current_marks

LONGEST_REASON = 500  # characters
TICKS = ("invoiced_ok", "scheduled_ok", "too_old_ok")
_PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_ID = re.compile(r"[0-9]{1,9}")


@dataclass(slots=True)
class Typed:
    """A form as it was typed, with what it means.

    Args:
        values: The texts, to be shown again.
        errors: A sentence for each wrong field.
        ticks: The warnings that were ticked.
    """

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    ticks: set[str] = field(default_factory=set)
    quantity: Decimal | None = None
    day: date | None = None
    price: Decimal | None = None
    cost: Decimal | None = None
    agreement: int | None = None

    @property
    def reason(self) -> str | None:
        """The reason, or none."""
        return self.values.get("reason") or None

    @property
    def seen(self) -> str | None:
        """What the form showed; none where it was left out."""
        return self.values.get("seen") or None

    def value(self, name: str, default: str = "") -> str:
        """Give the text of a field, or what it holds before anybody typed."""
        return self.values.get(name, default)

    def refuse_if_wrong(self) -> None:
        """Stop at the first wrong field.

        Raises:
            Invalid: Some field cannot be read.
        """
        if self.errors:
            raise Invalid(next(iter(self.errors.values())), self.errors)

    def allowed(self, name: str) -> bool:
        """Tell whether a warning was ticked."""
        return name in self.ticks


def read_form(given: MultiDict[str, str], *, needs: Iterable[str] = ()) -> Typed:
    """Read a decision's form.

    Args:
        given: The fields as sent. A quantity of "1e9", "NaN" or "-3", a date that is none, a reason that is too long:
            each gets its sentence.
        needs: Fields that may not be empty.
    """
    typed = Typed(values={name: value.strip() for name, value in given.items() if name != "csrf_token"})
    typed.ticks = {name for name in TICKS if typed.values.get(name) in {"1", "on", "true", "yes"}}
    wanted = set(needs)
    for name in ("quantity", "date", "price", "cost", "agreement", "reason"):
        text = typed.values.get(name, "").replace("\0", "")
        if not text:
            if name in wanted:
                typed.errors[name] = _MISSING[name]
            continue
        try:
            _read(typed, name, text)
        except ValueError as error:
            typed.errors[name] = str(error)
    return typed


def _read(typed: Typed, name: str, text: str) -> None:
    """Read one field.

    Raises:
        ValueError: It cannot be read; the message is a sentence.
    """
    match name:
        case "quantity":
            typed.quantity = quantity(text)
        case "date":
            typed.day = day(text)
        case "price":
            typed.price = _money(text)
        case "cost":
            typed.cost = _money(text)
        case "agreement":
            typed.agreement = agreement(text)
        case _ if len(text) > LONGEST_REASON:
            raise ValueError(f"The reason has {len(text)} characters. At most {LONGEST_REASON} are kept.")
        case _:
            pass


_MISSING = {
    "quantity": "A quantity is missing. Type a number such as 12 or 2.5.",
    "date": "A date is missing. Pick the day from which the quantity holds.",
    "reason": "A reason is missing. Say in a few words why.",
    "agreement": "Choose the agreement that gets the line.",
    "price": "A price is missing.",
    "cost": "A cost is missing.",
}


def quantity(text: str) -> Decimal:
    """Read a quantity: 0 or more, at most 4 decimals.

    Raises:
        ValueError: It is none; the message is a sentence.
    """
    try:
        return parse_quantity(text, current_marks())
    except BadQuantity as error:
        raise ValueError(str(error)) from error


def day(text: str) -> date:
    """Read a date as a date field sends it.

    Raises:
        ValueError: It is none; the message is a sentence.
    """
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise ValueError(f"“{text[:40]}” is not a date. Write it as 2026-10-15.")


def agreement(text: str) -> int:
    """Read the id of an agreement.

    Raises:
        ValueError: It is none; the message is a sentence.
    """
    if not _ID.fullmatch(text):
        raise ValueError("Choose one of the agreements listed.")
    return int(text)


def _money(text: str) -> Decimal:
    """Read a price or a cost: 0 or more, at most 6 decimals."""
    try:
        plain = neutral(text, current_marks())
    except BadQuantity as error:
        raise ValueError(str(error)) from error
    if not _PRICE.fullmatch(plain):
        raise ValueError(f"“{text[:40]}” is not an amount. Write it as 12.50, 0 or more.")
    return Decimal(plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOut:
    """A split as it was typed: all to one, or fixed quantities and the rest to one."""

    all_to: int | None
    fixed: dict[int, Decimal]
    rest_to: int | None


def read_split(typed: Typed) -> SharedOut:
    """Read the form of a split. Who gives all to one need not empty the fields of the other way.

    Raises:
        Invalid: A field cannot be read, or nothing was chosen.
    """
    values, errors = typed.values, typed.errors
    fixed: dict[int, Decimal] = {}
    all_to = rest_to = None
    for name in ("all_to", "rest_to"):
        if values.get(name):
            try:
                chosen = agreement(values[name])
            except ValueError as error:
                errors[name] = str(error)
                continue
            all_to, rest_to = (chosen, rest_to) if name == "all_to" else (all_to, chosen)
    if all_to is not None:
        rest_to = None
    else:
        for name, text in values.items():
            one = name.removeprefix("fixed-")
            if one == name or not _ID.fullmatch(one) or int(one) == rest_to or not text:
                continue
            try:
                fixed[int(one)] = quantity(text)
            except ValueError as error:
                errors[name] = str(error)
        if rest_to is None and "rest_to" not in errors:
            errors["rest_to"] = "Choose the agreement that takes all, or the one that takes the rest."
    typed.refuse_if_wrong()
    return SharedOut(all_to=all_to, fixed=fixed, rest_to=rest_to)
