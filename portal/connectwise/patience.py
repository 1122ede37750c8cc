"""How long a call may take, and how the pauses between its attempts grow."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in seconds, and how often to read again.

    Args:
        connect: For a connection.
        read: For the next bytes of an answer.
        whole: For the whole of one answer, once it began.
        attempts: Attempts of one read, the first included.
        total: For all attempts of one read; none begins after it.
        back_off: Before the second attempt of a read; doubled with each.
        longest_wait: Between two attempts at most; where ConnectWise asks for more, the caller waits.
        chance: From 0 to 1, how much of a pause's upper half is waited, so that callers do not come back as one.
    """

    connect: float = 5
    read: float = 30
    whole: float = 120
    attempts: int = 4
    total: float = 180
    back_off: float = 0.5
    longest_wait: float = 20
    chance: Callable[[], float] = field(default=random.random, repr=False)

    def pause(self, attempt: int) -> float:
        """Give the seconds to wait after an attempt that gave nothing: capped and jittered.

        Args:
            attempt: From 1.
        """
        longest = min(self.longest_wait, self.back_off * float(2 ** min(attempt - 1, 16)))
        return longest * (0.5 + 0.5 * self.chance())
