"""The pages of imports."""

from flask import Flask

from portal.web.imports import profiles, settling  # noqa: F401 - the modules hang their views on the blueprint
from portal.web.imports.routes import bp


def register(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)
