"""Conditions held against the fields of a resource, and asked of its records.

Assumptions (the reference does not say): text is compared without regard to case, and a missing value
makes a comparison neither true nor false, as in SQL, which ConnectWise is built on; ``= null`` and
``!= null`` ask whether it is missing.
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from portal.sandbox.clock import parse_moment
from portal.sandbox.conditions import All, AnyOf, Comparison, ConditionError, Literal, Node, Not
from portal.sandbox.fields import Kind
from portal.sandbox.jsontext import JsonValue, Record


def check(node: Node, kinds: dict[str, Kind]) -> Node:
    """Hold a tree against the fields of a record; returns it with each path as the fields spell it.

    ``lastUpdated``, ``updatedBy``, ``dateEntered`` and ``enteredBy`` stand for those in ``_info``.

    Raises:
        ConditionError: A field is unknown, or is compared with a value of another kind.
    """
    match node:
        case Comparison(path, operator, values):
            found, kind = find(path, kinds)
            for value in values:
                _check_kind("/".join(path), kind, operator, value)
            return Comparison(found, operator, values)
        case Not(part):
            return Not(check(part, kinds))
        case All(parts):
            return All(tuple(check(part, kinds) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(check(part, kinds) for part in parts))


_INFO = {
    "lastupdated": "lastUpdated",
    "updatedby": "updatedBy",
    "dateentered": "dateEntered",
    "enteredby": "enteredBy",
}


def find(path: tuple[str, ...], kinds: dict[str, Kind]) -> tuple[tuple[str, ...], Kind]:
    """The path as the fields spell it, and the kind of value it leads to.

    Raises:
        ConditionError: There is no such field.
    """
    here: Kind = kinds
    found: list[str] = []
    for position, name in enumerate(path):
        if here == "info" and name.lower() in _INFO:
            return (*found, _INFO[name.lower()]), _info_kind(name)
        if here == "object":
            return (*found, *path[position:]), "object"
        names = {known.lower(): known for known in here} if isinstance(here, dict) else {}
        known = names.get(name.lower())
        if known is None:
            if position == 0 and len(path) == 1 and name.lower() in _INFO and "_info" in kinds:
                return ("_info", _INFO[name.lower()]), _info_kind(name)
            raise ConditionError(f"{'/'.join(path)} is not a recognized name.")
        found.append(known)
        here = here[known] if isinstance(here, dict) else here
    return tuple(found), here


def _info_kind(name: str) -> Kind:
    return "date" if name.lower() in {"lastupdated", "dateentered"} else "text"


_TAKES = {
    "text": (str, datetime),
    "choice": (str,),
    "uuid": (str,),
    "flag": (bool,),
    "number": (Decimal,),
    "integer": (Decimal,),
    "date": (str, datetime),
    "object": (str, bool, Decimal, datetime),
}
"""The kinds of literal that each kind of field is compared with."""


def _check_kind(name: str, kind: Kind, operator: str, value: Literal) -> None:
    if value is None:
        if operator not in {"=", "!="}:
            raise ConditionError(f"{name} can be compared with null by = and != alone.")
        return
    if isinstance(kind, list):
        raise ConditionError(f"{name} is a list: use childConditions.")
    if isinstance(kind, dict) or kind == "info":
        raise ConditionError(f"{name} is a reference: name a field of it, such as {name}/id.")
    word = kind.split(" ")[0]
    fits = isinstance(value, _TAKES[word])
    if operator in {"like", "contains"}:
        fits = fits and word in {"text", "choice", "object"}
    elif word == "date" and isinstance(value, str):
        fits = parse_moment(value) is not None
    elif isinstance(value, bool):
        fits = fits and operator in {"=", "!=", "in"}
    if not fits:
        raise ConditionError(f"The value of {name} is of another kind: {word} is expected.")


def holds(node: Node, record: Record) -> bool:
    """Whether a record meets a checked condition."""
    return _ask(node, record) is True


def _ask(node: Node, record: Record) -> bool | None:
    match node:
        case Comparison(path, operator, values):
            return _compare(_follow(path, record), operator, values)
        case Not(part):
            answer = _ask(part, record)
            return None if answer is None else not answer
        case All(parts):
            answers = [_ask(part, record) for part in parts]
            return False if False in answers else None if None in answers else True
        case AnyOf(parts):
            answers = [_ask(part, record) for part in parts]
            return True if True in answers else None if None in answers else False


def _follow(path: tuple[str, ...], value: JsonValue) -> JsonValue:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


_ORDER: dict[str, Callable[[int], bool]] = {
    "=": lambda sign: sign == 0,
    "!=": lambda sign: sign != 0,
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}


def _compare(value: JsonValue, operator: str, literals: tuple[Literal, ...]) -> bool | None:
    if literals == (None,):
        return (value is None) == (operator == "=")
    if value is None:
        return None
    if operator == "in":
        return any(_sign(value, literal) == 0 for literal in literals)
    literal = literals[0]
    if operator in {"like", "contains"}:
        found = _pattern(str(literal)).fullmatch(str(value)) if operator == "like" else None
        return found is not None or (operator == "contains" and str(literal).casefold() in str(value).casefold())
    sign = _sign(value, literal)
    return None if sign is None else _ORDER[operator](sign)


def _pattern(text: str) -> re.Pattern[str]:
    parts = (".*" if part in {"%", "*"} else re.escape(part) for part in re.split(r"([%*])", text))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _sign(value: JsonValue, literal: Literal) -> int | None:
    """-1, 0 or 1 as the value lies before, at or after the literal; None: they are of different kinds."""
    match value, literal:
        case bool(), bool():
            return (value > literal) - (value < literal)
        case (bool(), _) | (_, bool()):
            return None
        case ((int() | Decimal()), Decimal()):
            return (value > literal) - (value < literal)
        case str(), (str() | datetime()):
            return _text_sign(value, literal)
        case _:
            return None


def _text_sign(text: str, literal: str | datetime) -> int | None:
    moment = _moment(text)
    other = _moment(literal) if isinstance(literal, str) else literal
    if moment is not None and other is not None:
        return (moment > other) - (moment < other)
    if isinstance(literal, datetime):
        return None
    mine, theirs = text.casefold(), literal.casefold()
    return (mine > theirs) - (mine < theirs)


def _moment(text: str) -> datetime | None:
    looks_like_one = len(text) >= len("2026-10-01") and text[:4].isdigit() and text[4] == "-"
    return parse_moment(text) if looks_like_one else None
