"""Accounts whose company ConnectWise no longer has, and where its agreements are now."""

from collections.abc import Callable

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import transaction
from portal.factory import clock
from portal.services import merges
from portal.services.errors import Invalid
from portal.web import paging
from portal.web.access import allowed, current_actor, may
from portal.web.forms import whole
from portal.web.htmx import announce
from portal.web.mapping.common import bp, database


@bp.get("/merged")
@may("read")
def merged() -> ResponseReturnValue:
    """Show which mapped companies are gone, and who has their agreements now."""
    page = paging.cut(merges.lost_companies(database()), request.args)
    return render_template(
        "mapping/merged.html",
        lost=page.rows,
        **paging.around(page, lambda number: url_for("mapping.merged", page=number)),
        can_map=allowed("map"),
    )


@bp.post("/merged/<int:company_id>")
@may("map")
def follow(company_id: int) -> ResponseReturnValue:
    """Move the accounts of a company that is gone to the one that is chosen."""
    heir, seen = whole(request.form, "company"), whole(request.form, "accounts")
    if heir is None or seen is None:
        raise Invalid("No company was chosen. Nothing was changed.", {"company": "Choose a company from the list."})
    with transaction() as session:
        moved = merges.follow_merge(
            session, company_id, heir, accounts=seen, by=current_actor(), now=clock().now(), zone=clock().zone
        )
    announce(f"Moved {moved} {'account' if moved == 1 else 'accounts'}.")
    return redirect(url_for("mapping.merged"), 303)


@bp.context_processor
def _lost() -> dict[str, Callable[[], list[merges.Lost]]]:
    """Let the pages of the mapping say that companies are gone."""
    return {"lost_companies": lambda: merges.lost_companies(database())}
