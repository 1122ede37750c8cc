"""The guide's pages. What a step does is done by the screens that do it at any other time, too."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.records import Card, Connection, PsaCompany, SyncRun, UsageImport
from portal.db.session import reading, transaction
from portal.domain.periods import Period
from portal.factory import clock, settings_of
from portal.services import made_up, people, push_overview, setting_up
from portal.services.errors import Conflict, NotFound
from portal.services.setting_up import STEPS, TITLES
from portal.web.access import ROLES_OF, allowed, current_actor, may
from portal.web.activity.routes import progress_of
from portal.web.connections.psa import asked_for, psa_values
from portal.web.forms import ticked
from portal.web.frame import to_decide
from portal.web.htmx import announce, leave_to, swaps
from portal.web.setup.blueprint import bp
from portal.web.setup.words import WORDS
from portal.web.statuses.queries import MOST, lines_of
from portal.web.steps_left import start
from portal.web.waiting import waiting


@bp.get("")
@may("read")
def index() -> ResponseReturnValue:
    """Lead to the step that is next."""
    return redirect(url_for(".step", name=start().next.name), 303)


@bp.get("/<name>")
@may("read")
def step(name: str) -> ResponseReturnValue:
    """Show a step: its question, what it writes, and where the others stand."""
    if name not in STEPS:
        raise NotFound("The guide has no such step.")
    if name == "start" and swaps("made-up"):
        if not made_up.standing(reading()).at_work:
            return leave_to(url_for(".step", name="start", over=1, _anchor="made-up"))
        return render_template("setup/_made_up.html", mine=allowed("settings"), **_start())
    return render_template("setup/step.html", name=name, **_FACTS[name]())


@bp.post("/start")
@may("settings")
def choose() -> ResponseReturnValue:
    """Take the choice of what to start with."""
    with transaction() as session:
        setting_up.choose(session, request.form.get("start", ""), by=current_actor(), now=clock().now())
    return redirect(url_for(".step", name="keys"), 303)


@bp.post("/made-up")
@may("settings")
def choose_made_up() -> ResponseReturnValue:
    """Ask for made-up data; a worker loads them."""
    if settings_of().demo:
        raise Conflict("This is the demo: its data are made up already. Nothing was changed.")
    with transaction() as session:
        made_up.ask(session, by=current_actor(), now=clock().now())
    return redirect(url_for(".step", name="start", _anchor="made-up"), 303)


@bp.post("/made-up/remove")
@may("settings")
def remove_made_up() -> ResponseReturnValue:
    """Remove all made-up data, and what was done with them."""
    with transaction() as session:
        files = made_up.remove(session, by=current_actor(), now=clock().now(), real_now=datetime.now(UTC))
    for sha256 in files:
        (settings_of().uploads / sha256).unlink(missing_ok=True)
    announce("The made-up data are gone. People, settings and the audit trail are as they were.")
    return redirect(url_for(".step", name="start"), 303)


@bp.post("/<name>/skip")
@may("settings")
def skip(name: str) -> ResponseReturnValue:
    """Put a step off, or take it up again."""
    again = ticked(request.form, "again")
    with transaction() as session:
        setting_up.skip(session, name, again=again, by=current_actor(), now=clock().now())
    if again:
        return redirect(url_for(".step", name=name), 303)
    announce(f"“{TITLES[name]}” is skipped. It stays in the list, and can be taken up again at any time.")
    following = STEPS[STEPS.index(name) + 1 :]
    open_ones = [each.name for each in setting_up.start_of(reading()).steps if each.state == "open"]
    return redirect(url_for(".step", name=next((each for each in following if each in open_ones), "board")), 303)


def step_frame(name: str) -> dict[str, Any]:
    """Give what stands around a step: where the others stand, and who may take it. For templates."""
    found = start()
    words = WORDS[name]
    mine = allowed(words.right)
    return {
        "start": found,
        "here": found.steps[STEPS.index(name)],
        "number": STEPS.index(name) + 1,
        "words": words,
        "mine": mine,
        "whom": [] if mine else people.whom_to_ask(reading(), ROLES_OF[words.right]),
        "may_skip": name in setting_up.MAY_SKIP and allowed("settings"),
    }


def _start() -> dict[str, Any]:
    session, real_now = reading(), datetime.now(UTC)
    found = made_up.standing(session)
    here = found.state in ("here", "failed")
    return {
        "demo": settings_of().demo,
        "made_up": found,
        "may_choose": found.state == "none" and not made_up.in_use(session),
        "leaving": made_up.leaving(session, real_now=real_now) if here else None,
        "worker": push_overview.worker_seen(session, real_now),
    }


def _keys() -> dict[str, Any]:
    if allowed("settings"):
        return psa_values(question=asked_for())
    return {"connection": reading().get(Connection, "connectwise"), "failed": ""}


def _read() -> dict[str, Any]:
    newest = sa.select(SyncRun).where(SyncRun.kind == "full").order_by(SyncRun.id.desc()).limit(1)
    run = reading().scalars(newest).first()
    return {"progress": None if run is None else progress_of(run)}


def _statuses() -> dict[str, Any]:
    session = reading()
    companies = sa.select(sa.func.count()).select_from(PsaCompany).where(PsaCompany.gone_at.is_(None))
    return {
        "lists": [_list(session, name) for name in ("status", "types")],
        "companies": session.scalar(companies) or 0,
        "customers": session.scalar(companies.where(PsaCompany.in_scope.is_(True))) or 0,
    }


def _list(session: Session, name: str) -> dict[str, Any]:
    """Give what is left of a list, and the address of its page with the proposals chosen, none of them saved."""
    lines = lines_of(session, name, {}, period=Period.holding(clock().today()), zone=clock().zone)
    undecided = [line for line in lines if line.meaning is None]
    chosen: dict[str, Any] = {f"m-{line.key}": line.proposal.meaning for line in undecided if line.proposal is not None}
    carried = dict(islice(chosen.items(), MOST))
    return {
        "word": "status" if name == "status" else "type",
        "undecided": len(undecided),
        "proposed": len(chosen),
        "address": url_for("statuses.index", list=name, **carried),
    }


def _import() -> dict[str, Any]:
    return {"newest": reading().scalars(sa.select(UsageImport).order_by(UsageImport.id.desc()).limit(1)).first()}


def _map() -> dict[str, Any]:
    return {"missing": waiting()}


def _board() -> dict[str, Any]:
    session = reading()
    return {
        "cards": session.scalar(sa.select(sa.func.count()).select_from(Card).where(Card.gone_at.is_(None))) or 0,
        "open_cards": to_decide(session),
        "connection": session.get(Connection, "connectwise"),
    }


_FACTS: dict[str, Callable[[], dict[str, Any]]] = {
    "start": _start,
    "keys": _keys,
    "read": _read,
    "statuses": _statuses,
    "import": _import,
    "map": _map,
    "board": _board,
}
"""What a step's part shows beside its words."""
