"""How much of setting up is left, for the rail. Once nothing is, nobody is asked again."""

from typing import cast

from flask import current_app, g

from portal.db.session import reading
from portal.services import made_up_mark
from portal.services.setting_up import Start, start_of

_WHOLE = "countersign_set_up"


def start() -> Start:
    """Give how far the installation is, read once an answer."""
    if "set_up_start" not in g:
        g.set_up_start = start_of(reading())
    return cast("Start", g.set_up_start)


def steps_left() -> int:
    """Count the steps that are neither done nor skipped; 0 from the moment on at which nothing was left."""
    if current_app.extensions.get(_WHOLE):
        return 0
    found = start()
    left = sum(1 for step in found.steps[:-1] if step.state in {"open", "waits"})
    if not left and not found.skipped and not made_up_mark.is_here(reading()):  # made-up data leave again
        current_app.extensions[_WHOLE] = True  # what comes later, such as a new status, is no part of setting up
    return left
