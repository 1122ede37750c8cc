"""A run while it works, and what came of it; the history of all runs."""

import csv
import io
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError

from portal.db.records import PsaAgreement, SyncRun
from portal.db.session import reading, transaction
from portal.domain.spreadsheets import safe
from portal.factory import clock
from portal.services import notices, sync
from portal.services.errors import NotFound
from portal.web.access import current_person, may
from portal.web.activity import parts
from portal.web.activity.queries import (
    NAMES,
    OUTCOMES,
    RunFilter,
    history,
    skipped_rows,
    usual_seconds,
    waits_seconds,
)
from portal.web.connections.queries import shown
from portal.web.filters import age
from portal.web.frame import refresh_sources
from portal.web.htmx import announce, swaps
from portal.web.waiting import waiting

bp = Blueprint("activity", __name__, url_prefix="/activity")
POLL_SECONDS = (1, 2, 2, 3)  # a bar that stands still for longer looks stopped
LOOKS_LONG = timedelta(minutes=1)  # after which a run that nobody works on is spoken of
SEEN_WAITS_MS = 200  # taking a notice away is worth no wait
_KEY_WORDS = ("key", "role", "sign-in", "certificate", "address", "401", "403", "not connected", "company id")


@bp.get("")
@may("read")
def index() -> ResponseReturnValue:
    """Show the history of runs, or only its table when the filter swaps it."""
    wanted = RunFilter.read(request.args)
    template = "activity/_runs.html" if swaps("runs") else "activity/index.html"
    return render_template(template, wanted=wanted, page=history(reading(), wanted), names=NAMES, outcomes=OUTCOMES)


@bp.get("/<int:run_id>")
@may("read")
def show(run_id: int) -> ResponseReturnValue:
    """Show a run; its part asks again by itself until the run is over."""
    found = _run(run_id)
    if found.state in {"done", "failed"}:
        with suppress(OperationalError), transaction(patience_ms=SEEN_WAITS_MS) as session:
            notices.dismiss_about(session, request.path, person_id=current_person().id, now=clock().now())
        found = _run(run_id)
    values = progress_of(found)
    run, asked = values["run"], values["asked"] - 1
    if swaps("progress"):
        if run.over and asked:
            refresh_sources()
            announce(f"{NAMES[run.kind]} is done." if run.state == "done" else f"{NAMES[run.kind]} failed.")
        return render_template("activity/_progress.html", **values)
    return render_template("activity/show.html", **values)


@bp.get("/<int:run_id>/skipped.csv")
@may("read")
def skipped_file(run_id: int) -> ResponseReturnValue:
    """Give what a run skipped as CSV, safe to open in a spreadsheet."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows([safe(cell) for cell in row] for row in skipped_rows(_run(run_id)))
    answer = Response("\ufeff" + buffer.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="skipped-{run_id}.csv"'
    return answer


def progress_of(found: SyncRun) -> dict[str, Any]:
    """Give what a run's progress shows."""
    run = shown(found)
    times = request.args.get("times", "0")
    asked = int(times) if times.isascii() and times.isdigit() and len(times) < 4 else 0  # noqa: PLR2004 - a count of polls
    return {
        "run": run,
        "name": NAMES[run.kind],
        "parts": parts.parts_of(found.parts or ()),
        "resumed": found.resumed or 0,
        "waits": waits_seconds(found),
        "skipped": parts.by_reason(run.skipped),
        "skipped_total": max(len(run.skipped), sum(each.skipped for each in run.counts)),
        "usual": usual_seconds(reading(), run.kind, but=run.id),
        "about_keys": _about_keys(run.error),
        "asked": asked + 1,
        "delay": POLL_SECONDS[min(asked, len(POLL_SECONDS) - 1)],
        "agreement": reading().get(PsaAgreement, run.agreement_id) if run.agreement_id else None,
        "active": sync.active_run(reading()) if run.over else found,
        "now": clock().now(),
        "silent": "" if run.over else _silence(found),
        "flagged": waiting().statuses if run.state == "done" else 0,
    }


def _run(run_id: int) -> SyncRun:
    found = reading().get(SyncRun, run_id)
    if found is None:
        raise NotFound(f"There is no run {run_id}.")
    return found


def _about_keys(error: str) -> bool:
    """Tell whether an error is about how ConnectWise is reached, so that trying again would change nothing."""
    low = error.lower()
    return any(word in low for word in _KEY_WORDS)


def _silence(run: SyncRun) -> str:
    """Say that nobody works on a run, once that is likely."""
    if waits_seconds(run) is not None:
        return ""
    if run.state == "queued":
        waits = clock().now() - run.queued_at
        if waits > LOOKS_LONG:
            return (
                f"No worker has taken it for {age(run.queued_at)}. Is one running? Whoever runs the portal starts it "
                "with “make worker”."
            )
        return ""
    silent = datetime.now(UTC) - (run.heartbeat_at or datetime.now(UTC))
    if silent > LOOKS_LONG:
        minutes = int(silent.total_seconds() // 60)
        return (
            f"Nothing was heard of its worker for {minutes} min. If that was stopped, another one goes on where it "
            f"stopped after {int(sync.SILENCE.total_seconds() // 60)} min at the latest."
        )
    return ""


def register(app: Flask) -> None:
    """Register the screen and its filters."""
    app.register_blueprint(bp)
    for each in (parts.rate_words, parts.about_words, parts.took_words):
        app.add_template_filter(each, each.__name__)
