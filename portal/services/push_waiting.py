"""When a push that cannot go on is tried again, and from when on somebody is to look at it. It is never given up."""

import random
from datetime import timedelta

from portal.connectwise import ConnectWiseError, Throttled
from portal.services import settings_store
from portal.services.push_holding import Hold
from portal.services.push_settling import Settling

NAME = "sending"
DEFAULTS = {"look_after_minutes": 30}
"""The setting `sending`: after how many minutes without getting on a push needs a look."""

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 120.0  # seconds of back-off before the jitter
_LONGEST_STUCK = 600.0  # likewise once somebody is to look
_LONGEST_ASKED = 3600.0  # seconds that ConnectWise may ask us to wait; a proxy's nonsense would park a write for years


def words(error: ConnectWiseError) -> str:
    """Say why a push waits."""
    seconds = getattr(error, "retry_after", None)
    if isinstance(error, Throttled) and seconds:
        return (
            f"ConnectWise asks us to wait {min(seconds, _LONGEST_ASKED):.0f} s. Nothing is lost; it goes on by itself."
        )
    return f"{error.sentence} Nothing is lost; it goes on by itself."


def back_off(hold: Hold, at: Settling, asked_seconds: float | None) -> None:
    """Let a push rest: longer each time up to a bound, spread by chance, and no shorter than ConnectWise asked.

    Args:
        hold: The worker's hold, which ends.
        at: Its transaction.
        asked_seconds: How long ConnectWise asked to wait.
    """
    troubled(hold, at)
    longest = _LONGEST_WAIT if at.push.needs_look_at is None else _LONGEST_STUCK
    seconds = min(longest, _FIRST_WAIT * 2 ** min(at.push.tries, 10))
    seconds *= random.uniform(0.5, 1.0)  # noqa: S311 - it only spreads retries
    asked = min(asked_seconds or 0.0, _LONGEST_ASKED)
    hold.rest(at, hold.real_now() + timedelta(seconds=max(seconds, asked)))


def troubled(hold: Hold, at: Settling, *, at_once: bool = False) -> None:
    """Note that a push could not go on; after a while, that somebody is to look.

    Args:
        hold: The worker's hold.
        at: Its transaction.
        at_once: Nobody but a person can tell, so nobody need wait.
    """
    now, push = hold.real_now(), at.push
    push.troubled_since = push.troubled_since or now
    after = settings_store.get(at.session, NAME, DEFAULTS)["look_after_minutes"]
    if push.needs_look_at is None and (at_once or now - push.troubled_since >= timedelta(minutes=int(after))):
        push.needs_look_at = now
        at.tell("push.needs_look", f"Somebody is to look at this write: {push.cause}", details={"tries": push.tries})
