"""The list of keys, as a page; where scripts run it opens as a dialog."""

from flask import Blueprint, Flask, render_template
from flask.typing import ResponseReturnValue

from portal.web.access import may

bp = Blueprint("keys", __name__)


@bp.get("/keys")
@may("read")
def index() -> ResponseReturnValue:
    """Show the list."""
    return render_template("keys/index.html")


def register(app: Flask) -> None:
    """Register the page."""
    app.register_blueprint(bp)
