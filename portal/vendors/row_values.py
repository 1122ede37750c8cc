"""What one row says: its texts by role, whether it passes a condition, its numbers and dates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.domain.quantities import MAX_QUANTITY, plain, plus
from portal.vendors.cells import Cell, Unsaved, as_text
from portal.vendors.dates import BadDate, read_date
from portal.vendors.errors import Unreadable
from portal.vendors.numbers import BadNumber, parse_number
from portal.vendors.patterns import taken
from portal.vendors.profiles import FileProfile, Filter, fold

Cells = Mapping[str, Cell]
Test = Callable[[Cells], bool]
LARGEST_RAW = Decimal(10) ** 18  # bytes and seconds before they are turned into our units
CURRENCIES = ("$", "€", "£", "%", "USD", "EUR", "GBP", "CHF", "CAD", "AUD")


class BadValue(ValueError):
    """A row does not say what it should. Its text is a sentence; `column` names the place."""

    def __init__(self, sentence: str, column: str | None) -> None:
        self.column = column
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class When:
    """The day on which the vendor counted, and the month's first and last day, for conditions that name them."""

    day: date | None = None
    first: date | None = None
    last: date | None = None


class RowValues:
    """Reads rows of one file.

    Args:
        profile: How it is read.
        named: The profile's headers to those of the file.
        when: Days that conditions may name.

    Raises:
        Unreadable: A condition names a day, and nobody has said which it is.
    """

    def __init__(self, profile: FileProfile, named: Mapping[str, str], when: When) -> None:
        self._profile = profile
        self._named = named
        self._when = when
        self._largest = LARGEST_RAW if profile.units else MAX_QUANTITY
        self._roles = {role: self._header(header) for role, header in profile.columns.items()}
        self._ones = [self.test(one) for one in profile.ones]
        self._words = {
            role: {fold(word): kept for kept, words in recipe.words.items() for word in (kept, *words)}
            for role, recipe in profile.values.items()
        }

    def gives(self, role: str) -> bool:
        """Tell whether rows have something in a role."""
        return role in self._roles or role in self._profile.constants or role in self._profile.values

    def column_of(self, role: str) -> str | None:
        """Name the column of a role; of a recipe the first one that the file has."""
        if role in self._roles:
            return self._roles[role]
        recipe = self._profile.values.get(role)
        if recipe is None:
            return None
        return next((self._named[one] for one in recipe.columns if one in self._named), recipe.columns[0])

    def text(self, cells: Cells, role: str) -> str:
        """Give a row's text in a role: the column's, the recipe's, else the constant.

        Raises:
            BadValue: A recipe finds nothing in a cell that is not empty, or a formula has no value.
        """
        header = self._roles.get(role)
        if header is not None:
            cell = cells.get(header, "")
            if isinstance(cell, Unsaved):
                raise BadValue(unsaved(cell), header)
            return as_text(cell)
        if role in self._profile.values:
            return self._recipe(cells, role)
        return self._profile.constants.get(role, "").strip()

    def number(self, cells: Cells) -> Decimal | None:
        """Read the count of a row; none where it is empty and the profile says that this is no count.

        Raises:
            BadValue: It is no number.
        """
        profile = self._profile
        if self._ones and any(test(cells) for test in self._ones):
            return Decimal(1)
        recipe = profile.values.get("count")
        if recipe is not None and recipe.take == "add":
            total = Decimal(0)
            for header in recipe.columns:
                total = plus(total, self.number_in(cells, self._header(header)) or Decimal(0))
            return total
        if recipe is not None:
            return self._parsed(self._recipe(cells, "count"), self.column_of("count"))
        if "count" not in self._roles:
            return self._parsed(profile.constants["count"], None, plain_marks=True)
        return self.number_in(cells, self._roles["count"])

    def number_in(self, cells: Cells, header: str) -> Decimal | None:
        """Read a column's number.

        Raises:
            BadValue: It is no number.
        """
        cell = cells.get(header, "")
        if isinstance(cell, Unsaved):
            raise BadValue(unsaved(cell), header)
        if isinstance(cell, Decimal):
            if abs(cell) > self._largest:
                raise BadValue(f"The count is too large. The largest is {plain(self._largest)}.", header)
            return cell
        if not cell.strip() and self._profile.empty_count != "problem":
            return Decimal(0) if self._profile.empty_count == "zero" else None
        return self._parsed(cell, header)

    def sign_of(self, cells: Cells, header: str) -> int:
        """Tell whether an amount is above or below zero, or zero.

        Raises:
            BadValue: It is no amount.
        """
        cell = cells.get(header, "")
        if not isinstance(cell, Decimal):
            profile = self._profile
            signs = (*CURRENCIES, *profile.signs)
            try:
                cell = parse_number(cell, profile.decimal, profile.thousands, signs=signs, largest=LARGEST_RAW)
            except BadNumber as error:
                raise BadValue(str(error).replace("The count", "The amount"), header) from error
        return (cell > 0) - (cell < 0)

    def day(self, cells: Cells, header: str) -> date | None:
        """Read a date; none where the cell is empty.

        Raises:
            BadValue: It is no date, or can be read in two ways.
        """
        cell = cells.get(header, "")
        if isinstance(cell, str) and not cell.strip():
            return None
        if isinstance(cell, str) and " - " in cell:
            cell = cell.partition(" - ")[0]  # an interval in one cell: it is known by its first day
        try:
            return read_date(cell, self._profile.dates)
        except BadDate as error:
            raise BadValue(str(error), header) from error

    def header(self, wanted: str) -> str:
        """Give the file's header for one of the profile's."""
        return self._header(wanted)

    def test(self, condition: Filter) -> Test:  # noqa: PLR0911 - one branch a kind of test
        """Make a condition ready.

        Raises:
            Unreadable: It names a day, and nobody has said which it is.
        """
        header, words = self._header(condition.column), tuple(fold(word) for word in condition.keep)
        negate, kind = condition.negate, condition.test
        if kind == "is":
            known = frozenset(words)
            return lambda cells: (fold(as_text(cells.get(header, ""))) in known) is not negate
        if kind == "blank":
            return lambda cells: (not as_text(cells.get(header, ""))) is not negate
        if kind in {"starts", "ends"}:
            edge = str.startswith if kind == "starts" else str.endswith
            return lambda cells: edge(fold(as_text(cells.get(header, ""))), words) is not negate
        if kind == "contains":
            return lambda cells: any(word in fold(as_text(cells.get(header, ""))) for word in words) is not negate
        if kind in {"above", "below"}:
            limit = self._limit(condition)
            if kind == "above":
                return lambda cells: ((self._amount(cells, header)) > limit) is not negate
            return lambda cells: ((self._amount(cells, header)) < limit) is not negate
        day = self._day_named(condition)
        if kind == "not_before":
            return lambda cells: ((self.day(cells, header) or day) >= day) is not negate
        return lambda cells: ((self.day(cells, header) or day) <= day) is not negate

    def _amount(self, cells: Cells, header: str) -> Decimal:
        cell = cells.get(header, "")
        if isinstance(cell, Decimal):
            return cell
        if not cell.strip():
            return Decimal(0)
        profile = self._profile
        signs = (*CURRENCIES, *profile.signs)
        try:
            return parse_number(cell, profile.decimal, profile.thousands, signs=signs, largest=LARGEST_RAW)
        except BadNumber as error:
            raise BadValue(str(error), header) from error

    def _limit(self, condition: Filter) -> Decimal:
        try:
            return parse_number(condition.keep[0] if condition.keep else "", largest=LARGEST_RAW)
        except BadNumber as error:
            raise Unreadable(f"The filter on “{condition.column}” needs a number to compare with.") from error

    def _day_named(self, condition: Filter) -> date:
        word = condition.keep[0] if condition.keep else "@day"
        known = {"@day": self._when.day, "@first": self._when.first, "@last": self._when.last}
        if word in known:
            found = known[word]
            if found is None:
                raise Unreadable(f"The filter on “{condition.column}” needs the day on which the vendor counted.")
            return found
        try:
            return read_date(word)
        except BadDate as error:
            raise Unreadable(f"The filter on “{condition.column}” needs a day such as 2026-10-31.") from error

    def _recipe(self, cells: Cells, role: str) -> str:
        recipe = self._profile.values[role]
        texts = []
        for wanted in recipe.columns:
            cell = cells.get(self._header(wanted), "")
            if isinstance(cell, Unsaved):
                raise BadValue(unsaved(cell), self._header(wanted))
            texts.append(as_text(cell))
        filled = list(dict.fromkeys(text for text in texts if text))
        text = recipe.by.join(filled) if recipe.take == "join" else next(iter(filled), "")
        if text and recipe.pattern:
            piece = taken(recipe.pattern, text)
            if piece is None:
                shown = text if len(text) <= LARGEST_SHOWN else f"{text[:LARGEST_SHOWN]}…"
                raise BadValue(f"“{shown}” holds no “{recipe.pattern}”.", self.column_of(role))
            text = piece
        return self._words[role].get(fold(text), text)

    def _parsed(self, text: str, header: str | None, *, plain_marks: bool = False) -> Decimal:
        profile = self._profile
        try:
            if plain_marks:
                return parse_number(text)
            return parse_number(text, profile.decimal, profile.thousands, signs=profile.signs, largest=self._largest)
        except BadNumber as error:
            raise BadValue(str(error), header) from error

    def _header(self, wanted: str) -> str:
        return self._named.get(wanted, wanted)


LARGEST_SHOWN = 120  # characters of a cell in a sentence


def unsaved(cell: Unsaved) -> str:
    """Say what a formula without a value is."""
    words = "is a formula that was saved without its value. Open the workbook in Excel and save it."
    return f"“{cell[:LARGEST_SHOWN]}” {words}"
