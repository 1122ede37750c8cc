"""Imports: choose a file, check how it was read, commit it; the history, and taking one back."""

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, make_response, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from portal.db.records import UsageImport, Vendor
from portal.db.session import reading, transaction
from portal.domain.periods import Period
from portal.factory import clock, settings_of
from portal.services import imports
from portal.services.errors import Conflict, Invalid, NotFound
from portal.services.import_uploads import kept_file
from portal.vendors.errors import BadProfile
from portal.vendors.profiles import FileProfile
from portal.web.access import allowed, current_actor, may
from portal.web.filters import months_named
from portal.web.filters import period as period_words
from portal.web.forms import text, whole
from portal.web.htmx import announce, show_address, swaps
from portal.web.imports.layout import counted_at_of, differences, marks_of, spec_of_form
from portal.web.imports.queries import all_problems, cards_behind, earlier_of, history, periods, preview_of, problems
from portal.web.imports.reading import read, saved_profile, take_in
from portal.web.imports.words import CHECK_WORDS

bp = Blueprint("imports", __name__, url_prefix="/imports")

_CHUNK = 1 << 20  # bytes
_OPEN = ("ready", "failed")  # states in which a person still decides how the file is read
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula


@bp.get("")
@may("read")
def index() -> ResponseReturnValue:
    """Ask for a file, and show what was imported."""
    return _choose_page(wrong={}, chosen={})


@bp.post("")
@may("import")
def choose() -> ResponseReturnValue:
    """Take a file in and read it; nothing counts yet."""
    chosen = {"vendor": request.form.get("vendor", ""), "new_vendor": request.form.get("new_vendor", "")}
    try:
        import_id = _taken_in(chosen)
    except (Invalid, NotFound) as error:
        fields = error.fields if isinstance(error, Invalid) else {}
        page = _choose_page(wrong=fields or {"vendor": str(error)}, chosen=chosen, sentence=str(error))
        return page, 422
    return redirect(url_for("imports.show", import_id=import_id), 303)


@bp.get("/<int:import_id>")
@may("read")
def show(import_id: int) -> ResponseReturnValue:
    """Show an import: how it was read while it is open, otherwise what became of it."""
    return _page(_import(reading(), import_id), wrong={})


@bp.post("/<int:import_id>")
@may("import")
def change(import_id: int) -> ResponseReturnValue:
    """Read the file in another way. What was read before never counted, and goes."""
    session = reading()
    found = _import(session, import_id)
    if found.state not in _OPEN:
        raise Conflict(f"{found.filename} is not open any more: {found.message} Nothing was changed.")
    path = kept_file(settings_of().uploads, found.sha256)
    if path is None:
        raise Conflict("The file is no longer kept. Choose it again.")
    try:
        spec = spec_of_form(found.spec, request.form, path)
        counted_at = counted_at_of(text(request.form, "counted_at"), clock().zone) if _has("counted_at") else None
        new_id = _read_again(import_id, spec, path, counted_at)
    except Invalid as error:
        session.rollback()
        return _page(_import(session, import_id), wrong=error.fields or {"": str(error)}), 422
    if swaps("check"):
        answer = make_response(_page(_import(reading(), new_id), wrong={}))
        return show_address(answer, url_for("imports.show", import_id=new_id))
    return redirect(url_for("imports.show", import_id=new_id, _anchor="check"), 303)


@bp.post("/<int:import_id>/commit")
@may("import")
def commit(import_id: int) -> ResponseReturnValue:
    """Let a checked file count, and keep how it was read if that is wanted."""
    by, now, zone = current_actor(), clock().now(), clock().zone
    with transaction() as session:
        found = _import(session, import_id)
        if request.form.get("save_profile") and found.state == "ready":
            try:
                profile = FileProfile.from_spec(found.spec)
            except BadProfile as error:
                raise Invalid(str(error)) from error
            name = text(request.form, "profile_name", longest=80) or "usage"
            kept = imports.save_profile(session, vendor=found.vendor, name=name, profile=profile, by=by, now=now)
            found.profile_id = kept.id
        found = imports.commit(session, import_id, by=by, now=now, zone=zone)
        held, slug = found.state == "held", found.vendor.slug
        announce(f"{found.filename}: {months_named(found.message)}", "warn" if held else "ok")
    if held and allowed("override"):
        return redirect(url_for("connections.held", key=slug), 303)
    return redirect(url_for("imports.show", import_id=import_id), 303)


