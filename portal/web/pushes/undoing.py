"""Undo of a selection of cards or of a whole batch: a look at what goes back first, then a batch like any other."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from portal.db.records import Batch
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.jobs.queue import wake_bulk
from portal.services import decision_bulk, decisions
from portal.services.decision_bulk_verbs import Chosen
from portal.services.errors import Conflict, Invalid, NotAllowed, NotFound, Refused
from portal.services.undo_looking import Looked, chosen_of_batch, look, sums
from portal.web import forms
from portal.web.access import current_actor, may
from portal.web.cards import context, queries
from portal.web.cards import filters as board_filters
from portal.web.cards.wake import wake_pushes_of
from portal.web.cards.words import count_of
from portal.web.filters import quantity
from portal.web.htmx import announce
from portal.web.pushes import batches

bp = Blueprint("undoing", __name__)

PER_PAGE = 100  # cards that are listed on one page
MOST = 5000  # cards undone at once
_TOKEN = re.compile(r"([0-9]{1,9})=([^\s=]{1,120})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be undone.

    Args:
        chosen: The cards; each with what the look showed of it, where there was one.
        title: In words, such as the selection.
        action: Where the form goes.
        look: The page that shows it, with its parameters.
        hidden: What the form carries besides.
        back: Where Cancel leads.
    """

    chosen: Sequence[Chosen]
    title: str
    action: str
    look: Callable[..., str]
    back: str
    hidden: Mapping[str, str] = field(default_factory=dict)
    batch: Batch | None = None

    @property
    def seen(self) -> dict[int, str] | None:
        """What the look showed, by card; none where there was no look."""
        return {one.card_id: one.seen for one in self.chosen if one.seen} or None


@bp.get("/cards/undo")
@may("decide")
def before_selection() -> ResponseReturnValue:
    """Show what undoing the ticked cards, or all that match a filter, would do; nothing is undone."""
    return _page(_selected(reading()))


@bp.post("/cards/undo")
@may("decide")
def selection() -> ResponseReturnValue:
    """Undo the cards of a look, or the ticked ones."""
    asked = _selected(reading())

    def undo(session: Session, reason: str | None, *, invoiced_ok: bool) -> Batch:
        return decisions.undo_many(
            session,
            [one.card_id for one in asked.chosen],
            by=current_actor(),
            now=clock().now(),
            today=clock().today(),
            reason=reason,
            selection=asked.title,
            seen=asked.seen,
            invoiced_ok=invoiced_ok,
        )

    return _undone(asked, undo)


@batches.bp.get("/<int:batch_id>/undo")
@may("decide")
def before_undo(batch_id: int) -> ResponseReturnValue:
    """Show what undoing a batch would do: what goes back, and what is left."""
    return _page(_whole(batch_id))


@batches.bp.post("/<int:batch_id>/undo")
@may("decide")
def undo(batch_id: int) -> ResponseReturnValue:
    """Undo a batch: a batch like any other; what changed since is left and listed."""
    asked = _whole(batch_id)

    def whole(session: Session, reason: str | None, *, invoiced_ok: bool) -> Batch:
        return decisions.undo_batch(
            session,
            batch_id,
            by=current_actor(),
            now=clock().now(),
            today=clock().today(),
            reason=reason,
            seen=asked.seen,
            invoiced_ok=invoiced_ok,
        )

    return _undone(asked, whole)


def _undone(asked: Asked, undo: Callable[..., Batch]) -> ResponseReturnValue:
    """Undo, and go to the batch; a refusal shows the page again."""
    try:
        reason = forms.text(request.form, "reason") or None
        with transaction() as session:
            batch = undo(session, reason, invoiced_ok=forms.ticked(request.form, "invoiced_ok"))
            bulk = decision_bulk.bulk_of(session, batch.id)
            batch_id, left, bulk_id = batch.id, len(batch.left_out), None if bulk is None else bulk.id
    except (NotFound, NotAllowed):
        raise
    except Refused as refusal:
        return make_response(_page(asked, refused=str(refusal)), refusal.status)
    if bulk_id is not None:
        wake_bulk(bulk_id)
        announce("The undo is under way. You can leave this page; the work goes on.")
    else:
        wake_pushes_of(batch_id)
        announce("It goes back." if not left else f"It goes back; {count_of(left, 'card is', 'cards are')} left.")
    return redirect(url_for("batches.show", batch_id=batch_id), 303)


