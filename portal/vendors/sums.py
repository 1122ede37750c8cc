"""Counts while they grow, and how they are closed: measures, parents, units, limits, days covered."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from portal.domain.quantities import MAX_QUANTITY, QUANTITY_PLACES, bring_to_places, plain, plus
from portal.domain.usage import CountKey
from portal.vendors import measures
from portal.vendors.cells import as_text
from portal.vendors.dates import BadDate, read_date
from portal.vendors.errors import Unreadable
from portal.vendors.ledger import Ledger, fingerprint
from portal.vendors.profiles import FileProfile, Unit, fold
from portal.vendors.results import KeyCount, LateProblem, LinesByCount, Notice, Outcome
from portal.vendors.row_values import BadValue, Cells, RowValues, Test, When

ZERO = Decimal(0)
MAX_COUNTS = 200_000  # different counts of one file, which are held in memory
MOST_NOTICES = 200
_EXTRA = {"distinct": 1, "latest": 1, "days": 1, "last_charge": 4, "signed_sum": 4}
_NO_DAY = 0


@dataclass(frozen=True, slots=True)
class Closed:
    """What the counts came to."""

    counts: dict[CountKey, KeyCount]
    late: tuple[LateProblem, ...]
    changed: tuple[LateProblem, ...]
    notices: tuple[Notice, ...]
    covers: dict[CountKey, tuple[date, date]]


class Sums:
    """Keeps counts by (account, service, term) as flat as the way of counting allows.

    Args:
        profile: How the file is read.
        values: Reads its rows.
        when: The month, for a mean over all its days.
    """

    def __init__(self, profile: FileProfile, values: RowValues, when: When) -> None:
        self._profile = profile
        self._measure = profile.measure
        self._values = values
        self._when = when
        self._places: dict[CountKey, int] = {}
        self._exact: list[Decimal] = []
        self._zeros = Ledger()  # rows that filters leave out count zero, whatever the measure
        self._ledger = Ledger(_EXTRA.get(profile.measure.how, 0)) if profile.measure.how != "sum" else None
        self._lines = array("I")  # of a sum: line and count of each row
        self._of = array("I")
        self._parts: list[str] | None = [] if profile.wide or profile.split else None
        self._groups: dict[str, int] = {}
        self._units: list[tuple[Unit, Test | None]] = [
            (one, None if one.only is None else values.test(one.only)) for one in profile.units
        ]
        self._unit_of = array("b")
        self._covers: dict[int, tuple[int, int]] = {}
        self._days_seen: set[int] = set()
        self._marks = {fold(word) for word in profile.day_columns}
        self._day_headers: dict[str, int] = {}
        self._latest: dict[str, int] = {}
        self._above: dict[str, str] = {}
        self._notices: list[Notice] = []
        self.more_notices = 0

    def notice(self, one: Notice) -> None:
        """Keep what a person should look at; beyond a limit it is only counted."""
        if len(self._notices) < MOST_NOTICES:
            self._notices.append(one)
        else:
            self.more_notices += 1

    def add_zero(self, key: CountKey, line: int, part: str, cells: Cells) -> None:
        """Add a row that counts zero."""
        place = self._place(key)
        self._parent(key, cells)
        if self._ledger is None:
            self._append(place, line, part)
        else:
            self._zeros.add(place, line, ZERO)

    def add(self, key: CountKey, units: Decimal, line: int, part: str, cells: Cells) -> Decimal:
        """Add a row, and give what it adds.

        Raises:
            BadValue: A date, an amount or a unit does not fit; then nothing was added.
        """
        unit = self._unit(cells)
        covered = self._covered(cells)
        place = self._places.get(key)
        if place is not None and unit != self._unit_of[place] and self._unit_of[place] != _UNSET:
            raise BadValue("The rows of this account and service are in different units.", None)
        if self._ledger is not None:
            entries = self._entries(key, units, cells)
            place = self._place(key)
            for entry_units, extra in entries:
                self._ledger.add(place, line, entry_units, *extra)
            if self._measure.how == "signed_sum":
                units = self._signed(units, entries[0][1][3])
        else:
            place = self._place(key)
            self._exact[place] = plus(self._exact[place], units)
            self._append(place, line, part)
        self._unit_of[place] = unit
        self._parent(key, cells)
        if covered is not None:
            known = self._covers.get(place, covered)
            self._covers[place] = (min(known[0], covered[0]), max(known[1], covered[1]))
        return units

    def close(self) -> Closed:
        """Settle every count."""
        counts: dict[CountKey, KeyCount] = {}
        changed: list[LateProblem] = []
        if self._ledger is None:
            self._close_sums(counts)
        else:
            self._close_measure(self._ledger, counts, changed)
        self._subtract(counts)
        late = self._check(counts)
        covers = {
            key: (date.fromordinal(self._covers[place][0]), date.fromordinal(self._covers[place][1]))
            for key, place in self._places.items()
            if place in self._covers and key in counts
        }
        if self.more_notices:
            self._notices.append(Notice(f"There are {self.more_notices} more such places."))
        return Closed(counts, tuple(late), tuple(changed), tuple(self._notices), covers)

    def _place(self, key: CountKey) -> int:
        place = self._places.get(key)
        if place is None:
            place = len(self._exact)
            if place >= MAX_COUNTS:
                raise Unreadable(
                    f"The file has more than {MAX_COUNTS} different accounts and services. "
                    "Is the column of the account or of the service another one?"
                )
            self._places[key] = place
            self._exact.append(ZERO)
            self._unit_of.append(_UNSET)
        return place

    def _append(self, place: int, line: int, part: str) -> None:
        self._of.append(place)
        self._lines.append(line)
        if self._parts is not None:
            self._parts.append(part)

    def _parent(self, key: CountKey, cells: Cells) -> None:
        if self._profile.parent:
            above = as_text(cells.get(self._values.header(self._profile.parent), ""))
            if above and above != key.account:
                self._above[key.account] = above

    def _unit(self, cells: Cells) -> int:
        """Give the place of the conversion that applies to a row; -1 where none does."""
        return next((place for place, (_unit, test) in enumerate(self._units) if test is None or test(cells)), -1)

    def _covered(self, cells: Cells) -> tuple[int, int] | None:
        days = self._profile.days
        if days is None:
            return None
        first = self._values.day(cells, self._values.header(days.first))
        last = self._values.day(cells, self._values.header(days.last)) if days.last else first
        if first is None or last is None:
            return None
        end = last.toordinal() - (0 if days.inclusive or not days.last else 1)
        if end < first.toordinal():
            raise BadValue(f"The days end before they begin: {first.isoformat()} to {last.isoformat()}.", days.first)
        return first.toordinal(), end

    def _entries(self, key: CountKey, units: Decimal, cells: Cells) -> Sequence[tuple[Decimal, tuple[int, ...]]]:
        """Give what a row adds to the ledger."""
        measure, how = self._measure, self._measure.how
        if how == "max":
            return [(units, ())]
        header = self._values.header(measure.column)
        if how == "distinct":
            text = fold(as_text(cells.get(header, "")))
            if not text:
                raise BadValue(f"{header} is empty, so that it cannot be told apart.", header)
            mark = fingerprint(text)
            return [(units, (mark - (1 << 63),))]
        if how in {"last_charge", "signed_sum"}:
            return [(units, self._charge(cells))]
        if self._marks:
            found = [(Decimal(1), (day,)) for day in self._marked(cells)]
            return found or [(ZERO, (self._any_day(),))]
        day = self._needed(cells, measure.column)
        self._days_seen.add(day)
        if how == "latest":
            group = key.account if measure.per == "account" else ""
            self._latest[group] = max(self._latest.get(group, day), day)
        return [(units, (day,))]

    def _charge(self, cells: Cells) -> tuple[int, int, int, int]:
        measure = self._measure
        name = "\x1f".join(as_text(cells.get(self._values.header(one), "")) for one in measure.group)
        group = self._groups.setdefault(name, len(self._groups))
        start = self._needed(cells, measure.start) if measure.start else _NO_DAY
        return (
            group,
            start,
            self._needed(cells, measure.end),
            self._values.sign_of(cells, self._values.header(measure.amount)),
        )

    def _needed(self, cells: Cells, wanted: str) -> int:
        header = self._values.header(wanted)
        day = self._values.day(cells, header)
        if day is None:
            raise BadValue("The date is empty.", header)
        return day.toordinal()

    def _marked(self, cells: Cells) -> list[int]:
        """List the days whose column has a mark."""
        found = []
        for header, cell in cells.items():
            day = self._day_headers.get(header)
            if day is None:
                day = self._day_headers[header] = _day_of_header(header, self._profile.dates)
                if day:
                    self._days_seen.add(day)
            if day and fold(as_text(cell)) in self._marks:
                found.append(day)
        return found

    def _any_day(self) -> int:
        if not self._days_seen:
            raise BadValue("No column's header is a day.", None)
        return min(self._days_seen)

    @staticmethod
    def _signed(units: Decimal, sign: int) -> Decimal:
        size = units.copy_abs()
        return size if sign > 0 else size.copy_negate() if sign < 0 and size else units

    def _close_sums(self, counts: dict[CountKey, KeyCount]) -> None:
        lines = LinesByCount(self._of, self._lines, self._parts, len(self._exact))
        self._of, self._lines = array("I"), array("I")
        for key, place in self._places.items():
            counts[key] = KeyCount.of(self._exact[place], lines, place)
            self._exact[place] = ZERO

    def _close_measure(self, ledger: Ledger, counts: dict[CountKey, KeyCount], changed: list[LateProblem]) -> None:
        keys = list(self._places)
        column = self._values.header(self._measure.column) if self._measure.column else None
        zeros = self._zeros.by_key(len(keys))
        for (place, entries), (_place, zero_entries) in zip(ledger.by_key(len(keys)), zeros, strict=True):
            key = keys[place]
            count = KeyCount()
            if len(entries):
                found = self._settled(ledger, key, entries)
                for sentence, line in found.notices:
                    self.notice(Notice(f"{key.account}, {key.service}: {sentence}", line))
                for reason, lines in found.left.items():
                    changed.append(LateProblem(key, lines, column, reason, Outcome.LEFT_OUT))
                for reason, lines in found.zero.items():
                    changed.append(LateProblem(key, lines, column, reason, Outcome.ZERO, ZERO))
                count = KeyCount(found.exact, found.lines, None, found.note)
                if not len(found.lines) and not len(zero_entries):
                    continue
            if len(zero_entries):
                count.join([self._zeros.line(entry) for entry in zero_entries])
            counts[key] = count

    def _settled(self, ledger: Ledger, key: CountKey, entries: Sequence[int]) -> measures.Settled:
        measure, how = self._measure, self._measure.how
        if how == "max":
            return measures.largest(ledger, entries)
        if how == "distinct":
            return measures.distinct(ledger, entries, self._values.header(measure.column))
        if how == "latest":
            if measure.per == "count":
                return measures.latest(ledger, entries)
            return measures.latest(ledger, entries, self._latest[key.account if measure.per == "account" else ""])
        if how == "days":
            return measures.over_days(ledger, entries, measure, self._all_days())
        return measures.charges(ledger, entries, how)

    def _all_days(self) -> int:
        if self._measure.over == "month":
            if self._when.first is None or self._when.last is None:
                raise Unreadable("The mean over all days of the month needs the month that the file tells of.")
            return (self._when.last - self._when.first).days + 1
        return max(len(self._days_seen), 1)

    def _subtract(self, counts: dict[CountKey, KeyCount]) -> None:
        """Take what children have out of what their parents repeat."""
        if not self._above:
            return
        children: dict[CountKey, list[Decimal]] = {}
        for key, count in counts.items():
            above = self._above.get(key.account)
            if above is not None:
                children.setdefault(key._replace(account=above), []).append(count.exact)
        for key, parts in children.items():
            if key not in counts:
                continue
            count, total = counts[key], ZERO
            for one in parts:
                total = plus(total, one)
            own = plus(count.exact, total.copy_negate())
            count.note = f"{plain(count.exact)} - {plain(total)} of the accounts below it = {plain(own)}"
            count.exact = own

    def _check(self, counts: dict[CountKey, KeyCount]) -> list[LateProblem]:
        """Turn counts into our unit; those below zero or too large are problems of all their rows."""
        late = []
        column = self._values.column_of("count")
        for key, count in list(counts.items()):
            unit = self._unit_of[self._places[key]]
            if unit >= 0 and count.exact >= 0:
                _convert(count, self._units[unit][0])
            reason = None
            if count.exact < 0:
                reason = f"The rows of this account and service add up to {plain(count.exact)}, which is below zero."
            elif count.quantity > MAX_QUANTITY:
                reason = f"The rows of this account and service add up to more than {plain(MAX_QUANTITY)}."
            if reason is not None:
                late.append(LateProblem(key, count.lines, column, reason, parts=count.parts))
                del counts[key]
        return late


_UNSET = -2


def _convert(count: KeyCount, unit: Unit) -> None:
    """Turn a count into our unit, and write the arithmetic down."""
    value = Fraction(count.exact) * Fraction(Decimal(unit.times)) / Fraction(Decimal(unit.divide))
    words = f"{plain(count.exact)} {unit.frm}".strip()
    if unit.times != "1":
        words += f" \N{MULTIPLICATION SIGN} {plain(Decimal(unit.times))}"
    if unit.divide != "1":
        words += f" ÷ {plain(Decimal(unit.divide))}"
    exact = bring_to_places(value)
    places = QUANTITY_PLACES
    if unit.places >= 0:
        places = unit.places
        exact = _rounded(value, places, unit.direction)
    sign = "=" if Fraction(exact) == value else f"≈ ({unit.direction}, {places} decimals)"
    words += f" {sign} {plain(exact)} {unit.to}".rstrip()
    count.note = f"{count.note}; {words}" if count.note else words
    count.exact = exact


def _rounded(value: Fraction, places: int, direction: str) -> Decimal:
    scaled = value * 10**places
    if direction == "up":
        whole = -((-scaled.numerator) // scaled.denominator)
    elif direction == "down":
        whole = scaled.numerator // scaled.denominator
    else:
        whole = round(scaled)
    return Decimal(whole).scaleb(-places)


def _day_of_header(header: str, order: str) -> int:
    """Give the day that a header is; zero where it is none."""
    try:
        return read_date(header, order).toordinal()
    except BadDate:
        return _NO_DAY
