"""Today, and the tape that stands on every page."""

from contextlib import suppress

from flask import Blueprint, Flask, render_template, request
from flask.typing import ResponseReturnValue

from portal.domain.periods import Period
from portal.web.access import may, public, signed_in
from portal.web.frame import frame, look_at

bp = Blueprint("today", __name__)


@bp.get("/")
@may("read")
def index() -> ResponseReturnValue:
    """Show the month."""
    return render_template("today/index.html")


@bp.get("/tape")
@public
def tape() -> ResponseReturnValue:
    """Show the tape, or nothing while its text is the same.

    A page whose session ended is not moved away by its own poll, since somebody may be typing there: the tape says so.
    """
    if signed_in() is None:
        return render_template("today/_tape_ended.html")
    with suppress(ValueError):
        look_at(Period.parse(request.args.get("period", "")))
    if frame().tape.version == request.args.get("seen"):
        return "", 204
    return render_template("today/_tape.html")


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