def _page(asked: Asked, *, refused: str = "") -> str:
    """Show what is to be undone: sums of the whole, and a page of the cards."""
    looked = look(reading(), asked.chosen, today=clock().today())
    goes = [one for one in looked if one.how is not None]
    stays = len(looked) - len(goes)
    pages = max(1, -(-len(looked) // PER_PAGE))
    page = min(max(forms.whole(request.args, "page") or 1, 1), pages)
    shown = looked[(page - 1) * PER_PAGE : page * PER_PAGE]
    made: dict[str, Any] = {
        "asked": asked,
        "goes": [one for one in shown if one.how is not None],
        "stays": [one for one in shown if one.how is None],
        "going": len(goes),
        "staying": stays,
        "page": page,
        "pages": pages,
        "page_url": lambda number: asked.look(page=number),
        "revenue": sums(goes),
        "writes": sum(len(one.plan.steps) for one in goes if one.plan is not None),
        "second": sum(1 for one in goes if one.second),
        "invoiced": _invoiced(goes),
        "seen": " ".join(f"{one.card.id}={decisions.seen_token(one.card)}" for one in looked),
        "writing": decisions.writing_is_on(reading()),
        "refused": refused,
        "reason": request.form.get("reason", ""),
        "invoiced_ok": forms.ticked(request.form, "invoiced_ok"),
    }
    return render_template("pushes/undo.html", **made)


def _invoiced(goes: Sequence[Looked]) -> list[tuple[str, str]]:
    """Give what begins in a period that was already invoiced: the card, and the warning."""
    return [
        (f"{one.card.product_name or one.card.product}, {one.card.company}", warned.sentence)
        for one in goes
        if one.plan is not None
        for warned in one.plan.warnings
        if warned.code == "invoiced_ok"
    ]


def _selected(session: Session) -> Asked:
    """Read which cards are meant: those of a look, the ticked ones, or all that match a filter.

    Raises:
        Invalid: None is meant, or too many.
    """
    given = request.form if request.method == "POST" else request.args
    seen = _seen(given)
    ids = list(seen) or list(dict.fromkeys(forms.wholes(given, "card_id")))
    hidden: dict[str, str] = {}
    board_args: dict[str, Any] = {"show": "decided"}
    title = f"{count_of(len(ids), 'card')} ticked"
    parameters: dict[str, Any] = {"card_id": ids}
    if given.get("scope") == "filter":
        titles = queries.vendor_titles(session)
        board = board_filters.read_filter(given, context.current_period(), titles)
        ids = ids or queries.ordered_ids(session, board)
        hidden = board_filters.hidden_copy(board) | {"scope": "filter"}
        title = "All that match: " + board_filters.in_words(board, queries.names_of(session, board, titles))
        board_args, parameters = board.args(page=None, open=None), dict(hidden)
    if not ids:
        raise Invalid(
            "No card is meant, so nothing was undone. Tick decided cards on the board, or take all that match."
        )
    if len(ids) > MOST:
        many = f"{quantity(len(ids))} cards are more than the {quantity(MOST)} that are undone at once."
        raise Invalid(f"{many} Nothing was undone. Tick fewer, or narrow the filter.")
    return Asked(
        chosen=[Chosen(card_id=one, seen=seen.get(one)) for one in ids],
        title=title,
        action=url_for("undoing.selection"),
        look=lambda **more: url_for("undoing.before_selection", **parameters, **more),
        hidden=hidden,
        back=url_for("cards.index", **board_args),
    )


def _seen(given: MultiDict[str, str]) -> dict[int, str]:
    """Read what the look showed of each card."""
    return {int(number): token for number, token in _TOKEN.findall(given.get("seen", ""))}


def _whole(batch_id: int) -> Asked:
    """Read what a batch decided.

    Raises:
        NotFound: There is no such batch.
        Conflict: It decided nothing.
    """
    batch, chosen = chosen_of_batch(reading(), batch_id)
    if not chosen:
        raise Conflict("This batch decided nothing, so there is nothing to undo.")
    words = batches.VERBS.get(batch.action, "Decided")
    seen = _seen(request.form)
    return Asked(
        chosen=[replace(one, seen=seen.get(one.card_id)) for one in chosen],
        title=f"{words} {count_of(len(chosen), 'card')}, batch {batch.id} by {batch.by}",
        action=url_for("batches.undo", batch_id=batch_id),
        look=lambda **more: url_for("batches.before_undo", batch_id=batch_id, **more),
        back=url_for("batches.show", batch_id=batch_id),
        batch=batch,
    )
