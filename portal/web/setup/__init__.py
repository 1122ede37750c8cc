"""The guide through the first hour: one question a page, to be left and taken up again at any time."""

from flask import Flask

from portal.db.session import reading
from portal.factory import settings_of
from portal.services import made_up_mark
from portal.web.setup import first  # noqa: F401 - the module hangs its views on the blueprint
from portal.web.setup.blueprint import bp
from portal.web.setup.routes import step_frame
from portal.web.steps_left import steps_left


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
    app.add_template_global(steps_left)
    app.add_template_global(step_frame)
    app.add_template_global(_has_made_up_data, "has_made_up_data")


def _has_made_up_data() -> bool:
    """Tell whether what is shown is made up: the demo, or data that the guide loaded. For templates."""
    return settings_of().demo or made_up_mark.is_here(reading())
