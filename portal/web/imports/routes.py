"""Imports: choose files, check how each was understood, change it; the history."""

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.records import UsageImport, Vendor
from portal.db.session import reading
from portal.factory import clock, settings_of
from portal.services.errors import Conflict, Invalid, NotFound
from portal.services.import_uploads import kept_file
from portal.web.access import allowed, current_actor, may
from portal.web.forms import whole
from portal.web.htmx import announce, swaps
from portal.web.imports.changes import changes
from portal.web.imports.choosing import Waiting, taken_in, whose
from portal.web.imports.form import spec_of_form
from portal.web.imports.layout import counted_at_of, look
from portal.web.imports.pages import OPEN, import_page, outcome_part, the_import
from portal.web.imports.queries import history, periods
from portal.web.imports.questions import answered, changed_saved, with_other_names
from portal.web.imports.reading import Told, again, last_profile

bp = Blueprint("imports", __name__, url_prefix="/imports")


@bp.get("")
@may("read")
def index() -> ResponseReturnValue:
    """Ask for files, and show what was imported."""
    return _choose_page(wrong={}, chosen={})


@bp.post("")
@may("import")
def choose() -> ResponseReturnValue:
    """Take files in and begin to read them; nothing counts yet."""
    chosen = {"vendor": request.form.get("vendor", ""), "new_vendor": request.form.get("new_vendor", "")}
    try:
        done, waiting = taken_in(request.files.getlist("file"), chosen, by=current_actor())
    except (Invalid, NotFound) as error:
        fields = error.fields if isinstance(error, Invalid) else {}
        page = _choose_page(wrong=fields or {"vendor": str(error)}, chosen=chosen, sentence=str(error))
        return page, 422
    return _onwards(done, waiting)


@bp.post("/whose")
@may("import")
def say_whose() -> ResponseReturnValue:
    """Take in files whose vendor nothing told, now that a person says it."""
    done, waiting, sentence = whose(request.form, by=current_actor())
    if sentence:
        return _whose_page(waiting, sentence=sentence), 422
    return _onwards(done, waiting)


@bp.get("/<int:import_id>")
@may("read")
def show(import_id: int) -> ResponseReturnValue:
    """Show an import: how it was understood while it is open, otherwise what became of it."""
    found = the_import(reading(), import_id)
    if swaps("outcome"):
        return outcome_part(found)
    return import_page(found)


@bp.post("/<int:import_id>")
@may("import")
def change(import_id: int) -> ResponseReturnValue:
    """Read the file in another way. What was read before never counted, and goes."""
    session = reading()
    found = the_import(session, import_id)
    if found.state not in OPEN:
        raise Conflict(f"{found.filename} is not open any more: {found.message} Nothing was changed.")
    path = kept_file(settings_of().uploads, found.sha256)
    if path is None:
        raise Conflict("The file is no longer kept. Choose it again.")
    old, was = dict(found.spec), _numbers(found)
    asked = list(found.notes.get("questions", []))
    try:
        spec = spec_of_form(old, request.form, path)
        spec, left = answered(old, spec, request.form, asked, path)
        saved = last_profile(session, found)
        if saved is not None and any(name.startswith("q-renamed-") for name in request.form):
            headers = look(path, old).headers
            spec = with_other_names(request.form, changed_saved(saved.name, saved.spec, headers), spec)
        said = changes(old, spec)
        as_before = not said and left == asked and bool(asked or not old)
        again(import_id, None if as_before else spec, _told(found), [] if as_before else left, current_actor())
    except Invalid as error:
        session.rollback()
        return import_page(the_import(session, import_id), wrong=error.fields or {"": str(error)}), 422
    if swaps("check"):
        return make_response(import_page(the_import(reading(), import_id), said=said, was=was))
    if said:
        announce(f"Read again. {' '.join(said)}")
    return redirect(url_for("imports.show", import_id=import_id, was=was or None, _anchor="check"), 303)


def _numbers(found: UsageImport) -> str:
    """Note what an import said before a change: counts, lines with a problem, lines left out."""
    return f"{found.counts}-{found.rows_with_problem}-{found.rows_left_out}" if found.rows_read else ""


def _told(found: UsageImport) -> Told:
    """Read what belongs to this one file; what the form leaves as it was is nobody's word.

    Raises:
        Invalid: A field cannot be used.
    """
    form = request.form
    counted = form.get("counted_at", "").strip()
    shown = "" if found.counted_at is None else found.counted_at.astimezone(clock().zone).strftime("%Y-%m-%dT%H:%M")
    period = form.get("period", "").strip()
    asked = form.get("q-month", "").strip()  # the answer to a question is a person's word, whichever month it names
    complete = {"1": True, "0": False}.get(form.get("complete", ""))
    return Told(
        period=asked or (period if period != found.period else None),
        counted_at=counted_at_of(counted, clock().zone) if counted and counted != shown else None,
        complete=complete if complete is not found.complete else None,
    )


def _onwards(done: list[int], waiting: list[Waiting]) -> ResponseReturnValue:
    """Lead on from files that were taken in: to the one, to the list of several, or to the question whose they are."""
    if waiting:
        return _whose_page(waiting, done=done)
    if len(done) == 1:
        return redirect(url_for("imports.show", import_id=done[0]), 303)
    announce(f"{len(done)} files were taken in. Nothing counts yet: check each, then commit it.")
    return redirect(url_for("imports.index", _anchor="h-hist"), 303)


def _whose_page(waiting: list[Waiting], *, done: list[int] | None = None, sentence: str = "") -> str:
    """Give the page that asks whose files these are."""
    return render_template(
        "imports/whose.html", waiting=waiting, done=done or [], sentence=sentence, vendors=_vendors()
    )


def _vendors() -> list[Vendor]:
    return list(reading().scalars(sa.select(Vendor).order_by(sa.func.lower(Vendor.title))))


def _choose_page(*, wrong: dict[str, str], chosen: dict[str, str], sentence: str = "") -> str:
    """Give the page that asks for files, with the history under it."""
    session = reading()
    vendors = _vendors()
    slugs = [vendor.slug for vendor in vendors]
    vendor, month = request.args.get("vendor", ""), request.args.get("period", "")
    months = periods(session)
    ignored = [
        f"{name}={value[:60]}"
        for name, value, known in (("vendor", vendor, slugs), ("period", month, months))
        if value and value not in known
    ]
    context: dict[str, Any] = {
        "vendors": vendors,
        "months": months,
        "history": history(
            session,
            vendor=vendor if vendor in slugs else "",
            period=month if month in months else "",
            page=whole(request.args, "page") or 1,
        ),
        "wanted": {"vendor": vendor if vendor in slugs else "", "period": month if month in months else ""},
        "ignored": ignored,
        "wrong": wrong,
        "sentence": sentence,
        "chosen": {"vendor": request.args.get("vendor", ""), "new_vendor": "", **chosen},
        "can_import": allowed("import"),
    }
    return render_template("imports/index.html", **context)
