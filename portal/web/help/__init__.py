"""Help inside the portal: the pages of `docs/` for people who use it, and their pictures."""

from flask import Blueprint, Flask, render_template, send_from_directory, url_for
from flask.typing import ResponseReturnValue

from portal.db.records import Card
from portal.services.errors import NotFound
from portal.web.access import may
from portal.web.help import pages

STATES = {
    "stale": "cards#stale",
    "changed_in_psa": "cards#changed-in-connectwise",
    "in_doubt": "cards#in-doubt",
    "waiting": "cards#second-person",
    "planned": "cards#read-only",
    "undone": "cards#undo",
}
KINDS = {"not_reported": "cards#not-reported", "to_split": "cards#to-split", "stale": "cards#stale"}
"""Where it is told what a card's state means, and else its kind."""

bp = Blueprint("help", __name__, url_prefix="/help")


@bp.get("")
@may("read")
def index() -> ResponseReturnValue:
    """List the pages."""
    return render_template("help/index.html", pages=pages.PAGES)


@bp.get("/<name>")
@may("read")
def page(name: str) -> ResponseReturnValue:
    """Show a page."""
    return render_template("help/page.html", name=name, page=pages.find(name), pages=pages.PAGES)


@bp.get("/pictures/<name>")
@may("read")
def picture(name: str) -> ResponseReturnValue:
    """Give a picture of a page."""
    if not (pages.PICTURES / name).is_file() or not name.endswith(".png"):
        raise NotFound("The help has no such picture.")
    return send_from_directory(pages.PICTURES, name, mimetype="image/png")


def help_at(topic: str) -> str:
    """Give the address of a page of the help, with or without a part: `cards#stale`. For templates.

    Raises:
        KeyError: There is no such page.
    """
    name, _, part = topic.partition("#")
    _ = pages.PAGES[name]
    return url_for("help.page", name=name) + (f"#{part}" if part else "")


def help_on(card: Card) -> str:
    """Give the address of what a card's state or kind means. For templates."""
    return help_at(STATES.get(card.state) or KINDS.get(card.kind, "cards#kinds"))


def register(app: Flask) -> None:
    """Register the pages."""
    app.register_blueprint(bp)
    app.add_template_global(help_at)
    app.add_template_global(help_on)
