"""Notes on a card's pair or on one of its lines: everybody reads, billers and above write."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session

from portal.db.records import Card, Note
from portal.db.session import reading, transaction
from portal.domain.periods import Period
from portal.factory import clock
from portal.services import notes
from portal.services.errors import Invalid, NotFound
from portal.web import frame
from portal.web.access import allowed, current_actor, may
from portal.web.forms import ticked, whole
from portal.web.htmx import announce, swaps

bp = Blueprint("notes", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What somebody typed that could not be used, and why.

    Args:
        note: The note that it changes; none: a new one.
    """

    text: str = ""
    addition: int | None = None
    note: int | None = None
    error: str = ""


@bp.get("/cards/<int:card_id>/notes")
@may("read")
def index(card_id: int) -> ResponseReturnValue:
    """Show the notes of a card, as the part of its detail or as a page; `all=1`: also what was changed or deleted."""
    session = reading()
    editing = whole(request.args, "edit") if allowed("decide") else None
    return _answer(session, _card(session, card_id), editing=editing)


@bp.post("/cards/<int:card_id>/notes")
@may("decide")
def add(card_id: int) -> ResponseReturnValue:
    """Write a note."""
    text, addition = request.form.get("text", ""), whole(request.form, "addition")
    with transaction() as session:
        card = _card(session, card_id)
        try:
            notes.add(session, card_id, text=text, addition_id=addition, by=current_actor(), now=clock().now())
        except Invalid as error:
            typed = Typed(text=text, addition=addition, error=next(iter(error.fields.values()), str(error)))
            return _answer(session, card, typed=typed, status=422)
        return _done(session, card, "Noted.")


@bp.post("/cards/<int:card_id>/notes/<int:note_id>")
@may("decide")
def edit(card_id: int, note_id: int) -> ResponseReturnValue:
    """Change what a note says."""
    text = request.form.get("text", "")
    with transaction() as session:
        card = _card_of_note(session, card_id, note_id)
        try:
            notes.edit(
                session, note_id, text=text, seen=whole(request.form, "seen"), by=current_actor(), now=clock().now()
            )
        except Invalid as error:
            typed = Typed(text=text, note=note_id, error=next(iter(error.fields.values()), str(error)))
            return _answer(session, card, typed=typed, editing=note_id, status=422)
        return _done(session, card, "The note is changed. What it said before is kept.")


@bp.post("/cards/<int:card_id>/notes/<int:note_id>/delete")
@may("decide")
def delete(card_id: int, note_id: int) -> ResponseReturnValue:
    """Take a note off."""
    with transaction() as session:
        card = _card_of_note(session, card_id, note_id)
        notes.delete(session, note_id, seen=whole(request.form, "seen"), by=current_actor(), now=clock().now())
        return _done(session, card, "The note is deleted. What it said is kept in the history of the notes.")


def _card(session: Session, card_id: int) -> Card:
    card = session.get(Card, card_id)
    if card is None:
        raise NotFound(f"There is no card {card_id}. Its notes stay with the agreement and the product.")
    return card


def _card_of_note(session: Session, card_id: int, note_id: int) -> Card:
    """Give the card that a note is shown on.

    Raises:
        NotFound: There is no such card, or the note is not one of its.
    """
    card = _card(session, card_id)
    if all(note.id != note_id for note in notes.history_of_card(session, card)):
        raise NotFound(f"Card {card_id} has no note {note_id}. Nothing was changed.")
    return card


def _done(session: Session, card: Card, said: str) -> ResponseReturnValue:
    """Answer a change with the notes as they are now, or go back to their page."""
    announce(said)
    if swaps(f"notes-{card.id}"):
        return _answer(session, card)
    return redirect(url_for("notes.index", card_id=card.id), 303)


def _answer(
    session: Session, card: Card, *, typed: Typed | None = None, editing: int | None = None, status: int = 200
) -> ResponseReturnValue:
    context = _context(session, card, typed=typed, editing=editing, whole_history=ticked(request.args, "all"))
    if swaps(f"notes-{card.id}"):
        return make_response(render_template("notes/_list.html", **context), status)
    frame.look_at(Period.parse(card.period))
    return make_response(render_template("notes/index.html", **context), status)


def notes_part(card: Card) -> Markup:
    """Give the notes of a card, to stand on its own page. For templates."""
    context = _context(reading(), card, typed=None, editing=None, whole_history=False)
    return Markup(render_template("notes/_list.html", **context))  # noqa: S704 - a template's output


def _context(
    session: Session, card: Card, *, typed: Typed | None, editing: int | None, whole_history: bool
) -> dict[str, Any]:
    by = current_actor()
    every = notes.history_of_card(session, card)
    standing = [note for note in every if note.deleted_at is None]
    return {
        "card": card,
        "notes": every if whole_history else standing,
        "standing": len(standing),
        "hidden": len(every) - len(standing) + sum(bool(note.earlier) for note in standing),
        "all": whole_history,
        "editing": editing if _may(every, editing) else None,
        "typed": typed or Typed(),
        "lines": notes.lines_of(session, card),
        "mine": {note.id for note in standing if notes.may_edit(note, by)},
        "deletable": {note.id for note in standing if notes.may_delete(note, by)},
        "longest": notes.LONGEST,
    }


def _may(every: list[Note], note_id: int | None) -> bool:
    """Tell whether who is signed in may change this note."""
    by = current_actor()
    return any(note.id == note_id and note.deleted_at is None and notes.may_edit(note, by) for note in every)


def register(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)
    app.add_template_global(notes_part)
