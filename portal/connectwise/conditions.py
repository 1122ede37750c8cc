"""Conditions of ConnectWise queries, built and quoted in one place.

>>> str(is_in("status/id", [1, 4]) & after("lastUpdated", datetime(2026, 11, 1, tzinfo=UTC)))
'(status/id in (1,4)) and (lastUpdated > [2026-11-01T00:00:00Z])'
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

Value = str | int | Decimal | bool | date | datetime | None

_FIELD = re.compile(r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; combine with ``&``, ``|`` and ``~``."""

    text: str

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"({self.text}) and ({other.text})")

    def __or__(self, other: Condition) -> Condition:
        return Condition(f"({self.text}) or ({other.text})")

    def __invert__(self) -> Condition:
        return Condition(f"not ({self.text})")

    def __str__(self) -> str:
        return self.text


def equals(field: str, value: Value) -> Condition:
    """The field has this value; ``None`` asks for a field without one."""
    return Condition(f"{_name(field)} = {quoted(value)}")


def differs(field: str, value: Value) -> Condition:
    """The field has another value."""
    return Condition(f"{_name(field)} != {quoted(value)}")


def after(field: str, moment: date | datetime) -> Condition:
    """The field's time is later than this one, which itself is left out."""
    return Condition(f"{_name(field)} > {quoted(moment)}")


def above(field: str, number: int) -> Condition:
    """The field's number is greater than this one."""
    return Condition(f"{_name(field)} > {quoted(number)}")


def like(field: str, pattern: str) -> Condition:
    """The field matches a pattern, in which ``%`` and ``*`` stand for anything."""
    return Condition(f"{_name(field)} like {quoted(pattern)}")


def is_in(field: str, values: Iterable[int | str]) -> Condition:
    """The field has one of these values.

    Raises:
        ValueError: No values: ConnectWise has no way to ask for nothing.
    """
    texts = [quoted(value) for value in values]
    if not texts:
        raise ValueError("A condition needs at least one value to look for.")
    return Condition(f"{_name(field)} in ({','.join(texts)})")


def quoted(value: Value) -> str:  # noqa: PLR0911 - one line a kind of value
    """Write a value as ConnectWise's conditions want it.

    A quotation mark inside a string is escaped by a backslash, and so is a backslash (assumption:
    ConnectWise documents neither).

    Raises:
        ValueError: A time without a zone, a number that is none, or a control character in a string.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a number to look for.")
        return f"{value:f}"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("A time in a condition needs its zone.")
        return f"[{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}]"
    if isinstance(value, date):
        return f"[{value.isoformat()}T00:00:00Z]"
    if any(ord(letter) < ord(" ") for letter in value):
        raise ValueError("A string in a condition may not hold control characters.")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _name(field: str) -> str:
    """Check a field's name, so that no text from outside becomes an operator."""
    if not _FIELD.fullmatch(field):
        raise ValueError(f"{field!r} is not the name of a field.")
    return field
