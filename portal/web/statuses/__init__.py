"""The pages of statuses and types, and all their meanings as a file."""

from flask import Flask

from portal.web.statuses import file_routes, routes
from portal.web.statuses.blueprint import bp

__all__ = ["file_routes", "register", "routes"]


def register(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)
