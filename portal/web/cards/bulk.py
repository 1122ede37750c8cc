"""Deciding on many cards: a preview first, then one form; what came of it stands at `/batches/<id>`."""

from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from portal.db.records import Batch
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import decision_bulk, decisions
from portal.services.errors import Invalid, NotAllowed, NotFound, Refused
from portal.web.access import current_actor, may
from portal.web.cards import context, queries
from portal.web.cards import filters as board_filters
from portal.web.cards.blueprint import bp
from portal.web.cards.forms import Typed, read_form
from portal.web.cards.selection import ACTIONS, Selection, preview, read_selection
from portal.web.cards.wake import wake_bulk, wake_pushes_of
from portal.web.htmx import announce, swaps

_SCOPES = {"adjust": "adjust", "dismiss": "dismiss", "confirm": "confirm", "second": "second"}
_TYPED = ("date", "reason", "invoiced_ok")  # what a preview that is drawn anew keeps of its form


@bp.get("/cards/preview")
@may("decide")
def preview_many() -> ResponseReturnValue:
    """Show what a bulk decision would do; nothing is decided."""
    action = request.args.get("action") or _SCOPES.get(request.args.get("scope", ""), "approve")
    form = read_form(MultiDict([(name, request.args[name]) for name in _TYPED if name in request.args]))
    return _page(reading(), request.args, action if action in ACTIONS else "approve", form, 422 if form.errors else 200)


@bp.post("/cards/approve")
@may("decide")
def approve_many() -> ResponseReturnValue:
    """Approve the cards of a preview."""
    return _many("approve")


@bp.post("/cards/adjust")
@may("decide")
def adjust_many() -> ResponseReturnValue:
    """Adjust the cards of a preview to their proposals from one date."""
    return _many("adjust")


@bp.post("/cards/dismiss")
@may("decide")
def dismiss_many() -> ResponseReturnValue:
    """Dismiss the cards of a preview, with one reason."""
    return _many("dismiss")


@bp.post("/cards/confirm")
@may("decide")
def confirm_many() -> ResponseReturnValue:
    """Send what was planned while the portal was read-only."""
    return _many("confirm")


@bp.post("/cards/second")
@may("decide")
def second_many() -> ResponseReturnValue:
    """Confirm what waits for a second person, together; one's own decisions are left out."""
    return _many("second")


def _many(action: str) -> ResponseReturnValue:
    """Decide, and go to the batch; a refusal shows the preview again as it was typed."""
    form = read_form(request.form, needs={"adjust": ("date",), "dismiss": ("reason",)}.get(action, ()))
    session = reading()
    board = _board(session, request.form)
    if form.values.get("only") == "plan":
        return _page(session, request.form, action, form, 422 if form.errors else 200)
    try:
        form.refuse_if_wrong()
        selection = read_selection(session, request.form, board, deciding=True)
        words = _words(session, selection, board)
        with transaction() as writing:
            batch = _decide(writing, action, selection, words, form)
            batch_id, left = batch.id, len(batch.left_out)
            bulk = decision_bulk.bulk_of(writing, batch_id)
            bulk_id = None if bulk is None else bulk.id
    except (NotFound, NotAllowed):
        raise
    except Refused as refusal:
        form.errors |= refusal.fields if isinstance(refusal, Invalid) and refusal.fields else {"": str(refusal)}
        return _page(reading(), request.form, action, form, refusal.status)
    if bulk_id is not None:
        wake_bulk(bulk_id)
        announce(f"{len(selection.chosen):,} cards are being decided. You can leave this page; the work goes on.")
        return redirect(url_for("batches.show", batch_id=batch_id), 303)
    wake_pushes_of(batch_id)
    done = len(selection.chosen) - left
    announce(f"{done:,} decided." if not left else f"{done:,} decided, {left:,} left as they were.")
    return redirect(url_for("batches.show", batch_id=batch_id), 303)


def _decide(session: Session, action: str, selection: Selection, words: str, form: Typed) -> Batch:
    common: dict[str, Any] = {
        "by": current_actor(),
        "now": clock().now(),
        "today": clock().today(),
        "reason": form.reason,
        "selection": words,
    }
    seen = selection.seen or None
    match action:
        case "approve":
            return decisions.approve_many(
                session,
                selection.chosen,
                seen=seen,
                scheduled_ok=form.allowed("scheduled_ok"),
                too_old_ok=form.allowed("too_old_ok"),
                **common,
            )
        case "adjust":
            return decisions.adjust_many(
                session,
                selection.chosen,
                day=form.day or clock().today(),
                seen=seen,
                invoiced_ok=form.allowed("invoiced_ok"),
                too_old_ok=form.allowed("too_old_ok"),
                **common,
            )
        case "dismiss":
            return decisions.dismiss_many(session, selection.chosen, seen=seen, **common)
        case "second":
            return decisions.confirm_second_many(
                session, selection.chosen, seen=seen, too_old_ok=form.allowed("too_old_ok"), **common
            )
        case _:
            return decisions.confirm_planned_many(
                session, selection.chosen, seen=seen, too_old_ok=form.allowed("too_old_ok"), **common
            )


def _board(session: Session, given: MultiDict[str, str]) -> board_filters.BoardFilter:
    return board_filters.read_filter(given, context.current_period(), queries.vendor_titles(session))


def _words(session: Session, selection: Selection, board: board_filters.BoardFilter) -> str:
    """Say what was selected."""
    if not selection.all_match:
        return f"{len(selection.ids):,} ticked"
    titles = queries.vendor_titles(session)
    return "All that match: " + board_filters.in_words(board, queries.names_of(session, board, titles))


def _page(session: Session, given: MultiDict[str, str], action: str, form: Typed, status: int) -> ResponseReturnValue:
    """Show the preview as a page, or only what ticks change."""
    board = _board(session, given)
    selection = read_selection(session, given, board)
    titles = queries.vendor_titles(session)
    where = context.where_now(session, board, titles, board.period)
    made = preview(session, selection, action, where, day=form.day, invoiced_ok=form.allowed("invoiced_ok"))
    hidden = board_filters.hidden_copy(board) | {
        "scope": "filter" if selection.all_match else "ticked",
        "action": action,
    }
    if not selection.all_match:
        hidden["ids"] = " ".join(str(one) for one in selection.ids)
    values = {
        "made": made,
        "action": action,
        "verb": ACTIONS[action],
        "selection_words": _words(session, selection, board),
        "board": board,
        "hidden": hidden,
        "where": where,
        "form": form,
        "today": where.today,
    }
    template = "cards/_preview.html" if swaps("preview") else "cards/preview.html"
    return make_response(render_template(template, **values), status)
