"""One push: its steps, what ConnectWise answered, trying again and giving up."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.records import PsaAgreement, Push, PushStep
from portal.db.session import reading, transaction
from portal.domain.quantities import plain
from portal.domain.steps import Step
from portal.factory import clock
from portal.services import pushes
from portal.services.errors import Conflict, Invalid
from portal.web.access import current_actor, may
from portal.web.cards import answers
from portal.web.cards.answers import Notice
from portal.web.cards.sentences import did
from portal.web.cards.wake import wake_push
from portal.web.cards.words import STATES, UNSETTLED, poll_delay
from portal.web.htmx import announce, swaps
from portal.web.pushes import conflicts

bp = Blueprint("pushes", __name__, url_prefix="/pushes")

STEP_WORDS = {
    "waiting": "Not begun",
    "intent": "About to be sent",
    "sent": "Sent, being read back",
    "done": "Done, and read back",
    "found": "Found there already",
    "refused": "Refused",
    "changed": "Left alone: changed in ConnectWise",
}


@bp.get("/<int:push_id>")
@may("read")
def show(push_id: int) -> ResponseReturnValue:
    """Show a push with its steps; while it is not settled the part asks again by itself."""
    push = pushes.get(reading(), push_id)
    made = _push_context(push)
    asked = request.args.get("asked", "")
    if asked and push.state not in UNSETTLED and swaps(f"push-{push_id}"):
        announce(f"{STATES[push.state].word}: {push.card.product} of {push.card.company}.")
    return render_template("pushes/_push.html" if swaps(f"push-{push_id}") else "pushes/show.html", **made)


@bp.post("/<int:push_id>/retry")
@may("decide")
def retry(push_id: int) -> ResponseReturnValue:
    """Try a failed push again; what stands already is not sent twice."""
    return _changed(push_id, "It is tried again.", again=True)


@bp.post("/<int:push_id>/give-up")
@may("decide")
def give_up(push_id: int) -> ResponseReturnValue:
    """Give a push up; its card waits for a decision again."""
    return _changed(push_id, "Given up. The card waits for a decision again.", again=False)


@bp.post("/<int:push_id>/whose")
@may("decide")
def whose(push_id: int) -> ResponseReturnValue:
    """Say whose a line is of which ConnectWise could not tell who made it."""
    ours = request.form.get("ours")
    if ours not in {"1", "0"}:
        raise Invalid("Say whether it is our own write, or somebody else's line.")
    with transaction() as session:
        pushes.say_whose(session, push_id, ours=ours == "1", by=current_actor(), now=clock().now())
    wake_push(push_id)
    announce("Noted. It goes on with that.")
    return redirect(url_for("pushes.show", push_id=push_id), 303)


def _changed(push_id: int, words: str, *, again: bool) -> ResponseReturnValue:
    """Retry or give up, and answer with the card's row, the push, or the push's page."""
    card_id = pushes.get(reading(), push_id).card_id
    in_row = swaps(f"card-{card_id}")
    by, now = current_actor(), clock().now()
    try:
        with transaction() as session:
            if again:
                pushes.retry(session, push_id, by=by, now=now)
            else:
                reason = request.form.get("reason", "").strip()[:500] or None
                pushes.give_up(session, push_id, by=by, now=now, reason=reason)
    except Conflict as refusal:
        if in_row:
            return answers.card(card_id, notice=Notice(tone="warn", what=str(refusal)), status=refusal.status)
        made = _push_context(pushes.get(reading(), push_id)) | {"refused": str(refusal)}
        template = "pushes/_push.html" if swaps(f"push-{push_id}") else "pushes/show.html"
        return render_template(template, **made), refusal.status
    if again:
        wake_push(push_id)
    if in_row:
        return answers.after_decision(card_id, words, None)
    announce(words)
    if swaps(f"push-{push_id}"):
        return render_template("pushes/_push.html", **_push_context(pushes.get(reading(), push_id)))
    return redirect(url_for("pushes.show", push_id=push_id), 303)


def _push_context(push: Push) -> dict[str, Any]:
    """Gather what a push's page shows."""
    text = request.args.get("asked", "")
    asked = min(int(text[:4]), 99) if text.isascii() and text.isdigit() else 0
    agreement = reading().get(PsaAgreement, push.agreement_id)
    return {
        "push": push,
        "card": push.card,
        "decision": push.decision,
        "agreement": agreement.name if agreement is not None else f"agreement {push.agreement_id}",
        "sign": STATES[push.state],
        "did": did(push.decision),
        "steps": [{"step": step, "words": step_words(step), "state": STEP_WORDS[step.state]} for step in push.steps],
        "sentence": sentence(push),
        "poll": poll_delay(asked) if push.state in UNSETTLED else None,
        "asked": asked,
        "refused": None,
        "next_try": next_try(push),
        "seconds": seconds_to(next_try(push)),
        "silent": "" if push.state not in UNSETTLED else pushes.worker_seen(reading(), datetime.now(UTC)).sentence,
        "asks_whose": push.state == "in_doubt" and push.needs_look_at is not None and push.worker is None,
        "retryable": retryable(push),
        "abandonable": abandonable(push),
        **conflicts.context_of(reading(), push),
    }


def step_words(step: PushStep) -> str:
    """Say what a step sends, in plain words."""
    return Step.from_stored(step.plan).words()


def retryable(push: Push) -> bool:
    """Tell whether a person may try a push again: it failed, or waits for long."""
    stuck = push.needs_look_at is not None and push.worker is None
    return push.state == "failed" or (stuck and push.state in UNSETTLED)


def abandonable(push: Push) -> bool:
    """Tell whether a person may give a push up: nothing of it is on its way."""
    asked = any(step.state in {"intent", "sent"} for step in push.steps)
    return push.state in {"failed", "queued", "sending"} and push.worker is None and not asked


def seconds_to(moment: datetime | None) -> int | None:
    """Give the seconds of real time until a moment; none where it is over."""
    left = None if moment is None else (moment - datetime.now(UTC)).total_seconds()
    return None if left is None or left <= 0 else int(left) + 1


def next_try(push: Push) -> datetime | None:
    """Give when a push is tried next, by real time; none where it is not waiting for that."""
    return push.next_try_at if push.state in UNSETTLED else None


def sentence(push: Push) -> str:
    """Say where a push stands, with what was changed and what was not."""
    settled = [step for step in push.steps if step.state in {"done", "found"}]
    total = len(push.steps)
    match push.state:
        case "confirmed":
            return "ConnectWise has it: each write was read back."
        case "in_doubt":
            return push.cause or "No answer yet; looking whether it arrived."
        case "changed_in_psa":
            counted, cause = push.card.vendor_quantity, push.cause or "Changed in ConnectWise; nothing was sent."
            number = None if counted is None else plain(counted)
            told = number is None or f"the vendors count {number}" in cause
            return cause if told else f"{cause} The vendors count {number} now."
        case "queued":
            return push.cause or "It waits for a worker. You can leave this page; the work goes on."
        case "sending":
            return push.cause or f"Step {min(len(settled) + 1, total)} of {total} is being sent."
        case _:
            return push.cause or STATES[push.state].word
