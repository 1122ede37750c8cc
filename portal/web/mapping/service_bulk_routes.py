"""Several services at once: a preview of what would be done, then each change on its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.session import transaction
from portal.domain.exclusions import ExclusionKind
from portal.domain.quantities import plus
from portal.domain.service_likeness import SURE
from portal.factory import clock
from portal.services import mapping
from portal.services.card_remaking import cards_anew
from portal.services.errors import Invalid
from portal.services.exclusions import read_exclusion
from portal.web.access import current_actor, may
from portal.web.filters import quantity
from portal.web.forms import whole, wholes
from portal.web.htmx import announce
from portal.web.mapping.common import back, bp, database, to_list, vendors
from portal.web.mapping.filters import GridFilter
from portal.web.mapping.service_query import of_vendor, ordered, searched, seen_lines, sure
from portal.web.mapping.service_routes import make_lines
from portal.web.mapping.services import SORTS, STATES, ServiceRow, service_rows

AT_MOST = 500  # services in one go


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One service in the preview; `stays` says why it stays behind, or is empty."""

    row: ServiceRow
    stays: str


@bp.get("/services/preview")
@may("map")
def preview_services() -> ResponseReturnValue:
    """Show what would be done with the ticked services, or with all sure suggestions of a view; nothing is changed."""
    session = database()
    make_lines(session)
    do = "exclude" if request.args.get("do") == "exclude" else "map"
    least = min(max(whole(request.args, "least") or SURE, 1), 100)
    if request.args.get("all") == "1":
        ids, more = _sure_ones(session, least)
    else:
        ids, more = wholes(request.args, "service_id"), 0
    return _preview(session, do, _ticked(session, ids), least=least, more=more)


@bp.post("/services/map")
@may("map")
def map_services() -> ResponseReturnValue:
    """Map the services of a preview, each to the product it names; what moved meanwhile is left out and named."""
    done: list[ServiceRow] = []
    left: list[str] = []
    with transaction() as session:
        for row in _ticked(session, wholes(request.form, "service_id")):
            product = request.form.get(f"product-{row.id}", "").strip()[:300]
            if not product or row.token != request.form.get(f"seen-{row.id}", row.token):
                left.append(row.title)
                continue
            mapping.map_service(session, row.id, [(product, Decimal(1))], by=current_actor(), now=clock().now())
            done.append(row)
        if done:
            cards_anew(session, now=clock().now(), zone=clock().zone)
    return _finished("Mapped", done, left)


@bp.post("/services/exclude")
@may("map")
def exclude_services() -> ResponseReturnValue:
    """Exclude the services of a preview, all under one name or for one reason."""
    try:
        said = read_exclusion(
            reason=request.form.get("reason", ""),
            kind=request.form.get("excluded_as", ""),
            until=request.form.get("until", ""),
            today=clock().today(),
        )
    except Invalid as error:
        session = database()
        rows = _ticked(session, wholes(request.form, "service_id"))
        return _preview(session, "exclude", rows, wrong=dict(error.fields)), 422
    done: list[ServiceRow] = []
    left: list[str] = []
    with transaction() as session:
        for row in _ticked(session, wholes(request.form, "service_id")):
            if row.token != request.form.get(f"seen-{row.id}", row.token):
                left.append(row.title)
                continue
            mapping.exclude_service(
                session,
                row.id,
                reason=said.reason,
                kind=said.kind or "",
                until=said.until,
                by=current_actor(),
                now=clock().now(),
            )
            done.append(row)
        if done:
            cards_anew(session, now=clock().now(), zone=clock().zone)
    return _finished("Excluded", done, left)


def _preview(
    session: Session,
    do: str,
    rows: Sequence[ServiceRow],
    *,
    least: int = SURE,
    more: int = 0,
    wrong: dict[str, str] | None = None,
) -> str:
    """Give the page that shows what would be done."""
    del session
    chosen = [Chosen(row=row, stays=_stays(row, do, least)) for row in rows]
    context: dict[str, Any] = {
        "do": do,
        "going": [one for one in chosen if not one.stays],
        "staying": [one for one in chosen if one.stays],
        "more": more,
        "back": back(),
        "kinds": list(ExclusionKind),
        "wrong": wrong or {},
        "typed": request.form,
    }
    return render_template("mapping/services_preview.html", **context)


def _sure_ones(session: Session, least: int) -> tuple[list[int], int]:
    """Give the services of a view whose suggestions have a score, the first that fit, and how many more there are."""
    wanted = GridFilter.read(
        request.args, [one.slug for one in vendors(session)], states=STATES, sorts=SORTS, hides=False
    )
    seen = seen_lines(clock().today())
    where = (*searched(seen, wanted.q), of_vendor(seen, wanted), sure(seen, least))
    total = session.scalar(sa.select(sa.func.count()).select_from(seen).where(*where)) or 0
    query = sa.select(seen.c.service_id).where(*where).order_by(*ordered(seen, "units")).limit(AT_MOST)
    ids = list(session.scalars(query))
    if not ids:
        raise Invalid(f"No service here has a suggestion of {least} or more. Choose their products by hand.")
    return ids, total - len(ids)


def _ticked(session: Session, ids: Sequence[int]) -> list[ServiceRow]:
    """Read the ticked services, in the order of their names.

    Raises:
        Invalid: Nothing was ticked, or more than fit into one go.
    """
    if not ids:
        raise Invalid("Nothing was ticked. Go back and tick the services that you mean.")
    if len(ids) > AT_MOST:
        raise Invalid(f"{len(ids)} services are too many for one go. Tick {AT_MOST} at most.")
    rows = service_rows(session, clock().today(), ids)
    return sorted(rows, key=lambda row: (row.title.casefold(), row.id))


def _stays(row: ServiceRow, do: str, least: int) -> str:
    """Say why a service stays behind, or nothing."""
    if row.state != "unmapped":
        return "It is decided already."
    if do == "exclude":
        return ""
    if row.suggestion is None:
        return "No product comes close."
    if row.suggestion.score < least:
        return f"Its suggestion, {row.suggestion.product}, has only {row.suggestion.score} of 100: choose it by hand."
    return ""


def _finished(verb: str, done: Sequence[ServiceRow], left: Sequence[str]) -> ResponseReturnValue:
    """Go back to the list and say what was done."""
    units = Decimal(0)
    for row in done:
        units = plus(units, row.units or Decimal(0))
    sentence = f"{verb} {len(done)} {'service' if len(done) == 1 else 'services'}, {quantity(units)} units."
    if left:
        sentence += f" Left as they are, since they changed meanwhile: {', '.join(left)}."
    announce(sentence)
    return to_list("mapping.services", "services")
