"""The parts of a profile beyond plain columns: conditions, recipes of values, ways to count, units, days."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Self

from portal.vendors.errors import BadProfile
from portal.vendors.patterns import bad_pattern
from portal.vendors.spec import flag_of, lists_of, object_of, one_of, only, text_of, texts_of, words_of

TESTS = ("is", "starts", "ends", "contains", "blank", "above", "below", "not_before", "not_after")
TAKES = ("first", "join", "add")
WAYS = ("sum", "max", "distinct", "latest", "days", "last_charge", "signed_sum")
DAYS_TOKENS = ("@day", "@first", "@last")
_FACTOR_PLACES = 12


class _Part:
    """Gives the JSON form of a part, without what is as it is by itself."""

    __slots__ = ()

    def spec(self) -> dict[str, Any]:
        """Give the JSON form."""
        found: dict[str, Any] = {}
        for one in fields(self):  # type: ignore[arg-type]
            value = getattr(self, one.name)
            if one.name != "column" and value == _default(one):
                continue
            found[_JSON_NAMES.get(one.name, one.name)] = _json(value)
        return found


_JSON_NAMES = {"negate": "not", "first": "from", "last": "to", "frm": "from"}


def _default(one: Any) -> object:  # noqa: ANN401 - a field of any class
    return one.default_factory() if callable(one.default_factory) else one.default


def _json(value: object) -> object:
    if isinstance(value, tuple):
        return [_json(one) for one in value]
    if isinstance(value, Mapping):
        return {key: _json(one) for key, one in value.items()}
    return value.spec() if isinstance(value, _Part) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter(_Part):
    """A row counts only where the column passes; otherwise it counts zero, or is left out.

    Args:
        column: A header.
        keep: Words, of which one has to fit; numbers for `above` and `below`; a day (2026-10-31, or `@day`, `@first`
            and `@last`: of counting, and of the period) for `not_before` and `not_after`, which a blank cell passes.
        test: One of `TESTS`.
        negate: The row counts where it does not fit.
        otherwise: `zero`: a row that fails counts zero; `out`: it is left out, as if of another report.
    """

    column: str
    keep: tuple[str, ...] = ()
    test: str = "is"
    negate: bool = False
    otherwise: str = "zero"

    @classmethod
    def of(cls, spec: Mapping[str, Any], where: str = "filters") -> Self:
        """Read the JSON form."""
        only(spec, where, ("column", "keep", "test", "not", "otherwise"))
        return cls(
            column=text_of(spec, "column"),
            keep=words_of(spec, "keep"),
            test=one_of(text_of(spec, "test", "is"), "test", TESTS),
            negate=flag_of(spec, "not"),
            otherwise=one_of(text_of(spec, "otherwise", "zero"), "otherwise", ("zero", "out")),
        )

    def spec(self) -> dict[str, Any]:
        """Give the JSON form, in which the words always stand."""
        return {"column": self.column, "keep": list(self.keep)} | _Part.spec(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value(_Part):
    """A value that is no single cell.

    Args:
        columns: Headers.
        take: `first`: the first that is not blank; `join`: all that are not, by `by`; `add`: their sum (of a count).
        by: What stands between joined ones.
        pattern: What to take out of the text, such as `Quantity={number}`: see `patterns`. Empty: all of it.
        words: One spelling for many: `{"Monthly": ["P1M", "1 month"]}`. What is not listed stays.
    """

    columns: tuple[str, ...]
    take: str = "first"
    by: str = " "
    pattern: str = ""
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        only(spec, "values", ("columns", "take", "by", "pattern", "words"))
        found = cls(
            columns=words_of(spec, "columns"),
            take=one_of(text_of(spec, "take", "first"), "take", TAKES),
            by=text_of(spec, "by", " "),
            pattern=text_of(spec, "pattern", ""),
            words=lists_of(spec, "words"),
        )
        if not found.columns:
            raise BadProfile("A value of the profile names no column.")
        reason = bad_pattern(found.pattern)
        if reason:
            raise BadProfile(reason)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure(_Part):
    """How rows become a count.

    Args:
        how: `sum` of the rows; `max`: the largest row; `distinct`: different values of `column`; `latest`: the rows of
            the latest day in `column`; `days`: the sum of each day in `column`, then `take`; `last_charge` and
            `signed_sum`: charge lines, netted within `group`.
        column: As above.
        per: Of `latest`: the latest day of each `count`, of the `account`, or of the `file`.
        take: Of `days`: `max`, `mean` or `last`.
        over: Of a mean: the days that are `named` in the file for anybody, or all of the `month`.
        group: Of charge lines: the columns that tell a subscription apart.
        amount: Their money: its sign is the line's.
        start: Their first day.
        end: Their last day: lines that do not reach the group's latest are of an earlier cycle.
    """

    how: str = "sum"
    column: str = ""
    per: str = "count"
    take: str = "max"
    over: str = "named"
    group: tuple[str, ...] = ()
    amount: str = ""
    start: str = ""
    end: str = ""

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        only(spec, "measure", tuple(one.name for one in fields(cls)))
        found = cls(
            how=one_of(text_of(spec, "how", "sum"), "how", WAYS),
            column=text_of(spec, "column", ""),
            per=one_of(text_of(spec, "per", "count"), "per", ("count", "account", "file")),
            take=one_of(text_of(spec, "take", "max"), "take", ("max", "mean", "last")),
            over=one_of(text_of(spec, "over", "named"), "over", ("named", "month")),
            group=words_of(spec, "group"),
            amount=text_of(spec, "amount", ""),
            start=text_of(spec, "start", ""),
            end=text_of(spec, "end", ""),
        )
        if found.how in {"distinct", "latest"} and not found.column:
            raise BadProfile(f"The profile's “measure” needs a column to take “{found.how}” of.")
        if found.how in {"last_charge", "signed_sum"} and not (found.amount and found.end):
            raise BadProfile("The profile's “measure” needs the columns of the amount and of the last day.")
        if found.how == "last_charge" and not found.start:
            raise BadProfile("The profile's “measure” needs the column of the first day.")
        return found

    def headers(self) -> list[str]:
        """List the headers it needs."""
        return [one for one in (self.column, *self.group, self.amount, self.start, self.end) if one]

    def spec(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {"how": self.how} | {name: value for name, value in _Part.spec(self).items() if value != ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide(_Part):
    """One column of a wide file, which holds the count of one service.

    Args:
        column: Its header.
        service: The service's id; name and term likewise.
        marks: Words that count one; none: the cell is a number. A blank cell counts zero.
    """

    column: str
    service: str
    name: str = ""
    term: str = ""
    marks: tuple[str, ...] = ()

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        only(spec, "wide", ("column", "service", "name", "term", "marks"))
        return cls(
            column=text_of(spec, "column"),
            service=text_of(spec, "service"),
            name=text_of(spec, "name", ""),
            term=text_of(spec, "term", ""),
            marks=words_of(spec, "marks"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(_Part):
    """What a count is turned into: multiplied, then divided, then rounded if at all.

    Args:
        times: Decimal number as text; divide likewise.
        frm: The vendor's unit in words, `to` ours.
        places: Decimals to round to; -1: not rounded beyond the 4 that are kept.
        direction: `nearest` (half to even), `up` or `down`.
        only: Rows to which it applies; none: all.
    """

    times: str = "1"
    divide: str = "1"
    frm: str = ""
    to: str = ""
    places: int = -1
    direction: str = "nearest"
    only: Filter | None = None

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        only(spec, "units", ("times", "divide", "from", "to", "places", "direction", "only"))
        condition = object_of(spec, "only")
        places = spec.get("places", -1)
        if places not in range(-1, 5) or isinstance(places, bool):
            raise BadProfile("The profile's “places” is a whole number from 0 to 4.")
        for name in ("times", "divide"):
            _factor(text_of(spec, name, "1"), name)
        return cls(
            times=text_of(spec, "times", "1"),
            divide=text_of(spec, "divide", "1"),
            frm=text_of(spec, "from", ""),
            to=text_of(spec, "to", ""),
            places=places,
            direction=one_of(text_of(spec, "direction", "nearest"), "direction", ("nearest", "up", "down")),
            only=None if condition is None else Filter.of(condition, "only"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Days(_Part):
    """Columns with the days that a row covers: from a first to a last one, or one day.

    Args:
        first: Header of the first day, or of the only one.
        last: Header of the last day; empty: one day.
        inclusive: The last day belongs to it.
    """

    first: str
    last: str = ""
    inclusive: bool = True

    @classmethod
    def of(cls, spec: Mapping[str, Any], where: str = "days") -> Self:
        """Read the JSON form."""
        only(spec, where, ("from", "to", "inclusive"))
        return cls(
            first=text_of(spec, "from"),
            last=text_of(spec, "to", ""),
            inclusive=flag_of(spec, "inclusive", default=True),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedOn(_Part):
    """Where the day of counting stands: the latest in a column, in the file's name, or above the headers.

    Args:
        column: A header.
        filename: A pattern with `{date}` or `{month}`, such as `usage-{date}`.
        above: A pattern for the lines above the headers, such as `Report date: {date}`.
    """

    column: str = ""
    filename: str = ""
    above: str = ""

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        only(spec, "counted_on", ("column", "filename", "above"))
        found = cls(
            column=text_of(spec, "column", ""), filename=text_of(spec, "filename", ""), above=text_of(spec, "above", "")
        )
        for pattern in (found.filename, found.above):
            reason = bad_pattern(pattern)
            if reason:
                raise BadProfile(reason)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(_Part):
    """A cell that holds a list of objects (JSON), of which each is a row of its own.

    Its fields are called `column.field` wherever a header may stand. An empty cell is one row without them.
    """

    column: str

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        only(spec, "split", ("column",))
        return cls(column=text_of(spec, "column"))


def also_of(spec: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Read other names of headers."""
    return lists_of(spec, "also")


def values_of(spec: Mapping[str, Any]) -> dict[str, Value]:
    """Read the recipes of values by role."""
    value = object_of(spec, "values") or {}
    found = {}
    for role in value:
        one = object_of(value, role)
        if one is None:
            raise BadProfile(f"The profile's “{role}” has to be an object.")
        found[str(role)] = Value.of(one)
    return found


def constants_of(spec: Mapping[str, Any]) -> dict[str, str]:
    """Read the constants by role."""
    return texts_of(spec, "constants")


def _factor(text: str, name: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(0)
    if not number.is_finite() or number <= 0 or abs(number.adjusted()) > 2 * _FACTOR_PLACES:
        raise BadProfile(f"The profile's “{name}” has to be a number above zero, written as text.")
    return number
