"""Named points at which a test kills or stops a worker, in the order in which a push passes them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

POINTS: Final = {
    "claiming": "a worker has the agreement, and is about to take the push",
    "claim": "both are its own, and about to be committed",
    "claimed": "committed; nothing was asked yet",
    "looking": "about to read the agreement and its lines",
    "agreement_read": "the agreement was read, its lines were not",
    "looked": "all was read before a write",
    "intending": "the intent is written down, and about to be committed",
    "intent": "the intent is committed",
    "sending": "about to call ConnectWise",
    "leaving": "the connection stands, and nothing has left over it",
    "answered": "ConnectWise answered",
    "noting": "the answer is written down, and about to be committed",
    "sent": "the answer is committed",
    "doubting": "that the answer was lost is written down, and about to be committed",
    "doubted": "that is committed",
    "read_back": "all was read after a write",
    "asking_whose": "about to read ConnectWise's audit trail",
    "mirrored": "what was read is in our picture, and nothing of it is committed",
    "settling": "a step is settled, and about to be committed",
    "step_done": "a step is committed, another one follows",
    "confirming": "the last step is settled, the push is not",
    "finished": "the push is confirmed, its cards are made anew, and all is about to be committed",
    "confirmed": "all is committed",
    "beginning_anew": "it surely did not arrive, and the step is about to begin anew",
    "putting_off": "that it waits is written down, and about to be committed",
    "put_off": "that is committed",
    "stopping": "that it stops is written down, and about to be committed",
    "stopped": "that is committed",
    "retrying": "a person's retry is written down, and about to be committed",
    "giving_up": "a person's giving up is written down, and about to be committed",
    "saying_whose": "a person's word on whose a line is is written down, and about to be committed",
    "hinting": "a decision or a retry is committed, and no worker was woken yet",
}
CRASH_POINTS = tuple(POINTS)


def _never(point: str) -> None:
    """Let every point pass."""
    del point


_hook: ContextVar[Callable[[str], None]] = ContextVar("push_points", default=_never)


def passed(point: str) -> None:
    """Say that a point is passed.

    Raises:
        KeyError: It is none of `POINTS`.
    """
    if point not in POINTS:
        raise KeyError(point)
    _hook.get()(point)


@contextmanager
def watched(hook: Callable[[str], None] | None) -> Iterator[None]:
    """Have a function called with each point as it is passed; none leaves it as it is."""
    if hook is None:
        yield
        return
    token = _hook.set(hook)
    try:
        yield
    finally:
        _hook.reset(token)
