"""Takes what ConnectWise posts. Nobody is signed in here: the address holds a token, and the body is signed."""

import logging
from datetime import UTC, datetime

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from portal.db.session import reading, transaction
from portal.extensions import csrf
from portal.factory import clock, settings_of
from portal.jobs import queue
from portal.services import callbacks, sync_wanted
from portal.services.callbacks import REFUSALS, Outcome
from portal.services.sealing import Sealer
from portal.web.access import public
from portal.web.callbacks.limits import KNOWN, MINUTE, STRANGERS, Limit

bp = Blueprint("callbacks", __name__, url_prefix="/callbacks")
BUSY_MS = 3000  # how long a post waits for another writer; ConnectWise posts again
COUNTED_AT = 20  # posts over the limit that are counted in one go, so that a flood writes little
STRANGERS_LIMIT = "callbacks_strangers"
KNOWN_LIMIT = "callbacks_known"
_log = logging.getLogger(__name__)


@bp.post("/connectwise/<token>")
@public
def receive(token: str) -> ResponseReturnValue:
    """Take a post as a hint to read an agreement again. It is answered at once, without asking ConnectWise."""
    try:
        if callbacks.knows(reading(), token):
            return _known()
        return _unknown()
    except SQLAlchemyError:  # whatever it is: the general page for errors would note the address, which holds the token
        reading().rollback()
        _log.warning("The store could not be read or written, so a callback was not taken.")
        answer = jsonify(state="busy", sentence="The portal is busy. Send it again later.")
        answer.headers["Retry-After"] = "30"
        return answer, 503


def _known() -> ResponseReturnValue:
    if not _limit(KNOWN_LIMIT).takes("all"):
        return _too_many(_limit(KNOWN_LIMIT))
    now = datetime.now(UTC)
    body = _body()
    run_id: int | None = None
    with transaction(patience_ms=BUSY_MS) as session:
        if body is None:
            callbacks.count(session, "too_big", real_now=now)
            outcome = Outcome("too_big")
        else:
            outcome = callbacks.receive(
                session,
                body=body,
                signature=request.headers.get("x-content-signature", ""),
                sealer=Sealer(settings_of().secret_keys),
                real_now=now,
            )
            if outcome.agreements:
                run_id = sync_wanted.start(session, now=clock().now(), real_now=now)
    if outcome.reason:
        _log.info("A callback was refused: %s.", outcome.reason)
        return _refused(outcome.reason)
    if run_id is not None:
        queue.wake_sync(run_id)
    return jsonify(state="waits to be verified" if outcome.waits else "taken"), 202


def _unknown() -> ResponseReturnValue:
    """Refuse a post that does not know where to post to; its body is not even read."""
    limit = _limit(STRANGERS_LIMIT)
    if not limit.takes(request.remote_addr or ""):
        return _too_many(limit)
    with transaction(patience_ms=BUSY_MS) as session:
        callbacks.count(session, "wrong_token", real_now=datetime.now(UTC))
    return _refused("wrong_token")


def _too_many(limit: Limit) -> ResponseReturnValue:
    over = limit.over(at_least=COUNTED_AT) or limit.over(at_least=1)
    if over:
        with transaction(patience_ms=BUSY_MS) as session:
            callbacks.count(session, "too_many", real_now=datetime.now(UTC), times=over)
    return _refused("too_many")


def _refused(reason: str) -> tuple[Response, int]:
    status, sentence = REFUSALS[reason]
    answer = jsonify(state="refused", sentence=sentence)
    if reason == "too_many":
        answer.headers["Retry-After"] = str(int(MINUTE))
    return answer, status


def _body() -> bytes | None:
    """Give the body, or none where it is too big."""
    request.max_content_length = callbacks.LARGEST
    try:
        return request.get_data(cache=False)
    except HTTPException:
        return None


def _limit(name: str) -> Limit:
    found: Limit = current_app.extensions[name]
    return found


def register(app: Flask) -> None:
    """Register the address. It takes no form of ours, so it needs no token of a session."""
    app.extensions[STRANGERS_LIMIT] = Limit(STRANGERS)
    app.extensions[KNOWN_LIMIT] = Limit(KNOWN)
    csrf.exempt(bp)
    app.register_blueprint(bp)
