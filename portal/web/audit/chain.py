"""Whether the chain is whole: the last check, one that is asked for, and where the head is noted outside."""

from pathlib import Path
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import audit, audit_anchors, audit_checks, audit_guards, audit_heads
from portal.services.errors import Invalid
from portal.web.access import current_actor, may
from portal.web.audit.blueprint import bp
from portal.web.forms import whole
from portal.web.htmx import announce, swaps

POLL_SECONDS = (1, 2, 3, 5, 10)
MOST_POLLS = 400  # after which somebody has left the page open


def chain_context(times: int = 0) -> dict[str, Any]:
    """Gather what the notice about the chain shows.

    Args:
        times: How often it has asked.
    """
    session = reading()
    running = audit_checks.running(session)
    return {
        "chain": audit_checks.last(session),
        "chain_running": running,
        "chain_times": times + 1,
        "chain_delay": POLL_SECONDS[min(times, len(POLL_SECONDS) - 1)] if running and times < MOST_POLLS else None,
        "chain_gone": audit_guards.missing(session),
        "chain_noted": audit_anchors.newest(_file()),
        "chain_today": clock().today(),
    }


@bp.get("/audit/verify")
@may("read")
def chain() -> ResponseReturnValue:
    """Show when the chain was last checked, and what came of it."""
    if swaps("chain"):
        return render_template("audit/_chain.html", **chain_context(whole(request.args, "times") or 0))
    return redirect(url_for(".index"), 303)


@bp.post("/audit/verify")
@may("decide")
def verify() -> ResponseReturnValue:
    """Check the whole chain: at once where it is short, else by a worker, which tells how far it is."""
    if audit.head(reading())[0] > audit_checks.AT_ONCE:
        with transaction() as session:
            audit_checks.ask(session, by=current_actor(), now=clock().now())
        announce("The chain is being checked by a worker. You can leave this page.", "")
    else:
        anchors = audit_anchors.read(_file()).anchors
        with transaction() as session:
            check = audit_checks.check_now(session, anchors, by=current_actor(), now=clock().now())
            ok, why = bool(check.ok), check.why
        announce(why, "ok" if ok else "bad")
    if swaps("chain"):
        return render_template("audit/_chain.html", **chain_context())
    return redirect(url_for(".index"), 303)


@bp.get("/audit/heads")
@may("settings")
def heads() -> ResponseReturnValue:
    """Show where the head of the chain is noted outside the database, and who gets it by mail."""
    return _heads_page(", ".join(audit_heads.recipients(reading())))


@bp.post("/audit/heads")
@may("settings")
def set_heads() -> ResponseReturnValue:
    """Set who gets the head of the chain by mail once a day."""
    typed = request.form.get("to", "")[:4000]
    try:
        with transaction() as session:
            to = audit_heads.set_recipients(
                session, typed, by=current_actor(), now=clock().now(), seen=request.form.get("seen")
            )
    except Invalid as error:
        return make_response(_heads_page(typed, error=str(error)), 422)
    announce(f"Saved. {len(to)} {'address gets' if len(to) == 1 else 'addresses get'} the head each day.")
    return redirect(url_for(".heads"), 303)


def _heads_page(typed: str, *, error: str = "") -> str:
    noted = audit_anchors.read(_file())
    return render_template(
        "audit/heads.html",
        typed=typed,
        seen=", ".join(audit_heads.recipients(reading())),
        error=error,
        head=audit.head(reading()),
        noted=noted.anchors[-10:][::-1],
        noted_count=len(noted.anchors),
        unreadable=noted.unreadable,
        file=audit_anchors.FILE,
        every=(audit_anchors.EVERY_EVENTS, int(audit_anchors.EVERY.total_seconds() // 60)),
    )


def _file() -> Path:
    return audit_anchors.file_in(settings_of().instance)
