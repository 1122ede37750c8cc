"""All pushes: what waits, is being sent or needs a look, and what was changed after it was confirmed."""

from datetime import UTC, datetime
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import look_back, push_several, pushes
from portal.services.errors import Conflict, Invalid
from portal.services.push_overview import SHOWS, Overview
from portal.services.push_several import Several
from portal.web import forms
from portal.web.access import current_actor, may
from portal.web.cards.wake import wake_push
from portal.web.cards.words import count_of
from portal.web.htmx import announce, swaps
from portal.web.pushes.queries import drifts_of, page_of
from portal.web.pushes.routes import bp

TABS = {
    "needs_look": "Needs a look",
    "waiting": "Waiting",
    "sending": "Being sent",
    "in_doubt": "Answer lost",
    "planned": "Planned",
    "drift": "Changed since",
    "settled": "Settled",
}
EMPTY = {
    "needs_look": "Nothing needs a look.",
    "waiting": "Nothing waits to be sent.",
    "sending": "Nothing is being sent.",
    "in_doubt": "No answer was lost.",
    "planned": "Nothing is planned.",
    "drift": "What was confirmed stands in ConnectWise as we left it.",
    "settled": "Nothing was sent yet.",
}
_MOVING = {"waiting", "sending", "in_doubt"}  # shows that ask again by themselves: they hold no fields
_POLL_SECONDS = 5
_SAID = 5  # writes named that were left


@bp.get("")
@may("read")
def index() -> ResponseReturnValue:
    """Show one part of all pushes; what moves by itself asks again."""
    return _page()


@bp.post("/retry")
@may("decide")
def retry_several() -> ResponseReturnValue:
    """Try the ticked pushes again."""
    try:
        with transaction() as session:
            made = push_several.retry_many(session, _ticked(), by=current_actor(), now=clock().now())
    except Invalid as refusal:
        return make_response(_page(refused=str(refusal)), refusal.status)
    for push_id in made.done:
        wake_push(push_id)
    return _told(made, "tried again")


@bp.post("/give-up")
@may("decide")
def give_up_several() -> ResponseReturnValue:
    """Give the ticked pushes up; their cards wait for a decision again."""
    try:
        reason = forms.text(request.form, "reason", longest=500) or None
        with transaction() as session:
            made = push_several.give_up_many(session, _ticked(), by=current_actor(), now=clock().now(), reason=reason)
    except Invalid as refusal:
        return make_response(_page(refused=str(refusal)), refusal.status)
    return _told(made, "given up")


@bp.post("/drift/<int:drift_id>/acknowledge")
@may("decide")
def acknowledge(drift_id: int) -> ResponseReturnValue:
    """Say that somebody knows of a line that was changed after it was confirmed."""
    reason = forms.text(request.form, "reason", longest=500) or None
    try:
        with transaction() as session:
            look_back.acknowledge(session, drift_id, by=current_actor(), now=clock().now(), reason=reason)
    except Conflict as refusal:
        return make_response(_page(show="drift", refused=str(refusal)), refusal.status)
    announce("Noted. It is told again only if the line changes once more.")
    return redirect(url_for("pushes.index", show="drift"), 303)


def _ticked() -> list[int]:
    return forms.wholes(request.form, "push_id")


def _told(made: Several, done: str) -> ResponseReturnValue:
    """Say what became of several pushes, and go back to the list."""
    words = f"{count_of(len(made.done), 'write')} {done}."
    if made.left:
        named = " ".join(f"Write {push_id}: {why}" for push_id, why in made.left[:_SAID])
        more = f" And {len(made.left) - _SAID} more." if len(made.left) > _SAID else ""
        words += f" {count_of(len(made.left), 'was', 'were')} left. {named}{more}"
    announce(words, "warn" if made.left else "ok")
    return redirect(url_for("pushes.index", show="needs_look"), 303)


def _page(*, show: str = "", refused: str = "") -> str:
    """Show the page, or only its list."""
    session = reading()
    counts = pushes.overview(session)
    wanted = show or request.args.get("show", "")
    unknown = wanted if wanted and wanted not in TABS else ""
    chosen = wanted if wanted in TABS else _first(counts)
    words = forms.text(request.args, "q", longest=100)
    number = forms.whole(request.args, "page") or 1
    batch_id = forms.whole(request.args, "batch")
    seen = pushes.worker_seen(session, datetime.now(UTC))
    made: dict[str, Any] = {
        "show": chosen,
        "tabs": [
            (name, title, getattr(counts, "drifted" if name == "drift" else name, None)) for name, title in TABS.items()
        ],
        "counts": counts,
        "q": words,
        "batch_id": batch_id,
        "empty": EMPTY[chosen],
        "unknown": unknown,
        "refused": refused,
        "silent": seen.sentence if counts.waiting + counts.sending + counts.in_doubt + counts.needs_look else "",
        "poll": _POLL_SECONDS if chosen in _MOVING else None,
        "known": bool(request.args.get("known")),
        "real_now": datetime.now(UTC),
        "page_url": lambda page: url_for(
            "pushes.index", show=chosen, q=words or None, batch=batch_id, known=request.args.get("known"), page=page
        ),
    }
    if chosen == "drift":
        rows, names, total, number, pages = drifts_of(session, words, number, known=made["known"])
        made |= {"drifts": rows, "names": names, "total": total, "number": number, "pages": pages, "rows": []}
    else:
        page = page_of(session, next(one for one in SHOWS if one == chosen), words, number, batch_id=batch_id)
        made |= {"rows": page.rows, "total": page.total, "number": page.number, "pages": page.pages, "drifts": []}
    return render_template("pushes/_list.html" if swaps("pushes") else "pushes/index.html", **made)


def _first(counts: Overview) -> str:
    """Choose what is shown where nothing was asked for: what needs a look, else what is on its way."""
    for name in ("needs_look", "in_doubt", "sending", "waiting"):
        if getattr(counts, name):
            return name
    return "needs_look"
