"""Imports: commit a checked file, throw it away, take it back; its problems as a file to mend; what moved."""

from itertools import chain

from flask import Response, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import imports
from portal.services.errors import Conflict, Invalid
from portal.services.import_cards import cards_that_change
from portal.vendors.errors import BadProfile
from portal.vendors.profiles import FileProfile
from portal.web.access import allowed, current_actor, may
from portal.web.filters import count, months_named
from portal.web.forms import text, ticked, whole
from portal.web.htmx import announce
from portal.web.imports.movements import PER_PAGE, compared
from portal.web.imports.pages import the_import
from portal.web.imports.routes import bp

_MARK = "\ufeff"  # tells a spreadsheet that the text is UTF-8


@bp.post("/<int:import_id>/commit")
@may("import")
def commit(import_id: int) -> ResponseReturnValue:
    """Let a checked file count, and keep how it was read if that is wanted."""
    by, now, zone = current_actor(), clock().now(), clock().zone
    with transaction() as session:
        found = the_import(session, import_id)
        if ticked(request.form, "save_profile") and found.state == "ready":
            try:
                profile = FileProfile.from_spec(found.spec)
            except BadProfile as error:
                raise Invalid(str(error)) from error
            name = text(request.form, "profile_name", longest=80) or "usage"
            kept = imports.save_profile(session, vendor=found.vendor, name=name, profile=profile, by=by, now=now)
            found.profile_id = kept.id
        found = imports.commit(session, import_id, by=by, now=now, zone=zone)
        held, slug = found.state == "held", found.vendor.slug
        announce(f"{found.filename}: {months_named(found.message)}", "warn" if held else "ok")
    if held and allowed("override"):
        return redirect(url_for("connections.held", key=slug), 303)
    return redirect(url_for("imports.show", import_id=import_id), 303)


@bp.post("/<int:import_id>/drop")
@may("import")
def drop(import_id: int) -> ResponseReturnValue:
    """Throw a file away that was never committed."""
    with transaction() as session:
        found = the_import(session, import_id)
        imports.drop(session, import_id, by=current_actor(), now=clock().now(), zone=clock().zone)
        announce(f"{found.filename} was thrown away. It never counted.")
    return redirect(url_for("imports.index"), 303)


@bp.get("/<int:import_id>/undo")
@may("import")
def ask_undo(import_id: int) -> ResponseReturnValue:
    """Show what taking an import back does, and what stays: decisions that were sent already."""
    session = reading()
    found = the_import(session, import_id)
    if found.state != "committed":
        raise Conflict(f"{found.filename} does not count, so there is nothing to take back. {found.message}")
    undecided, decided = cards_that_change(session, found, today=clock().today())
    sent = imports.sent_decisions(session, found)
    return render_template("imports/undo.html", found=found, undecided=undecided, decided=decided, sent=sent)


@bp.post("/<int:import_id>/undo")
@may("import")
def undo(import_id: int) -> ResponseReturnValue:
    """Take a committed import back as a whole."""
    reason = text(request.form, "reason", longest=300)
    with transaction() as session:
        found = imports.undo(
            session, import_id, by=current_actor(), now=clock().now(), zone=clock().zone, reason=reason
        )
        announce(
            f"{found.filename} was taken back: {count(found.counts, 'count no longer holds', 'counts no longer hold')}."
        )
    return redirect(url_for("imports.show", import_id=import_id), 303)


@bp.get("/<int:import_id>/movements")
@may("read")
def movements(import_id: int) -> ResponseReturnValue:
    """Show all that moves against the month before, the most money first."""
    session = reading()
    found = the_import(session, import_id)
    if found.state not in {"ready", "held", "committed"}:
        raise Conflict(f"{found.filename} has no counts to compare. {found.message}")
    against = compared(session, found)
    pages = max(1, -(-len(against.rows) // PER_PAGE))
    page = min(whole(request.args, "page") or 1, pages)
    rows = against.rows[(page - 1) * PER_PAGE : page * PER_PAGE]
    return render_template("imports/movements.html", found=found, compared=against, rows=rows, page=page, pages=pages)


@bp.get("/<int:import_id>/problems.csv")
@may("read")
def problems_file(import_id: int) -> ResponseReturnValue:
    """Give all lines with a problem as CSV: safe in a spreadsheet, and mended a file that the same profile reads."""
    session = reading()
    found = the_import(session, import_id)
    form = {"Content-Disposition": f'attachment; filename="problems-{import_id}.csv"'}
    lines = imports.refused_lines(session, found)
    return Response(stream_with_context(chain([_MARK], lines)), mimetype="text/csv", headers=form)
