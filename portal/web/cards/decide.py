"""Deciding on one card: a GET shows the form or plan, a POST decides. The services check every rule."""

from collections.abc import Callable
from datetime import date, datetime

import sqlalchemy as sa
from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import cards, decisions, sync
from portal.services.actors import Actor
from portal.services.errors import Conflict, Invalid, NotAllowed, NotFound, Refused
from portal.web.access import current_actor, may
from portal.web.cards import answers, context
from portal.web.cards.answers import Notice
from portal.web.cards.blueprint import bp
from portal.web.cards.forms import Typed, read_form, read_split
from portal.web.cards.wake import wake_push_of, wake_sync
from portal.web.cards.why import active_reading, is_wanted
from portal.web.filters import quantity
from portal.web.htmx import announce

Deciding = Callable[[Session, "Asked"], Decision]


class Asked:
    """Who decides, when, and what the form said."""

    def __init__(self, form: Typed) -> None:
        self.form = form
        self.by: Actor = current_actor()
        self.now: datetime = clock().now()
        self.today: date = clock().today()


@bp.route("/cards/<int:card_id>/approve", methods=["GET", "POST"])
@may("decide")
def approve(card_id: int) -> ResponseReturnValue:
    """Approve a card, or show the plan first."""

    def decide(session: Session, asked: Asked) -> Decision:
        form = asked.form
        _no_date(form)
        return decisions.approve(
            session,
            card_id,
            by=asked.by,
            now=asked.now,
            today=asked.today,
            seen=form.seen,
            reason=form.reason,
            invoiced_ok=form.allowed("invoiced_ok"),
            scheduled_ok=form.allowed("scheduled_ok"),
            too_old_ok=form.allowed("too_old_ok"),
        )

    return _form_or_decision(card_id, "approve", decide)


@bp.route("/cards/<int:card_id>/adjust", methods=["GET", "POST"])
@may("decide")
def adjust(card_id: int) -> ResponseReturnValue:
    """Adjust a card to a quantity, from a date if the agreement prorates."""

    def decide(session: Session, asked: Asked) -> Decision:
        form = asked.form
        return decisions.adjust(
            session,
            card_id,
            quantity=form.quantity if form.quantity is not None else "",
            day=form.day,
            by=asked.by,
            now=asked.now,
            today=asked.today,
            seen=form.seen,
            reason=form.reason,
            invoiced_ok=form.allowed("invoiced_ok"),
            scheduled_ok=form.allowed("scheduled_ok"),
            too_old_ok=form.allowed("too_old_ok"),
        )

    return _form_or_decision(card_id, "adjust", decide, needs=("quantity",))


@bp.route("/cards/<int:card_id>/dismiss", methods=["GET", "POST"])
@may("decide")
def dismiss(card_id: int) -> ResponseReturnValue:
    """Dismiss a card with a reason; a stale one needs none."""

    def decide(session: Session, asked: Asked) -> Decision:
        form = asked.form
        return decisions.dismiss(
            session, card_id, by=asked.by, now=asked.now, today=asked.today, seen=form.seen, reason=form.reason
        )

    return _form_or_decision(card_id, "dismiss", decide)


@bp.route("/cards/<int:card_id>/add", methods=["GET", "POST"])
@may("decide")
def add(card_id: int) -> ResponseReturnValue:
    """Add new revenue to an agreement that the person chooses."""

    def decide(session: Session, asked: Asked) -> Decision:
        form = asked.form
        return decisions.add(
            session,
            card_id,
            quantity=form.quantity,
            agreement_id=form.agreement,
            day=form.day,
            price=form.price,
            cost=form.cost,
            by=asked.by,
            now=asked.now,
            today=asked.today,
            seen=form.seen,
            reason=form.reason,
            invoiced_ok=form.allowed("invoiced_ok"),
            scheduled_ok=form.allowed("scheduled_ok"),
            too_old_ok=form.allowed("too_old_ok"),
        )

    return _form_or_decision(card_id, "add", decide, needs=("agreement",))


@bp.route("/cards/<int:card_id>/split", methods=["GET", "POST"])
@may("decide")
def split(card_id: int) -> ResponseReturnValue:
    """Share a count between the agreements that hold the product: a rule, from now on."""
    found = context.find_card(reading(), card_id)
    if found.kind != "to_split":
        shared_already = Notice(
            tone="warn", what="This count is shared already.", text="The row shows what this agreement takes and bills."
        )
        return answers.card(card_id, notice=shared_already, status=409 if request.method == "POST" else 200)

    def decide(session: Session, asked: Asked) -> Decision:
        form = asked.form
        shared = read_split(form)
        return decisions.share(
            session,
            card_id,
            all_to=shared.all_to,
            fixed=shared.fixed,
            rest_to=shared.rest_to,
            by=asked.by,
            now=asked.now,
            today=asked.today,
            zone=clock().zone,
            seen=form.seen,
            reason=form.reason,
        )

    return _form_or_decision(card_id, "split", decide)


@bp.route("/cards/<int:card_id>/undo", methods=["GET", "POST"])
@may("decide")
def undo(card_id: int) -> ResponseReturnValue:
    """Take back the latest decision: at once while nothing was sent, afterwards by a plan."""

    def decide(session: Session, asked: Asked) -> Decision:
        form = asked.form
        return decisions.undo(
            session,
            card_id,
            by=asked.by,
            now=asked.now,
            today=asked.today,
            seen=form.seen,
            reason=form.reason,
            invoiced_ok=form.allowed("invoiced_ok"),
            scheduled_ok=form.allowed("scheduled_ok"),
            zone=clock().zone,
        )

    return _form_or_decision(card_id, "undo", decide)


