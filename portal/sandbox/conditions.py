"""The language of ``conditions``: read into a tree, checked against the fields, and asked of a record.

The grammar is the reference's::

    expression  = term { "or" term }
    term        = factor { "and" factor }
    factor      = "not" factor | "(" expression ")" | comparison
    comparison  = path ( operator literal | ["not"] "like" string | ["not"] "contains" string
                       | ["not"] "in" "(" literal { "," literal } ")" )
    operator    = "=" | "!=" | "<" | "<=" | ">" | ">="
    literal     = string | number | true | false | null | "[" date "]"

Assumptions (the reference does not say): text is compared without regard to case, and a missing value
makes a comparison neither true nor false, as in SQL, which ConnectWise is built on; ``= null`` and
``!= null`` ask whether it is missing. A quote inside a string is doubled or has a backslash before it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from portal.sandbox.clock import parse_moment
from portal.sandbox.fields import Kind
from portal.sandbox.jsontext import JsonValue, Record

Literal: TypeAlias = str | Decimal | bool | datetime | None
"""A value in a condition; text, number, flag, moment or null."""

_DEEPEST = 50
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|""|\\.)*"|'(?:[^'\\]|''|\\.)*')
    | \[(?P<date>[^\]]*)\]
    | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
    | (?P<operator>!=|<=|>=|=|<|>)
    | (?P<mark>[(),])
    | (?P<name>[A-Za-z_]\w*(?:/[A-Za-z_]\w*)*)
    )""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"and", "or", "not", "like", "contains", "in", "true", "false", "null"}


class ConditionError(ValueError):
    """A condition that cannot be understood; the text says where."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field against one or more values; ``operator`` is in lower case."""

    path: tuple[str, ...]
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Node"


Node: TypeAlias = Comparison | All | AnyOf | Not


def parse(text: str) -> Node:
    """Read a condition.

    Raises:
        ConditionError: It does not follow the grammar.
    """
    parser = _Parser(text)
    node = parser.expression(0)
    parser.end()
    return node


def comparisons(node: Node) -> Iterator[Comparison]:
    """Every comparison in a tree, from left to right."""
    match node:
        case Comparison():
            yield node
        case Not(part):
            yield from comparisons(part)
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from comparisons(part)


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
    if operator in {"like", "contains"}:
        fits = word in {"text", "choice", "object"} and isinstance(value, str)
    elif isinstance(value, bool):
        fits = word in {"flag", "object"} and operator in {"=", "!=", "in"}
    elif isinstance(value, Decimal):
        fits = word in {"number", "integer", "object"}
    elif isinstance(value, datetime):
        fits = word in {"date", "text", "object"}
    elif word == "date":
        fits = parse_moment(value) is not None
    else:
        fits = word in {"text", "choice", "object"}
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
        missing = value is None
        return missing if operator == "=" else not missing
    if value is None:
        return None
    if operator == "in":
        return any(_sign(value, literal) == 0 for literal in literals)
    literal = literals[0]
    if operator in {"like", "contains"}:
        if not isinstance(value, str) or not isinstance(literal, str):
            return False
        if operator == "contains":
            return literal.casefold() in value.casefold()
        return _pattern(literal).fullmatch(value) is not None
    sign = _sign(value, literal)
    return None if sign is None else _ORDER[operator](sign)


def _pattern(text: str) -> re.Pattern[str]:
    parts = (".*" if part in {"%", "*"} else re.escape(part) for part in re.split(r"([%*])", text))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _sign(value: JsonValue, literal: Literal) -> int | None:
    """-1, 0 or 1 as the value lies before, at or after the literal; None: they are of different kinds."""
    if isinstance(value, bool) or isinstance(literal, bool):
        return (value > literal) - (value < literal) if isinstance(value, bool) and isinstance(literal, bool) else None
    if isinstance(value, int | Decimal) and isinstance(literal, Decimal):
        return (value > literal) - (value < literal)
    if not isinstance(value, str):
        return None
    if isinstance(literal, str):
        moment, other = _moment(value), _moment(literal)
        if moment and other:
            return (moment > other) - (moment < other)
        mine, theirs = value.casefold(), literal.casefold()
        return (mine > theirs) - (mine < theirs)
    if isinstance(literal, datetime):
        moment = _moment(value)
        return None if moment is None else (moment > literal) - (moment < literal)
    return None


