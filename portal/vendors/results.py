"""What became of rows, and what a file says: the values that counting gives."""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Self

from portal.domain.quantities import bring_to_places
from portal.domain.usage import CountKey

_ZERO = Decimal(0)


class Outcome(StrEnum):
    """What became of a row of data."""

    COUNTED = "counted"
    ZERO = "zero"  # a filter leaves it out: it counts, as zero
    LEFT_OUT = "left_out"  # it carries money only, or another row decides
    PROBLEM = "problem"


class RowResult(NamedTuple):
    """One row of data and what became of it; a row of several services has several.

    `units` are what it adds, with all decimals; none where it adds nothing. A problem names column and reason.
    `part` is the column of a wide file, or the entry of a nested cell; empty where a row is one service.
    """

    line: int
    outcome: Outcome
    key: CountKey | None = None
    units: Decimal | None = None
    column: str | None = None
    reason: str | None = None
    part: str = ""


class LinesByCount:
    """The lines of each count, sorted out of the order in which they came."""

    def __init__(self, of: "array[int]", lines: "array[int]", parts: list[str] | None, counts: int) -> None:
        self._starts = array("Q", bytes(8 * (counts + 1)))
        for place in of:
            self._starts[place + 1] += 1
        for place in range(counts):
            self._starts[place + 1] += self._starts[place]
        at = array("Q", self._starts)
        self._lines = array("I", bytes(4 * len(of)))
        self._parts = None if parts is None else [""] * len(of)
        for entry, place in enumerate(of):
            self._lines[at[place]] = lines[entry]
            if self._parts is not None and parts is not None:
                self._parts[at[place]] = parts[entry]
            at[place] += 1

    def of(self, place: int) -> tuple[Sequence[int], Sequence[str] | None]:
        """Give the lines of a count, and the parts where rows have several."""
        start, stop = self._starts[place], self._starts[place + 1]
        return self._lines[start:stop], None if self._parts is None else self._parts[start:stop]


class KeyCount:
    """One count.

    Args:
        exact: The sum with all decimals, in our unit.
        lines: The rows behind it.
        parts: Of each line the column or entry, where rows are several services; otherwise none.
        note: The arithmetic in words, where it is more than a sum; or empty.
    """

    __slots__ = ("_lines", "_parts", "_place", "exact", "note")

    def __init__(
        self, exact: Decimal = _ZERO, lines: Sequence[int] = (), parts: Sequence[str] | None = None, note: str = ""
    ) -> None:
        self.exact = exact
        self.note = note
        self._lines: Sequence[int] | LinesByCount = lines
        self._parts = parts
        self._place = 0

    @classmethod
    def of(cls, exact: Decimal, lines: LinesByCount, place: int) -> Self:
        """Make a count whose lines are held together with those of all others, which needs far less."""
        found = cls(exact)
        found._lines, found._place = lines, place
        return found

    @property
    def lines(self) -> Sequence[int]:
        """The rows behind it."""
        return self._lines.of(self._place)[0] if isinstance(self._lines, LinesByCount) else self._lines

    @property
    def parts(self) -> Sequence[str] | None:
        """Of each line the column or entry, where rows are several services; otherwise none."""
        return self._lines.of(self._place)[1] if isinstance(self._lines, LinesByCount) else self._parts

    def join(self, lines: Sequence[int]) -> None:
        """Add rows that change nothing."""
        self._lines = array("I", [*self.lines, *lines])

    @property
    def quantity(self) -> Decimal:
        """The sum as it is kept: 4 decimals, half to even."""
        return bring_to_places(self.exact)

    @property
    def rounded(self) -> bool:
        """Whether the sum had more decimals than are kept."""
        return self.quantity != self.exact


@dataclass(frozen=True, slots=True)
class LateProblem:
    """What became of rows only at the end: a count that cannot be, or rows that another row outweighs.

    Args:
        key: Their count.
        lines: The rows.
        outcome: What they are now.
        units: What each adds now.
        parts: As of `KeyCount`.
    """

    key: CountKey
    lines: Sequence[int]
    column: str | None
    reason: str
    outcome: Outcome = Outcome.PROBLEM
    units: Decimal | None = None
    parts: Sequence[str] | None = None


class Notice(NamedTuple):
    """Something a person should look at, though it counts."""

    sentence: str
    line: int | None = None


class Summary(NamedTuple):
    """How the rows of data came out: read = counted + zero + left out + with a problem."""

    read: int
    counted: int
    zero: int
    left_out: int
    problems: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What a file says.

    Args:
        counts: By (account, service, term).
        accounts: Name and status word by account id, of accounts that are counted.
        services: Name by (service, term).
        late: Counts that cannot be, found at the end.
        changed: Rows that turned out not to decide, found at the end.
        notices: What a person should look at; at most `Tally`'s limit of them.
        not_reported: Accounts that the vendor could not ask, with its words.
        covers: The days that a count covers, first and last, where the file says so.
        counted_on: When the vendor counted, where the file says so.
    """

    counts: dict[CountKey, KeyCount]
    accounts: dict[str, tuple[str, str]]
    services: dict[tuple[str, str], str]
    late: tuple[LateProblem, ...]
    changed: tuple[LateProblem, ...] = ()
    notices: tuple[Notice, ...] = ()
    not_reported: Mapping[str, str] = field(default_factory=dict)
    covers: Mapping[CountKey, tuple[date, date]] = field(default_factory=dict)
    counted_on: date | None = None


_FLAGS = {Outcome.PROBLEM: 8, Outcome.COUNTED: 4, Outcome.ZERO: 2, Outcome.LEFT_OUT: 1}
_MANY = 16


class RowStates:
    """What became of each row, in five bytes a row; a row of several services is what its gravest part is."""

    def __init__(self) -> None:
        self._lines = array("I")
        self._flags = bytearray()

    def add(self, line: int, results: Sequence[RowResult]) -> None:
        """Append a row."""
        flags = _MANY if len(results) > 1 else 0
        for one in results:
            flags |= _FLAGS[one.outcome]
        self._lines.append(line)
        self._flags.append(flags)

    def turn(self, lines: Sequence[int], outcome: Outcome) -> None:
        """Change rows that came out otherwise at the end."""
        flag = _FLAGS[outcome]
        for line in lines:
            place = bisect_left(self._lines, line)
            self._flags[place] = self._flags[place] | flag if self._flags[place] & _MANY else flag

    def summary(self) -> Summary:
        """Add up."""
        found = dict.fromkeys(Outcome, 0)
        kinds = {flags: next(one for one, flag in _FLAGS.items() if flags & flag) for flags in set(self._flags)}
        for flags in set(self._flags):
            found[kinds[flags]] += self._flags.count(flags)
        return Summary(
            read=len(self._lines),
            counted=found[Outcome.COUNTED],
            zero=found[Outcome.ZERO],
            left_out=found[Outcome.LEFT_OUT],
            problems=found[Outcome.PROBLEM],
        )
