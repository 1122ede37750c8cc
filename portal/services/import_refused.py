"""The lines of a file that could not be counted, as a file to mend: the same columns, and beside them what is wrong."""

import csv
import io
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageImport, UsageRow
from portal.domain.spreadsheets import safe

_BEYOND = "(beyond the last header)"
_AT_ONCE = 500


def refused_lines(session: Session, found: UsageImport) -> Iterator[str]:
    """Give the refused lines as text, a line at a time: the file's own columns, then line, column and reason.

    A person mends the cells and imports the file by the same profile, which passes over the columns beside its own.
    So it has the profile's delimiter, and the headers stand in the line in which they stood, under what was above
    them: that may tell the day of counting. Of a workbook it is CSV with the headers first.
    What a spreadsheet would take for a formula has an apostrophe before it, numbers below zero too; take it away
    where it is not wanted. A cell of more than 1,000 characters is cut.

    Args:
        session: For reading, while the lines are asked for.
        found: The import.
    """
    headers = [str(header) for header in found.notes.get("headers", [])]
    own = ("Problem: line", "Problem: column", "Problem: reason")
    text = found.notes.get("format") not in {None, "xlsx"}
    mark = str(found.spec.get("delimiter") or ("\t" if found.spec.get("format") == "tsv" else ",")) if text else ","
    for above in _above(found) if text else ():
        yield _line(above, mark)
    yield _line([*headers, *own], mark)
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
        said = (str(line), column or "", f"{reason}{beyond}")
        yield _line([*(str(cells.get(header, "")) for header in headers), *said], mark)


def _above(found: UsageImport) -> Iterator[Sequence[str]]:
    """Give as many lines as stood above the headers; those that were not kept are blank."""
    kept = found.notes.get("preamble", [])
    for place in range(int(found.notes.get("header_row", 1)) - 1):
        cells = kept[place] if place < len(kept) else []
        yield [" ".join(str(cell).splitlines()) for cell in cells]


def _line(values: Sequence[str], mark: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=mark, lineterminator="\r\n").writerow([safe(one) for one in values])
    return buffer.getvalue()
