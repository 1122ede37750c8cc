"""The sandbox's clock: put on a moment, then running on in real time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_SECOND = timedelta(seconds=1)


def written(moment: datetime) -> str:
    """A moment as ConnectWise writes it: UTC, to the second."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def written_day(text: str) -> str:
    """A moment or day as ConnectWise writes a calendar date: its day as given, never shifted by a time zone.

    Raises:
        ValueError: The text is neither.
    """
    return f"{datetime.fromisoformat(text).date().isoformat()}T00:00:00Z"


def parse_moment(text: str) -> datetime | None:
    """Read an ISO 8601 moment or day; without an offset it is UTC. None: it is no moment."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None


class Clock:
    """A clock that starts at a given moment, and gives each write a time of its own.

    Args:
        at: Where it starts.
        ticking: Seconds of a clock that never goes back; a test may pass its own.
    """

    def __init__(self, at: datetime, ticking: Callable[[], float] = time.monotonic) -> None:
        self._ticking = ticking
        self._last: datetime | None = None
        self.put(at)

    def put(self, at: datetime) -> None:
        """Put the clock on a moment; it runs on from there."""
        self._at = at.astimezone(UTC)
        self._since = self._ticking()

    def now(self) -> datetime:
        """The moment it shows, in UTC."""
        return self._at + timedelta(seconds=self._ticking() - self._since)

    def stamp(self, *, after: datetime | None = None) -> datetime:
        """A moment for a write: now, but later by a second or more than every write before.

        ConnectWise keeps whole seconds, so two writes in one second would look alike otherwise.

        Args:
            after: Also later than this, the record's own last change.
        """
        stamp = self.now().replace(microsecond=0)
        for earlier in (self._last, after):
            if earlier is not None and stamp <= earlier:
                stamp = earlier.replace(microsecond=0) + _SECOND
        self._last = stamp
        return stamp

    def written_at(self, moment: datetime) -> None:
        """Take note of a write that was made before this clock started."""
        if self._last is None or moment > self._last:
            self._last = moment

    def forget(self) -> None:
        """Forget all writes."""
        self._last = None