@bp.post("/<int:import_id>/drop")
@may("import")
def drop(import_id: int) -> ResponseReturnValue:
    """Throw a file away that was never committed."""
    with transaction() as session:
        found = _import(session, import_id)
        imports.drop(session, import_id, by=current_actor(), now=clock().now(), zone=clock().zone)
        announce(f"{found.filename} was thrown away. It never counted.")
    return redirect(url_for("imports.index"), 303)


@bp.get("/<int:import_id>/undo")
@may("import")
def ask_undo(import_id: int) -> ResponseReturnValue:
    """Show what taking an import back does."""
    session = reading()
    found = _import(session, import_id)
    if found.state != "committed":
        raise Conflict(f"{found.filename} does not count, so there is nothing to take back. {found.message}")
    undecided, decided, _stale = cards_behind(session, found)
    return render_template("imports/undo.html", found=found, undecided=undecided, decided=decided)


@bp.post("/<int:import_id>/undo")
@may("import")
def undo(import_id: int) -> ResponseReturnValue:
    """Take a committed import back as a whole."""
    reason = text(request.form, "reason", longest=300)
    with transaction() as session:
        found = imports.undo(
            session, import_id, by=current_actor(), now=clock().now(), zone=clock().zone, reason=reason
        )
        announce(f"{found.filename} was taken back: {found.counts} counts no longer hold.")
    return redirect(url_for("imports.show", import_id=import_id), 303)


@bp.get("/<int:import_id>/problems.csv")
@may("read")
def problems_file(import_id: int) -> ResponseReturnValue:
    """Give all lines with a problem as CSV, safe to open in a spreadsheet."""
    session = reading()
    found = _import(session, import_id)

    def lines() -> Any:  # noqa: ANN401 - a generator that Flask streams
        columns = [str(header) for header in found.notes.get("headers", [])]
        yield _csv_line(["line", "column", "problem", *columns])
        for row in all_problems(session, import_id):
            yield _csv_line(
                [row.line, row.column or "", row.reason or "", *(row.cells.get(header, "") for header in columns)]
            )

    headers = {"Content-Disposition": f'attachment; filename="problems-{import_id}.csv"'}
    return Response(stream_with_context(lines()), mimetype="text/csv", headers=headers)


def _csv_line(values: list[object]) -> str:
    """Write a line; what a spreadsheet would take for a formula gets an apostrophe."""
    buffer = io.StringIO()
    safe = [f"'{value}" if str(value).startswith(_FORMULA) else value for value in values]
    csv.writer(buffer, lineterminator="\n").writerow(safe)
    return buffer.getvalue()


def _choose_page(*, wrong: dict[str, str], chosen: dict[str, str], sentence: str = "") -> str:
    """Give the page that asks for a file, with the history under it."""
    session = reading()
    vendors = list(session.scalars(sa.select(Vendor).order_by(sa.func.lower(Vendor.title))))
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


def _taken_in(chosen: dict[str, str]) -> int:
    """Read the file that a form brought, and give the id of its import.

    Raises:
        Invalid: No file, an empty one, or one that is no table; or the vendor cannot be used.
    """
    given = request.files.get("file")
    if given is None or not given.filename:
        raise Invalid("No file was chosen.", {"file": "Choose a file."})
    new = " ".join(chosen["new_vendor"].split())
    if not new and not chosen["vendor"]:
        raise Invalid("No vendor was chosen.", {"vendor": "Choose whose file it is, or name a new vendor."})
    uploads = settings_of().uploads
    path = _streamed(given, uploads)
    by, now = current_actor(), clock().now()
    try:
        with transaction() as session:
            vendor = imports.vendor_by_name(session, new or chosen["vendor"], create=bool(new), by=by, now=now)
            found = take_in(
                session,
                vendor=vendor,
                path=path,
                filename=_name_of(given),
                uploads=uploads,
                by=by,
                now=now,
                zone=clock().zone,
            )
            return found.id
    finally:
        path.unlink(missing_ok=True)


