"""The lines of a file that could not be counted, as a file to mend: the same columns, and beside them what is wrong."""

import csv
import io
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageImport, UsageRow

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula
_BEYOND = "(beyond the last header)"
_AT_ONCE = 500


def refused_lines(session: Session, found: UsageImport) -> Iterator[str]:
    """Give the refused lines as CSV, a line at a time: the file's own columns, then line, column and reason.

    A person mends the cells and imports the file by the same profile, which passes over the columns beside its own.
    What a spreadsheet would take for a formula has an apostrophe before it, numbers below zero too; take it away
    where it is not wanted. A cell of more than 1,000 characters is cut.

    Args:
        session: For reading, while the lines are asked for.
        found: The import.
    """
    headers = [str(header) for header in found.notes.get("headers", [])]
    own = ("Problem: line", "Problem: column", "Problem: reason")
    yield _line([*headers, *own])
    query = sa.select(UsageRow.line, UsageRow.column, UsageRow.reason, UsageRow.cells).where(
        UsageRow.import_id == found.id, UsageRow.outcome == "problem"
    )
    before = 0
    for line, column, reason, cells in session.execute(
        query.order_by(UsageRow.line, UsageRow.id).execution_options(yield_per=_AT_ONCE)
    ):
        if line == before:  # a row of several services: it is mended once
            continue
        before = line
        beyond = f" Beyond the last column: {cells[_BEYOND]}" if _BEYOND in cells else ""
        yield _line([*(str(cells.get(header, "")) for header in headers), str(line), column or "", f"{reason}{beyond}"])


def safe_cell(text: str) -> str:
    """Write a text so that no spreadsheet calculates it."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _line(values: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([safe_cell(one) for one in values])
    return buffer.getvalue()
