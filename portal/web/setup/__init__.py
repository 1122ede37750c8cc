"""The guide through the first hour: one question a page, to be left and taken up again at any time."""

from flask import Flask

from portal.web.setup import first  # noqa: F401 - the module hangs its views on the blueprint
from portal.web.setup.blueprint import bp
from portal.web.setup.routes import step_frame
from portal.web.steps_left import steps_left


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
    app.add_template_global(steps_left)
    app.add_template_global(step_frame)
