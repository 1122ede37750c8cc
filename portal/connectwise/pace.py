"""How fast calls may follow each other. What decides it is given from outside; this is what the client needs of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from portal.connectwise.errors import Stopped, Throttled

LONGEST_WAIT = 900.0  # seconds; ConnectWise counts by the minute, so a wait beyond this is a fault


class Pace(Protocol):
    """Lets calls go, one by one; shared by all threads of a client."""

    def take(self, *, urgent: bool, stopped: threading.Event | None = None) -> None:
        """Wait until a call may go.

        Args:
            urgent: Somebody's decision waits for it, so it goes before reads in bulk.
            stopped: Set when nobody waits for the answer any more.

        Raises:
            Throttled: It may not go within a time worth waiting for.
            Stopped: ``stopped`` was set.
        """

    def told_to_wait(self, seconds: float) -> None:
        """Let no call of anybody's go for so long: ConnectWise asked for fewer."""


class OwnPace:
    """As fast as it goes, but all threads of the client wait where ConnectWise asked one of them to.

    Args:
        longest_wait: Seconds that are waited at most.
        clock: Seconds that only ever grow.
    """

    def __init__(self, longest_wait: float = 20, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest = longest_wait
        self._clock = clock
        self._until = 0.0

    def take(self, *, urgent: bool, stopped: threading.Event | None = None) -> None:
        """Wait until ConnectWise's last wish is fulfilled; raises as ``Pace.take``."""
        del urgent  # without a limit nothing has to go before anything else
        while (left := self._until - self._clock()) > 0:
            if left > self._longest:
                raise asked_for_fewer(left)
            pause(left, stopped)

    def told_to_wait(self, seconds: float) -> None:
        """Let no call go for so long."""
        self._until = max(self._until, self._clock() + min(seconds, LONGEST_WAIT))


def pause(seconds: float, stopped: threading.Event | None) -> None:
    """Wait, unless nobody waits for the answer any more.

    Raises:
        Stopped: Nobody does.
    """
    if stopped is None:
        time.sleep(seconds)  # bounded: a longer wait than is worth it was refused before
    elif stopped.wait(seconds):
        raise Stopped


def asked_for_fewer(seconds: float, request_id: str | None = None) -> Throttled:
    """Say that a call has to wait for longer than is worth waiting here."""
    return Throttled(
        "ConnectWise asks for fewer calls just now (429). Try again in a moment.",
        request_id=request_id,
        retry_after=seconds,
    )
