"""A card a source; syncs; for admins the age limits and the switch for writing."""

from collections.abc import Sequence
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.records import Connection
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.jobs import queue
from portal.services import connections, sync
from portal.services.connections import SourceAge
from portal.services.errors import Conflict, Invalid, NotFound
from portal.services.sync import SyncActive
from portal.web import forms
from portal.web.access import current_actor, may
from portal.web.connections import queries
from portal.web.connections.blueprint import bp, source_of
from portal.web.connections.psa import guided, psa_page
from portal.web.frame import frame, refresh_sources
from portal.web.htmx import announce, swaps
from portal.web.waiting import ages

PSA = "connectwise"
KINDS = {"quick": "Quick sync", "full": "Full sync"}


@bp.get("")
@may("read")
def index() -> ResponseReturnValue:
    """Show every source, or only the list of them while a run is at work."""
    found = _shown()
    if not swaps("sources"):
        return render_template("connections/index.html", **found)
    if found["active"] is None:
        refresh_sources()
    return render_template("connections/_sources.html", **found)


@bp.post("/<key>/sync")
@may("sync")
def start_sync(key: str) -> ResponseReturnValue:
    """Start a sync of ConnectWise, and show the sources with the run at work."""
    if key != PSA:
        source_of(key)
        raise Conflict("Files are not pulled. Import a newer file instead.")
    kind = request.form.get("kind", "quick")
    if kind not in KINDS:
        raise Invalid("Choose a quick or a full sync.", {"kind": "Choose a quick or a full sync."})
    try:
        with transaction() as session:
            run_id = sync.request_sync(session, kind, by=current_actor(), now=clock().now()).id
    except SyncActive as active:
        # two people pressed: both want to see it, so both are led to the one run
        run_id = active.run_id
        announce(str(active), "warn")
    else:
        announce(f"{KINDS[kind]} is queued. You can leave this page; it goes on.")
    queue.wake_sync(run_id)
    if swaps("sources"):
        return render_template("connections/_sources.html", **_shown())
    return redirect(url_for("setup.step", name="read") if guided() else url_for("activity.show", run_id=run_id), 303)


@bp.get("/<key>")
@may("settings")
def settings(key: str) -> ResponseReturnValue:
    """Show the settings of a source of files; ConnectWise has a page of its own."""
    return render_template("connections/vendor.html", source=source_of(key), hours="", error="")


@bp.post("/<key>/limit")
@may("settings")
def limit(key: str) -> ResponseReturnValue:
    """Set from which age on a source blocks approval."""
    hours = forms.whole(request.form, "hours") or 0  # which the service refuses, with the range
    try:
        with transaction() as session:
            connections.set_age_limit(session, key, hours, by=current_actor(), now=clock().now())
    except Invalid as error:
        typed = request.form.get("hours", "")
        if key == PSA:
            return psa_page(age={"hours": typed, "error": str(error)}, status=422)
        page = render_template("connections/vendor.html", source=source_of(key), hours=typed, error=str(error))
        return make_response(page, 422)
    announce(f"Numbers older than {hours} h block approval from now on.")
    return redirect(url_for(".index"), 303)


@bp.get("/writing")
@may("settings")
def writing() -> ResponseReturnValue:
    """Say what switching writing on or off does."""
    connection = _psa()
    if connection is None:
        raise NotFound("ConnectWise is not connected yet, so there is nothing to write to.")
    return render_template("connections/writing.html", connection=connection, planned=queries.planned_pushes(reading()))


@bp.post("/writing")
@may("settings")
def set_writing() -> ResponseReturnValue:
    """Switch writing on or off, if it still is what the page showed."""
    wanted = request.form.get("writing")
    if wanted not in {"on", "off"}:
        raise Invalid("Choose whether writing is to be on or off.")
    with transaction() as session:
        connection = connections.get_connectwise(session)
        if connection is not None and connection.writing == (wanted == "on"):
            raise Conflict(f"Writing to ConnectWise is {wanted} already. Somebody was quicker.")
        connections.set_writing(session, wanted == "on", by=current_actor(), now=clock().now())
    announce(
        "Writing is on: what is decided from now on is sent to ConnectWise."
        if wanted == "on"
        else "Writing is off: decisions are planned and kept, nothing is sent to ConnectWise."
    )
    return redirect(url_for(".index"), 303)


def _shown() -> dict[str, Any]:
    found: Sequence[SourceAge] = ages()
    active = next((source.active_run_id for source in found if source.active_run_id is not None), None)
    runs = queries.last_runs(reading())
    return {
        "sources": found,
        "connection": _psa(),
        "files": queries.last_files(reading()),
        "runs": runs,
        "active": next((run for run in runs if run.id == active), None),
        "read_only": frame().read_only,
    }


def _psa() -> Connection | None:
    return connections.get_connectwise(reading())
