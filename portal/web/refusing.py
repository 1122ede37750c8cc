"""Refusals go into the trail: a role that may not, a moment that has passed, a decision against a rule, a lock-out.

Wrong typing is no refusal, nor is a page that is not there. How many become events of their own is bounded; see
`portal.services.audit_refusals`. What is refused was rolled back before, so this has a transaction of its own.
"""

import logging
from typing import Any

import click
from flask import Flask, Response, g, has_request_context, request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal.db.records import Card
from portal.db.session import FAILED, reading, transaction
from portal.factory import clock
from portal.services import audit_refusals, people
from portal.services.actors import COMMAND_LINE, Actor
from portal.services.errors import Conflict, NotAllowed, NotFound, Refused
from portal.web.access import current_actor, signed_in

SAID = "refused"  # where the error page leaves what it said
WAITS_MS = 2_000  # at most, for another writer: the answer to a refusal is worth a short wait
LOCKED_OUT = 429
_ALWAYS = {403, 409, LOCKED_OUT}
_RULE = 422  # a decision or a push against a rule
_DECIDING = {"cards", "pushes", "batches", "rules"}
_STRANGERS = {"sign_in.enter"}
_TYPED = ("quantity", "date", "agreement", "seen", "invoiced_ok", "scheduled_ok", "too_old_ok", "reason")
_log = logging.getLogger(__name__)


def _after(answer: Response) -> Response:
    """Note what was refused to whoever sent this request."""
    status = answer.status_code
    if request.endpoint is None or not (status in _ALWAYS or (status == _RULE and request.method == "POST")):
        return answer
    error = g.get(FAILED)
    if status == _RULE and not (isinstance(error, Refused) and request.blueprint in _DECIDING):
        return answer
    try:
        known = signed_in() is not None
        if not known and request.endpoint not in _STRANGERS:
            return answer
        by = current_actor() if known else Actor("somebody", address=request.remote_addr)
        said = g.get(SAID) or (str(error) if isinstance(error, Refused) else "")
        with transaction(patience_ms=WAITS_MS) as session:
            audit_refusals.note(
                session,
                by=by,
                asked=f"{request.method} {request.path}",
                status=status,
                sentence=said,
                now=clock().now(),
                key=request.endpoint,
                about=_about(session),
                typed={name: request.form[name][:200] for name in _TYPED if request.form.get(name)},
            )
    except (SQLAlchemyError, Refused) as failed:
        _log.warning("A refusal could not be noted in the trail: %s", failed)
    return answer


def _about(session: Session) -> dict[str, Any]:
    """Give what the refused request was about, where it was about a card."""
    card_id = (request.view_args or {}).get("card_id")
    card = session.get(Card, card_id) if isinstance(card_id, int) else None
    if card is None:
        return {}
    return {
        "card_id": card.id,
        "company_id": card.company_id,
        "company": card.company,
        "agreement_id": card.agreement_id,
        "product": card.product,
    }


def _command_ended(_error: BaseException | None) -> None:
    """Note what was refused to a command."""
    error = g.get(FAILED)
    context = click.get_current_context(silent=True)
    if has_request_context() or context is None or not isinstance(error, Refused) or isinstance(error, NotFound):
        return
    try:
        with transaction(patience_ms=WAITS_MS) as session:
            audit_refusals.note(
                session,
                by=_acting(session, context),
                asked=f"flask {context.command_path.partition(' ')[2]}"[:200],
                status=error.status if isinstance(error, NotAllowed | Conflict) else _RULE,
                sentence=str(error),
                now=clock().now(),
            )
    except (SQLAlchemyError, Refused, RuntimeError) as failed:
        _log.warning("A refusal could not be noted in the trail: %s", failed)
    finally:
        reading().close()


def _acting(session: Session, context: click.Context) -> Actor:
    """Give whom the command acts for."""
    email = context.params.get("email") or context.params.get("by")
    if not isinstance(email, str):
        return COMMAND_LINE
    try:
        return people.actor_of(people.person_by_email(session, email))
    except Refused:
        return COMMAND_LINE


def register(app: Flask) -> None:
    """Watch answers and ends of commands."""
    app.after_request(_after)
    app.teardown_appcontext(_command_ended)
