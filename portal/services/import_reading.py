"""Reads a kept file through its profile, and stores each row with what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageRow
from portal.domain.quantities import bring_to_places, plain
from portal.vendors.cells import as_text, shortened
from portal.vendors.counting import Counted, KeyCount, LateProblem, Outcome, RowResult, Tally, When
from portal.vendors.errors import Unreadable
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import RowKind, SourceRow, open_table, raw_rows
from portal.vendors.texts import marked_encoding

_CHUNK = 1000  # rows that are stored at once
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
    """Stores rows as they come, many at once."""

    def __init__(self, session: Session, import_id: int) -> None:
        self._session = session
        self._import_id = import_id
        self._waiting: list[dict[str, Any]] = []

    def take(self, row: SourceRow, result: RowResult) -> None:
        """Store one row of data."""
        cells = {shortened(header): shortened(text) for header, text in row.texts().items()}
        if row.beyond:
            cells["(beyond the last header)"] = shortened(" | ".join(row.beyond))
        units, reason = result.units, result.reason
        if units is not None and (kept := bring_to_places(units)) != units:
            units, reason = kept, f"{plain(result.units or kept)} has more than 4 decimals; shown as {plain(kept)}."
        self._waiting.append(
            {
                "import_id": self._import_id,
                "line": result.line,
                "outcome": result.outcome.value,
                "units": units,
                "column": result.part or result.column,
                "reason": reason,
                "cells": cells,
            }
        )
        if len(self._waiting) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Store what waits."""
        if self._waiting:
            self._session.execute(sa.insert(UsageRow), self._waiting)
            self._waiting = []

    def turn(self, late: LateProblem) -> None:
        """Change rows that came out otherwise at the end."""
        self.flush()
        units = None if late.units is None else bring_to_places(late.units)
        values = {"outcome": late.outcome.value, "units": units, "reason": late.reason}
        here = sa.and_(
            UsageRow.import_id == self._import_id,
            UsageRow.outcome.in_((Outcome.COUNTED.value, Outcome.ZERO.value)),
        )
        for part, lines in _by_part(late).items():
            # of a row of several services the column tells them apart
            one = here if part is None else sa.and_(here, UsageRow.column == part)
            for start in range(0, len(lines), _CHUNK):
                self._session.execute(
                    sa.update(UsageRow)
                    .where(one, UsageRow.line.in_(list(lines[start : start + _CHUNK])))
                    .values(**values, column=late.column if part is None else part)
                    .execution_options(synchronize_session=False)
                )


def _by_part(late: LateProblem) -> Mapping[str | None, Sequence[int]]:
    """Sort lines by the part of the row that they mean."""
    if late.parts is None:
        return {None: late.lines}
    found: dict[str | None, list[int]] = {}
    for line, part in zip(late.lines, late.parts, strict=True):
        found.setdefault(part, []).append(line)
    return found


def read_rows(
    session: Session, import_id: int, path: Path, profile: FileProfile, *, when: When | None = None
) -> Reading:
    """Read a file and store its rows of data.

    Args:
        session: A writing session.
        import_id: The import that the rows belong to.
        path: The kept file.
        profile: How it is read.
        when: The day of counting and the month, which conditions may name.

    Raises:
        Unreadable: It is not what the profile says; no row is left behind.
    """
    try:
        return _read(session, import_id, path, profile, when)
    except Unreadable:
        session.execute(sa.delete(UsageRow).where(UsageRow.import_id == import_id))
        raise


def _read(session: Session, import_id: int, path: Path, profile: FileProfile, when: When | None) -> Reading:
    table = open_table(path, profile)
    tally, sink = Tally(profile, table, when=when), _Sink(session, import_id)
    others = dict.fromkeys(RowKind, 0)
    shown: list[dict[str, Any]] = []
    for row in table.rows:
        if row.kind is RowKind.DATA:
            for result in tally.take_parts(row):
                sink.take(row, result)
            continue
        others[row.kind] += 1
        if row.kind is not RowKind.BLANK and len(shown) < _SHOWN:
            cells = {shortened(header): shortened(text) for header, text in row.texts().items()}
            shown.append({"line": row.line, "what": row.kind.value, "cells": cells})
    sink.flush()
    counted = tally.finish()
    for late in (*counted.changed, *counted.late):
        sink.turn(late)
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


def pending_of(counted: Counted) -> dict[str, Any]:
    """Write what a commit will store as JSON: counts with their lines, and names."""
    return {
        "counts": [[*key, str(count.quantity), _places(count)] for key, count in sorted(counted.counts.items())],
        "accounts": [[account, *names] for account, names in sorted(counted.accounts.items())],
        "services": [[*service, name] for service, name in sorted(counted.services.items())],
    }


def _places(count: KeyCount) -> list[Any]:
    """Give the rows behind a count: a line, or of a row of several services its line and the part."""
    if count.parts is None:
        return list(count.lines)
    return [[line, part] for line, part in zip(count.lines, count.parts, strict=True)]


def quantities(counted: Counted) -> Mapping[tuple[str, str, str], Decimal]:
    """Give the counts as they are kept."""
    return {key: count.quantity for key, count in counted.counts.items()}
