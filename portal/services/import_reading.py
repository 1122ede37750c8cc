"""Reads a kept file through its profile, and stages each row with what became of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal.domain.quantities import bring_to_places, plain
from portal.services.import_staging import ROWS, Stage
from portal.vendors.cells import as_text, shortened
from portal.vendors.counting import Counted, RowResult, Tally, When
from portal.vendors.errors import Unreadable
from portal.vendors.packed import wrapping_of
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import RowKind, SourceRow, open_table, raw_rows
from portal.vendors.texts import marked_encoding

_SHOWN = 50  # rows that are no data, kept to be shown
_PREAMBLE = 20  # lines above the headers, likewise


@dataclass(slots=True)
class Reading:
    """What a file says, and how its rows came out: read = counted + left out + with a problem.

    Args:
        read: Rows of data; blank lines, repeated headers and totals are none.
        counted: Of those, rows that count, also those that count zero.
        notes: How it was read, for people; JSON.
    """

    counted: Counted
    read: int = 0
    rows_counted: int = 0
    left_out: int = 0
    problems: int = 0
    notes: dict[str, Any] = field(default_factory=dict)


class _Sink:
    """Hands rows over to be stored, many at once, and tells how far the reading is."""

    def __init__(self, stage: Stage, size: int | None, wide: bool) -> None:
        self._stage = stage
        self._size = size
        self._bytes = 2 if wide else 1
        self._waiting: list[dict[str, Any]] = []
        self._read = self._done = 0

    def passed(self, row: SourceRow) -> None:
        """Count a row of the file."""
        if self._size is not None:
            self._done += self._bytes * sum(len(cell) + 1 for cell in row.cells.values() if isinstance(cell, str))

    def take(self, row: SourceRow, results: Sequence[RowResult]) -> None:
        """Store one row of data, of which each part has a result."""
        self._read += 1
        kept_cells = {shortened(header): shortened(text) for header, text in row.texts().items()}
        if row.beyond:
            kept_cells["(beyond the last header)"] = shortened(" | ".join(row.beyond))
        cells = json.dumps(kept_cells)
        for result in results:
            units, reason = result.units, result.reason
            if units is not None and (kept := bring_to_places(units)) != units:
                units, reason = kept, f"{plain(result.units or kept)} has more than 4 decimals; shown as {plain(kept)}."
            column = result.part or result.column
            self._waiting.append(
                self._stage.row(result.line, result.outcome, units=units, column=column, reason=reason, cells=cells)
            )
        if len(self._waiting) >= ROWS:
            self.flush()

    def flush(self) -> None:
        """Store what waits."""
        if self._waiting:
            done = self._done if self._size is None else min(self._done, self._size)
            for start in range(0, len(self._waiting), 2 * ROWS):  # one row may have very many parts
                self._stage.rows(self._waiting[start : start + 2 * ROWS], rows_read=self._read, progress_done=done)
            self._waiting = []


def read_rows(
    stage: Stage,
    path: Path,
    profile: FileProfile,
    *,
    when: When | None = None,
    going_on: Callable[[], None] | None = None,
) -> Reading:
    """Read a file and stage its rows of data.

    Args:
        stage: Stores them.
        path: The kept file.
        profile: How it is read.
        when: The day of counting and the month, which conditions may name.
        going_on: Called now and then; it may raise to stop.

    Raises:
        Unreadable: It is not what the profile says; rows may have been staged.
        Lost: The import is not this reader's any more.
    """
    table = open_table(path, profile)
    tally = Tally(profile, table, when=when)
    size = None if profile.format == "xlsx" or wrapping_of(path) else path.stat().st_size
    wide = (marked_encoding(path, profile.member or None) or profile.encoding).startswith("utf-16")
    sink = _Sink(stage, size, wide)
    stage.say(phase="Reading", progress_done=0, progress_total=size)
    others = dict.fromkeys(RowKind, 0)
    shown: list[dict[str, Any]] = []
    for number, row in enumerate(table.rows):
        sink.passed(row)
        if going_on is not None and not number % ROWS:
            going_on()
        if row.kind is RowKind.DATA:
            sink.take(row, tally.take_parts(row))
            continue
        others[row.kind] += 1
        if row.kind is not RowKind.BLANK and len(shown) < _SHOWN:
            cells = {shortened(header): shortened(text) for header, text in row.texts().items()}
            shown.append({"line": row.line, "what": row.kind.value, "cells": cells})
    sink.flush()
    stage.say(phase="Adding up")
    counted = tally.finish()
    for late in (*counted.changed, *counted.late):
        stage.turn(late)
    summary = tally.summary()
    return Reading(
        counted=counted,
        read=summary.read,
        rows_counted=summary.counted + summary.zero,
        left_out=summary.left_out,
        problems=summary.problems,
        notes={
            **_how(path, profile, table.line),
            "headers": list(table.headers),
            "rows_counting_zero": summary.zero,
            "blank": others[RowKind.BLANK],
            "repeated_headers": others[RowKind.REPEATED_HEADER],
            "totals": others[RowKind.TOTALS],
            "not_data": shown,
            "rounded": sum(count.rounded for count in counted.counts.values()),
            **_beyond_sums(counted, others),
        },
    )


def _beyond_sums(counted: Counted, others: Mapping[RowKind, int]) -> dict[str, Any]:
    """Say what only some files have: another table below, notices, days covered, the day of counting; else nothing."""
    found: dict[str, Any] = {}
    if others[RowKind.AFTER_END]:
        found["after_end"] = others[RowKind.AFTER_END]
    if counted.notices:
        found["notices"] = [[one.line, shortened(one.sentence)] for one in counted.notices]
    if counted.not_reported:
        found["not_reported"] = {
            shortened(account): shortened(word) for account, word in list(counted.not_reported.items())[:_SHOWN]
        }
    if counted.covers:
        found["covers"] = [
            min(first for first, _last in counted.covers.values()).isoformat(),
            max(last for _first, last in counted.covers.values()).isoformat(),
        ]
    if counted.counted_on is not None:
        found["counted_on"] = counted.counted_on.isoformat()
    noted = {key: count.note for key, count in counted.counts.items() if count.note}
    if noted:
        found["arithmetic"] = [[*key, note] for key, note in sorted(noted.items())[:_SHOWN]]
    return found


def _how(path: Path, profile: FileProfile, header_row: int) -> dict[str, Any]:
    """Say how a file was read, and what stands above its headers."""
    above: list[list[str]] = []
    try:
        for line, cells in raw_rows(path, profile):
            if line >= header_row or len(above) >= _PREAMBLE:
                break
            above.append([shortened(as_text(cell)) for cell in cells])
    except Unreadable:
        above = []  # quotation marks in a preamble are not balanced; it is not needed
    how: dict[str, Any] = {"format": profile.format, "header_row": header_row, "preamble": above}
    if profile.format != "xlsx":
        how |= {
            "encoding": marked_encoding(path, profile.member or None) or profile.encoding,
            "delimiter": profile.delimiter,
        }
    return how
