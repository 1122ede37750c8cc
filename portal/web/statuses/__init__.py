"""The page of statuses and types."""

from flask import Flask

from portal.web.statuses.routes import bp


def register(app: Flask) -> None:
    """Add the page."""
    app.register_blueprint(bp)
