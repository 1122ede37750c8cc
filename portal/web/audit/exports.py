"""The trail as files, as the filter stands: JSON lines that verify offline, and CSV that is safe in a spreadsheet."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from flask import Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.domain.spreadsheets import safe
from portal.extensions import db
from portal.factory import clock
from portal.services import audit, audit_export, audit_reading
from portal.web.access import allowed, may
from portal.web.audit.blueprint import bp
from portal.web.audit.filters import AuditFilter

COLUMNS = (
    "n", "at", "what", "action", "person", "sentence", "company_id", "company", "agreement_id", "product", "card_id",
    "before", "after", "effective", "reason", "hash",
)  # fmt: skip


@bp.get("/audit.jsonl")
@may("read")
def export_lines() -> ResponseReturnValue:
    """Export as JSON lines that verify offline; what the filter leaves out keeps its number and hashes."""
    where = audit_reading.where(AuditFilter.read(request.args).question(clock().zone, 0))
    addresses = allowed("addresses")

    def lines(session: Session) -> Iterator[str]:
        yield from (f"{line}\n" for line in audit.export_lines(session, *where, addresses=addresses))

    return download(lines, "application/x-ndjson", "audit", "jsonl")


@bp.get("/audit.csv")
@may("read")
def export_csv() -> ResponseReturnValue:
    """Export as CSV, safe to open in a spreadsheet: no cell is taken for a formula."""
    where = audit_reading.where(AuditFilter.read(request.args).question(clock().zone, 0))
    columns = (*COLUMNS, "address") if allowed("addresses") else COLUMNS

    def rows(session: Session) -> Iterator[str]:
        yield "\ufeff" + csv_row(columns)
        for found, chosen in audit_export.slices(session, *where):
            if chosen:
                yield csv_row(cell(getattr(found, name)) for name in columns)

    return download(rows, "text/csv", "audit", "csv")


def download(write: Callable[[Session], Iterator[str]], mimetype: str, name: str, suffix: str) -> Response:
    """Stream a file from a session of its own: the request's is closed before the first byte leaves."""
    engine = db.engine

    def stream() -> Iterator[str]:
        with Session(engine) as session:
            yield from write(session)

    day = clock().today().isoformat()
    answer = Response(stream(), mimetype=mimetype)
    answer.headers["Content-Disposition"] = f'attachment; filename="countersign-{name}-{day}.{suffix}"'
    return answer


def csv_row(cells: Iterable[str]) -> str:
    """Write a row of CSV."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def cell(value: object) -> str:
    """Write a cell. One that a spreadsheet would take for a formula gets an apostrophe before it."""
    if value is None:
        return ""
    text = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
    return safe(text.replace("\x00", ""))
