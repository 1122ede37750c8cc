"""Reads a kept file through its profile, and stores each row with what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageRow
from portal.domain.quantities import bring_to_places, plain
from portal.vendors.cells import as_text, shortened
from portal.vendors.counting import Counted, Outcome, RowResult, Tally
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
        self.outcomes = dict.fromkeys(Outcome, 0)

    def take(self, row: SourceRow, result: RowResult) -> None:
        """Store one row of data."""
        self.outcomes[result.outcome] += 1
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
                "column": result.column,
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

    def turn(self, lines: tuple[int, ...], column: str | None, reason: str) -> None:
        """Make rows that counted rows with a problem."""
        self.flush()
        for start in range(0, len(lines), _CHUNK):
            chosen = sa.and_(UsageRow.import_id == self._import_id, UsageRow.line.in_(lines[start : start + _CHUNK]))
            for outcome in (Outcome.COUNTED, Outcome.ZERO):
                turned = self._session.execute(
                    sa.update(UsageRow)
                    .where(chosen, UsageRow.outcome == outcome.value)
                    .values(outcome=Outcome.PROBLEM.value, units=None, column=column, reason=reason)
                    .returning(UsageRow.id)
                    .execution_options(synchronize_session=False)
                ).all()
                self.outcomes[outcome] -= len(turned)
                self.outcomes[Outcome.PROBLEM] += len(turned)


def read_rows(session: Session, import_id: int, path: Path, profile: FileProfile) -> Reading:
    """Read a file and store its rows of data.

    Args:
        session: A writing session.
        import_id: The import that the rows belong to.
        path: The kept file.
        profile: How it is read.

    Raises:
        Unreadable: It is not what the profile says; no row is left behind.
    """
    try:
        return _read(session, import_id, path, profile)
    except Unreadable:
        session.execute(sa.delete(UsageRow).where(UsageRow.import_id == import_id))
        raise


def _read(session: Session, import_id: int, path: Path, profile: FileProfile) -> Reading:
    table = open_table(path, profile)
    tally, sink = Tally(profile, table), _Sink(session, import_id)
    others: dict[RowKind, int] = {RowKind.BLANK: 0, RowKind.REPEATED_HEADER: 0, RowKind.TOTALS: 0}
    shown: list[dict[str, Any]] = []
    for row in table.rows:
        if row.kind is RowKind.DATA:
            sink.take(row, tally.take(row))
            continue
        others[row.kind] += 1
        if row.kind is not RowKind.BLANK and len(shown) < _SHOWN:
            cells = {shortened(header): shortened(text) for header, text in row.texts().items()}
            shown.append({"line": row.line, "what": row.kind.value, "cells": cells})
    sink.flush()
    counted = tally.finish()
    for late in counted.late:
        sink.turn(late.lines, late.column, late.reason)
    outcomes = sink.outcomes
    return Reading(
        counted=counted,
        read=sum(outcomes.values()),
        rows_counted=outcomes[Outcome.COUNTED] + outcomes[Outcome.ZERO],
        left_out=outcomes[Outcome.LEFT_OUT],
        problems=outcomes[Outcome.PROBLEM],
        notes={
            **_how(path, profile),
            "headers": list(table.headers),
            "rows_counting_zero": outcomes[Outcome.ZERO],
            "blank": others[RowKind.BLANK],
            "repeated_headers": others[RowKind.REPEATED_HEADER],
            "totals": others[RowKind.TOTALS],
            "not_data": shown,
            "rounded": sum(count.rounded for count in counted.counts.values()),
        },
    )


def _how(path: Path, profile: FileProfile) -> dict[str, Any]:
    """Say how a file was read, and what stands above its headers."""
    above: list[list[str]] = []
    try:
        for line, cells in raw_rows(path, profile):
            if line >= profile.header_row or len(above) >= _PREAMBLE:
                break
            above.append([shortened(as_text(cell)) for cell in cells])
    except Unreadable:
        above = []  # quotation marks in a preamble are not balanced; it is not needed
    how: dict[str, Any] = {"format": profile.format, "header_row": profile.header_row, "preamble": above}
    if profile.format != "xlsx":
        how |= {"encoding": marked_encoding(path) or profile.encoding, "delimiter": profile.delimiter}
    return how


def pending_of(counted: Counted) -> dict[str, Any]:
    """Write what a commit will store as JSON: counts with their lines, and names."""
    return {
        "counts": [[*key, str(count.quantity), count.lines] for key, count in sorted(counted.counts.items())],
        "accounts": [[account, *names] for account, names in sorted(counted.accounts.items())],
        "services": [[*service, name] for service, name in sorted(counted.services.items())],
    }


def quantities(counted: Counted) -> Mapping[tuple[str, str, str], Decimal]:
    """Give the counts as they are kept."""
    return {key: count.quantity for key, count in counted.counts.items()}
