"""What reading and committing a large usage file costs, beside the bare parse of the same file; and its memory."""

import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import openpyxl

from tests.bench.kit import ROOT, Kit, Portal, Row

TITLE = "Imports"
COUNTS = 40_000  # different counts: 5,000 accounts with eight services each
SHORT = (250_000,)
LONG = (250_000, 1_000_000)
BOOK = 100_000  # rows of a workbook
HEADERS = ("Account", "Account name", "State", "SKU", "SKU name", "Term", "Units")
MOST_TEXT, MOST_BOOK = 150, 300  # MB for the process


def bench(kit: Kit) -> Iterator[Row]:
    """Measure imports in a process of their own, on a store of their own."""
    for rows in LONG if kit.long else SHORT:
        path = kit.folder / f"usage-{rows}.csv"
        _write_text(path, rows)
        yield from _measured(kit, path, rows, "CSV", _parse_text(path), MOST_TEXT)
    path = kit.folder / f"usage-{BOOK}.xlsx"
    _write_book(path, BOOK)
    yield from _measured(kit, path, BOOK, "XLSX", None, MOST_BOOK)


def _measured(kit: Kit, path: Path, rows: int, kind: str, floor: float | None, most: int) -> Iterator[Row]:
    folder = kit.folder / f"imports-{rows}-{kind.lower()}"
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    portal = Portal(folder, kept | {"COUNTERSIGN_INSTANCE": str(folder)})
    portal.do("db", "upgrade")
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "tests.bench.importing", str(folder), str(path)],
        cwd=ROOT, env=portal.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    read, longest, mean, commit, memory, counted = map(float, done.stdout.split())
    if counted != rows:
        raise RuntimeError(f"Of {rows} rows {counted:.0f} were counted.")
    what = f"{kind}, {rows:,} rows"
    yield Row(
        what=f"{what}: read and staged",
        figure=f"{read:.1f} s, {rows / read:,.0f} rows/s",
        ratio="" if floor is None else f"{read / floor:.0f}",
        note="" if floor is None else f"the bare parse by Python's csv: {floor:.2f} s",
    )
    yield Row(what=f"{what}: a transaction keeps others waiting", figure=f"{mean:.0f} ms; longest {longest:.0f} ms")
    yield Row(what=f"{what}: commit", figure=f"{commit:.2f} s", note="one transaction, whatever is staged")
    yield Row(what=f"{what}: highest memory", figure=f"{memory:.0f} MB", note=f"aim {most} MB")


def _lines(rows: int) -> Iterator[tuple[str | int, ...]]:
    """Make rows whose counts come again and again, in no order."""
    for number in range(rows):
        key = number * 7919 % COUNTS
        account = key // 8
        yield f"A-{account}", f"Customer {account}", "active", f"S-{key % 8}", "Seat", "Monthly", number % 50


def _write_text(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADERS)
        writer.writerows(_lines(rows))


def _write_book(path: Path, rows: int) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Usage")
    sheet.append(list(HEADERS))
    for line in _lines(rows):
        sheet.append(list(line))
    book.save(path)


def _parse_text(path: Path) -> float:
    started = time.monotonic()
    with path.open(encoding="utf-8", newline="") as file:
        rows = sum(1 for _row in csv.reader(file))
    if not rows:
        raise RuntimeError("The file is empty.")
    return time.monotonic() - started
