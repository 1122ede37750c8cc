"""Connections: a card a source, its state, its syncs, a held feed, and for admins the settings."""

from flask import Flask

from portal.web.connections import callbacks, held, psa, routes, written  # noqa: F401 - they hang their views on the blueprint
from portal.web.connections.blueprint import bp


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
    callbacks.register_part(app)
