"""Tags: everybody reads them; billers and above put them on companies and products, rename, merge and delete them."""

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Flask, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.records import PsaCompany, PsaProduct
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import tags
from portal.services.errors import Conflict, Invalid
from portal.services.tags import Carriers
from portal.web.access import current_actor, may
from portal.web.forms import whole
from portal.web.htmx import announce
from portal.web.mapping.companies import find_companies, find_products
from portal.web.tags import naming

bp = Blueprint("tags", __name__, url_prefix="/tags")
PAGE = 200  # companies and products on the page of a tag


@bp.get("")
@may("read")
def index() -> ResponseReturnValue:
    """List the tags, and what a search finds to be tagged."""
    return _index(reading(), {"name": request.args.get("name", "")[:60]}, q=request.args.get("q", ""))


@bp.post("")
@may("decide")
def put() -> ResponseReturnValue:
    """Put a tag on all that is ticked or pasted."""
    name, pasted = request.form.get("name", ""), request.form.get("pasted", "")
    typed = {"name": name[:200], "pasted": pasted[:200_000]}
    with transaction() as session:
        found = naming.named(session, pasted.replace("\0", "").splitlines())
        chosen = _existing(session, naming.ticked(request.form.getlist("on")))
        to = Carriers(
            companies=tuple(sorted({*found.to.companies, *chosen.companies})),
            products=tuple(sorted({*found.to.products, *chosen.products})),
        )
        errors: dict[str, str] = {}
        if found.unknown:
            more = f" And {len(found.unknown) - 10} more." if len(found.unknown) > 10 else ""  # noqa: PLR2004 - named
            errors["pasted"] = f"{' '.join(found.unknown[:10])}{more} Nothing was tagged."
        elif not len(to):
            errors["pasted"] = "Tick or paste what gets the tag. Nothing was tagged."
        try:
            word = tags.read_name(name)
            new = Carriers() if errors else tags.put_on(session, word, to, by=current_actor(), now=clock().now())
        except Invalid as error:
            errors |= error.fields or {"name": str(error)}
        if errors:
            return _index(session, typed, q=request.form.get("q", ""), errors=errors, ticked=chosen)
    had = len(to) - len(new)
    announce(f"“{word}” is on {new.words()} more.{f' {had} had it.' if had else ''}" if len(new) else "All had it.")
    return redirect(url_for("tags.index"), 303)


@bp.get("/<int:tag_id>")
@may("read")
def show(tag_id: int) -> ResponseReturnValue:
    """Show a tag with what carries it; `do=merge&into=` and `do=delete` show what these would do."""
    return _show(reading(), tag_id)


@bp.post("/<int:tag_id>/take")
@may("decide")
def take(tag_id: int) -> ResponseReturnValue:
    """Take a tag off what is ticked."""
    with transaction() as session:
        chosen = naming.ticked(request.form.getlist("on"))
        off = tags.take_off(session, tag_id, chosen, by=current_actor(), now=clock().now())
    announce(f"Taken off {off.words()}." if len(off) else "Nothing was ticked, so nothing was changed.")
    return redirect(url_for("tags.show", tag_id=tag_id), 303)


@bp.post("/<int:tag_id>/rename")
@may("decide")
def rename(tag_id: int) -> ResponseReturnValue:
    """Give a tag another word."""
    with transaction() as session:
        try:
            tag = tags.rename(session, tag_id, request.form.get("name", ""), by=current_actor(), now=clock().now())
        except (Invalid, Conflict) as error:
            said = error.fields.get("name", str(error)) if isinstance(error, Invalid) else str(error)
            return _show(session, tag_id, name=request.form.get("name", "")[:200], error=said, status=error.status)
        name = tag.name
    announce(f"The tag is called “{name}” now.")
    return redirect(url_for("tags.show", tag_id=tag_id), 303)