def _moment(text: str) -> datetime | None:
    looks_like_one = len(text) >= len("2026-10-01") and text[:4].isdigit() and text[4] == "-"
    return parse_moment(text) if looks_like_one else None


class _Parser:
    """Reads a condition from left to right, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._advance()

    def _advance(self) -> None:
        self._start = self._position
        rest = self._text[self._position :]
        if not rest.strip():
            self._kind, self._token = "end", ""
            return
        found = _TOKEN.match(self._text, self._position)
        if found is None or found.lastgroup is None:
            raise self._error()
        self._kind, self._token = found.lastgroup, found[found.lastgroup]
        self._position = found.end()
        if self._kind == "name" and self._token.lower() in _WORDS:
            self._kind, self._token = "word", self._token.lower()

    def _error(self) -> ConditionError:
        near = self._text[self._start : self._start + 40].strip()
        where = f"near '{near}'" if near else "at its end"
        return ConditionError(f"The condition cannot be read {where}.")

    def _take(self, kind: str, *tokens: str) -> bool:
        if self._kind != kind or (tokens and self._token not in tokens):
            return False
        self._advance()
        return True

    def _need(self, kind: str, *tokens: str) -> str:
        token = self._token
        if not self._take(kind, *tokens):
            raise self._error()
        return token

    def end(self) -> None:
        """Nothing may follow."""
        if self._kind != "end":
            raise self._error()

    def expression(self, depth: int) -> Node:
        """Terms, one of which must hold."""
        if depth > _DEEPEST:
            raise ConditionError("The condition is nested too deeply.")
        parts = [self._term(depth)]
        while self._take("word", "or"):
            parts.append(self._term(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _term(self, depth: int) -> Node:
        parts = [self._factor(depth)]
        while self._take("word", "and"):
            parts.append(self._factor(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _factor(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise ConditionError("The condition is nested too deeply.")
        if self._take("word", "not"):
            return Not(self._factor(depth + 1))
        if self._take("mark", "("):
            node = self.expression(depth + 1)
            self._need("mark", ")")
            return node
        return self._comparison()

    def _comparison(self) -> Node:
        path = tuple(self._need("name").split("/"))
        if self._kind == "operator":
            return Comparison(path, self._need("operator"), (self._literal(),))
        negated = self._take("word", "not")
        word = self._need("word", "like", "contains", "in")
        values: list[Literal] = []
        if word == "in":
            self._need("mark", "(")
            values.append(self._literal())
            while self._take("mark", ","):
                values.append(self._literal())
            self._need("mark", ")")
        else:
            values.append(_unquote(self._need("string")))
        comparison = Comparison(path, word, tuple(values))
        return Not(comparison) if negated else comparison

    def _literal(self) -> Literal:
        kind, token = self._kind, self._token
        value: Literal
        if kind == "string":
            value = _unquote(token)
        elif kind == "number":
            value = Decimal(token)
        elif kind == "date":
            moment = parse_moment(token.strip().strip("\"'"))
            if moment is None:
                raise ConditionError(f"[{token}] is no date.")
            value = moment
        elif kind == "word" and token in {"true", "false", "null"}:
            value = {"true": True, "false": False, "null": None}[token]
        else:
            raise self._error()
        self._advance()
        return value


def _unquote(token: str) -> str:
    quote = token[0]
    return re.sub(rf"{quote}{quote}|\\([\\\"'])", lambda found: found[1] or quote, token[1:-1])
