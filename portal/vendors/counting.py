"""From rows to counts: which rows count, what each adds, and which have a problem."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from portal.domain.usage import CountKey
from portal.vendors.cells import as_text
from portal.vendors.dates import BadDate, read_date
from portal.vendors.ledger import SeenRows
from portal.vendors.nested import split_cell
from portal.vendors.patterns import taken
from portal.vendors.profiles import FileProfile, fold
from portal.vendors.readers import SourceRow, Table
from portal.vendors.results import (
    Counted,
    KeyCount,
    LateProblem,
    Notice,
    Outcome,
    RowResult,
    RowStates,
    Summary,
)
from portal.vendors.row_values import BadValue, Cells, RowValues, When
from portal.vendors.sums import Sums

__all__ = ["Counted", "KeyCount", "LateProblem", "Notice", "Outcome", "RowResult", "Summary", "Tally", "When"]

LONGEST_ID = 300  # characters
ZERO = Decimal(0)
_MONTH = 12
_SCIENTIFIC_MIN = 12  # digits from which Excel writes an id as 1.23E+15


class Tally:
    """Takes rows of data one by one; the order in which they come never matters for a count.

    Args:
        profile: How the file is read.
        table: The file.
        when: Days that conditions may name; none are known by themselves.

    Raises:
        Unreadable: A condition names a day, and `when` does not say which it is.
    """

    def __init__(self, profile: FileProfile, table: Table, *, when: When | None = None) -> None:
        self._profile = profile
        self._table = table
        self._values = RowValues(profile, table.named, when or When())
        tests = [(self._values.header(one.column), one, self._values.test(one)) for one in profile.filters]
        self._out = [(header, test) for header, one, test in tests if one.otherwise == "out"]
        self._zero = [(header, test) for header, one, test in tests if one.otherwise == "zero"]
        self._unasked = [(self._values.header(one.column), self._values.test(one)) for one in profile.not_reported]
        self._net_header = None if profile.net is None else self._values.header(profile.net.column)
        self._signs: dict[str, int] = {}
        if profile.net is not None:
            for words, sign in ((profile.net.ignore, 0), (profile.net.minus, -1), (profile.net.plus, 1)):
                self._signs |= {fold(word): sign for word in words}
        self._sums = Sums(profile, self._values, when or When())
        self._states = RowStates()
        self._seen = SeenRows() if profile.duplicates else None
        self._accounts: dict[str, tuple[str, str]] = {}
        self._services: dict[tuple[str, str], str] = {}
        self._not_reported: dict[str, str] = {}
        self._counted_on: date | None = None
        self._texts: dict[str, str] = {}  # each id once, however many counts have it

    def take(self, row: SourceRow) -> RowResult:
        """Add one row of data, and say what became of it; of a row of several services, of its gravest part."""
        results = self.take_parts(row)
        order = (Outcome.PROBLEM, Outcome.COUNTED, Outcome.ZERO, Outcome.LEFT_OUT)
        return min(results, key=lambda one: order.index(one.outcome))

    def take_parts(self, row: SourceRow) -> list[RowResult]:
        """Add one row of data, and say what became of each service that it tells of."""
        try:
            results = self._row(row)
        except BadValue as error:
            results = [RowResult(row.line, Outcome.PROBLEM, None, None, error.column, str(error))]
        self._states.add(row.line, results)
        return results

    def summary(self) -> Summary:
        """Say how the rows came out; after `finish` with what only the end decides."""
        return self._states.summary()

    def finish(self) -> Counted:
        """Close the counts: those below zero or too large are problems of all their rows."""
        closed = self._sums.close()
        self._texts = {}
        for late in (*closed.changed, *closed.late):
            self._states.turn(late.lines, late.outcome)
        known = {key.account for key in closed.counts}
        sold = {(key.service, key.term) for key in closed.counts}
        return Counted(
            counts=closed.counts,
            accounts={account: names for account, names in self._accounts.items() if account in known},
            services={service: name for service, name in self._services.items() if service in sold},
            late=closed.late,
            changed=closed.changed,
            notices=closed.notices,
            not_reported=self._not_reported,
            covers=closed.covers,
            counted_on=self._counted_on,
        )

    def _row(self, row: SourceRow) -> list[RowResult]:
        """Take a row, whole or by its parts."""
        if row.beyond:
            width = len(self._table.headers)
            return [
                _problem(row, None, f"The row has at least {width + len(row.beyond)} cells, the header line {width}.")
            ]
        left = self._left_out(row)
        if left is not None:
            return [left]
        profile = self._profile
        if profile.counted_on is not None and profile.counted_on.column:
            day = self._values.day(row.cells, self._values.header(profile.counted_on.column))
            if day is not None and (self._counted_on is None or day > self._counted_on):
                self._counted_on = day
        if profile.split is not None:
            header = self._values.header(profile.split.column)
            parts = split_cell(row.cells, header, profile.split.column)
            if not parts:
                return [self._one(row, row.cells)]
            return [
                self._one(row, cells, part=f"{profile.split.column} {number}") for number, cells in enumerate(parts, 1)
            ]
        if profile.wide:
            return self._wide(row)
        return [self._one(row, row.cells)]

    def _left_out(self, row: SourceRow) -> RowResult | None:
        """Leave out a row that is of another report, repeats another one, or says that nothing could be asked."""
        for header, test in self._out:
            if not test(row.cells):
                return RowResult(
                    row.line, Outcome.LEFT_OUT, None, None, header,
                    f"{header} is “{row.text(header)}”, which the profile leaves out.",
                )  # fmt: skip
        for header, test in self._unasked:
            if test(row.cells):
                account = self._account(row.cells)
                reason = f"{header} says “{row.text(header)}”: the account was not reported, which is not zero."
                if account:
                    self._not_reported[account] = row.text(header)
                return RowResult(row.line, Outcome.LEFT_OUT, None, None, header, reason)
        if self._seen is not None:
            earlier = self._seen.first_line("\x1f".join(map(as_text, row.cells.values())), row.line)
            if earlier is not None:
                reason = f"The same as line {earlier}, cell for cell."
                if self._profile.duplicates == "drop":
                    return RowResult(row.line, Outcome.LEFT_OUT, None, None, None, reason)
                self._sums.notice(Notice(f"Line {row.line} is the same as line {earlier}, cell for cell.", row.line))
        return self._part_month(row)

    def _part_month(self, row: SourceRow) -> RowResult | None:
        """Leave out a charge line that covers less than a month."""
        part = self._profile.part_month
        if part is None:
            return None
        first = self._values.day(row.cells, self._values.header(part.first))
        last = self._values.day(row.cells, self._values.header(part.last)) if part.last else None
        if first is None or last is None:
            return None
        end = last.toordinal() + (1 if part.inclusive else 0)
        year, month = (first.year + 1, 1) if first.month == _MONTH else (first.year, first.month + 1)
        whole = date(year, month, 1).toordinal() - first.replace(day=1).toordinal()
        days = end - first.toordinal()
        # a month from the 31st ends with a shorter one: up to three days fewer are a month too
        if days >= min(whole, 28 if first.day > 28 else whole):  # noqa: PLR2004 - the shortest month
            return None
        header = self._values.header(part.first)
        reason = f"It covers {days} days from {first.isoformat()}, which is less than a month."
        return RowResult(row.line, Outcome.LEFT_OUT, None, None, header, reason)

    def _account(self, cells: Cells) -> str:
        return self._values.text(cells, "account_id" if self._values.gives("account_id") else "account_name")

    def _service(self, cells: Cells) -> str:
        return self._values.text(cells, "service_id" if self._values.gives("service_id") else "service_name")

    def _key(self, row: SourceRow, account: str, service: str, term: str) -> CountKey | RowResult:
        """Make the key of a count, or say why there is none."""
        for value, role, what in ((account, "account", "account"), (service, "service", "service")):
            if not value or len(value) > LONGEST_ID:
                column = self._values.column_of(f"{role}_id") or self._values.column_of(f"{role}_name")
                long = f"The {what} has more than {LONGEST_ID} characters." if value else f"The row names no {what}."
                return _problem(row, column, long)
            if _looks_rounded(value):
                column = self._values.column_of(f"{role}_id")
                self._sums.notice(
                    Notice(f"The {what} “{value}” on line {row.line} looks like a number that Excel rounded.", row.line)
                )
        once = self._texts.setdefault
        return CountKey(once(account, account), once(service, service), once(term, term))

    def _one(self, row: SourceRow, cells: Cells, part: str = "") -> RowResult:
        """Add a row, or a part of one, that is one service."""
        key: CountKey | RowResult | None = None
        try:
            key = self._key(row, self._account(cells), self._service(cells), self._values.text(cells, "term"))
            if isinstance(key, RowResult):
                return key._replace(part=part)
            found = self._counted(row, cells, key, part)
            if found.outcome is not Outcome.PROBLEM and found.outcome is not Outcome.LEFT_OUT:
                self._name(cells, key, self._values.text(cells, "service_name"))
        except BadValue as error:
            known = key if isinstance(key, CountKey) else None
            return RowResult(row.line, Outcome.PROBLEM, known, None, error.column, str(error), part)
        return found

    def _counted(self, row: SourceRow, cells: Cells, key: CountKey, part: str) -> RowResult:
        """Add what filters and charge words leave of a row."""
        for header, test in self._zero:
            if not test(cells):
                reason = f"{header} is “{as_text(cells.get(header, ''))}”, so the row counts zero."
                self._sums.add_zero(key, row.line, part, cells)
                return RowResult(row.line, Outcome.ZERO, key, ZERO, header, reason, part)
        sign = 1
        if self._net_header is not None:
            word = as_text(cells.get(self._net_header, ""))
            found = self._signs.get(fold(word))
            if found is None:
                reason = f"Nobody said whether “{word}” adds or takes away."
                return _problem(row, self._net_header, reason, key)._replace(part=part)
            if found == 0:
                reason = f"{self._net_header} is “{word}”, which carries money only."
                return RowResult(row.line, Outcome.LEFT_OUT, key, None, self._net_header, reason, part)
            sign = found
        one = self._profile.count_rows or self._profile.measure.how == "distinct" or bool(self._profile.day_columns)
        units = Decimal(1) if one else self._values.number(cells)
        if units is None:
            column = self._values.column_of("count")
            return RowResult(row.line, Outcome.LEFT_OUT, key, None, column, "The count is empty.", part)
        if sign < 0:
            units = units.copy_negate() if units else ZERO
        units = self._sums.add(key, units, row.line, part, cells)
        return RowResult(row.line, Outcome.COUNTED, key, units, None, None, part)

    def _wide(self, row: SourceRow) -> list[RowResult]:
        """Add each service of a wide row."""
        results: list[RowResult] = []
        account = self._account(row.cells)
        for one in self._profile.wide:
            header = self._values.header(one.column)
            key = self._key(row, account, one.service, one.term)
            if isinstance(key, RowResult):
                return [key]
            failed = next((name for name, test in self._zero if not test(row.cells)), None)
            try:
                if failed is not None:
                    reason = f"{failed} is “{row.text(failed)}”, so the row counts zero."
                    self._sums.add_zero(key, row.line, header, row.cells)
                    results.append(RowResult(row.line, Outcome.ZERO, key, ZERO, failed, reason, header))
                else:
                    units = self._wide_units(row, header, one.marks)
                    units = self._sums.add(key, units, row.line, header, row.cells)
                    results.append(RowResult(row.line, Outcome.COUNTED, key, units, None, None, header))
                self._name(row.cells, key, one.name)
            except BadValue as error:
                results.append(RowResult(row.line, Outcome.PROBLEM, key, None, error.column, str(error), header))
        return results

    def _wide_units(self, row: SourceRow, header: str, marks: Sequence[str]) -> Decimal:
        text = row.text(header)
        if not text:
            return ZERO
        if marks:
            return Decimal(1) if fold(text) in {fold(mark) for mark in marks} else ZERO
        return self._values.number_in(row.cells, header) or ZERO

    def _name(self, cells: Cells, key: CountKey, service_name: str) -> None:
        """Keep the names that a row gives."""
        name, status = self._accounts.get(key.account, ("", ""))
        new = (self._values.text(cells, "account_name") or name, self._values.text(cells, "account_status") or status)
        if new != (name, status) or key.account not in self._accounts:
            self._accounts[key.account] = (new[0], self._texts.setdefault(new[1], new[1]))
        service = (key.service, key.term)
        if service_name or service not in self._services:
            self._services[service] = service_name or self._services.get(service, "")


def counted_on_of(profile: FileProfile, table: Table, filename: str) -> date | None:
    """Give the day of counting that a file's name or the lines above its headers tell; none where they do not.

    Raises:
        BadDate: It is no date, or can be read in two ways.
    """
    said = profile.counted_on
    if said is None:
        return None
    texts: Mapping[str, list[str]] = {said.filename: [filename], said.above: [" ".join(line) for line in table.above]}
    for pattern, where in texts.items():
        piece = next((found for text in where if pattern and (found := taken(pattern, text))), None)
        if piece is not None:
            return _day_in(piece, profile.dates)
    return None


def _day_in(piece: str, order: str) -> date:
    """Read a day; of a month its last one."""
    digits = "".join(letter for letter in piece if letter.isdigit())
    if len(digits) == len("202610"):
        year, month = int(digits[:4]), int(digits[4:])
        if not 1 <= month <= _MONTH:
            raise BadDate(f"“{piece}” is not a month.")
        following = date(year + month // _MONTH, month % _MONTH + 1, 1)
        return date.fromordinal(following.toordinal() - 1)
    return read_date(piece.replace("_", "-"), order)


def _looks_rounded(text: str) -> bool:
    """Tell whether an id looks as Excel shows a long number: 1.23E+15."""
    if "E+" not in text and "e+" not in text:
        return False
    digits, _mark, power = text.upper().partition("E+")
    return power.isdigit() and int(power) >= _SCIENTIFIC_MIN and digits.replace(".", "").replace(",", "").isdigit()


def _problem(row: SourceRow, column: str | None, reason: str, key: CountKey | None = None) -> RowResult:
    return RowResult(row.line, Outcome.PROBLEM, key, None, column, reason)
