"""Pushes and batches: what became of decisions, and what to do where one did not go through."""

from flask import Flask

from portal.web.pushes import (  # listing hangs its views on the blueprint of one push
    batches,
    listing,  # noqa: F401
    routes,
    undoing,
)


def register(app: Flask) -> None:
    """Give the app pushes and batches."""
    app.register_blueprint(routes.bp)
    app.register_blueprint(batches.bp)
    app.register_blueprint(undoing.bp)
