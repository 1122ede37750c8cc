"""Today, and the tape that stands on every page."""

from collections import Counter
from contextlib import suppress
from typing import Any

from flask import Blueprint, Flask, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading
from portal.domain.periods import Period
from portal.factory import clock
from portal.services import look_back
from portal.services.cards import DECIDABLE
from portal.services.setting_up import start_of
from portal.web.access import current_person, may, public, signed_in
from portal.web.connections.queries import last_files, last_runs, planned_pushes
from portal.web.frame import WINDOW_DAYS, frame, look_at, notices_beside, refresh_sources
from portal.web.htmx import swaps
from portal.web.today.plots import WORDS, money_plot, pieces
from portal.web.today.queries import month_of, needing
from portal.web.waiting import ages, waiting

bp = Blueprint("today", __name__)


@bp.get("/")
@may("read")
def index() -> ResponseReturnValue:
    """Show the month, or only how old the numbers are while a run is at work."""
    if swaps("sources"):
        found = _sources()
        if found["active"] is None:
            refresh_sources()
        return render_template("today/_sources.html", **found)
    session, period = reading(), Period.holding(clock().today())
    start = start_of(session)
    if not start.ready:
        return render_template("today/start.html", start=start, **_sources())
    month = month_of(session, period, person_id=current_person().id, now=clock().now())
    needs, more_needs = needing(session, period)
    cards: Counter[str] = Counter()
    for stake in month.stakes:
        cards[stake.currency] += stake.cards
    currencies = [currency for currency, _ in cards.most_common()]
    return render_template(
        "today/index.html",
        start=start,
        month=month,
        period=period,
        pieces=pieces(month),
        plots=[money_plot([s for s in month.stakes if s.currency == each], each) for each in currencies],
        currencies=currencies,
        words=WORDS,
        waits=_waits(month.states),
        needs=needs,
        more_needs=more_needs,
        waiting=waiting(),
        planned=0 if frame().read_only else planned_pushes(session),
        drifted=look_back.drift_count(session),
        window_days=WINDOW_DAYS,
        **_sources(),
    )


def _waits(states: Counter[str]) -> list[tuple[str, int, str]]:
    """Say what is on its way or waits: the words, how many, and the address of exactly those cards."""
    listed = (
        ("waits for a second person" if states["waiting"] == 1 else "wait for a second person", "waiting"),
        ("planned, not sent", "planned"),
        ("on the way to ConnectWise", "queued"),
        ("being sent", "sending"),
        ("with a lost answer, being looked up", "in_doubt"),
        ("confirmed by ConnectWise", "confirmed"),
        ("dismissed", "dismissed"),
        ("given up", "given_up"),
        ("failed", "failed"),
        ("changed in ConnectWise since", "changed_in_psa"),
    )
    return [
        (words, states[state], url_for("cards.index", show="decide" if state in DECIDABLE else "decided", state=state))
        for words, state in listed
        if states[state]
    ]


@bp.get("/tape")
@public
def tape() -> ResponseReturnValue:
    """Show the tape, or nothing while its text is the same.

    A page whose session ended is not moved away by its own poll, since somebody may be typing there: the tape says so.
    """
    if signed_in() is None:
        return render_template("today/_tape_ended.html")
    with suppress(ValueError):
        look_at(Period.parse(request.args.get("period", "")))
    if frame().tape.version == request.args.get("seen"):
        return "", 204
    notices_beside()
    return render_template("today/_tape.html")


def _sources() -> dict[str, Any]:
    """Give what the list of sources shows."""
    found = ages()
    active = next((source.active_run_id for source in found if source.active_run_id is not None), None)
    runs = last_runs(reading())
    return {
        "sources": found,
        "files": last_files(reading()),
        "active": next((run for run in runs if run.id == active), None),
        "last_run": runs[0] if runs else None,
    }


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
