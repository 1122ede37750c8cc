"""Statuses and types: what ConnectWise's lists and the vendors' words mean. Everybody reads; admins decide."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.session import reading, transaction
from portal.domain.periods import Period
from portal.factory import clock
from portal.services import statuses
from portal.services.errors import Conflict, NotFound
from portal.web import paging
from portal.web.access import allowed, current_actor, may
from portal.web.forms import whole
from portal.web.htmx import announce, swaps
from portal.web.statuses.blueprint import bp
from portal.web.statuses.queries import LISTS, MOST, Line, Planned, lines_of, plan_of, psa_list

FIELD = "m-"


@bp.get("")
@may("read")
def index() -> ResponseReturnValue:
    """Show a list; or what saving the choices in the address would do, when a choice was made."""
    name = request.args.get("list", "status")
    ignored = "" if name in LISTS else f"list={name[:60]}"
    name = name if name in LISTS else "status"
    session = reading()
    lines = _lines(session, name, _chosen(request.args) if allowed("settings") else {})
    context: dict[str, Any] = {
        "name": name,
        "planned": _planned(session, name, lines),
        "titles": statuses.TITLES,
        "moved": "moved" in request.args,
    }
    if swaps("effect"):
        return render_template("statuses/_effect.html", **context)
    flagged = {each: _flagged(session, each, name, lines) for each in LISTS}
    page = paging.cut(lines, request.args)
    on_page = {line.key for line in page.rows}
    context |= {
        "lines": page.rows,
        "elsewhere": [line for line in lines if line.changed and line.key not in on_page],
        **paging.around(page, lambda number: _address(name, _changed(lines), page=number)),
        "lists": LISTS,
        "flagged": flagged,
        "meanings": statuses.MEANINGS["vendor" if name == "vendor" else psa_list(name)],
        "can_settle": allowed("settings"),
        "ignored": ignored,
    }
    return render_template("statuses/index.html", **context)


@bp.post("")
@may("settings")
def save() -> ResponseReturnValue:
    """Save the meanings that were chosen, all or none; where their effect was not shown yet, show it first."""
    name = _list_name(request.form.get("list", ""))
    chosen = _chosen(request.form)
    shown = request.form.get("shown", "")
    by, now, zone = current_actor(), clock().now(), clock().zone
    with transaction() as session:
        every = _lines(session, name, chosen)
        turned = whole(request.form, "turn")
        if turned is not None:
            return redirect(_address(name, _changed(every), page=turned), 303)
        lines = [line for line in every if _is_asked(line, chosen)]
        planned = _planned(session, name, every)
        if planned.changes and shown != planned.token and not _lost(every):
            number = whole(request.form, "page") or 1
            return redirect(f"{_address(name, _changed(every), moved=bool(shown), page=number)}#effect", 303)
        for at, line in enumerate(lines, start=1):
            seen = request.form.get(f"seen-{line.key}")
            if line.vendor_id is not None:
                statuses.set_vendor_word(
                    session, line.vendor_id, line.name, chosen[line.key], by=by, now=now, seen=seen
                )
            else:
                # the cards are made anew once, after the last one
                statuses.set_meaning(
                    session,
                    psa_list(name),
                    line.psa_id or 0,
                    chosen[line.key],
                    by=by,
                    now=now,
                    zone=zone if at == len(lines) else None,
                    seen=seen,
                )
    if lines:
        done = "" if planned.joint is None else f" {planned.joint.done}"
        announce(f"Saved {len(lines)} {'meaning' if len(lines) == 1 else 'meanings'}.{done}")
    else:
        announce("Nothing was chosen, so nothing was changed.", "")
    return redirect(_address(name, {}, page=whole(request.form, "page") or 1), 303)


@bp.post("/<name>/<int:psa_id>/seen")
@may("settings")
def seen(name: str, psa_id: int) -> ResponseReturnValue:
    """Note that somebody has seen a new name or a deletion; the meaning stays. Unsaved choices stay too."""
    kept = _list_name(name)
    if kept == "vendor":
        raise NotFound("Vendors' words are never renamed.")
    with transaction() as session:
        row = next((row for row in statuses.list_rows(session, psa_list(kept)) if row.psa_id == psa_id), None)
        if row is None:
            raise NotFound(f"There is no such row with the id {psa_id}.")
        shown = request.form.get(f"name-{psa_id}")
        if shown is not None and shown != row.name:
            raise Conflict(f"It was renamed again, to “{row.name}”. Nothing was noted; look at it once more.")
        statuses.acknowledge(session, psa_list(kept), psa_id, by=current_actor(), now=clock().now())
    announce(f"Seen: “{row.name}” keeps its meaning.")
    return redirect(_address(kept, _chosen(request.form), page=whole(request.form, "page") or 1), 303)


@bp.get("/<name>/<int:psa_id>")
@may("read")
def companies(name: str, psa_id: int) -> ResponseReturnValue:
    """List the companies that carry a status or type."""
    kept = _list_name(name)
    session = reading()
    if kept == "vendor":
        raise NotFound("Vendors' words are carried by accounts, not by companies.")
    row = next((row for row in statuses.list_rows(session, psa_list(kept)) if row.psa_id == psa_id), None)
    if row is None:
        raise NotFound(f"There is no such row with the id {psa_id}.")
    page = paging.fetched(session, statuses.companies_with(psa_list(kept), psa_id), request.args)
    return render_template(
        "statuses/companies.html",
        name=kept,
        title=LISTS[kept],
        row=row,
        companies=page.rows,
        **paging.around(page, lambda number: url_for(".companies", name=kept, psa_id=psa_id, page=number)),
        titles=statuses.TITLES,
    )


def _lines(session: Session, name: str, chosen: Mapping[str, str]) -> list[Line]:
    """Give the rows of a list in the month of today."""
    return lines_of(session, name, chosen, period=Period.holding(clock().today()), zone=clock().zone)


def _planned(session: Session, name: str, lines: list[Line]) -> Planned:
    """Tell what saving would do today."""
    return plan_of(session, name, lines, today=clock().today(), zone=clock().zone)


def _lost(lines: list[Line]) -> bool:
    """Tell whether a row means something else by now than the form showed: saving is refused then, and says who."""
    fields = ((request.form.get(f"seen-{line.key}"), line) for line in lines if line.changed)
    return any(showed is not None and showed != (line.meaning or "") for showed, line in fields)


def _list_name(text: str) -> str:
    """Give the name of a list.

    Raises:
        NotFound: There is no such list.
    """
    if text not in LISTS:
        raise NotFound("There is no such list. There are company statuses, company types and vendors' words.")
    return text


def _chosen(values: Mapping[str, str]) -> dict[str, str]:
    """Give what was chosen, by the rows' keys."""
    found = [(name.removeprefix(FIELD), value) for name, value in values.items() if name.startswith(FIELD)]
    return dict(found[: MOST + paging.PER_PAGE])


