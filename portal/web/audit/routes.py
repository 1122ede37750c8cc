"""The trail: newest first, filters in the address, exports that honour them. Nothing here changes anything."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask import Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, Connection
from portal.db.session import reading
from portal.extensions import db
from portal.factory import clock
from portal.services import audit
from portal.services.errors import NotFound
from portal.web.access import allowed, may
from portal.web.audit.blueprint import bp
from portal.web.audit.facts import facts
from portal.web.audit.filters import WHATS, AuditFilter
from portal.web.audit.psa import trail_context
from portal.web.audit.queries import names, page_of
from portal.web.audit.words import sign_of
from portal.web.htmx import announce, swaps

CHECKED = "countersign_chain"
COLUMNS = (
    "n", "at", "what", "action", "person", "sentence", "company_id", "company", "agreement_id", "product", "card_id",
    "before", "after", "effective", "reason", "hash",
)  # fmt: skip


@bp.get("/audit")
@may("read")
def index() -> ResponseReturnValue:
    """Show events, or only the list of them when a filter swaps it."""
    wanted = AuditFilter.read(request.args)
    values: dict[str, Any] = {
        "wanted": wanted,
        "page": page_of(reading(), wanted, clock().zone),
        "sign_of": sign_of,
        "open_event": None,
    }
    if swaps("events"):
        return render_template("audit/_events.html", **values)
    if wanted.agreement is not None:
        values |= trail_context(reading(), wanted.agreement, f"a{wanted.agreement}")
    return render_template("audit/index.html", names=names(reading()), whats=WHATS, chain=_last_check(), **values)


@bp.get("/audit/<int:n>")
@may("read")
def event(n: int) -> ResponseReturnValue:
    """Show one event opened; asked for its row, fold or open it."""
    found = reading().get(AuditEvent, n)
    if found is None:
        raise NotFound(f"There is no event {n}.")
    connection = reading().get(Connection, "connectwise")
    values = {
        "event": found,
        "opened": request.args.get("fold") is None,
        "facts": list(facts(found.details or {})),
        "sign_of": sign_of,
        "connection": connection,
    }
    if swaps(f"event-{n}"):
        return render_template("audit/_event.html", **values)
    return render_template("audit/event.html", **values)


@bp.get("/audit/verify")
@may("read")
def chain() -> ResponseReturnValue:
    """Show when the chain was last checked, and what came of it."""
    if swaps("chain"):
        return render_template("audit/_chain.html", chain=_last_check())
    return redirect(url_for(".index"), 303)


@bp.post("/audit/verify")
@may("decide")
def verify() -> ResponseReturnValue:
    """Check the whole chain now."""
    verdict = audit.verify(reading())
    broken = reading().get(AuditEvent, verdict.broken_at) if verdict.broken_at is not None else None
    current_app.extensions[CHECKED] = asdict(verdict) | {
        "at": clock().now(),
        "broken_moment": broken.at if broken is not None else None,
    }
    announce(verdict.why, "ok" if verdict.ok else "bad")
    if swaps("chain"):
        return render_template("audit/_chain.html", chain=_last_check())
    return redirect(url_for(".index"), 303)


@bp.get("/audit.jsonl")
@may("read")
def export_lines() -> ResponseReturnValue:
    """Export as JSON lines that verify offline; what the filter leaves out keeps its number and hashes."""
    where = AuditFilter.read(request.args).conditions(clock().zone)
    addresses = allowed("addresses")

    def lines(session: Session) -> Iterator[str]:
        yield from (f"{line}\n" for line in audit.export_lines(session, *where, addresses=addresses))

    return _download(lines, "application/x-ndjson", "jsonl")


@bp.get("/audit.csv")
@may("read")
def export_csv() -> ResponseReturnValue:
    """Export as CSV, safe to open in a spreadsheet: no cell is taken for a formula."""
    where = AuditFilter.read(request.args).conditions(clock().zone)
    columns = (*COLUMNS, "address") if allowed("addresses") else COLUMNS

    def rows(session: Session) -> Iterator[str]:
        yield "\ufeff" + _row(columns)
        query = sa.select(AuditEvent).where(*where).order_by(AuditEvent.n).execution_options(yield_per=500)
        for found in session.scalars(query):
            yield _row([_cell(getattr(found, name)) for name in columns])

    return _download(rows, "text/csv", "csv")


def _download(write: Any, mimetype: str, suffix: str) -> Response:  # noqa: ANN401 - a function of a session
    """Stream a file from a session of its own: the request's is closed before the first byte leaves."""
    engine = db.engine

    def stream() -> Iterator[str]:
        with Session(engine) as session:
            yield from write(session)

    day = clock().today().isoformat()
    answer = Response(stream(), mimetype=mimetype)
    answer.headers["Content-Disposition"] = f'attachment; filename="countersign-audit-{day}.{suffix}"'
    return answer


def _row(cells: Any) -> str:  # noqa: ANN401 - whatever csv takes
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _cell(value: object) -> str:
    """Write a cell. One that a spreadsheet would take for a formula gets an apostrophe before it."""
    if value is None:
        return ""
    text = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
    text = text.replace("\x00", "")
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"} else text


def _last_check() -> dict[str, Any] | None:
    """Give the last check of this process; its newest seal is read anew."""
    found: dict[str, Any] | None = current_app.extensions.get(CHECKED)
    return found
