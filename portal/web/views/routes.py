"""The views of the board that a person sees. A view is an address of the board; opening one is a link."""

from urllib.parse import urlencode

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import views
from portal.web import forms
from portal.web.access import current_actor, current_person, may
from portal.web.cards import queries
from portal.web.cards.context import current_period
from portal.web.cards.filters import GROUPS, SORTS, BoardFilter, in_words, read_back
from portal.web.htmx import announce

bp = Blueprint("views", __name__, url_prefix="/views")


@bp.get("")
@may("read")
def index() -> ResponseReturnValue:
    """List the views that this person sees."""
    session, person = reading(), current_person()
    titles = queries.vendor_titles(session)
    found = views.seen_by(session, person.id)
    chosen = views.default_of(session, person.id, person.preferences)
    boards = {view.id: read_back(view.query, current_period(), titles) for view in found}
    return render_template(
        "views/index.html",
        views=found,
        words={one: _words(board, titles) for one, board in boards.items()},
        addresses={view.id: address_of(view.query) for view in found},
        owners=views.owners(session, found),
        chosen=None if chosen is None else chosen.id,
        person=person,
    )


@bp.post("")
@may("decide")
def save() -> ResponseReturnValue:
    """Keep the list that was shown under a name, and go back to it."""
    session = reading()
    board = read_back(request.form.get("query", ""), current_period(), queries.vendor_titles(session))
    query = urlencode(board.args(page=None, open=None, period=None))
    with transaction() as store:
        view = views.save(
            store,
            name=request.form.get("name", ""),
            query=query,
            shared=forms.ticked(request.form, "shared"),
            by=current_actor(),
            now=clock().now(),
        )
        name = view.name
    announce(f"Saved as “{name}”.")
    return redirect(address_of(query), 303)


@bp.post("/<int:view_id>/rename")
@may("decide")
def rename(view_id: int) -> ResponseReturnValue:
    """Give a view another name."""
    with transaction() as store:
        view = views.rename(store, view_id, name=request.form.get("name", ""), by=current_actor(), now=clock().now())
        announce(f"Its name is “{view.name}” now.")
    return redirect(url_for(".index"), 303)


@bp.post("/<int:view_id>/share")
@may("close")
def share(view_id: int) -> ResponseReturnValue:
    """Share a view with everybody, or stop."""
    shared = forms.ticked(request.form, "shared")
    with transaction() as store:
        view = views.share(store, view_id, shared=shared, by=current_actor(), now=clock().now())
        announce(f"Everybody sees “{view.name}” now." if shared else f"“{view.name}” belongs to its owner alone again.")
    return redirect(url_for(".index"), 303)


@bp.post("/<int:view_id>/delete")
@may("decide")
def delete(view_id: int) -> ResponseReturnValue:
    """Delete a view."""
    with transaction() as store:
        name = views.delete(store, view_id, by=current_actor(), now=clock().now())
    announce(f"The view “{name}” is deleted. No card was changed.")
    return redirect(url_for(".index"), 303)


@bp.post("/default")
@may("read")
def default() -> ResponseReturnValue:
    """Let the board open with a view, or as it is."""
    with transaction() as store:
        view = views.open_with(store, forms.whole(request.form, "view"), by=current_actor())
        announce(
            f"The board opens with “{view.name}” now." if view else "The board opens with all cards to decide now."
        )
    return redirect(url_for(".index"), 303)


def _words(board: BoardFilter, titles: dict[str, str]) -> str:
    """Say what a view shows, and how."""
    names = {"vendor": titles.get(board.vendor, board.vendor)}
    return f"{in_words(board, names)}; {GROUPS[board.group].lower()}, {SORTS[board.sort].lower()}"


def address_of(query: str) -> str:
    """Give the board's address of a view. One without any parameter says so, since the bare one opens the default."""
    return f"{url_for('cards.index')}?{query or 'show=decide'}"


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
