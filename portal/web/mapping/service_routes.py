"""Vendor services: the list, one service's row, and the products it feeds."""

import contextlib
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal.db.engine import WRITES
from portal.db.session import transaction
from portal.domain.exclusions import ExclusionKind
from portal.domain.quantities import plain
from portal.factory import clock
from portal.services import mapping, service_lines
from portal.services.errors import Invalid, NotFound
from portal.services.exclusions import read_exclusion
from portal.web.access import allowed, current_actor, may
from portal.web.filters import typed
from portal.web.forms import whole
from portal.web.htmx import announce, swaps
from portal.web.locale_choice import current_marks
from portal.web.mapping.common import around, back, bp, database, hold_seen, period, send_missing, to_list, vendors
from portal.web.mapping.companies import Picks, find_products
from portal.web.mapping.factors import BadFactor, parse_factor
from portal.web.mapping.filters import GridFilter
from portal.web.mapping.reach import service_result
from portal.web.mapping.services import SORTS, STATES, ServiceRow, service_grid, service_rows

PATIENCE = 500  # milliseconds that a page waits for another writer
MOST_PRODUCTS = 20  # products of one service
Line = tuple[str, str]  # a product and its factor, as typed


@bp.get("/services")
@may("read")
def services() -> ResponseReturnValue:
    """Show the vendor services, or only their list when a filter swaps it."""
    session = database()
    choices = vendors(session)
    wanted = GridFilter.read(request.args, [one.slug for one in choices], states=STATES, sorts=SORTS, hides=False)
    make_lines(session)
    here: dict[str, Any] = {
        "grid": service_grid(session, clock().today(), wanted),
        "wanted": wanted,
        "vendors": choices,
        "back": request.query_string.decode(errors="replace")[:1000],
        "can_map": allowed("map"),
        "period": period(),
    }
    if swaps("services"):
        return render_template("mapping/_services.html", **here)
    return render_template("mapping/services.html", **here, **around(session, "services"))


@bp.get("/services/<int:service_id>")
@may("read")
def service(service_id: int) -> ResponseReturnValue:
    """Show one service: its row, with its products (`do=edit`) or the reason (`do=exclude`) opened in it."""
    row = _row(database(), service_id)
    do = request.args.get("do", "")
    mode = do if do in {"edit", "exclude"} and allowed("map") else ""
    return _answer(row, mode=mode, lines=_lines_of(row))


@bp.get("/products")
@may("map")
def products() -> ResponseReturnValue:
    """List the products that a search finds, as buttons of one service."""
    session = database()
    row = _row(session, whole(request.args, "service") or 0)
    q = request.args.get("q", "").strip()[:200]
    if swaps(f"products-{row.id}"):
        return render_template("mapping/_products.html", row=row, picks=find_products(session, q), search=q)
    return _answer(row, mode="edit", lines=_lines_of(row), search=q)


@bp.post("/services/<int:service_id>/map")
@may("map")
def map_service(service_id: int) -> ResponseReturnValue:
    """Save the products of a service; without `save` the form comes back with a product more or less."""
    lines = list(zip(request.form.getlist("product"), request.form.getlist("factor"), strict=False))[:MOST_PRODUCTS]
    every_term = _every_term()
    if "save" not in request.form:
        row = _row(database(), service_id)
        drop, add = request.form.get("drop"), request.form.get("add", "").strip()[:60]
        lines = [line for line in lines if line[0] != drop]
        if add and add not in [product for product, _factor in lines]:
            lines.append((add, "1"))
        return _answer(row, mode="edit", lines=lines, search="" if add else request.form.get("q", "").strip()[:200])
    targets: list[tuple[str, Decimal]] = []
    wrong: dict[str, str] = {}
    for product, factor in lines:
        try:
            targets.append((product.strip(), parse_factor(factor, current_marks())))
        except BadFactor as error:
            wrong[product] = str(error)
    if wrong or not targets:
        if not targets and not wrong:
            wrong[""] = "No product was chosen. Search for one and add it."
        return _answer(_row(database(), service_id), mode="edit", lines=lines, wrong=wrong), 422
    with transaction() as session:
        row = _row(session, service_id)
        hold_seen(row.token, _as_it_is(row))
        was = _was(row)
        mapping.map_service(
            session,
            service_id,
            targets,
            by=current_actor(),
            now=clock().now(),
            zone=clock().zone,
            every_term=every_term,
        )
        return _done(session, service_id, was)


@bp.post("/services/<int:service_id>/exclude")
@may("map")
def exclude_service(service_id: int) -> ResponseReturnValue:
    """Leave a service out: under a name or for a reason, for good or up to a day."""
    try:
        said = read_exclusion(
            reason=request.form.get("reason", ""),
            kind=request.form.get("excluded_as", ""),
            until=request.form.get("until", ""),
            today=clock().today(),
        )
    except Invalid as error:
        return _answer(_row(database(), service_id), mode="exclude", wrong=dict(error.fields)), 422
    with transaction() as session:
        row = _row(session, service_id)
        hold_seen(row.token, _as_it_is(row))
        was = _was(row)
        mapping.exclude_service(
            session,
            service_id,
            reason=said.reason,
            kind=said.kind or "",
            until=said.until,
            by=current_actor(),
            now=clock().now(),
            zone=clock().zone,
        )
        return _done(session, service_id, was)


