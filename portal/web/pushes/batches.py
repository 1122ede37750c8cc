"""Decisions taken together: how far they are, and undoing them together."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.db.records import Batch, Bulk, Card, Decision, Push
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import decision_bulk
from portal.services.errors import Conflict, NotFound
from portal.services.push_overview import worker_seen
from portal.web.access import current_actor, may
from portal.web.cards.words import STATES, UNSETTLED, count_of, poll_delay
from portal.web.htmx import announce, swaps
from portal.web.pushes.routes import sentence

bp = Blueprint("batches", __name__, url_prefix="/batches")

NAMED = 200  # rows shown of what is not confirmed
VERBS = {
    "approve": "Approved",
    "adjust": "Adjusted",
    "dismiss": "Dismissed",
    "undo": "Undo of",
    "send": "Sent",
    "second": "Confirmed",
    "add": "Added",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How many pushes of a batch stand where, and how it is drawn."""

    states: dict[str, int]
    total: int

    @property
    def settled(self) -> bool:
        """Tell whether nothing is on its way any more."""
        return not any(self.states.get(state) for state in UNSETTLED)

    @property
    def bars(self) -> list[tuple[str, int, int]]:
        """Give the parts of the progress bar: class, begin, width, in pushes."""
        classes = {
            "confirmed": "p-done",
            "sending": "p-open",
            "in_doubt": "p-open",
            "queued": "p-equal",
            "planned": "p-equal",
            "waiting": "p-equal",
            "changed_in_psa": "p-warn",
            "failed": "p-bad",
        }
        found, begin = [], 0
        for state, name in classes.items():
            if number := self.states.get(state, 0):
                found.append((name, begin, number))
                begin += number
        return found

    @property
    def words(self) -> str:
        """Say it: "15 of 18 confirmed, 1 sending, 1 failed"."""
        if not self.total:
            return "Nothing is written to ConnectWise"
        parts = [f"{self.states.get('confirmed', 0):,} of {self.total:,} confirmed"]
        for state, number in self.states.items():
            if state != "confirmed" and number:
                word = STATES[state].word
                parts.append(f"{number:,} {word if state == 'changed_in_psa' else word[0].lower() + word[1:]}")
        return ", ".join(parts).replace("Changed in PSA", "changed in PSA")


@bp.get("/<int:batch_id>")
@may("read")
def show(batch_id: int) -> ResponseReturnValue:
    """Show how a batch went; while something is on its way the part asks again by itself."""
    made = _context(reading(), batch_id)
    if swaps(f"batch-{batch_id}"):
        if made["asked"] and made["poll"] is None:
            announce(f"{made['standing'].words}.")
        return render_template("pushes/_batch.html", **made)
    return render_template("pushes/batch.html", **made)


@bp.post("/<int:batch_id>/stop")
@may("decide")
def stop(batch_id: int) -> ResponseReturnValue:
    """Stop deciding; what is decided stays decided, the other cards stay on the board."""
    bulk = decision_bulk.bulk_of(reading(), batch_id)
    if bulk is None:
        raise NotFound(f"Nothing is being decided in batch {batch_id}.")
    bulk_id = bulk.id
    try:
        with transaction() as session:
            stopped = decision_bulk.stop(session, bulk_id, by=current_actor(), now=clock().now())
            done, total = stopped.progress_done, stopped.progress_total
    except Conflict as refusal:
        made = _context(reading(), batch_id) | {"refused": str(refusal)}
        return render_template("pushes/batch.html", **made), refusal.status
    announce(f"Stopped after {done:,} of {total:,} cards. The others stay as they were.")
    return redirect(url_for("batches.show", batch_id=batch_id), 303)


def _context(session: Session, batch_id: int) -> dict[str, Any]:
    """Gather how a batch stands, in a fixed number of queries."""
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise NotFound(f"There is no batch {batch_id}.")
    states = dict(
        session.execute(
            sa.select(Push.state, sa.func.count())
            .join(Decision, Decision.id == Push.decision_id)
            .where(decision_bulk.members(batch_id))
            .group_by(Push.state)
        ).all()
    )
    standing = Standing(states=states, total=sum(states.values()))
    open_pushes = session.scalars(
        sa.select(Push)
        .join(Decision, Decision.id == Push.decision_id)
        .where(decision_bulk.members(batch_id), Push.state != "confirmed")
        .options(joinedload(Push.card), joinedload(Push.decision), selectinload(Push.steps))
        .order_by(Push.id)
        .limit(NAMED)
    ).all()
    left = {int(one["card_id"]): str(one["sentence"]) for one in batch.left_out}
    named = {card.id: card for card in session.scalars(sa.select(Card).where(Card.id.in_(list(left)[:NAMED])))}
    text = request.args.get("asked", "")
    asked = min(int(text[:4]), 99) if text.isascii() and text.isdigit() else 0
    bulk = decision_bulk.bulk_of(session, batch_id)
    going_on = bulk is not None and bulk.state in {"queued", "working"}
    decided = session.scalar(sa.select(sa.func.count()).select_from(Decision).where(decision_bulk.members(batch_id)))
    return {
        "batch": batch,
        "verb": VERBS.get(batch.action, "Decided"),
        "decided": decided or 0,
        "standing": standing,
        "pushes": [
            {"push": one, "sentence": sentence(one), "sign": STATES[one.state], "done": _done(one)}
            for one in open_pushes
        ],
        "left": [(named.get(card_id), card_id, why) for card_id, why in list(left.items())[:NAMED]],
        "left_count": len(left),
        "bulk": bulk,
        "going_on": going_on,
        "progress": None if bulk is None else progress_words(bulk),
        "poll": poll_delay(0) if going_on else None if standing.settled else poll_delay(asked),
        "asked": asked,
        "silent": worker_seen(session, datetime.now(UTC)).sentence if going_on or not standing.settled else "",
        "refused": None,
        "undoable": not going_on and batch.action in {"approve", "adjust", "dismiss", "send", "add", "undo"},
    }


def progress_words(bulk: Bulk) -> str:
    """Say how far a bulk decision is: "1,250 of 3,000 cards looked at; each is decided by itself."."""
    done, total = f"{bulk.progress_done:,}", f"{bulk.progress_total:,}"
    match bulk.state:
        case "queued":
            return f"{total} cards wait for a worker. Nothing is decided yet."
        case "working":
            return f"{done} of {total} cards looked at; each is decided by itself."
        case "stopped":
            left = bulk.progress_total - bulk.progress_done
            stay = f"{count_of(left, 'card stays', 'cards stay')} as {'it was' if left == 1 else 'they were'}"
            return f"{bulk.cause or 'Stopped.'} {done} of {total} were looked at; {stay}, on the board."
        case _:
            return f"All {total} cards were looked at."


def _done(push: Push) -> str:
    settled = sum(1 for step in push.steps if step.state in {"done", "found"})
    return f"{settled} of {len(push.steps)}"
