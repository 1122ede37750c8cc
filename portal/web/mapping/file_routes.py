"""The whole mapping as one file: written out, and read back after a look at what it would change."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.session import transaction
from portal.factory import clock
from portal.services import mapping
from portal.services.errors import Invalid
from portal.services.mapping_file import Change
from portal.web.access import current_actor, may
from portal.web.htmx import announce, swaps
from portal.web.kept_files import KeptFiles
from portal.web.mapping.accounts import account_rows, company_names
from portal.web.mapping.common import bp, database, period

FILES = KeptFiles("mapping", "mapping")
SHOWN = 500  # changes that the page lists


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeShown:
    """One entry that differs.

    Args:
        kind: maps, moves or excludes.
        units: What the account counts now; none: a service, or nothing counted.
    """

    kind: str
    where: str
    title: str
    before: str
    after: str
    units: Decimal | None


@bp.get("/file.json")
@may("read")
def export_file() -> ResponseReturnValue:
    """Give the mapping as a file: sorted, an entry a line."""
    text = mapping.mapping_text(mapping.export_mapping(database()))
    headers = {"Content-Disposition": 'attachment; filename="mapping.json"'}
    return Response(text, mimetype="application/json", headers=headers)


@bp.get("/file")
@may("settings")
def upload() -> ResponseReturnValue:
    """Ask for a mapping file."""
    return render_template("mapping/upload.html", wrong="")


@bp.post("/file")
@may("settings")
def receive() -> ResponseReturnValue:
    """Keep a mapping file and show what it would change; nothing is changed yet."""
    try:
        text = FILES.chosen()
        mapping.read_mapping_text(text)
    except Invalid as error:
        return render_template("mapping/upload.html", wrong=str(error)), 422
    name = FILES.keep(text)
    return redirect(url_for("mapping.diff", file_id=name), 303)


@bp.get("/file/<file_id>")
@may("settings")
def diff(file_id: str) -> ResponseReturnValue:
    """Show what a mapping file would change."""
    return _diff_page(file_id, "")


@bp.post("/file/<file_id>/apply")
@may("settings")
def apply(file_id: str) -> ResponseReturnValue:
    """Apply a mapping file: everything at once, or nothing."""
    data = mapping.read_mapping_text(FILES.text(file_id))
    try:
        with transaction() as session:
            done = mapping.apply_mapping_file(session, data, by=current_actor(), now=clock().now(), zone=clock().zone)
    except Invalid as error:
        return _diff_page(file_id, str(error)), 422
    changed = len(done.changes)
    announce(f"Applied {changed} {'change' if changed == 1 else 'changes'}; {done.equal} entries were equal.")
    return redirect(url_for("mapping.accounts", state="mapped"), 303)


@bp.post("/file/<file_id>/drop")
@may("settings")
def drop(file_id: str) -> ResponseReturnValue:
    """Throw a mapping file away."""
    FILES.drop(file_id)
    announce("The mapping file was thrown away. Nothing was changed.")
    return redirect(url_for("mapping.accounts"), 303)


def _diff_page(file_id: str, wrong: str) -> str:
    """Give the page of differences, or only its part."""
    session = database()
    found = mapping.diff_mapping(session, mapping.read_mapping_text(FILES.text(file_id)))
    lists = (("maps", found.maps), ("moves", found.moves), ("excludes", found.excludes))
    every = [(kind, change) for kind, changes in lists for change in changes]
    context: dict[str, Any] = {
        "file_id": file_id,
        "changes": _shown(session, every[:SHOWN]),
        "total": len(every),
        "refused": found.refused[:SHOWN],
        "refused_total": len(found.refused),
        "equal": found.equal,
        "new_vendors": found.new_vendors,
        "wrong": wrong,
    }
    template = "mapping/_diff.html" if swaps("mapping-diff") else "mapping/diff.html"
    return render_template(template, **context)


def _shown(session: Session, changes: list[tuple[str, Change]]) -> list[ChangeShown]:
    """Name what the changes are about: companies by their names, accounts with what they count now."""
    units = {(row.vendor.title, row.external_id): row.units for row in account_rows(session, period(), clock().zone)}
    texts = [text for _kind, change in changes for text in (change.before or "", change.entry.value())]
    ids = {int(found[1]) for text in texts if (found := re.fullmatch(r"company ([0-9]+)", text))}
    names = company_names(session, ids)

    def words(text: str) -> str:
        found = re.fullmatch(r"company ([0-9]+)", text)
        return text if found is None else f"{names[int(found[1])].name}, PSA {found[1]}"

    return [
        ChangeShown(
            kind=kind,
            where=change.entry.where,
            title=change.entry.title(),
            before="unmapped" if change.before is None else words(change.before),
            after=words(change.entry.value()),
            units=units.get((change.entry.key[0], change.entry.key[1])) if change.entry.what == "account" else None,
        )
        for kind, change in changes
    ]
