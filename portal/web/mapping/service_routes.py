"""Vendor services: the list, one service's row, and the products it feeds."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.session import transaction
from portal.domain.quantities import plain
from portal.factory import clock
from portal.services import mapping
from portal.services.errors import NotFound
from portal.web.access import allowed, current_actor, may
from portal.web.forms import whole
from portal.web.htmx import announce, swaps
from portal.web.mapping.common import around, back, bp, database, hold_seen, period, send_missing, to_list, vendors
from portal.web.mapping.companies import Picks, find_products
from portal.web.mapping.factors import BadFactor, parse_factor
from portal.web.mapping.filters import GridFilter
from portal.web.mapping.reach import service_result
from portal.web.mapping.services import STATES, ServiceRow, service_grid, service_rows

REASON = 300  # characters of a reason
MOST_PRODUCTS = 20  # products of one service
Line = tuple[str, str]  # a product and its factor, as typed


@bp.get("/services")
@may("read")
def services() -> ResponseReturnValue:
    """Show the vendor services, or only their list when a filter swaps it."""
    session = database()
    choices = vendors(session)
    wanted = GridFilter.read(
        request.args, [one.slug for one in choices], states=STATES, sorts=("units", "name"), hides=False
    )
    here: dict[str, Any] = {
        "grid": service_grid(session, period(), clock().zone, wanted),
        "wanted": wanted,
        "vendors": choices,
        "back": request.query_string.decode(errors="replace")[:1000],
        "can_map": allowed("map"),
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
            targets.append((product.strip(), parse_factor(factor)))
        except BadFactor as error:
            wrong[product] = str(error)
    if wrong or not targets:
        if not targets and not wrong:
            wrong[""] = "No product was chosen. Search for one and add it."
        return _answer(_row(database(), service_id), mode="edit", lines=lines, wrong=wrong), 422
    with transaction() as session:
        row = _row(session, service_id)
        hold_seen(row.token, _as_it_is(row))
        mapping.map_service(session, service_id, targets, by=current_actor(), now=clock().now(), zone=clock().zone)
        return _done(session, service_id)


@bp.post("/services/<int:service_id>/exclude")
@may("map")
def exclude_service(service_id: int) -> ResponseReturnValue:
    """Leave a service out, with a reason."""
    reason = request.form.get("reason", "").strip()[:REASON]
    if not reason:
        wrong = {"reason": "A reason is missing. Say in a few words why."}
        return _answer(_row(database(), service_id), mode="exclude", wrong=wrong), 422
    with transaction() as session:
        row = _row(session, service_id)
        hold_seen(row.token, _as_it_is(row))
        mapping.exclude_service(
            session, service_id, reason=reason, by=current_actor(), now=clock().now(), zone=clock().zone
        )
        return _done(session, service_id)


@bp.post("/services/<int:service_id>/undo")
@may("map")
def undo_service(service_id: int) -> ResponseReturnValue:
    """Make a service unmapped."""
    with transaction() as session:
        row = _row(session, service_id)
        hold_seen(row.token, _as_it_is(row))
        mapping.unmap_service(session, service_id, by=current_actor(), now=clock().now(), zone=clock().zone)
        return _done(session, service_id)


def _row(session: Session, service_id: int) -> ServiceRow:
    """Read one service.

    Raises:
        NotFound: There is none.
    """
    session.expire_all()
    found = next((row for row in service_rows(session, period(), clock().zone) if row.id == service_id), None)
    if found is None:
        raise NotFound(f"There is no vendor service {service_id}.")
    return found


def _lines_of(row: ServiceRow) -> list[Line]:
    """Give the products of a service as its form shows them."""
    return [(fed.product, plain(fed.factor)) for fed in row.feeds]


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
        "wrong": wrong or {},
        "back": back(),
        "can_map": allowed("map"),
    }
    template = "mapping/_service.html" if swaps(f"service-{row.id}") else "mapping/service.html"
    return render_template(template, **context)


def _done(session: Session, service_id: int) -> ResponseReturnValue:
    """Answer a decision with the row as it is now, or go back to the list."""
    row = _row(session, service_id)
    result = service_result(session, period(), row)
    announce(f"{row.title}: {result}")
    if swaps(f"service-{service_id}"):
        send_missing(session)
        return render_template("mapping/_service.html", row=row, mode="", result=result, back=back(), can_map=True)
    return to_list("mapping.services", f"service-{service_id}")
