"""ConnectWise's own audit trail of an agreement beside ours: shown as it was last read, read again by a worker."""

import re
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, Connection, PsaAgreement
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.jobs.queue import wake_question
from portal.services import psa_trail
from portal.services.errors import NotFound
from portal.web.access import current_actor, may
from portal.web.audit.blueprint import bp
from portal.web.forms import whole
from portal.web.htmx import announce, swaps

PER_PAGE = 50
POLL_SECONDS = (1, 1, 2, 5, 10)
MOST_POLLS = 200  # after which somebody has left the page open


def trail_context(session: Session, agreement_id: int, part: str, *, page: int = 1, times: int = 0) -> dict[str, Any]:
    """Gather what the part shows.

    Args:
        session: For reading.
        agreement_id: The agreement.
        part: What the part's id ends with.
        page: Which page of the entries; beyond the last one, the last.
        times: How often the part has asked.
    """
    trail = psa_trail.trail_of(session, agreement_id, now=clock().now())
    pages = max(1, -(-len(trail.entries) // PER_PAGE))
    at = min(max(page, 1), pages)
    connection = session.get(Connection, "connectwise")
    return {
        "trail": trail,
        "trail_part": f"psa-trail-{part}",
        "trail_for": part,
        "trail_agreement": agreement_id,
        "trail_entries": trail.entries[(at - 1) * PER_PAGE : at * PER_PAGE],
        "trail_page": at,
        "trail_pages": pages,
        "trail_times": times + 1,
        "trail_delay": POLL_SECONDS[min(times, len(POLL_SECONDS) - 1)] if times < MOST_POLLS else None,
        "trail_connected": connection is not None,
        "now": clock().now(),
    }


@bp.get("/audit/agreements/<int:agreement_id>/psa")
@may("read")
def agreement_psa(agreement_id: int) -> ResponseReturnValue:
    """Show both trails of an agreement, as far as they were read."""
    return _shown(agreement_id, _part(agreement_id), None)


@bp.post("/audit/agreements/<int:agreement_id>/psa")
@may("sync")
def read_psa(agreement_id: int) -> ResponseReturnValue:
    """Ask a worker to read ConnectWise's trail of an agreement."""
    return _asked(agreement_id, _part(agreement_id), None)


@bp.get("/audit/<int:n>/psa")
@may("read")
def event_psa(n: int) -> ResponseReturnValue:
    """Show ConnectWise's trail of the agreement that an event is about."""
    return _shown(_agreement_of(n), str(n), n)


@bp.post("/audit/<int:n>/psa")
@may("sync")
def read_event_psa(n: int) -> ResponseReturnValue:
    """Ask a worker to read the trail of the agreement that an event is about."""
    return _asked(_agreement_of(n), str(n), n)


def _agreement_of(n: int) -> int:
    """Give the agreement of an event.

    Raises:
        NotFound: There is no such event, or it is about no agreement.
    """
    event = reading().get(AuditEvent, n)
    if event is None:
        raise NotFound(f"There is no event {n}.")
    if event.agreement_id is None:
        raise NotFound(f"Event {n} is about no agreement, so ConnectWise has no audit trail for it.")
    return event.agreement_id


def _part(agreement_id: int) -> str:
    """Give what the part's id ends with: what the asking page calls it, or the agreement."""
    named = request.values.get("for", "")
    return named if re.fullmatch(r"[a-z0-9-]{1,40}", named) else f"a{agreement_id}"


def _shown(agreement_id: int, part: str, n: int | None) -> ResponseReturnValue:
    """Give the part, or its page."""
    session = reading()
    page, times = whole(request.args, "page") or 1, whole(request.args, "times") or 0
    context = trail_context(session, agreement_id, part, page=page, times=times)
    if swaps(context["trail_part"]):
        if times and not context["trail"].waiting:
            announce(
                "ConnectWise could not be asked."
                if context["trail"].error
                else "The audit trail of ConnectWise is read."
            )
        return render_template("audit/_psa_trail.html", **context)
    return render_template(
        "audit/psa.html", event_number=n, agreement=session.get(PsaAgreement, agreement_id), **context
    )


def _asked(agreement_id: int, part: str, n: int | None) -> ResponseReturnValue:
    """Ask, and give the part that waits for the answer, or its page."""
    with transaction() as session:
        question_id = psa_trail.ask(session, agreement_id, by=current_actor(), now=clock().now()).id
    wake_question(question_id)
    context = trail_context(reading(), agreement_id, part)
    if swaps(context["trail_part"]):
        announce("Asking ConnectWise for its audit trail.")
        return render_template("audit/_psa_trail.html", **context)
    announce("ConnectWise is asked for its audit trail. Load this page again in a moment.", "")
    if n is not None:
        return redirect(url_for(".event_psa", n=n), 303)
    return redirect(url_for(".agreement_psa", agreement_id=agreement_id), 303)
