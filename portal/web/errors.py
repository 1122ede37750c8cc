"""What an error looks like: a page, or for htmx a notice on top of the page.

Three parts: what happened, what was kept, what to do. Never a traceback; an unexpected error has a number, which
stands in the log, too.
"""

import errno
import logging
import secrets
from contextlib import suppress

import sqlalchemy as sa
from flask import Flask, Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from portal.db.records import Person
from portal.db.session import reading
from portal.factory import UPLOAD_LIMIT
from portal.services.errors import Refused, TooOften
from portal.web.access import ask_to_sign_in, signed_in
from portal.web.htmx import from_htmx, instead

TITLES = {
    403: "Your role may not do this",
    404: "Nothing is here",
    405: "Not this way",
    409: "Something changed meanwhile",
    410: "This link does not work any more",
    413: "The file is too large",
    422: "Not done yet",
    429: "Wait a little",
    503: "The portal cannot do this just now",
    507: "There is no room left",
}
SENTENCES = {
    400: "The request was not understood. Nothing was changed. Go back and try again.",
    404: "There is no page at this address. It may have been moved, or the link was cut short.",
    405: "This address only takes a form that is sent from its page. Nothing was changed.",
}
TOO_LARGE = {
    True: "This is larger than the 512 MB that are taken in. Nothing was kept. Split the file, or send it as CSV.",
    False: "This form is larger than what is taken in. Nothing was changed. Shorten what you typed, or choose less.",
}
UNEXPECTED = "Something failed on our side. Nothing was sent. Tell your admin the number {number}."
BUSY = (
    "Something else is writing to the portal's store for a long time. Nothing of this was changed. "
    "Try again in a minute."
)
AWAY = (
    "The portal's store cannot be read or written just now. Nothing of this was changed. "
    "Tell your admin the number {number}; “flask --app app doctor” says more."
)
NO_ROOM = (
    "The portal's disk has no room left. Nothing of this was kept. "
    "Tell your admin the number {number}; with more room, try again."
)
NO_FOLDER = (
    "The portal cannot write to its own folder. Nothing of this was kept. "
    "Tell your admin the number {number}; “flask --app app doctor” says more."
)
BUSY_SECONDS = 30
_LOCKED = ("database is locked", "database table is locked", "lock timeout", "could not obtain lock")
_FULL = ("disk is full", "no space left", "disk full")
_FULL_NUMBERS = {errno.ENOSPC, errno.EDQUOT}
_FOLDER_NUMBERS = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EIO,
}  # fmt: skip
_log = logging.getLogger("portal.errors")


def _answer(status: int, sentence: str) -> Response:
    """Show an error as a page, or as a notice on top of the page that asked."""
    title = TITLES.get(status, "This did not work")
    if from_htmx():
        return _part(status, title, sentence)
    try:
        admins = _admins() if status == 403 and signed_in() is not None else []  # noqa: PLR2004 - not allowed
        page = render_template("error.html", status=status, heading=title, sentence=sentence, admins=admins)
    except SQLAlchemyError:
        _log.exception("The page around an error could not be made.")
        return _bare(status, sentence)
    return make_response(page, status)


def _part(status: int, title: str, sentence: str) -> Response:
    """Put an error on top of the page that asked, for htmx."""
    part = make_response(render_template("components/_refused.html", title=title, sentence=sentence), status)
    return instead(part, "#notices", "innerHTML show:#notices:top")


def _bare(status: int, sentence: str) -> Response:
    """Show an error without asking anything of the store, which may be what failed."""
    title = TITLES.get(status, "This did not work")
    if from_htmx():
        return _part(status, title, sentence)
    g.setdefault("signed_in", None)  # whoever it is, nobody is looked up now
    return make_response(render_template("failed.html", heading=title, sentence=sentence), status)


def _admins() -> list[str]:
    """Whom to ask for another role."""
    query = sa.select(Person.name).where(Person.role == "admin", Person.active.is_(True)).order_by(Person.name)
    return list(reading().scalars(query.limit(5)))


def _refused(error: Refused) -> ResponseReturnValue:
    g.refused = str(error)  # for the trail
    answer = _answer(error.status, str(error))
    if isinstance(error, TooOften):
        answer.headers["Retry-After"] = str(error.seconds)
    return answer


def _no_token(error: CSRFError) -> ResponseReturnValue:
    del error
    try:
        if request.endpoint not in {"sign_in.enter", "sign_in.set_password"} and signed_in() is None:
            return ask_to_sign_in()
    except (DBAPIError, PoolTimeout) as failed:
        return _store_failed(failed)
    return _answer(
        400, "This form is from before you signed in, or from another browser. Nothing was changed. Reload the page."
    )


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if error.response is not None or status < 400:  # noqa: PLR2004 - a redirection is no error
        return error
    sentence = SENTENCES.get(status, error.description or "Nothing was changed.")
    if status == 413:  # noqa: PLR2004 - too large
        sentence = TOO_LARGE[(request.content_length or 0) > UPLOAD_LIMIT]
    answer = _answer(status, sentence)
    for name, value in error.get_headers():
        if name.lower() == "allow":
            answer.headers[name] = value
    return answer


def _too_large(error: OverflowError) -> ResponseReturnValue:
    """Answer a number that is larger than any id: the store cannot even look for it."""
    _log.info("A number was too large at %s %s: %s", request.method, request.path, error)
    reading().rollback()
    return _answer(404, SENTENCES[404])


def _number(error: Exception) -> str:
    """Log what happened under a number."""
    number = f"{secrets.token_hex(2)}-{secrets.token_hex(1)}"
    _log.error("Error %s at %s %s", number, request.method, request.path, exc_info=error)
    return number


def _unexpected(error: Exception) -> ResponseReturnValue:
    """Show only the number of what happened."""
    return _bare(500, UNEXPECTED.format(number=_number(error)))


def _store_failed(error: DBAPIError | PoolTimeout) -> ResponseReturnValue:
    """Say that the store is busy, away or full; anything else that it raises is a fault of ours."""
    with suppress(SQLAlchemyError):
        reading().rollback()
    said = str(error.orig if isinstance(error, DBAPIError) else error).lower()
    if isinstance(error, PoolTimeout) or any(words in said for words in _LOCKED):
        _log.warning("The store was busy at %s %s: %s", request.method, request.path, said[:200])
        answer = _bare(503, BUSY)
        answer.headers["Retry-After"] = str(BUSY_SECONDS)
        return answer
    if any(words in said for words in _FULL):
        return _bare(507, NO_ROOM.format(number=_number(error)))
    if isinstance(error, OperationalError) or type(error) is DatabaseError:
        return _bare(503, AWAY.format(number=_number(error)))
    return _unexpected(error)


def _files_failed(error: OSError) -> ResponseReturnValue:
    """Say that a file could not be written; anything else of the operating system is a fault of ours."""
    if error.errno in _FULL_NUMBERS:
        return _bare(507, NO_ROOM.format(number=_number(error)))
    if error.errno in _FOLDER_NUMBERS:
        return _bare(503, NO_FOLDER.format(number=_number(error)))
    return _unexpected(error)


def register(app: Flask) -> None:
    """Handle refusals, HTTP errors and everything else."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(CSRFError, _no_token)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OverflowError, _too_large)
    app.register_error_handler(DBAPIError, _store_failed)
    app.register_error_handler(PoolTimeout, _store_failed)
    app.register_error_handler(OSError, _files_failed)
    app.register_error_handler(Exception, _unexpected)
