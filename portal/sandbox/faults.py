"""Faults on demand: the connection that dies, the server that stumbles, the answer that is cut off.

A fault names the requests it hits. ``nth`` counts matching requests from the moment the fault was set
(1 is the first), ``times`` says how many in a row are hit from there.
"""

import re
import threading
from dataclasses import dataclass
from decimal import Decimal

from portal.sandbox.jsontext import JsonValue, Record

BEFORE = frozenset({"drop_before", "status_before", "throttle", "html"})
"""Kinds that keep the request from taking effect."""

KINDS = BEFORE | {"drop_after", "status_after", "slow", "truncate"}

_LOWEST_STATUS, _HIGHEST_STATUS = 200, 599


class FaultError(ValueError):
    """A fault that cannot be set; the text says why."""


@dataclass(slots=True, kw_only=True)
class PlannedFault:
    """A fault that waits for its request.

    Args:
        kind: One of ``KINDS``.
        method: The method it hits; empty: any.
        path: Found anywhere in the request's path.
        nth: The first matching request that is hit, from 1.
        times: How many matching requests are hit.
        status: The status of ``status_before``, ``status_after`` and ``html``.
        seconds: How late the answer of ``slow`` is, or when ``throttle`` says to come back.
        seen: Matching requests so far.
    """

    kind: str
    method: str
    path: re.Pattern[str]
    nth: int
    times: int
    status: int
    seconds: float
    seen: int = 0


class Faults:
    """The faults that are set. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[PlannedFault] = []

    def set(self, faults: JsonValue) -> int:
        """Set these faults in place of all others; an empty list ends them.

        Returns:
            How many are set.

        Raises:
            FaultError: One of them cannot be set; those from before stay.
        """
        if not isinstance(faults, list):
            raise FaultError("A list of faults is expected.")
        planned = [_planned(fault) for fault in faults]
        with self._lock:
            self._planned = planned
        return len(planned)

    def next(self, method: str, path: str) -> PlannedFault | None:
        """The fault that hits this request, if any; the first that was set wins."""
        hit = None
        with self._lock:
            for fault in self._planned:
                if fault.method in {"", method} and fault.path.search(path):
                    fault.seen += 1
                    if hit is None and fault.nth <= fault.seen < fault.nth + fault.times:
                        hit = fault
        return hit


def _planned(fault: JsonValue) -> PlannedFault:
    if not isinstance(fault, dict):
        raise FaultError("A fault is an object.")
    kind = fault.get("kind")
    if kind not in KINDS:
        raise FaultError(f"The kind of a fault is one of {', '.join(sorted(KINDS))}.")
    try:
        path = re.compile(str(fault.get("path", "")))
    except re.error as error:
        raise FaultError(f"The path of a fault is no regular expression: {error}.") from error
    default = {"status_after": 500, "html": 502}.get(str(kind), 503)
    status = _whole(fault, "status", default)
    if not _LOWEST_STATUS <= status <= _HIGHEST_STATUS:
        raise FaultError("The status of a fault lies between 200 and 599.")
    seconds = fault.get("seconds", 1)
    if isinstance(seconds, bool) or not isinstance(seconds, int | Decimal) or seconds < 0:
        raise FaultError("The seconds of a fault are a number from 0.")
    return PlannedFault(
        kind=str(kind),
        method=str(fault.get("method", "")).upper(),
        path=path,
        nth=_whole(fault, "nth", 1),
        times=_whole(fault, "times", 1),
        status=status,
        seconds=float(seconds),
    )


def _whole(fault: Record, name: str, default: int) -> int:
    value = fault.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise FaultError(f"The {name} of a fault is a whole number from 1.")
    return value
