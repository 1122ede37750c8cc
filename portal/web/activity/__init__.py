"""A run while it works, and what came of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Flask, render_template, request
from flask.typing import ResponseReturnValue

from portal.db.records import PsaAgreement, SyncRun
from portal.db.session import reading
from portal.factory import clock
from portal.services import sync
from portal.services.errors import NotFound
from portal.web.access import may
from portal.web.connections.queries import shown
from portal.web.filters import age
from portal.web.htmx import announce, swaps

bp = Blueprint("activity", __name__, url_prefix="/activity")
POLL_SECONDS = (1, 2, 5, 10)
LOOKS_LONG = timedelta(minutes=1)  # after which a run that nobody works on is spoken of
NAMES = {"full": "Full sync", "quick": "Quick sync", "agreement": "Agreement read again"}


@bp.get("/<int:run_id>")
@may("read")
def show(run_id: int) -> ResponseReturnValue:
    """Show a run; its part asks again by itself until the run is over."""
    found = reading().get(SyncRun, run_id)
    if found is None:
        raise NotFound(f"There is no run {run_id}.")
    run = shown(found)
    times = request.args.get("times", "0")
    asked = int(times) if times.isascii() and times.isdigit() and len(times) < 4 else 0  # noqa: PLR2004 - a count of polls
    values: dict[str, Any] = {
        "run": run,
        "name": NAMES[run.kind],
        "asked": asked + 1,
        "delay": POLL_SECONDS[min(asked, len(POLL_SECONDS) - 1)],
        "agreement": reading().get(PsaAgreement, run.agreement_id) if run.agreement_id else None,
        "active": sync.active_run(reading()) if run.over else found,
        "now": clock().now(),
        "silent": "" if run.over else _silence(found),
    }
    if swaps("progress"):
        if run.over and asked:
            announce(f"{NAMES[run.kind]} is done." if run.state == "done" else f"{NAMES[run.kind]} failed.")
        return render_template("activity/_progress.html", **values)
    return render_template("activity/show.html", **values)


def _silence(run: SyncRun) -> str:
    """Say that nobody works on a run, once that is likely."""
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
            f"Nothing was heard of its worker for {minutes} min. If that was stopped, this ends by itself after "
            f"{int(sync.SILENCE.total_seconds() // 60)} min, and another sync can be started."
        )
    return ""


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
