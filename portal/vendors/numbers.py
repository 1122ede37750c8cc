"""Numbers as vendors write them, read by the marks that the profile names."""

import re
from collections.abc import Collection
from decimal import Decimal

from portal.domain.quantities import MAX_QUANTITY, plain

_BLANKS = re.compile("[\u00a0\u2007\u2009\u202f ]")
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2032": "'"})
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-"})
_SIGNED = re.compile(r"(?P<open>\()?(?P<lead>[+-])?(?P<body>[^()+-]+?)(?P<trail>-)?(?P<close>\))?")
_SHORT = 6  # digits that are always within the limit
LONGEST = 60  # characters; longer ones are no count anybody keeps


class BadNumber(ValueError):
    """A cell that is no number. Its text says why, as a sentence."""


def parse_number(
    text: str, decimal: str = ".", thousands: str = "", *, signs: Collection[str] = (), largest: Decimal = MAX_QUANTITY
) -> Decimal:
    """Read a count.

    Args:
        text: A cell: digits with the marks; `(12)` and `12-` are below zero; an apostrophe before it is Excel's.
        decimal: The decimal mark.
        thousands: The thousands mark, or empty where there is none. It has to stand where it belongs.
        signs: Units that may stand before or after the digits and say nothing: `%`, currencies. "25%" is then 25.
        largest: Beyond it nothing is kept.

    Returns:
        The number with all its decimals, from -`largest` to `largest`.

    Raises:
        BadNumber: The text is no number, or a larger one.
    """
    if len(text) <= _SHORT and text.isdecimal() and text.isascii():
        return Decimal(text)  # most counts are plain
    word = _BLANKS.sub(" ", text).strip().translate(_APOSTROPHES).translate(_MINUS)
    for sign in signs:
        word = _without(word, sign)
    if not word:
        raise BadNumber("The count is empty.")
    if len(word) > LONGEST:
        raise BadNumber("The count is longer than any number.")
    if word.startswith("'") and thousands != "'":
        word = word[1:]
    signed = _SIGNED.fullmatch(word)
    exponent = _exponent(word)
    if exponent is not None:
        return _within(exponent, word, largest)
    if signed is None or bool(signed["open"]) != bool(signed["close"]):
        raise BadNumber(f"“{word}” is not a number.")
    minuses = [bool(signed["open"]), signed["lead"] == "-", bool(signed["trail"])]
    if sum(minuses) > 1 or (signed["lead"] == "+" and any(minuses)):
        raise BadNumber(f"“{word}” is not a number.")
    value = _unsigned(signed["body"].strip(), word, decimal, thousands)
    return _within(value.copy_negate() if any(minuses) and value else value, word, largest)


def _without(word: str, sign: str) -> str:
    """Take one sign away from either end, inside a minus or brackets too: `-$3`, `($3)`, `3 %`."""
    low, mark = word.casefold(), sign.casefold()
    for start in (mark, f"-{mark}", f"({mark}"):
        if low.startswith(start):
            return start[: -len(mark)] + word[len(start) :].strip()
    for end in (mark, f"{mark}-", f"{mark})"):
        if low.endswith(end):
            return word[: -len(end)].strip() + end[len(mark) :]
    return word


def _exponent(word: str) -> Decimal | None:
    """Read a number such as `1E-5`, which spreadsheets write; none where it is another one."""
    if re.fullmatch(r"-?[0-9](\.[0-9]+)?[eE][+-]?[0-9]{1,2}", word):
        return Decimal(word)
    return None


def _unsigned(body: str, word: str, decimal: str, thousands: str) -> Decimal:
    """Read digits and marks."""
    whole, point, decimals = body.partition(decimal)
    if thousands and thousands in whole:
        groups = whole.split(thousands)
        if not re.fullmatch(r"[0-9]{1,3}", groups[0]) or not all(re.fullmatch(r"[0-9]{3}", g) for g in groups[1:]):
            raise BadNumber(f"“{word}” has its thousands mark “{thousands}” in a wrong place.")
        whole = "".join(groups)
    digits = f"{whole or '0'}.{decimals or '0'}"
    if not (whole or decimals) or (point and not decimals) or not re.fullmatch(r"[0-9]+\.[0-9]+", digits):
        raise BadNumber(f"“{word}” is not a number{_marks(body, decimal, thousands)}.")
    return Decimal(f"{whole or '0'}.{decimals}" if decimals else whole)


def _marks(body: str, decimal: str, thousands: str) -> str:
    """Say how numbers are read, where other marks would make this one a number."""
    if not re.fullmatch(r"[0-9][0-9.,' ]*", body):
        return ""
    return f" where “{decimal}” is the decimal mark and {f'“{thousands}” the' if thousands else 'no'} thousands mark"


def _within(value: Decimal, word: str, largest: Decimal) -> Decimal:
    """Refuse what is too large to be kept."""
    if abs(value) > largest:
        raise BadNumber(f"“{word}” is too large. The largest count is {plain(largest)}.")
    return value
