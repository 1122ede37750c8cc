"""The business clock: today, periods, ages and event times.

Back-off, leases, sessions, lock-outs and one-time codes run on real time instead.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


class Clock:
    """Tells the moment, from a chosen start or as it is.

    Args:
        zone: The portal's time zone.
        start: Where the clock starts (it runs on from there), or none for real time.
    """

    def __init__(self, zone: ZoneInfo, start: datetime | None = None) -> None:
        self.zone = zone
        self._real_start = datetime.now(UTC)
        self._offset = timedelta() if start is None else start.astimezone(UTC) - self._real_start
        self.fixed = start is not None

    def now(self) -> datetime:
        """Give the moment, aware, in UTC."""
        return datetime.now(UTC) + self._offset

    def today(self) -> date:
        """Give the day in the portal's time zone."""
        return self.now().astimezone(self.zone).date()

    def set(self, moment: datetime) -> None:
        """Start anew from a moment (sample sets are loaded step by step)."""
        self._offset = moment.astimezone(UTC) - datetime.now(UTC)
        self.fixed = True