def _is_asked(line: Line, chosen: Mapping[str, str]) -> bool:
    """Tell whether the form asks for another meaning than the one that it showed."""
    if line.key not in chosen or line.chosen is None:
        return False
    showed = request.form.get(f"seen-{line.key}", line.meaning or "")
    return chosen[line.key] != showed


def _changed(lines: list[Line]) -> dict[str, str]:
    """Give the choices that are not saved yet."""
    return {line.key: line.chosen for line in lines if line.changed and line.chosen is not None}


def _address(name: str, chosen: Mapping[str, str], *, moved: bool = False, page: int = 1) -> str:
    """Give the address of a list with choices that are not saved yet."""
    query = {"list": name, **{f"{FIELD}{key}": value for key, value in chosen.items()}}
    query |= ({"moved": "1"} if moved else {}) | ({"page": str(page)} if page > 1 else {})
    return f"{url_for('statuses.index')}?{urlencode(query)}"


def _flagged(session: Session, each: str, name: str, lines: list[Line]) -> int:
    """Count the flagged rows of a list."""
    if each == name:
        return sum(bool(line.flags) for line in lines)
    if each == "vendor":
        return sum(bool(word.flags) for word in statuses.vendor_words(session))
    return sum(bool(row.flags) for row in statuses.list_rows(session, psa_list(each)))