@bp.post("/<int:tag_id>/merge")
@may("decide")
def merge(tag_id: int) -> ResponseReturnValue:
    """Merge a tag into another one."""
    with transaction() as session:
        stays = tags.merge(session, tag_id, whole(request.form, "into") or 0, by=current_actor(), now=clock().now())
        where, name = stays.id, stays.name
    announce(f"Merged into “{name}”.")
    return redirect(url_for("tags.show", tag_id=where), 303)


@bp.post("/<int:tag_id>/delete")
@may("decide")
def delete(tag_id: int) -> ResponseReturnValue:
    """Delete a tag, if as many carry it as the page said."""
    seen = request.form.get("seen", "")
    with transaction() as session:
        name = tags.tag_of(session, tag_id).name
        said = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else None  # noqa: PLR2004 - digits
        had = tags.delete(session, tag_id, seen=said, by=current_actor(), now=clock().now())
    announce(f"Deleted “{name}”, which was on {had.words()}. The audit trail keeps the list.")
    return redirect(url_for("tags.index"), 303)


def _index(
    session: Session,
    typed: dict[str, str],
    *,
    q: str,
    errors: dict[str, str] | None = None,
    ticked: Carriers | None = None,
) -> ResponseReturnValue:
    q = " ".join(q.replace("\0", "").split())[:200]
    chosen = naming.shown(session, ticked or Carriers())
    picks: list[naming.Carrier] = []
    more = 0
    if q:
        companies, products = find_companies(session, q), find_products(session, q)
        picks = [
            naming.Carrier(value=f"c{one.id}", name=one.name, sub=f"company, PSA {one.id}", gone=False)
            for one in companies.found
        ] + [
            naming.Carrier(value=f"p{one.product}", name=one.product, sub=f"product, {one.description}", gone=False)
            for one in products.found
        ]
        more = companies.more + products.more
    known = {one.value for one in chosen}
    context: dict[str, Any] = {
        "tags": tags.counted(session),
        "typed": typed,
        "errors": errors or {},
        "q": q,
        "picks": [*chosen, *(one for one in picks if one.value not in known)],
        "ticked": known,
        "more": more,
        "longest": tags.LONGEST,
    }
    return make_response(render_template("tags/index.html", **context), 422 if errors else 200)


def _show(
    session: Session, tag_id: int, *, name: str | None = None, error: str = "", status: int = 200
) -> ResponseReturnValue:
    tag = tags.tag_of(session, tag_id)
    who = tags.carriers(session, tag_id)
    pages = max(1, -(-len(who) // PAGE))
    number = min(whole(request.args, "page") or 1, pages)
    do = request.args.get("do", "")
    others = [one for one in tags.counted(session) if one.id != tag_id]
    into = next((one for one in others if one.id == whole(request.args, "into")), None)
    context: dict[str, Any] = {
        "tag": tag,
        "who": who,
        "carriers": naming.shown(session, who, (number - 1) * PAGE, PAGE),
        "number": number,
        "pages": pages,
        "others": others,
        "do": do if do in {"merge", "delete"} else "",
        "into": into,
        "both": 0 if into is None else _both(who, tags.carriers(session, into.id)),
        "name": tag.name if name is None else name,
        "error": error,
    }
    return make_response(render_template("tags/show.html", **context), status)


def _both(one: Carriers, other: Carriers) -> int:
    """Count what carries two tags."""
    return len({*one.companies} & {*other.companies}) + len({*one.products} & {*other.products})


def _existing(session: Session, chosen: Carriers) -> Carriers:
    """Leave out what ConnectWise does not have: a form made by hand may name anything."""
    companies = session.scalars(sa.select(PsaCompany.id).where(PsaCompany.id.in_(chosen.companies[: tags.MOST])))
    products = session.scalars(
        sa.select(PsaProduct.identifier).where(PsaProduct.identifier.in_(chosen.products[: tags.MOST]))
    )
    return Carriers(companies=tuple(sorted(companies)), products=tuple(sorted(set(products))))


def register(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)
