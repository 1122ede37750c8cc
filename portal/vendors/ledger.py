"""Rows kept until the end of a file, for counts that no single row decides; flat arrays, so that millions fit."""

from array import array
from collections.abc import Iterator
from decimal import Decimal
from hashlib import blake2b

_PLACES = 4
_SCALE = Decimal(10) ** _PLACES
_LIMIT = 1 << 62
_ODD = 127  # marks a number that does not fit; it is kept as it is
_EMPTY = 0
_FIRST_SIZE = 1 << 12


class Ledger:
    """Entries with a key, a line, units and up to four whole numbers, kept in the order in which they come."""

    def __init__(self, columns: int = 0) -> None:
        self._keys = array("I")
        self._lines = array("I")
        self._units = array("q")
        self._kinds = array("b")
        self._odd: dict[int, Decimal] = {}
        self.extra = tuple(array("q") for _ in range(columns))

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: int, line: int, units: Decimal, *extra: int) -> None:
        """Append an entry."""
        whole = int(units)
        kind = 0
        if whole != units:
            scaled = units * _SCALE
            whole, kind = int(scaled), _PLACES
            if whole != scaled:
                kind = _ODD
        if kind == _ODD or abs(whole) > _LIMIT:
            self._odd[len(self._keys)] = units
            whole, kind = 0, _ODD
        self._keys.append(key)
        self._lines.append(line)
        self._units.append(whole)
        self._kinds.append(kind)
        for column, value in zip(self.extra, extra, strict=True):
            column.append(value)

    def units(self, entry: int) -> Decimal:
        """Give an entry's units, exactly."""
        kind = self._kinds[entry]
        if kind == _ODD:
            return self._odd[entry]
        return Decimal(self._units[entry]).scaleb(-kind) if kind else Decimal(self._units[entry])

    def line(self, entry: int) -> int:
        """Give an entry's line."""
        return self._lines[entry]

    def by_key(self, keys: int) -> Iterator[tuple[int, "array[int]"]]:
        """Give the entries of each key, in the order in which they came.

        Args:
            keys: How many keys there are, numbered from 0.
        """
        starts = array("Q", bytes(8 * (keys + 1)))
        for key in self._keys:
            starts[key + 1] += 1
        for key in range(keys):
            starts[key + 1] += starts[key]
        places = array("Q", starts)
        order = array("I", bytes(4 * len(self._keys)))
        for entry, key in enumerate(self._keys):
            order[places[key]] = entry
            places[key] += 1
        for key in range(keys):
            yield key, order[starts[key] : starts[key + 1]]


class SeenRows:
    """Knows which rows were there before, by 64 bits of their content: 13 bytes a row."""

    def __init__(self) -> None:
        self._marks = array("Q", bytes(8 * _FIRST_SIZE))
        self._lines = array("I", bytes(4 * _FIRST_SIZE))
        self._used = 0

    def first_line(self, content: str, line: int) -> int | None:
        """Give the line on which the same content stood before; none where it is new, and then it is kept."""
        mark = fingerprint(content)
        place = self._place(mark)
        if self._marks[place] == mark:
            return self._lines[place]
        self._marks[place], self._lines[place] = mark, line
        self._used += 1
        if self._used * 3 > len(self._marks) * 2:
            self._grow()
        return None

    def _place(self, mark: int) -> int:
        size = len(self._marks)
        place = mark % size
        while self._marks[place] not in {_EMPTY, mark}:
            place = (place + 1) % size
        return place

    def _grow(self) -> None:
        old = [(self._marks, self._lines)]
        size = 2 * len(self._marks)
        self._marks, self._lines = array("Q", bytes(8 * size)), array("I", bytes(4 * size))
        for marks, lines in old:
            for mark, line in zip(marks, lines, strict=True):
                if mark != _EMPTY:
                    place = self._place(mark)
                    self._marks[place], self._lines[place] = mark, line


def fingerprint(content: str) -> int:
    """Give 64 bits of a text; never zero."""
    digest = blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") or 1
