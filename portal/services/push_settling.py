"""What becomes of a push and its card: each outcome written down in one transaction, with its audit event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.connectwise import Addition
from portal.db.records import Card, Decision, Push, PushStep
from portal.domain.periods import day_text, local_day
from portal.domain.quantities import plain
from portal.domain.steps import Step
from portal.services import audit
from portal.services.actors import SYSTEM, Actor
from portal.services.card_making import make_stale
from portal.services.card_remaking import cards_anew
from portal.services.push_looking import facts_of
from portal.services.push_work import WRITTEN
from portal.services.undo_settling import house, settle_chain

UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """What every outcome needs.

    Args:
        now: By the business clock.
        zone: The portal's; needed where cards are made anew or a time is told.
    """

    session: Session
    push: Push
    now: datetime
    zone: ZoneInfo = UTC_ZONE

    @property
    def card(self) -> Card:
        """The push's card."""
        return self.push.card

    def is_current(self) -> bool:
        """Tell whether the card still hangs on this push's decision; a stale one hangs on nothing any more."""
        return self.card.decision_id == self.push.decision_id and self.card.state != "stale"

    def move(self, state: str, cause: str | None) -> None:
        """Bring the push, and its card while it hangs on it, to a state."""
        self.push.state, self.push.cause = state, cause
        if self.is_current():
            self.card.state = state
            self.card.changed_at = self.now

    def end(self, state: str, cause: str | None) -> None:
        """Bring the push to a state in which no worker has anything to do."""
        self.move(state, cause)
        self.push.settled_at = self.now
        self.push.next_try_at = self.push.worker = self.push.leased_until = None

    def tell(
        self,
        action: str,
        sentence: str,
        *,
        before: Decimal | str | None = None,
        after: Decimal | str | None = None,
        details: Mapping[str, Any] | None = None,
        by: Actor = SYSTEM,
        reason: str | None = None,
    ) -> None:
        """Append an audit event about the push."""
        audit.record(
            self.session,
            what="write",
            action=action,
            by=by,
            now=self.now,
            sentence=sentence,
            company_id=self.card.company_id,
            company=self.card.company,
            agreement_id=self.push.agreement_id,
            product=self.card.product,
            card_id=self.card.id,
            decision_id=self.push.decision_id,
            push_id=self.push.id,
            before=before,
            after=after,
            effective=self.push.decision.effective,
            reason=reason,
            details=details,
        )

    def remake(self) -> None:
        """Make the company's cards anew, those of every month that shows the lines written."""
        cards_anew(
            self.session,
            now=self.now,
            zone=self.zone,
            period=self.card.period,
            company_ids=[self.card.company_id],
        )


def step_done(at: Settling, row: PushStep, line: Addition, *, found: bool) -> None:
    """Write down that ConnectWise shows a step's result: by our write, or found there by a person's."""
    step = Step.from_stored(row.plan)
    row.state = "found" if found else "done"
    row.after = line_json(line)
    row.addition_id = line.id
    row.settled_at = at.now
    who = f" It stood there already, by {line.updated_by or 'somebody'}; it was not written by us." if found else ""
    at.tell(
        "push.found" if found else "push.wrote",
        f"{step.words()} Verified: line {line.id} has {plain(line.quantity)}{until_words(line)}.{who}",
        before=(row.before or {}).get("quantity"),
        after=line.quantity,
        details={
            "step": row.ordinal,
            "plan": row.plan,
            "before": row.before,
            "read_back": row.after,
            "answer": row.answer,
            "request_id": row.request_id,
        },
    )


def confirmed(at: Settling) -> None:
    """Write down that ConnectWise shows all that was decided."""
    push, card, decision = at.push, at.card, at.push.decision
    found = [step for step in push.steps if step.state == "found"]
    at.end("confirmed", "Found in ConnectWise, not written by us." if len(found) == len(push.steps) else None)
    if decision.action == "undo":
        _undone(at, decision)
    elif decision.action == "add" and at.is_current() and card.agreement_id is None:
        house(at.session, card, push.agreement_id, today=local_day(at.now, at.zone))
    at.session.flush()
    what = "" if decision.quantity is None else f" {plain(decision.quantity)}"
    at.tell(
        "push.confirmed",
        f"ConnectWise confirmed{what} for {card.product} of {card.company}.",
        before=decision.seen.get("psa"),
        after=decision.quantity,
        details={"steps": [{"step": one.ordinal, "state": one.state, "line": one.addition_id} for one in push.steps]},
    )
    at.remake()


def refused(at: Settling, row: PushStep, words: str, *, request_id: str | None) -> None:
    """Write down that ConnectWise refused a step, in its own words, and which steps stand."""
    row.state, row.answer, row.request_id = "refused", words, request_id
    failed(at, words, request_id=request_id)


def failed(at: Settling, words: str, *, request_id: str | None = None) -> None:
    """Write down that a push cannot go on."""
    at.push.request_id = request_id
    cause = f"{words} {stands(at.push.steps)}"
    at.end("failed", cause)
    at.tell("push.failed", cause, details={"request_id": request_id, "steps": _steps(at.push)})
    at.remake()


def stale(at: Settling, why: str) -> None:
    """Write down that a push stopped since its agreement is gone; the card leaves the work list.

    The card of new revenue that was to be added there stays: another agreement may take it.
    """
    cause = f"{why} {stands(at.push.steps)}"
    current = at.is_current()
    homeless = at.card.agreement_id is None
    at.end("stale", cause)
    if current and homeless:
        at.card.state = "open"
        at.card.version += 1
    elif current:
        make_stale(at.card, why, since=at.now, now=at.now)
    at.session.flush()
    what = "The card can be decided again." if homeless else "The card is stale now."
    at.tell("push.stale", f"{cause} {what}", details={"steps": _steps(at.push)})
    if homeless:
        at.remake()


def stands(steps: Sequence[PushStep]) -> str:
    """Say what was written before a push stopped: "Nothing was sent." or "Step 1 of 2 stands: line 30519 with 22."."""
    done = [step for step in steps if step.state in WRITTEN]
    if not done:
        asked = any(step.intent_at is not None for step in steps)
        return "Nothing was changed." if asked else "Nothing was sent."
    words = [
        f"Step {step.ordinal} of {len(steps)} stands: line {step.addition_id} with {(step.after or {})['quantity']}."
        for step in done
    ]
    return " ".join(words)


def line_json(line: Addition) -> dict[str, Any]:
    """Give a line as it is kept with a step."""
    return facts_of(line) | {
        "product": line.product,
        "unit_price": None if line.unit_price is None else plain(line.unit_price),
        "less_included": plain(line.less_included),
        "updated_by": line.updated_by or None,
        "last_updated": None if line.last_updated is None else line.last_updated.isoformat(),
    }


def _undone(at: Settling, decision: Decision) -> None:
    """Mark what an undo took back, and what holds again where an undo was undone."""
    first, holds = settle_chain(at.session, decision)
    if not at.is_current():
        return
    at.card.state = "confirmed" if holds else "undone"
    if first.action == "add":
        house(at.session, at.card, at.push.agreement_id if holds else None, today=local_day(at.now, at.zone))


def _steps(push: Push) -> list[dict[str, Any]]:
    return [{"step": one.ordinal, "state": one.state, "line": one.addition_id, "plan": one.plan} for one in push.steps]


def until_words(line: Addition) -> str:
    """Say until when a line bills, where it ends; else ""."""
    return "" if line.cancelled_date is None else f" until {day_text(line.cancelled_date)}"