@bp.post("/cards/<int:card_id>/confirm")
@may("decide")
def confirm(card_id: int) -> ResponseReturnValue:
    """Confirm as the second person, or send what was planned while the portal was read-only."""
    planned = context.find_card(reading(), card_id).state == "planned"

    def decide(session: Session, asked: Asked) -> Decision:
        form = asked.form
        call = decisions.confirm_planned if planned else decisions.confirm_second
        return call(
            session,
            card_id,
            by=asked.by,
            now=asked.now,
            today=asked.today,
            seen=form.seen,
            reason=form.reason,
            too_old_ok=form.allowed("too_old_ok"),
        )

    return _decide(card_id, None, decide, read_form(request.form))


@bp.post("/cards/<int:card_id>/read-again")
@may("sync")
def read_again(card_id: int) -> ResponseReturnValue:
    """Ask for the card's agreement to be read anew; the detail shows how far it is."""
    card = context.find_card(reading(), card_id)
    if card.agreement_id is None:
        raise Invalid("This card stands on no agreement, so there is none to read.")
    with transaction() as session:
        run = sync.request_sync(
            session, "agreement", agreement_id=card.agreement_id, by=current_actor(), now=clock().now()
        )
        run_id = run.id
    wake_sync(run_id)
    announce(f"Reading {card.agreement or 'the agreement'} again.")
    return answers.card(card_id, below="why")


@bp.get("/cards/<int:card_id>/reading")
@may("read")
def reading_again(card_id: int) -> ResponseReturnValue:
    """Say nothing while the card's agreement is being read; then give the card with its new numbers."""
    session = reading()
    found = context.find_card(session, card_id)
    if active_reading(session, found) is not None or is_wanted(session, found):
        return "", 204
    announce("The agreement was read again.")
    return answers.card(card_id, below="why", decided=True)


def _form_or_decision(card_id: int, action: str, decide: Deciding, needs: tuple[str, ...] = ()) -> ResponseReturnValue:
    """Show a form (GET, or a POST that only asks for the plan), or decide."""
    if request.method == "GET":
        return answers.card(card_id, below=action, form=read_form(request.args))
    form = read_form(request.form, needs=needs)
    if form.values.get("only") == "plan":
        return answers.card(card_id, below=action, form=form, status=422 if form.errors else 200)
    return _decide(card_id, action, decide, form)


def _decide(card_id: int, action: str | None, decide: Deciding, form: Typed) -> ResponseReturnValue:
    """Decide, and answer with the row as it is then; a refusal answers with the row and what stands in the way."""
    following = answers.following_card(card_id)
    try:
        form.refuse_if_wrong()
        with transaction() as session:
            decision = decide(session, Asked(form))
            words = done_words(decision, session.get_one(Card, card_id))
    except (NotFound, NotAllowed):
        raise
    except Conflict as refusal:
        return answers.card(card_id, notice=Notice(tone="warn", what=str(refusal)), status=refusal.status)
    except Refused as refusal:
        return _with_errors(card_id, action, form, refusal)
    wake_push_of(card_id)
    others = _sharing_with(card_id) if action == "split" else ()
    return answers.after_decision(card_id, words, following, others)


def _sharing_with(card_id: int) -> list[int]:
    """Give the other cards that share a card's count."""
    session = reading()
    card = context.find_card(session, card_id)
    query = sa.select(Card.id).where(
        Card.period == card.period, Card.company_id == card.company_id, Card.product == card.product, Card.id != card.id
    )
    return list(session.scalars(query))


def _with_errors(card_id: int, action: str | None, form: Typed, refusal: Refused) -> ResponseReturnValue:
    """Show a form again as it was typed, with an error under each wrong field."""
    fields = refusal.fields if isinstance(refusal, Invalid) else {}
    form.errors = {**form.errors, **fields}
    card = context.find_card(reading(), card_id)
    if action is None or card.state not in cards.DECIDABLE | {"confirmed", "stale"}:
        return answers.card(card_id, notice=Notice(tone="bad", what=str(refusal)), status=refusal.status)
    if not _beside_a_field(action, card, form):
        form.errors[""] = str(refusal)
    return answers.card(card_id, below=action, form=form, status=refusal.status)


def _beside_a_field(action: str, card: Card, form: Typed) -> bool:
    """Tell whether each error stands under a field that the form shows."""
    shown = {
        "adjust": {"quantity", "date", "reason"},
        "add": {"quantity", "date", "agreement", "price", "cost", "reason"},
        "dismiss": {"reason"},
        "split": {"all_to", "rest_to", "reason"},
    }.get(action, set())
    if action == "add" and form.agreement is None:
        shown = shown - {"date"}
    del card
    return bool(form.errors) and all(name in shown or name.startswith("fixed-") for name in form.errors)


def _no_date(form: Typed) -> None:
    """Refuse a date or a quantity that was sent with Approve: it takes neither.

    Raises:
        Invalid: One was sent.
    """
    if form.values.get("date"):
        sentence = "Approve takes no date: it holds at once. To bill from a day on, Adjust."
        raise Invalid(f"{sentence} Nothing was decided.", {"date": sentence})


def done_words(decision: Decision, card: Card) -> str:
    """Say what was decided: "Approved 12.", "Taken back, nothing was sent."."""
    number = "" if decision.quantity is None else f" {quantity(decision.quantity)}"
    if decision.action == "undo" and card.state in {"withdrawn", "open", "stale"}:
        return "Taken back, nothing was sent."
    verb = {
        "approve": "Approved",
        "adjust": "Adjusted to",
        "add": "Added",
        "undo": "Undo: back to",
        "dismiss": "Dismissed",
        "split": "Shared",
    }[decision.action]
    tail = {"planned": " Planned, not sent.", "waiting": " It waits for a second person."}.get(card.state, "")
    return f"{verb}{number}.{tail}"
