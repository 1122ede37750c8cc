"""What becomes of a push and its card: each outcome written down in one transaction, with its audit event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
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
from portal.services.push_looking import Moved, facts_of
from portal.services.push_work import WRITTEN
from portal.services.undo_settling import house, settle_chain

_TIMES = "%H:%M"
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
        f"{step.words()} Verified: line {line.id} has {plain(line.quantity)}{_until(line)}.{who}",
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


def changed(at: Settling, row: PushStep, moved: Sequence[Moved], lines: Sequence[Addition]) -> None:
    """Write down that somebody changed what the person saw: both numbers, who and when."""
    today = local_day(at.now, at.zone)
    row.state = "changed"
    has = sum((line.quantity for line in lines if _active(line, today)), Decimal(0))
    saw = at.push.decision.seen.get("psa") or "0"
    vendor = at.push.decision.seen.get("vendor")
    latest = max((one.line for one in moved if one.line is not None), key=_updated, default=None)
    when = "" if latest is None or latest.last_updated is None else f" since {_moment(latest.last_updated, at)}"
    who = "" if latest is None or not latest.updated_by else f", by {latest.updated_by}"
    counts = "" if vendor is None else f"; the vendors count {vendor}"
    what = f"You saw {saw}; ConnectWise has {plain(has)}{when}{who}{counts}."
    if plain(has) == saw:
        what = f"The lines in ConnectWise are not those that you saw{when}{who}: {_moved_words(moved)}."
    cause = f"{what} {stands(at.push.steps)}"
    at.push.found = {
        "saw": saw,
        "has": plain(has),
        "vendor": vendor,
        "by": None if latest is None else latest.updated_by or None,
        "at": None if latest is None or latest.last_updated is None else latest.last_updated.isoformat(),
        "lines": [
            {"id": one.line_id, "saw": one.before, "has": None if one.line is None else facts_of(one.line)}
            for one in moved
        ],
    }
    at.end("changed_in_psa", cause)
    at.tell("push.changed_in_psa", cause, before=saw, after=has, details=at.push.found)
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


def _moved_words(moved: Sequence[Moved]) -> str:
    words = []
    for one in moved:
        if one.line is None:
            words.append(f"line {one.line_id} is gone")
        elif one.before is None:
            words.append(f"line {one.line_id} with {plain(one.line.quantity)} is new")
        else:
            words.append(f"line {one.line_id} has {plain(one.line.quantity)}{_until(one.line)}")
    return ", ".join(words)


def _until(line: Addition) -> str:
    return "" if line.cancelled_date is None else f" until {day_text(line.cancelled_date)}"


def _active(line: Addition, today: date) -> bool:
    begun = line.effective_date is None or line.effective_date <= today
    return begun and (line.cancelled_date is None or line.cancelled_date >= today)


def _updated(line: Addition) -> datetime:
    return line.last_updated or datetime.min.replace(tzinfo=UTC)


def _moment(moment: datetime, at: Settling) -> str:
    local = moment.astimezone(at.zone)
    same_day = local.date() == at.now.astimezone(at.zone).date()
    return local.strftime(_TIMES) if same_day else f"{day_text(local.date())}, {local.strftime(_TIMES)}"
