"""What an error looks like: a page, or for htmx a notice on top of the page.

Three parts: what happened, what was kept, what to do. Never a traceback; an unexpected error has a number, which
stands in the log, too.
"""

import logging
import secrets

import sqlalchemy as sa
from flask import Flask, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from portal.db.records import Person
from portal.db.session import reading
from portal.services.errors import Refused
from portal.web.access import ask_to_sign_in, signed_in
from portal.web.htmx import from_htmx, instead

TITLES = {
    400: "The request was not understood",
    403: "Your role may not do this",
    404: "Nothing is here",
    405: "Not this way",
    409: "Something changed meanwhile",
    410: "This link does not work any more",
    413: "The file is too large",
    422: "Not done yet",
    429: "Wait a little",
    500: "Something failed on our side",
}
SENTENCES = {
    400: "The request was not understood. Nothing was changed. Go back and try again.",
    404: "There is no page at this address. It may have been moved, or the link was cut short.",
    405: "This address only takes a form that is sent from its page. Nothing was changed.",
    413: "This is larger than the 512 MB that are taken in. Nothing was kept. Split the file, or send it as CSV.",
}
UNEXPECTED = "Something failed on our side. Nothing was sent. Tell your admin the number {number}."
_log = logging.getLogger("portal.errors")


def _answer(status: int, sentence: str) -> Response:
    """Show an error as a page, or as a notice on top of the page that asked."""
    title = TITLES.get(status, "This did not work")
    if from_htmx():
        part = make_response(render_template("components/_refused.html", title=title, sentence=sentence), status)
        return instead(part, "#notices", "innerHTML show:#notices:top")
    admins = _admins() if status == 403 and signed_in() is not None else []  # noqa: PLR2004 - not allowed
    page = render_template("error.html", status=status, heading=title, sentence=sentence, admins=admins)
    return make_response(page, status)


def _admins() -> list[str]:
    """Whom to ask for another role."""
    query = sa.select(Person.name).where(Person.role == "admin", Person.active.is_(True)).order_by(Person.name)
    return list(reading().scalars(query.limit(5)))


def _refused(error: Refused) -> ResponseReturnValue:
    return _answer(error.status, str(error))


def _no_token(error: CSRFError) -> ResponseReturnValue:
    del error
    if signed_in() is None and request.endpoint not in {"sign_in.enter", "sign_in.set_password"}:
        return ask_to_sign_in()
    return _answer(
        400, "This form is from before you signed in, or from another browser. Nothing was changed. Reload the page."
    )


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if error.response is not None or status < 400:  # noqa: PLR2004 - a redirection is no error
        return error
    answer = _answer(status, SENTENCES.get(status, error.description or "Nothing was changed."))
    for name, value in error.get_headers():
        if name.lower() == "allow":
            answer.headers[name] = value
    return answer


def _unexpected(error: Exception) -> ResponseReturnValue:
    """Log what happened under a number, and show only the number."""
    number = f"{secrets.token_hex(2)}-{secrets.token_hex(1)}"
    _log.error("Error %s at %s %s", number, request.method, request.path, exc_info=error)
    sentence = UNEXPECTED.format(number=number)
    if from_htmx():
        part = make_response(render_template("components/_refused.html", title=TITLES[500], sentence=sentence), 500)
        return instead(part, "#notices", "innerHTML show:#notices:top")
    # this page asks nothing of the database, which may be what failed
    return make_response(render_template("failed.html", heading=TITLES[500], sentence=sentence), 500)


def register(app: Flask) -> None:
    """Handle refusals, HTTP errors and everything else."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(CSRFError, _no_token)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)
