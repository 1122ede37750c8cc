"""Compare two cards CSVs: `compare.py expected.csv got.csv [--ignore COLUMN]... [--kinds a,b] [--show N]`.

A card is known by agreement_id (or company_id where it has no agreement) and product. Numbers are compared
as numbers (12 = 12.0000), texts after trimming, kinds without regard to case, spaces or hyphens. The
numbers of a stale card are not compared. Exit 0: full agreement; 1: differences; 2: a file that cannot be read.
"""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeAlias

Row: TypeAlias = dict[str, str]
Key: TypeAlias = tuple[str, str]

NUMBERS = (
    "psa_quantity",
    "vendor_quantity",
    "proposed_quantity",
    "difference",
    "unit_price",
    "unit_cost",
    "monthly_revenue_change",
    "monthly_profit_change",
)
TEXTS = ("company_id", "company", "agreement", "kind", "prorates")


class UnreadableError(Exception):
    """A file that is no cards CSV; the text says why."""


@dataclass
class Differences:
    """What tells two cards files apart, a line each; all empty: they agree."""

    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    columns: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    expected: int = 0
    got: int = 0

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.twice or self.differing)


def read(path: Path) -> list[Row]:
    """The rows of a cards file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = [{name: text or "" for name, text in row.items()} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError(f"{path}: {error}") from error
    missing = [c for c in ("agreement_id", "product", *TEXTS, *NUMBERS) if c not in (reader.fieldnames or [])]
    if missing:
        raise UnreadableError(f"{path}: no column {', '.join(missing)}")
    return rows


def key(row: Row) -> Key:
    """What a card is known by."""
    agreement = row["agreement_id"].strip()
    return (f"agreement {agreement}" if agreement else f"company {row['company_id'].strip()}", row["product"].strip())


def kind(text: str) -> str:
    """A kind without regard to case, spaces or hyphens."""
    return text.strip().lower().replace(" ", "_").replace("-", "_")


def value(row: Row, column: str) -> str | Decimal | None:
    """A cell as it is compared; an empty number is None."""
    text = row[column].strip()
    if column == "kind":
        return kind(text)
    if column in NUMBERS:
        try:
            return Decimal(text) if text else None
        except InvalidOperation:
            return text
    return text


def _index(rows: Iterable[Row], name: str) -> tuple[dict[Key, Row], list[str]]:
    found: dict[Key, Row] = {}
    twice = []
    for row in rows:
        if key(row) in found:
            twice.append(" ".join((name, *key(row))))
        found[key(row)] = row
    return found, twice


def _line(card: Key, row: Row) -> str:
    return f"{card[0]} {card[1]}: {row['kind']}, {row['company']}"


def compare(
    expected_rows: list[Row],
    got_rows: list[Row],
    *,
    ignore: Collection[str] = (),
    only: Collection[str] = (),
    without: Collection[str] = (),
) -> Differences:
    """What tells two lists of cards apart.

    Args:
        expected_rows: The cards that should be there.
        got_rows: The cards that are.
        ignore: Columns that are not compared.
        only: Kinds; where given, only expected cards of these (and extras of them) count.
        without: Kinds that are left out on both sides.
    """
    expected, twice = _index([row for row in expected_rows if kind(row["kind"]) not in without], "expected")
    got, more = _index([row for row in got_rows if kind(row["kind"]) not in without], "got")
    if only:
        wanted = {card for card, row in expected.items() if kind(row["kind"]) in only}
        got = {card: row for card, row in got.items() if kind(row["kind"]) in only or card in wanted}
        expected = {card: expected[card] for card in expected if card in wanted}
    found = Differences(
        missing=[_line(card, row) for card, row in expected.items() if card not in got],
        extra=[_line(card, row) for card, row in got.items() if card not in expected],
        twice=twice + more,
        expected=len(expected),
        got=len(got),
    )
    for card in expected.keys() & got.keys():
        _compare_cards(card, expected[card], got[card], ignore, found)
    found.differing.sort()
    return found


def _compare_cards(card: Key, expected: Row, got: Row, ignore: Collection[str], found: Differences) -> None:
    kinds = value(expected, "kind"), value(got, "kind")
    if kinds[0] != kinds[1]:
        found.kinds[f"{kinds[0]} -> {kinds[1]}"] += 1
    for column in TEXTS if kinds[0] == "stale" else TEXTS + NUMBERS:
        want, have = value(expected, column), value(got, column)
        if column not in ignore and want != have:
            where = f"{card[0]} {card[1]} ({expected['company']})"
            found.differing.append(f"{where}: {column} expected {want}, got {have}")
            found.columns[column] += 1


def _section(title: str, lines: list[str], show: int) -> list[str]:
    rest = [f"  ... and {len(lines) - show} more"] if len(lines) > show else []
    return [f"{title}: {len(lines)}", *(f"  {line}" for line in lines[:show]), *rest]


def report(found: Differences, show: int) -> str:
    """The differences for a person, at most so many of each sort."""
    lines = [
        f"expected {found.expected} cards, got {found.got}",
        *_section("missing", found.missing, show),
        *_section("extra", found.extra, show),
        *_section("standing twice", found.twice, show),
        *_section("differing values", found.differing, show),
    ]
    if found.columns:
        lines.append("  by column: " + ", ".join(f"{name} {count}" for name, count in found.columns.most_common()))
    if found.kinds:
        pairs = ", ".join(f"{pair}: {count}" for pair, count in sorted(found.kinds.items()))
        lines.append(f"  kinds (expected -> got): {pairs}")
    return "\n".join([*lines, "DIFFERS" if found else "AGREES"])


def _words(text: str) -> set[str]:
    return {kind(word) for word in text.split(",") if word.strip()}


def main() -> int:
    """Compare the files named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("expected", type=Path)
    parser.add_argument("got", type=Path)
    parser.add_argument("--ignore", action="append", default=[], metavar="COLUMN")
    parser.add_argument("--kinds", default="", help="compare only expected cards of these kinds (and extras of them)")
    parser.add_argument("--without-kinds", default="", help="leave cards of these kinds out on both sides")
    parser.add_argument("--show", type=int, default=40, help="lines to print of each sort")
    asked = parser.parse_args()
    try:
        expected, got = read(asked.expected), read(asked.got)
    except UnreadableError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    only, without = _words(asked.kinds), _words(asked.without_kinds)
    found = compare(expected, got, ignore=asked.ignore, only=only, without=without)
    sys.stdout.write(f"{report(found, asked.show)}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
