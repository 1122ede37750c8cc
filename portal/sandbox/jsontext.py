"""JSON with exact numbers: what was read as 12.5 is written as 12.5, and never passes through a float."""

import json
from decimal import Decimal
from typing import NoReturn, TypeAlias

JsonValue: TypeAlias = str | int | Decimal | bool | list["JsonValue"] | dict[str, "JsonValue"] | None
Record: TypeAlias = dict[str, JsonValue]

_LARGEST = Decimal("1e18")
_FINEST = -12


def loads(text: str | bytes) -> JsonValue:
    """Read JSON text; numbers with a point or an exponent become ``Decimal``.

    Raises:
        ValueError: It is no JSON, it is nested too deeply, or a number is out of any sensible range
            (NaN, infinite, 1e18 and more, over 12 decimals).
    """
    try:
        value: JsonValue = json.loads(text, parse_float=_number, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("The text is nested too deeply.") from None
    return value


def _number(text: str) -> Decimal:
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    if abs(number) >= _LARGEST or not isinstance(exponent, int) or exponent < _FINEST:
        raise ValueError(f"The number {text[:40]} is out of range.")
    return plain(number)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number.")


def plain(number: Decimal) -> Decimal:
    """Drop trailing zeros and exponents: 12.50 is 12.5, and 1E+2 is 100."""
    whole = number.to_integral_value()
    return whole.quantize(Decimal(1)) if number == whole else number.normalize()


def dumps(value: JsonValue) -> str:
    """Write a value as compact JSON text; a ``Decimal`` becomes a plain number.

    Raises:
        TypeError: The value holds something that is not JSON, a float for one.
    """
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts)


def _write(value: JsonValue, parts: list[str]) -> None:
    if isinstance(value, str):
        parts.append(json.dumps(value))
    elif value is None or isinstance(value, bool):
        parts.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        parts.append(str(value))
    elif isinstance(value, Decimal):
        parts.append(format(value, "f"))
    elif isinstance(value, dict):
        mark = "{"
        for key, item in value.items():
            parts.append(f"{mark}{json.dumps(key)}:")
            _write(item, parts)
            mark = ","
        parts.append("}" if value else "{}")
    elif isinstance(value, list):
        mark = "["
        for item in value:
            parts.append(mark)
            _write(item, parts)
            mark = ","
        parts.append("]" if value else "[]")
    else:
        raise TypeError(f"{type(value).__name__} is not JSON.")
