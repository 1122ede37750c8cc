"""Decisions taken together: how far they are, and undoing them together."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.db.records import Batch, Card, Decision, Push
from portal.db.session import reading
from portal.services.errors import NotFound
from portal.web.access import may
from portal.web.cards.words import STATES, UNSETTLED, poll_delay
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
        if made["asked"] and made["standing"].settled:
            announce(f"{made['standing'].words}.")
        return render_template("pushes/_batch.html", **made)
    return render_template("pushes/batch.html", **made)


def _context(session: Session, batch_id: int) -> dict[str, Any]:
    """Gather how a batch stands, in a fixed number of queries."""
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise NotFound(f"There is no batch {batch_id}.")
    states = dict(
        session.execute(
            sa.select(Push.state, sa.func.count())
            .join(Decision, Decision.id == Push.decision_id)
            .where(Decision.batch_id == batch_id)
            .group_by(Push.state)
        ).all()
    )
    standing = Standing(states=states, total=sum(states.values()))
    open_pushes = session.scalars(
        sa.select(Push)
        .join(Decision, Decision.id == Push.decision_id)
        .where(Decision.batch_id == batch_id, Push.state != "confirmed")
        .options(joinedload(Push.card), joinedload(Push.decision), selectinload(Push.steps))
        .order_by(Push.id)
        .limit(NAMED)
    ).all()
    left = {int(one["card_id"]): str(one["sentence"]) for one in batch.left_out}
    named = {card.id: card for card in session.scalars(sa.select(Card).where(Card.id.in_(list(left)[:NAMED])))}
    text = request.args.get("asked", "")
    asked = min(int(text[:4]), 99) if text.isascii() and text.isdigit() else 0
    decided = session.scalar(sa.select(sa.func.count()).select_from(Decision).where(Decision.batch_id == batch_id))
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
        "poll": None if standing.settled else poll_delay(asked),
        "asked": asked,
        "refused": None,
        "undoable": batch.action in {"approve", "adjust", "dismiss", "send", "add", "undo"},
    }


def _done(push: Push) -> str:
    settled = sum(1 for step in push.steps if step.state in {"done", "found"})
    return f"{settled} of {len(push.steps)}"