def _streamed(given: FileStorage, uploads: Path) -> Path:
    """Write an upload to a file of its own, a piece at a time.

    Raises:
        Invalid: It is empty.
    """
    uploads.mkdir(parents=True, exist_ok=True)
    size = 0
    with tempfile.NamedTemporaryFile(dir=uploads, prefix=".upload-", delete=False) as copy:
        while chunk := given.stream.read(_CHUNK):
            size += len(chunk)
            copy.write(chunk)
    if not size:
        Path(copy.name).unlink(missing_ok=True)
        raise Invalid("The file is empty. Nothing was kept.", {"file": "This file is empty. Choose another one."})
    return Path(copy.name)


def _name_of(given: FileStorage) -> str:
    """Give a file's own name without folders."""
    return (given.filename or "file").replace("\\", "/").rpartition("/")[2][-200:] or "file"


def _import(session: Session, import_id: int) -> UsageImport:
    """Read an import.

    Raises:
        NotFound: There is none.
    """
    found = session.get(UsageImport, import_id, populate_existing=True)
    if found is None:
        raise NotFound(f"There is no import {import_id}. It may have been read again in another way.")
    return found


def _has(name: str) -> bool:
    return bool(request.form.get(name, "").strip())


def _read_again(import_id: int, spec: dict[str, Any], path: Path, counted_at: Any) -> int:  # noqa: ANN401 - a moment or none
    """Read the file anew and let the earlier reading go; give the id of the new one.

    Raises:
        Invalid: A field cannot be used.
    """
    by, now, zone = current_actor(), clock().now(), clock().zone
    with transaction() as session:
        old = _import(session, import_id)
        if old.state not in _OPEN:
            raise Conflict(f"{old.filename} is not open any more: {old.message} Nothing was changed.")
        period = request.form.get("period", "").strip() or old.period
        new = read(
            session,
            vendor=old.vendor,
            spec=spec,
            path=path,
            filename=old.filename,
            uploads=settings_of().uploads,
            period=period,
            counted_at=counted_at or old.counted_at or now,
            complete=request.form.get("complete", "1" if old.complete else "0") == "1",
            profile_id=old.profile_id,
            by=by,
            now=now,
            zone=zone,
        )
        session.delete(old)
        session.flush()
        return new.id


def _page(found: UsageImport, *, wrong: dict[str, str]) -> str:
    """Give the page of an import, or only the part that a change swaps."""
    session = reading()
    context: dict[str, Any] = {"found": found, "wrong": wrong, "can_import": allowed("import")}
    if found.state not in _OPEN or not context["can_import"]:
        undecided, decided, stale = cards_behind(session, found) if found.state == "committed" else (0, 0, 0)
        context |= {
            "earlier": earlier_of(session, found) if found.state == "same" else None,
            "undecided": undecided,
            "decided": decided,
            "stale": stale,
            "problems": problems(session, found.id),
            "open": found.state in _OPEN,
        }
        return render_template("imports/done.html", **context)
    saved = saved_profile(session, found)
    month = Period.holding(clock().today())
    months = dict.fromkeys([str(month), str(month.previous), str(month.previous.previous), found.period or str(month)])
    moment = (found.counted_at or clock().now()).astimezone(clock().zone)
    context |= {
        "preview": preview_of(session, found, settings_of().uploads),
        "problems": problems(session, found.id),
        "saved": saved,
        "differs": differences(found.spec, saved.spec if saved is not None else None),
        "marks": marks_of(found.spec),
        "months": [(one, period_words(one)) for one in sorted(months, reverse=True)],
        "counted_at": moment.strftime("%Y-%m-%dT%H:%M"),
        "typed": request.form,
        **CHECK_WORDS,
    }
    return render_template("imports/_check.html" if swaps("check") else "imports/check.html", **context)
