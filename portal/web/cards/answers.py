"""How the board answers: a row with what stands below it, alone for htmx or on a page of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.session import reading
from portal.domain.periods import Period
from portal.web import frame
from portal.web.cards import context, detail, queries, why
from portal.web.cards.filters import BoardFilter
from portal.web.cards.forms import Typed
from portal.web.filters import quantity
from portal.web.htmx import announce, beside, swaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice below a row."""

    tone: str
    what: str
    text: str = ""


def card(
    card_id: int,
    *,
    below: str | None = None,
    form: Typed | None = None,
    notice: Notice | None = None,
    status: int = 200,
    decided: bool = False,
) -> ResponseReturnValue:
    """Show a card: its row and what stands below, as a part or as a page.

    Args:
        card_id: The card.
        below: `why`, or the name of a form; none: the row alone (a page always shows why).
        form: As it was typed.
        notice: Stands first below the row.
        status: Of the answer.
        decided: A decision was made: send heading, tabs and rail along.
    """
    session = reading()
    found = context.find_card(session, card_id)
    board = context.list_of_row(session)
    part = swaps(f"card-{card_id}")
    row = context.one_row(session, found, board, asked=_asked())
    shown = below or (None if part else "why")
    made: dict[str, Any] = {"row": row, "notice": notice, "asked": _asked(), "detail": None}
    made["tags"] = context.tags_of(session, [found])
    if shown is not None:
        made["detail"] = f"cards/_{shown}.html"
        made |= why.why(session, row) if shown == "why" else detail.form_context(session, row, shown, form or Typed())
    if not part:
        frame.look_at(Period.parse(found.period))
        return make_response(render_template("cards/show.html", where=row.where, back=board, **made), status)
    answer = make_response(render_template("cards/_card.html", **made), status)
    if decided:
        send_counts(session, board, row.where.titles)
    return answer


def send_counts(session: Session, board: BoardFilter | None, titles: Mapping[str, str]) -> None:
    """Send along every number of the list that a row stands in, and the rail.

    The rows keep their place until the list is asked for again; so do the sums of their groups, which are of the rows
    that are shown.
    """
    if board is not None:
        counted = context.counts_context(session, board) | {"choices": context.choices(session, board, titles)}
        beside(render_template("cards/_count.html", oob=True, **counted))
        beside(render_template("cards/_tabs.html", oob=True, **counted))
        beside(render_template("cards/_choices.html", **counted))
    frame.refresh_counts()


def after_decision(card_id: int, words: str, following: int | None, others: Sequence[int] = ()) -> ResponseReturnValue:
    """Answer to a decision: the row as it is now; without htmx back to the list, at the card that follows.

    Args:
        card_id: The card that was decided.
        words: What was done, such as "Approved 12."
        following: The card that followed it in its list.
        others: Cards that the decision changed too; their rows are sent along.
    """
    session = reading()
    board = context.list_of_row(session)
    left = queries.count(session, board or context.plain_board(session)).to_decide
    announce(f"{words} {quantity(left)} to decide.")
    if swaps(f"card-{card_id}"):
        for one in others:
            row = context.one_row(session, context.find_card(session, one), board)
            beside(render_template("cards/_card.html", row=row, notice=None, asked=0, detail=None, oob=True))
        return card(card_id, decided=True)
    if board is None:
        return redirect(url_for("cards.show", card_id=card_id), 303)
    anchor = None if following is None else f"card-{following}"
    return redirect(url_for("cards.index", **board.args(open=None), _anchor=anchor), 303)


def following_card(card_id: int) -> int | None:
    """Give the card after this one in its list, for people who go on without htmx."""
    session = reading()
    board = context.list_of_row(session)
    if board is None or swaps(f"card-{card_id}"):
        return None
    ids = queries.ordered_ids(session, board)
    place = ids.index(card_id) + 1 if card_id in ids else 0
    return ids[place] if place < len(ids) else None


def _asked() -> int:
    """Tell how often a row has asked for itself."""
    text = request.args.get("asked", "")
    return min(int(text[:4]), 99) if text.isascii() and text.isdigit() else 0
