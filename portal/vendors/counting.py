"""From rows to counts: which rows count, what each adds, and which have a problem."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from portal.domain.quantities import MAX_QUANTITY, bring_to_places, plain, plus
from portal.domain.usage import CountKey
from portal.vendors.cells import Cell
from portal.vendors.numbers import BadNumber, parse_number
from portal.vendors.profiles import FileProfile, fold
from portal.vendors.readers import SourceRow, Table

LONGEST_ID = 300  # characters
ZERO = Decimal(0)


class Outcome(StrEnum):
    """What became of a row of data."""

    COUNTED = "counted"
    ZERO = "zero"  # a filter leaves it out: it counts, as zero
    LEFT_OUT = "left_out"  # it carries money only
    PROBLEM = "problem"


class RowResult(NamedTuple):
    """One row of data and what became of it.

    `units` are what it adds, with all decimals; none where it adds nothing. A problem names column and reason.
    """

    line: int
    outcome: Outcome
    key: CountKey | None = None
    units: Decimal | None = None
    column: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class KeyCount:
    """One count while it grows.

    Args:
        exact: The sum with all decimals.
        lines: The rows behind it.
    """

    exact: Decimal = ZERO
    lines: list[int] = field(default_factory=list)

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
    """A count that cannot be: all its rows have the problem."""

    key: CountKey
    lines: tuple[int, ...]
    column: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Counted:
    """What a file says.

    Args:
        counts: By (account, service, term).
        accounts: Name and status word by account id, of accounts that are counted.
        services: Name by (service, term).
        late: Counts that cannot be, found at the end.
    """

    counts: dict[CountKey, KeyCount]
    accounts: dict[str, tuple[str, str]]
    services: dict[tuple[str, str], str]
    late: tuple[LateProblem, ...]


class Tally:
    """Takes rows of data one by one; the order in which they come never matters for a count."""

    def __init__(self, profile: FileProfile, table: Table) -> None:
        self._profile = profile
        self._headers = {role: table.named[header] for role, header in profile.columns.items()}
        self._filters = [(table.named[one.column], {fold(word) for word in one.keep}) for one in profile.filters]
        net = profile.net
        self._net_header = None if net is None else table.named[net.column]
        self._signs: dict[str, int] = {}
        if net is not None:
            for words, sign in ((net.ignore, 0), (net.minus, -1), (net.plus, 1)):
                self._signs |= {fold(word): sign for word in words}
        self._width = len(table.headers)
        self._counts: dict[CountKey, KeyCount] = {}
        self._accounts: dict[str, tuple[str, str]] = {}
        self._services: dict[tuple[str, str], str] = {}

    def take(self, row: SourceRow) -> RowResult:
        """Add one row of data, and say what became of it."""
        if row.beyond:
            cells = self._width + len(row.beyond)
            return self._problem(row, None, f"The row has at least {cells} cells, the header line {self._width}.")
        account = self._value(row, "account_id") if self._gives("account_id") else self._value(row, "account_name")
        service = self._value(row, "service_id") if self._gives("service_id") else self._value(row, "service_name")
        for value, role, what in ((account, "account", "account"), (service, "service", "service")):
            if not value or len(value) > LONGEST_ID:
                column = self._headers.get(f"{role}_id") or self._headers.get(f"{role}_name")
                long = f"The {what} has more than {LONGEST_ID} characters." if value else f"The row names no {what}."
                return self._problem(row, column, long)
        key = CountKey(account, service, self._value(row, "term"))
        for header, words in self._filters:
            if fold(row.text(header)) not in words:
                reason = f"{header} is “{row.text(header)}”, so the row counts zero."
                return self._add(row, key, ZERO, RowResult(row.line, Outcome.ZERO, key, ZERO, header, reason))
        return self._count(row, key)

    def finish(self) -> Counted:
        """Close the counts: those below zero or too large are problems of all their rows."""
        late = []
        column = self._headers.get("count")
        for key, count in list(self._counts.items()):
            reason = None
            if count.exact < 0:
                reason = f"The rows of this account and service add up to {plain(count.exact)}, which is below zero."
            elif count.quantity > MAX_QUANTITY:
                reason = f"The rows of this account and service add up to more than {plain(MAX_QUANTITY)}."
            if reason is not None:
                late.append(LateProblem(key, tuple(count.lines), column, reason))
                del self._counts[key]
        known = {key.account for key in self._counts}
        sold = {(key.service, key.term) for key in self._counts}
        return Counted(
            counts=self._counts,
            accounts={account: names for account, names in self._accounts.items() if account in known},
            services={service: name for service, name in self._services.items() if service in sold},
            late=tuple(late),
        )

    def _count(self, row: SourceRow, key: CountKey) -> RowResult:
        """Add a row that no filter leaves out."""
        sign = 1
        if self._net_header is not None:
            word = row.text(self._net_header)
            found = self._signs.get(fold(word))
            if found is None:
                return self._problem(row, self._net_header, f"Nobody said whether “{word}” adds or takes away.", key)
            if found == 0:
                reason = f"{self._net_header} is “{word}”, which carries money only."
                return RowResult(row.line, Outcome.LEFT_OUT, key, None, self._net_header, reason)
            sign = found
        header = self._headers.get("count")
        try:
            units = Decimal(1) if self._profile.count_rows else self._number(row, header)
        except BadNumber as error:
            return self._problem(row, header, str(error), key)
        if sign < 0:
            units = units.copy_negate() if units else ZERO
        return self._add(row, key, units, RowResult(row.line, Outcome.COUNTED, key, units))

    def _number(self, row: SourceRow, header: str | None) -> Decimal:
        """Read the count of a row, typed or by the profile's marks."""
        cell: Cell = self._profile.constants["count"] if header is None else row.cells.get(header, "")
        if isinstance(cell, Decimal):
            if abs(cell) > MAX_QUANTITY:
                raise BadNumber(f"The count is too large. The largest is {plain(MAX_QUANTITY)}.")
            return cell
        if header is None:
            return parse_number(cell)
        return parse_number(cell, self._profile.decimal, self._profile.thousands)

    def _add(self, row: SourceRow, key: CountKey, units: Decimal, result: RowResult) -> RowResult:
        """Add units to the count of a key, and keep the names that the row gives."""
        count = self._counts.setdefault(key, KeyCount())
        count.exact = plus(count.exact, units)
        count.lines.append(row.line)
        name, status = self._accounts.get(key.account, ("", ""))
        self._accounts[key.account] = (
            self._value(row, "account_name") or name,
            self._value(row, "account_status") or status,
        )
        service = (key.service, key.term)
        self._services[service] = self._value(row, "service_name") or self._services.get(service, "")
        return result

    def _gives(self, role: str) -> bool:
        return role in self._headers or role in self._profile.constants

    def _value(self, row: SourceRow, role: str) -> str:
        """Give a row's text in a role: the column's, else the constant."""
        header = self._headers.get(role)
        return self._profile.constants.get(role, "").strip() if header is None else row.text(header)

    @staticmethod
    def _problem(row: SourceRow, column: str | None, reason: str, key: CountKey | None = None) -> RowResult:
        return RowResult(row.line, Outcome.PROBLEM, key, None, column, reason)