@bp.post("/services/<int:service_id>/undo")
@may("map")
def undo_service(service_id: int) -> ResponseReturnValue:
    """Put a service back to what it was (`was`), or make it unmapped."""
    was = _read_was(request.form.get("was", ""))
    with transaction() as session:
        row = _row(session, service_id)
        hold_seen(row.token, _as_it_is(row))
        by, now, zone = current_actor(), clock().now(), clock().zone
        if "products" in was:
            mapping.map_service(
                session, service_id, was["products"], by=by, now=now, zone=zone, every_term=was["every_term"]
            )
        elif "reason" in was:
            mapping.exclude_service(session, service_id, **was, by=by, now=now, zone=zone)
        else:
            mapping.unmap_service(session, service_id, by=by, now=now, zone=zone)
        return _done(session, service_id, None)


def make_lines(session: Session) -> None:
    """Have the lines made anew where others are wanted; who only reads waits no longer than a moment for a writer."""
    if session.info.get(WRITES):
        service_lines.refresh(session, period())
    elif service_lines.stale(session, period()):
        # the older lines are shown where somebody else is writing just now
        with contextlib.suppress(OperationalError), transaction(patience_ms=PATIENCE) as writing:
            service_lines.refresh(writing, period())


def _every_term() -> bool | None:
    """Read the choice for a service's terms; a form without it leaves the choice as it is."""
    return {"all": True, "apart": False}.get(request.form.get("terms", ""))


def _was(row: ServiceRow) -> str:
    """Say what a service was, so that Undo can put it back."""
    if row.mapping is None or row.ended:
        return ""
    found = row.exclusion
    if found is not None:
        until = "" if found.until is None else found.until.isoformat()
        return json.dumps({"reason": found.reason, "kind": found.kind or "", "until": until})
    products = [[fed.product, plain(fed.factor)] for fed in row.feeds]
    return json.dumps({"products": products, "every_term": row.every_term})


def _read_was(text: str) -> dict[str, Any]:
    """Read what a service was; anything else means unmapped."""
    try:
        found = json.loads(text[:4000]) if text else {}
        if "products" in found:
            products = [(str(product), parse_factor(str(factor))) for product, factor in found["products"]]
            return {"products": products[:MOST_PRODUCTS], "every_term": bool(found.get("every_term"))}
        return {name: str(found[name]) for name in ("reason", "kind", "until") if name in found}
    except (ValueError, TypeError, KeyError):
        return {}


def _row(session: Session, service_id: int) -> ServiceRow:
    """Read one service.

    Raises:
        NotFound: There is none.
    """
    session.expire_all()
    make_lines(session)
    found = service_rows(session, clock().today(), [service_id])
    if not found:
        raise NotFound(f"There is no vendor service {service_id}.")
    return found[0]


def _lines_of(row: ServiceRow) -> list[Line]:
    """Give the products of a service as its form shows them."""
    return [(fed.product, typed(fed.factor)) for fed in row.feeds]


def _as_it_is(row: ServiceRow) -> str:
    """Say what a service is now, and who said so."""
    if row.mapping is None:
        return f"“{row.title}” is unmapped by now."
    if row.state == "excluded":
        return f"{row.mapping.decided_by} has excluded “{row.title}”."
    return f"{row.mapping.decided_by} has mapped “{row.title}” to {', '.join(fed.product for fed in row.feeds)}."


def _answer(
    row: ServiceRow,
    *,
    mode: str,
    lines: Sequence[Line] = (),
    search: str = "",
    wrong: dict[str, str] | None = None,
) -> str:
    """Give a service's row, or the page around it."""
    context: dict[str, Any] = {
        "row": row,
        "mode": mode,
        "lines": lines,
        "search": search,
        "picks": find_products(database(), search) if mode == "edit" else Picks(),
        "reason": request.form.get("reason", ""),
        "excluded_as": request.form.get("excluded_as", ""),
        "until": request.form.get("until", ""),
        "kinds": list(ExclusionKind),
        "terms": request.form.get("terms", "all" if row.every_term else "apart"),
        "wrong": wrong or {},
        "back": back(),
        "can_map": allowed("map"),
    }
    template = "mapping/_service.html" if swaps(f"service-{row.id}") else "mapping/service.html"
    return render_template(template, **context)


def _done(session: Session, service_id: int, was: str | None) -> ResponseReturnValue:
    """Answer a decision with the row as it is now, or go back to the list.

    Undo puts back what stands in `was`; none: nothing is left to undo.
    """
    row = _row(session, service_id)
    result = service_result(session, period(), row)
    announce(f"{row.title}: {result}")
    if swaps(f"service-{service_id}"):
        send_missing(session)
        return render_template(
            "mapping/_service.html", row=row, mode="", result=result, was=was, back=back(), can_map=True
        )
    return to_list("mapping.services", f"service-{service_id}")
