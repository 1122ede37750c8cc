"""Faults on demand: the connection that dies, the server that stumbles, the answer that is cut off.

A fault names the requests it hits. ``nth`` counts matching requests from the moment the fault was set
(1 is the first), ``times`` says how many in a row are hit from there. A throttle lets so many through a minute.

A storm hits a share of all requests. Whether it hits one, and how, follows from its seed, the request's method, path
and page, and how often that very request came before. So the same requests meet the same faults again
for the same seed, in whatever order they come, also when many are sent at once.
"""

import random
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from portal.sandbox.jsontext import JsonValue, Record

BEFORE = frozenset({"drop_before", "status_before", "throttle", "html"})
"""Kinds that keep the request from taking effect."""

KINDS = BEFORE | {"drop_after", "status_after", "slow", "truncate"}

BUNDLES = "/v4_6_release/apis/3.0/system/bundles"

_WITHIN = frozenset({"status_before", "status_after", "throttle"})
_TOO_MANY = 429
_MINUTE = 60.0

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


@dataclass(slots=True, kw_only=True)
class Storm:
    """Faults at random.

    Args:
        rate: The share of matching requests that are hit, 0 to 1.
        seed: What decides which ones, and how.
        methods: The methods it hits; empty: all.
        faults: One is chosen for each request that is hit.
        seen: How often each request came so far.
    """

    rate: float
    seed: str
    methods: frozenset[str]
    faults: list[PlannedFault]
    seen: Counter[str] = field(default_factory=Counter)

    def strikes(self, method: str, path: str, page: str) -> PlannedFault | None:
        """The fault for this request, if it is hit."""
        if self.methods and method not in self.methods:
            return None
        asked = f"{method} {path} {page}"
        self.seen[asked] += 1
        words = f"{self.seed}:{asked}:{self.seen[asked]}"
        chance = random.Random(words)  # noqa: S311 - to repeat a storm, not to keep a secret
        return chance.choice(self.faults) if chance.random() < self.rate else None


class Throttle:
    """Lets so many requests through a minute. Safe to use from any thread.

    Args:
        ticking: Seconds of a clock that never goes back; a test may pass its own.
    """

    def __init__(self, ticking: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._ticking = ticking
        self._most: int | None = None
        self._passed: deque[float] = deque()

    def set(self, per_minute: JsonValue) -> None:
        """Let so many through in any minute; None: all.

        Raises:
            FaultError: It is no whole number from 1.
        """
        if per_minute is not None and (
            isinstance(per_minute, bool) or not isinstance(per_minute, int) or per_minute < 1
        ):
            raise FaultError("The requests a minute are a whole number from 1, or null for no limit.")
        with self._lock:
            self._most = per_minute
            self._passed.clear()

    def wait(self) -> int:
        """Seconds until a request may pass; 0: it passes now, and is counted."""
        with self._lock:
            if self._most is None:
                return 0
            now = self._ticking()
            while self._passed and self._passed[0] <= now - _MINUTE:
                self._passed.popleft()
            if len(self._passed) < self._most:
                self._passed.append(now)
                return 0
            return max(1, -int(-(self._passed[0] + _MINUTE - now) // 1))


class Faults:
    """The faults that are set. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[PlannedFault] = []
        self._storms: list[Storm] = []
        self.throttle = Throttle()

    def set(self, faults: JsonValue) -> int:
        """Set these faults in place of all others; an empty list ends them.

        Returns:
            How many are set.

        Raises:
            FaultError: One of them cannot be set; those from before stay.
        """
        if not isinstance(faults, list):
            raise FaultError("A list of faults is expected.")
        single = [_planned(fault) for fault in faults if not _is_storm(fault)]
        storms = [_storm(fault) for fault in faults if isinstance(fault, dict) and _is_storm(fault)]
        with self._lock:
            self._planned, self._storms = single, storms
        return len(faults)

    def next(self, method: str, path: str, page: str = "") -> PlannedFault | None:
        """The fault that hits this request, if any; the first that was set wins.

        Args:
            method: The request's method.
            path: Its path.
            page: Which page of a list it asks for, as it says it.
        """
        hit = None
        with self._lock:
            for fault in self._planned:
                if fault.method in {"", method} and fault.path.search(path):
                    fault.seen += 1
                    if hit is None and fault.nth <= fault.seen < fault.nth + fault.times:
                        hit = fault
            for storm in self._storms:
                struck = storm.strikes(method, path, page)
                hit = hit or struck
        return hit

    def within(self, path: str) -> int | None:
        """The status of the fault that hits one part of a bundle, a read of this path; None: it is not hit.

        Only single faults that answer with a status do so, and only those whose path does not mean the bundle itself.
        """
        with self._lock:
            for fault in self._planned:
                apart = fault.path.pattern and not fault.path.search(BUNDLES)
                if fault.kind not in _WITHIN or not apart or fault.method not in {"", "GET"}:
                    continue
                if fault.path.search(path):
                    fault.seen += 1
                    if fault.nth <= fault.seen < fault.nth + fault.times:
                        return _TOO_MANY if fault.kind == "throttle" else fault.status
        return None


def _is_storm(fault: JsonValue) -> bool:
    return isinstance(fault, dict) and "rate" in fault


def _storm(fault: Record) -> Storm:
    rate, kinds, methods = fault["rate"], fault.get("kinds"), fault.get("methods", [])
    if isinstance(rate, bool) or not isinstance(rate, int | Decimal) or not 0 <= rate <= 1:
        raise FaultError("The rate of a storm lies between 0 and 1.")
    if not isinstance(kinds, list) or not kinds:
        raise FaultError(f"The kinds of a storm are a list of some of {', '.join(sorted(KINDS))}.")
    if not isinstance(methods, list):
        raise FaultError("The methods of a storm are a list.")
    return Storm(
        rate=float(rate),
        seed=str(fault.get("seed", 0)),
        methods=frozenset(str(method).upper() for method in methods),
        faults=[_planned({**fault, "kind": kind}) for kind in kinds],
    )


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
