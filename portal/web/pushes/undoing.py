"""Undo of a selection of cards or of a whole batch: a look at what goes back first, then a batch like any other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

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
from portal.web.cards.wake import wake_pushes_of
from portal.web.cards.words import count_of
from portal.web.filters import quantity
from portal.web.htmx import announce
from portal.web.pushes import batches

bp = Blueprint("undoing", __name__)

PER_PAGE = 100  # cards that are looked at for one page
MOST = 5000  # cards undone at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be undone.

    Args:
        title: In words, such as the selection.
        action: Where the form goes.
        back: Where Cancel leads.
    """

    chosen: Sequence[Chosen]
    title: str
    action: str
    back: str
    batch: Batch | None = None


@bp.get("/cards/undo")
@may("decide")
def before_selection() -> ResponseReturnValue:
    """Show what undoing the ticked cards would do; nothing is undone."""
    return _page(_ticked())


@bp.post("/cards/undo")
@may("decide")
def selection() -> ResponseReturnValue:
    """Undo the ticked cards."""
    asked = _ticked()

    def undo(session: Session, reason: str | None, *, invoiced_ok: bool) -> Batch:
        return decisions.undo_many(
            session,
            [one.card_id for one in asked.chosen],
            by=current_actor(),
            now=clock().now(),
            today=clock().today(),
            reason=reason,
            selection=asked.title,
            seen={one.card_id: one.seen for one in asked.chosen if one.seen} or None,
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

    def whole(session: Session, reason: str | None, *, invoiced_ok: bool) -> Batch:
        return decisions.undo_batch(
            session,
            batch_id,
            by=current_actor(),
            now=clock().now(),
            today=clock().today(),
            reason=reason,
            invoiced_ok=invoiced_ok,
        )

    return _undone(_whole(batch_id), whole)


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
    """Show a page of what is to be undone."""
    pages = max(1, -(-len(asked.chosen) // PER_PAGE))
    page = min(max(forms.whole(request.args, "page") or 1, 1), pages)
    shown = asked.chosen[(page - 1) * PER_PAGE : page * PER_PAGE]
    looked = look(reading(), shown, today=clock().today())
    goes = [one for one in looked if one.how is not None]
    made: dict[str, Any] = {
        "asked": asked,
        "goes": goes,
        "stays": [one for one in looked if one.how is None],
        "total": len(asked.chosen),
        "page": page,
        "pages": pages,
        "page_url": lambda number: url_for(request.endpoint or "", **(request.view_args or {}), **_args(number)),
        "revenue": sums(goes),
        "writes": sum(len(one.plan.steps) for one in goes if one.plan is not None),
        "second": sum(1 for one in goes if one.second),
        "invoiced": _invoiced(goes),
        "seen": " ".join(f"{one.card.id}={decisions.seen_token(one.card)}" for one in goes) if pages == 1 else "",
        "writing": decisions.writing_is_on(reading()),
        "refused": refused,
        "reason": request.form.get("reason", ""),
        "invoiced_ok": forms.ticked(request.form, "invoiced_ok"),
    }
    return render_template("pushes/undo.html", **made)


def _args(page: int) -> dict[str, Any]:
    kept: dict[str, Any] = {name: values for name, values in request.args.lists() if name != "page"}
    return kept | {"page": page}


def _invoiced(goes: Sequence[Looked]) -> list[tuple[str, str]]:
    """Give what begins in a period that was already invoiced: the card, and the warning."""
    return [
        (f"{one.card.product_name or one.card.product}, {one.card.company}", warned.sentence)
        for one in goes
        if one.plan is not None
        for warned in one.plan.warnings
        if warned.code == "invoiced_ok"
    ]


def _ticked() -> Asked:
    """Read which cards were ticked.

    Raises:
        Invalid: None was, or too many.
    """
    given = request.form if request.method == "POST" else request.args
    ids = list(dict.fromkeys(forms.wholes(given, "card_id")))
    if not ids:
        raise Invalid("No card is ticked, so nothing was undone. Tick decided cards on the board.")
    if len(ids) > MOST:
        raise Invalid(
            f"{quantity(len(ids))} cards are more than the {quantity(MOST)} that are undone at once. Tick fewer."
        )
    seen = {}
    for part in given.get("seen", "").split():
        number, _, token = part.partition("=")
        if number.isascii() and number.isdigit() and len(number) <= 9:  # noqa: PLR2004 - an id has nine digits at most
            seen[int(number)] = token
    return Asked(
        chosen=[Chosen(card_id=one, seen=seen.get(one)) for one in ids],
        title=f"{count_of(len(ids), 'card')} ticked",
        action=url_for("undoing.selection"),
        back=url_for("cards.index", show="decided"),
    )


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
    return Asked(
        chosen=chosen,
        title=f"{words} {count_of(len(chosen), 'card')}, batch {batch.id} by {batch.by}",
        action=url_for("batches.undo", batch_id=batch_id),
        back=url_for("batches.show", batch_id=batch_id),
        batch=batch,
    )
