"""A held feed: why, account by account; a manager lets its counts be used or throws them away."""

import sqlalchemy as sa
from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.records import VendorAccount
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import imports
from portal.services.errors import Conflict, NotFound
from portal.web import forms, paging
from portal.web.access import current_actor, may
from portal.web.connections.blueprint import bp, source_of
from portal.web.connections.queries import last_files
from portal.web.htmx import announce


@bp.get("/<key>/held")
@may("read")
def held(key: str) -> ResponseReturnValue:
    """Show why a feed is held, account by account."""
    return _page(key)


@bp.post("/<key>/held/release")
@may("override")
def release(key: str) -> ResponseReturnValue:
    """Let the held counts be used after all, with a reason."""
    found = _import(key)
    reason = forms.text(request.form, "reason")
    if not reason:
        return make_response(_page(key, error="Say why these counts are right, so that others can follow."), 422)
    with transaction() as session:
        imports.release_held(session, found, by=current_actor(), now=clock().now(), zone=clock().zone, reason=reason)
    announce("The counts are used from now on. The cards were made anew.")
    return redirect(url_for(".index"), 303)


@bp.post("/<key>/held/reject")
@may("override")
def reject(key: str) -> ResponseReturnValue:
    """Throw the held counts away; what held before goes on holding."""
    found = _import(key)
    reason = forms.text(request.form, "reason")
    with transaction() as session:
        imports.reject_held(session, found, by=current_actor(), now=clock().now(), zone=clock().zone, reason=reason)
    announce("The held counts are thrown away. The counts from before stay in use.")
    return redirect(url_for(".index"), 303)


def _page(key: str, error: str = "") -> str:
    source = source_of(key)
    files = last_files(reading()).get(key)
    if files is None or files.held is None:
        raise NotFound(f"Nothing of {source.title} is held.")
    page = paging.cut(sorted(files.held.fallen.items()), request.args)
    query = sa.select(VendorAccount.external_id, VendorAccount.name).where(
        VendorAccount.vendor_id == files.held.vendor_id,
        VendorAccount.external_id.in_([account for account, _ in page.rows]),
    )
    names: dict[str, str] = {row[0]: row[1] for row in reading().execute(query)}
    fallen = [(names.get(account) or account, *counts) for account, counts in page.rows]
    return render_template(
        "connections/held.html",
        source=source,
        held=files.held,
        newest=files.newest,
        fallen=fallen,
        **paging.around(page, lambda number: url_for(".held", key=key, page=number)),
        error=error,
        typed=request.form.get("reason", ""),
    )


def _import(key: str) -> int:
    """Give the held import that the form was about; another one by now is a conflict."""
    source = source_of(key)
    files = last_files(reading()).get(key)
    seen = forms.whole(request.form, "import")
    if files is None or files.held is None or (seen is not None and seen != files.held.id):
        raise Conflict(f"{source.title} is no longer held as you saw it. Somebody was quicker, or a newer file came.")
    return files.held.id
