"""Quantities: what a person may type, how many decimals are kept, how a number is written."""

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

QUANTITY_PLACES = 4
MAX_QUANTITY = Decimal("9999999.9999")

# Counts and factors are multiplied without loss, whatever context the caller has.
_EXACT = Context(prec=120)
_PLAIN = re.compile(r"[0-9]+(\.[0-9]+)?")
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?")
_EITHER_WAY = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
_LOOKALIKES = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "|": "1", "S": "5", "B": "8"})


@dataclass(frozen=True, slots=True)
class Marks:
    """How somebody writes numbers: the mark before the decimals, and the one between thousands."""

    decimal: str = "."
    group: str = ","


POINT = Marks()
_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " ", "'": "\u2019"})
_PARTED = re.compile(r"[1-9][0-9]{0,2}([ \u2019])[0-9]{3}(\1[0-9]{3})*([.,][0-9]+)?")
_POINTS = re.compile(r"[1-9][0-9]{0,2}((\.[0-9]{3}){2,}|(\.[0-9]{3})+,[0-9]+)")
_EITHER_MARK = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_COMMA = re.compile(r"[0-9]+,[0-9]+")


class BadQuantity(ValueError):
    """A text that is no quantity; its message is a sentence for the person who typed it."""


def neutral(text: str, marks: Marks = POINT) -> str:
    """Bring a number that can be read in one way only to digits and a point; any other text stays as it is.

    Args:
        text: As a person types it.
        marks: How that person writes numbers.

    Raises:
        BadQuantity: It can be read in two ways, such as “1.234” by somebody whose thousands have points.
    """
    word = text.strip()
    blank = word.translate(_BLANKS)
    if marks.group not in ".," and _PARTED.fullmatch(blank):
        word = blank.replace(" ", "").replace("\u2019", "")
    if marks.decimal != ",":
        return word
    if _EITHER_MARK.fullmatch(word):
        whole, part = word.replace(",", ".").split(".")
        raise BadQuantity(
            f"“{word}” can be read as {whole}{part} or as {whole},{part}. Type {whole}{part} or {whole},{part}0."
        )
    if _POINTS.fullmatch(word):
        word = word.replace(".", "")
    return word.replace(",", ".") if _COMMA.fullmatch(word) else word


def parse_quantity(text: str, marks: Marks = POINT) -> Decimal:
    """Read a quantity as a person types it.

    Args:
        text: Digits with at most one point and `QUANTITY_PLACES` decimals. Commas are taken only where
            they can be nothing but thousands marks.
        marks: How that person writes numbers; what can be read in one way only is taken in their way, too.

    Returns:
        A number from 0 to `MAX_QUANTITY`, both included.

    Raises:
        BadQuantity: The text is something else; the message says what, and what may have been meant.
    """
    word = neutral(text, marks)
    if not word:
        raise BadQuantity("A quantity is missing. Type a number such as 12 or 2.5.")
    if _EITHER_WAY.fullmatch(word):
        whole, point = word.replace(",", ""), word.replace(",", ".")
        raise BadQuantity(f"“{word}” can be read as {whole} or as {point}. Type it without the comma.")
    digits = word.replace(",", "") if _THOUSANDS.fullmatch(word) else word
    if not _PLAIN.fullmatch(digits):
        raise BadQuantity(_not_a_number(word))
    decimals = digits.partition(".")[2]
    if len(decimals) > QUANTITY_PLACES:
        raise BadQuantity(f"“{word}” has {len(decimals)} decimals. At most {QUANTITY_PLACES} are kept.")
    value = Decimal(digits)
    if value > MAX_QUANTITY:
        raise BadQuantity(f"“{word}” is too large. The largest quantity is {plain(MAX_QUANTITY)}.")
    return value


def _not_a_number(word: str) -> str:
    """Say that a text is no quantity, and what may have been meant."""
    if re.fullmatch(r"[-\u2212\u2013][0-9][0-9.,]*", word):
        return f"“{word}” is below zero. A quantity is 0 or more."
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+", word):
        return f"“{word}” has an exponent. Write the number out, such as 1000."
    for guess in (word.translate(_LOOKALIKES), word.replace(",", "."), f"0{word}", word.lstrip("+"), word.rstrip(".")):
        if guess != word and _PLAIN.fullmatch(guess):
            return f"“{word}” is not a number. Did you mean {guess}?"
    return f"“{word}” is not a number. Type a number such as 12 or 2.5."


_PLACES = Decimal(1).scaleb(-QUANTITY_PLACES)
_WHOLE_DIGITS = 20  # digits before the point; beyond them numbers are brought to places in another way


def bring_to_places(value: Decimal | Fraction) -> Decimal:
    """Bring a number to `QUANTITY_PLACES` decimals, half to even."""
    if value and isinstance(value, Decimal) and -QUANTITY_PLACES <= value.adjusted() < _WHOLE_DIGITS:
        return _EXACT.quantize(value, _PLACES)  # the same, and quicker: files have a million of them
    shifted = round(Fraction(value) * 10**QUANTITY_PLACES)
    return _EXACT.scaleb(Decimal(shifted), -QUANTITY_PLACES)


def times(left: Decimal, right: Decimal) -> Decimal:
    """Multiply two numbers without losing a digit."""
    return _EXACT.multiply(left, right)


def plus(left: Decimal, right: Decimal) -> Decimal:
    """Add two numbers without losing a digit."""
    return _EXACT.add(left, right)


def plain(value: Decimal) -> str:
    """Write a number without exponent and without zeros that say nothing: "12", "2.5", "0"."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def signed(value: Decimal) -> str:
    """Write a change with its sign: "+2", "-0.5", "0"."""
    text = plain(value)
    return f"+{text}" if value > 0 else text
