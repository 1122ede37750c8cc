"""All meanings as one file: written out, and read back after a look at what it would change."""

from flask import Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import status_file
from portal.services.errors import Invalid
from portal.web.access import current_actor, may
from portal.web.htmx import announce
from portal.web.kept_files import KeptFiles
from portal.web.statuses.blueprint import bp

FILES = KeptFiles("statuses", "statuses")
SHOWN = 500  # changes that the page lists


@bp.get("/file.json")
@may("read")
def export_file() -> ResponseReturnValue:
    """Give all meanings as a file: sorted, an entry a line."""
    text = status_file.statuses_text(status_file.export_statuses(reading()))
    headers = {"Content-Disposition": 'attachment; filename="statuses.json"'}
    return Response(text, mimetype="application/json", headers=headers)


@bp.get("/file")
@may("settings")
def upload() -> ResponseReturnValue:
    """Ask for a file of meanings."""
    return render_template("statuses/upload.html", wrong="")


@bp.post("/file")
@may("settings")
def receive() -> ResponseReturnValue:
    """Keep a file and show what it would change; nothing is changed yet."""
    try:
        text = FILES.chosen()
        status_file.read_statuses_text(text)
    except Invalid as error:
        return render_template("statuses/upload.html", wrong=str(error)), 422
    return redirect(url_for("statuses.diff", file_id=FILES.keep(text)), 303)


@bp.get("/file/<file_id>")
@may("settings")
def diff(file_id: str) -> ResponseReturnValue:
    """Show what a file would change."""
    return _diff_page(file_id, "")


@bp.post("/file/<file_id>/apply")
@may("settings")
def apply(file_id: str) -> ResponseReturnValue:
    """Apply a file: everything at once, or nothing."""
    data = status_file.read_statuses_text(FILES.text(file_id))
    now, zone = clock().now(), clock().zone
    try:
        with transaction() as session:
            found = status_file.diff_statuses(session, data)
            effect = status_file.effect_of_file(session, found, now=now, zone=zone)
            done = status_file.apply_statuses_file(session, data, by=current_actor(), now=now, zone=zone)
    except Invalid as error:
        return _diff_page(file_id, str(error)), 422
    changed = len(done.changes)
    announce(f"Applied {changed} {'meaning' if changed == 1 else 'meanings'}; {done.equal} were equal. {effect.done}")
    return redirect(url_for("statuses.index"), 303)


@bp.post("/file/<file_id>/drop")
@may("settings")
def drop(file_id: str) -> ResponseReturnValue:
    """Throw a file away."""
    FILES.drop(file_id)
    announce("The file was thrown away. Nothing was changed.")
    return redirect(url_for("statuses.index"), 303)


def _diff_page(file_id: str, wrong: str) -> str:
    """Give the page of differences."""
    session = reading()
    found = status_file.diff_statuses(session, status_file.read_statuses_text(FILES.text(file_id)))
    return render_template(
        "statuses/diff.html",
        file_id=file_id,
        diff=found,
        changes=[(one, status_file.words_of(one)) for one in found.changes[:SHOWN]],
        refused=found.refused[:SHOWN],
        effect=status_file.effect_of_file(session, found, now=clock().now(), zone=clock().zone),
        wrong=wrong,
    )
