"""JSON as ConnectWise writes and reads it: exact numbers, dates that never shift, named records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Never

from portal.connectwise.errors import UnexpectedPayload

_WHOLE = 2**31  # ConnectWise states int32 for every id and count
_DIGITS = 24  # far more than any quantity or price; a number beyond it is a fault, not a figure


def loads(text: str | bytes) -> object:
    """Read JSON with numbers as ``int`` and ``Decimal``.

    Raises:
        ValueError: Not JSON, or with NaN or infinity in it.
    """
    return json.loads(text, parse_float=Decimal, parse_constant=_no_number)


def dumps(value: object) -> str:
    """Write JSON in which a ``Decimal`` keeps every digit.

    Raises:
        TypeError: A value that has no place in JSON, a float among them.
        ValueError: A ``Decimal`` that is not a number.
    """
    if isinstance(value, bool) or value is None or isinstance(value, str | int):
        return json.dumps(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a number.")
        return f"{value:f}"
    if isinstance(value, datetime):
        return json.dumps(f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    if isinstance(value, date):
        return json.dumps(f"{value.isoformat()}T00:00:00Z")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {dumps(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Iterable):
        return "[" + ", ".join(dumps(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no place in a request.")


class Row:
    """One JSON record of an answer, read field by field.

    Null fields are often left out altogether, so a field that is not there reads as null.

    Args:
        raw: What stood in the answer.
        kind: What it should be, for the error's text, as "addition".
        request_id: ConnectWise's id of the request that brought it.

    Raises:
        UnexpectedPayload: It is no record, here or from any of the methods below.
    """

    __slots__ = ("kind", "raw", "request_id")

    def __init__(self, raw: object, kind: str, request_id: str | None = None) -> None:
        self.kind = kind
        self.request_id = request_id
        if not isinstance(raw, dict):
            raise UnexpectedPayload(
                f"ConnectWise sent something that is no {kind}. Nothing was changed.",
                record=kind,
                request_id=request_id,
                situation="other-shape",
            )
        self.raw: Mapping[str, object] = raw

    @property
    def record(self) -> str:
        """Name the record for people: its kind and id."""
        return self.kind if self.record_id is None else f"{self.kind} {self.record_id}"

    @property
    def record_id(self) -> int | None:
        """The record's id, if it has a proper one."""
        found = self.raw.get("id")
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def value(self, path: str) -> object:
        """Return what stands under a path such as ``status/id``, or ``None``."""
        if "/" not in path:
            return self.raw.get(path)
        found: object = self.raw
        for name in _steps(path):
            if found is None:
                return None
            if not isinstance(found, dict):
                self.fail(path, found)
            found = found.get(name)
        return found

    def integer(self, path: str) -> int:
        """Return a whole number that must be there."""
        found = self.integer_or_none(path)
        return self.fail(path, None) if found is None else found

    def integer_or_none(self, path: str) -> int | None:
        """Return a whole number, or ``None``."""
        found = self.value(path)
        if found is None:
            return None
        if not isinstance(found, int) or isinstance(found, bool) or abs(found) >= _WHOLE:
            self.fail(path, found)
        return found

    def number(self, path: str) -> Decimal:
        """Return an exact number that must be there."""
        found = self.number_or_none(path)
        return self.fail(path, None) if found is None else found

    def number_or_none(self, path: str) -> Decimal | None:
        """Return an exact number, or ``None``."""
        found = self.value(path)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | Decimal):
            self.fail(path, found)
        number = Decimal(found)
        if number and not -_DIGITS < number.adjusted() < _DIGITS:
            self.fail(path, "a number out of all bounds")
        return number

    def text(self, path: str, default: str = "") -> str:
        """Return a text; numbers, which some fields hold instead, are written out."""
        found = self.value(path)
        if found is None:
            return default
        if type(found) is str and found.isascii() and "\0" not in found:
            return found  # nearly every text is of this kind
        if isinstance(found, bool) or not isinstance(found, str | int | Decimal):
            self.fail(path, found)
        # what neither a database nor a page can take: NUL, and halves of a character
        return str(found).replace("\0", "").encode("utf-8", "replace").decode()

    def flag(self, path: str, *, default: bool = False) -> bool:
        """Return a yes or no."""
        found = self.value(path)
        if found is None:
            return default
        if not isinstance(found, bool):
            self.fail(path, found)
        return found

    def day(self, path: str) -> date | None:
        """Return a calendar date, never shifted by a zone, or ``None``."""
        found = self.value(path)
        if found is None or found == "":
            return None
        if not isinstance(found, str):
            self.fail(path, found)
        try:
            return date.fromisoformat(found[:10])
        except ValueError:
            return self.fail(path, found)

    def moment(self, path: str) -> datetime | None:
        """Return an aware UTC time, or ``None``; a time without zone is UTC."""
        found = self.value(path)
        if found is None or found == "":
            return None
        if not isinstance(found, str):
            self.fail(path, found)
        try:
            read = datetime.fromisoformat(found)
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
        except (ValueError, OverflowError):
            return self.fail(path, found)

    def rows(self, path: str, kind: str) -> list[Row]:
        """Return the records of a list; no list is an empty one."""
        found = self.value(path)
        if found is None:
            return []
        if not isinstance(found, list):
            self.fail(path, found)
        return [Row(item, kind, self.request_id) for item in found]

    def fail(self, path: str, found: object) -> Never:
        """Refuse the record for one field's sake."""
        what = "is missing" if found is None else f"is {_short(found)}"
        raise UnexpectedPayload(
            f"ConnectWise's {self.record} cannot be read: {path} {what}.",
            record=self.record,
            record_id=self.record_id,
            request_id=self.request_id,
        )


@cache
def _steps(path: str) -> tuple[str, ...]:
    """Split a path; there are few, and each is asked for with every record."""
    return tuple(path.split("/"))


def _short(found: object) -> str:
    text = " ".join(str(found).split())
    return f"“{text[:60]}…”" if len(text) > 60 else f"“{text}”"  # noqa: PLR2004 - what fits in a sentence


def _no_number(text: str) -> Never:
    raise ValueError(f"{text} is not a number")
