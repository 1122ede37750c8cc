"""What would have been written while the portal is read-only: a page, and a CSV."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading
from portal.domain.spreadsheets import safe
from portal.factory import clock
from portal.services import decisions, written_report
from portal.services.written_report import Planned, Report
from portal.web import forms
from portal.web.access import may
from portal.web.connections.blueprint import bp

PER_PAGE = 100
COLUMNS = (
    "company_id", "company", "agreement_id", "agreement", "product", "line", "from", "to", "date", "what", "per_month",
    "next_invoice", "currency", "period", "decision", "by", "at", "not_valid_because", "push_id",
)  # fmt: skip
_TEXTS = {"company", "agreement", "product", "what", "by", "not_valid_because"}  # a figure below zero is no formula


@bp.get("/writing/report", endpoint="written_report")
@may("read")
def written_report_page() -> ResponseReturnValue:
    """Show what is planned, checked anew, and how it is sent once writing is on."""
    found = written_report.report(reading(), today=clock().today())
    pages = max(1, -(-len(found.rows) // PER_PAGE))
    page = min(max(forms.whole(request.args, "page") or 1, 1), pages)
    rows = found.rows[(page - 1) * PER_PAGE : page * PER_PAGE]
    return render_template(
        "connections/written.html",
        report=found,
        companies=[list(of_one) for _, of_one in groupby(rows, key=lambda row: row.company_id)],
        page=page,
        pages=pages,
        page_url=lambda number: url_for("connections.written_report", page=number),
        writing=decisions.writing_is_on(reading()),
    )


@bp.get("/writing/report.csv")
@may("read")
def written_report_csv() -> ResponseReturnValue:
    """Give the same as CSV, a row a line, safe to open in a spreadsheet."""
    found = written_report.report(reading(), today=clock().today())
    answer = Response("\ufeff" + "".join(_csv(found)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="planned-{clock().today().isoformat()}.csv"'
    return answer


def _csv(report: Report) -> Iterator[str]:
    """Write the rows; money stands on a decision's first line alone, so that it adds up."""
    yield _line(COLUMNS)
    for row in report.rows:
        for place, line in enumerate(row.lines):
            cells = {
                "company_id": str(row.company_id),
                "company": row.company,
                "agreement_id": str(row.agreement_id),
                "agreement": row.agreement,
                "product": row.product,
                "line": "" if line.line is None else str(line.line),
                "from": line.before,
                "to": line.after,
                "date": "" if line.day is None else line.day.isoformat(),
                "what": line.words,
                **_money(row, first=place == 0),
                "currency": row.currency,
                "period": row.period,
                "decision": row.action,
                "by": row.by,
                "at": row.at.isoformat(),
                "not_valid_because": row.why_not,
                "push_id": str(row.push_id),
            }
            yield _line([safe(cells[name]) if name in _TEXTS else cells[name] for name in COLUMNS])


def _money(row: Planned, *, first: bool) -> dict[str, str]:
    return {
        "per_month": _amount(row.per_month) if first else "",
        "next_invoice": _amount(row.next_invoice) if first else "",
    }


def _amount(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"


def _line(cells: tuple[str, ...] | list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()
