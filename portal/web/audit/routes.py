"""The trail: newest first, filters in the address, one event opened. Nothing here changes anything."""

from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from portal.db.records import AuditEvent, Connection
from portal.db.session import reading
from portal.factory import clock
from portal.services.errors import NotFound
from portal.web.access import may
from portal.web.audit.blueprint import bp
from portal.web.audit.chain import chain_context
from portal.web.audit.facts import facts
from portal.web.audit.filters import WHATS, AuditFilter
from portal.web.audit.psa import trail_context
from portal.web.audit.queries import names, page_of
from portal.web.audit.words import sign_of
from portal.web.htmx import swaps


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
    return render_template("audit/index.html", names=names(reading()), whats=WHATS, **chain_context(), **values)


@bp.get("/audit/<int:n>")
@may("read")
def event(n: int) -> ResponseReturnValue:
    """Show one event opened; asked for its row, fold or open it."""
    found = reading().get(AuditEvent, n)
    if found is None:
        raise NotFound(f"There is no event {n}.")
    connection = reading().get(Connection, "connectwise")
    values: dict[str, Any] = {
        "event": found,
        "opened": request.args.get("fold") is None,
        "facts": list(facts(found.details or {})),
        "sign_of": sign_of,
        "connection": connection,
    }
    if values["opened"] and found.agreement_id is not None:
        values |= trail_context(reading(), found.agreement_id, str(n))
    if swaps(f"event-{n}"):
        return render_template("audit/_event.html", **values)
    return render_template("audit/event.html", **values)
