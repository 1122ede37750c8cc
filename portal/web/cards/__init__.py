"""The board: cards, their detail and their decisions."""

from flask import Flask

from portal.web.cards import bulk, decide, routes  # noqa: F401 - the modules hang their views on the blueprint
from portal.web.cards.blueprint import bp


def register(app: Flask) -> None:
    """Give the app the board."""
    app.register_blueprint(bp)
