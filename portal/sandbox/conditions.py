"""The language of ``conditions``, read into a tree.

The grammar is the reference's::

    expression  = term { "or" term }
    term        = factor { "and" factor }
    factor      = "not" factor | "(" expression ")" | comparison
    comparison  = path ( operator literal | ["not"] "like" string | ["not"] "contains" string
                       | ["not"] "in" "(" literal { "," literal } ")" )
    operator    = "=" | "!=" | "<" | "<=" | ">" | ">="
    literal     = string | number | true | false | null | "[" date "]"

A path names a field, through references with ``/``. A quote inside a string is doubled or has a
backslash before it (an assumption: the reference names both).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from portal.sandbox.clock import parse_moment

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
