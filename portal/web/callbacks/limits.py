"""How many requests are taken a minute, kept in memory: each process of the portal counts for itself."""

import math
import threading
import time
from collections import Counter

MINUTE = 60.0  # seconds
STRANGERS = 60  # posts a minute from one address that do not know where to post to
KNOWN = 1200  # posts a minute, of all that do
_MOST_ADDRESSES = 10_000


class Limit:
    """Counts in windows of a minute; safe to share between threads.

    Args:
        most: In one window, for one name.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._began = 0.0
        self._seen: Counter[str] = Counter()
        self._over = 0

    def takes(self, name: str) -> bool:
        """Count one; tell whether it is within the limit."""
        with self._lock:
            now = time.monotonic()
            if now - self._began >= MINUTE or len(self._seen) > _MOST_ADDRESSES:
                self._began, self._seen = now, Counter()
            self._seen[name] += 1
            if self._seen[name] > self.most:
                self._over += 1
                return False
            return True

    def ends_in(self) -> int:
        """Give the seconds until the window ends, at least 1."""
        with self._lock:
            return max(1, math.ceil(MINUTE - (time.monotonic() - self._began)))

    def over(self, *, at_least: int) -> int:
        """Give how many were over the limit since this gave any; 0 while they are fewer than `at_least`."""
        with self._lock:
            if self._over < at_least:
                return 0
            found, self._over = self._over, 0
            return found
