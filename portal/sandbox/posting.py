"""Posts that leave the sandbox: in the background, in order for each address, with a bounded number of tries."""

import http.client
import threading
from collections import deque
from dataclasses import dataclass
from urllib.parse import urlsplit

from portal.sandbox.jsontext import JsonValue, Record

TIME_OUT = 5.0
"""Seconds that one try may take."""

DELAYS = (0.5, 2.0)
"""Seconds before the second and the third try; then the post is given up (an assumption: ConnectWise does not say)."""

_LONGEST_LINE, _REMEMBERED = 10_000, 10_000
_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post.

    Args:
        line: Posts of one line go out one after the other.
        url: The whole address, ``http`` or ``https``.
        body: What is sent.
        headers: Sent with it.
        about: What the journal of posts says of it beside its fate.
    """

    line: str
    url: str
    body: bytes
    headers: dict[str, str]
    about: Record


class Posting:
    """Sends posts without making anyone wait. Every method may be called from any thread.

    Args:
        delays: Seconds before each further try.
    """

    def __init__(self, delays: tuple[float, ...] = DELAYS) -> None:
        self._delays = delays
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._lines: dict[str, deque[tuple[Post, Record]]] = {}
        self._seen: deque[Record] = deque(maxlen=_REMEMBERED)

    def send(self, post: Post) -> None:
        """Put a post into its line; a line of 10,000 takes no more, and the journal says so."""
        with self._lock:
            line = self._lines.setdefault(post.line, deque())
            full = len(line) >= _LONGEST_LINE
            entry = post.about | {
                "url": post.url,
                "attempts": 0,
                "status": None,
                "error": "The line is full." if full else None,
                "state": "given up" if full else "waiting",
            }
            self._seen.append(entry)
            if full:
                return
            line.append((post, entry))
            if len(line) == 1:
                threading.Thread(target=self._work, args=(post.line, line, self._ended), daemon=True).start()

    def all(self) -> list[JsonValue]:
        """The posts so far, oldest first: each with its tries, the last status, and what became of it."""
        with self._lock:
            return [dict(entry) for entry in self._seen]

    def clear(self) -> None:
        """Forget all posts; those that still wait are not sent."""
        with self._lock:
            self._ended.set()
            self._ended = threading.Event()
            self._lines = {}
            self._seen.clear()

    def _work(self, name: str, line: deque[tuple[Post, Record]], ended: threading.Event) -> None:
        """Send what stands in a line until it is empty."""
        while True:
            with self._lock:
                if ended.is_set():
                    return
                if not line:
                    del self._lines[name]
                    return
                post, entry = line[0]
            self._deliver(post, entry, ended)
            with self._lock:
                line.popleft()

    def _deliver(self, post: Post, entry: Record, ended: threading.Event) -> None:
        for attempt, delay in enumerate((0.0, *self._delays), start=1):
            if ended.wait(delay):
                return
            status, error = _sent(post)
            done = status is not None and status in _GOOD
            last = attempt > len(self._delays)
            with self._lock:
                entry |= {"attempts": attempt, "status": status, "error": error}
                entry["state"] = "delivered" if done else "given up" if last else "waiting"
            if done:
                return


def _sent(post: Post) -> tuple[int | None, str | None]:
    """The status of the answer, or why there was none. Redirects are not followed."""
    parts = urlsplit(post.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=TIME_OUT)
        try:
            connection.request("POST", f"{parts.path or '/'}?{parts.query}", body=post.body, headers=post.headers)
            return connection.getresponse().status, None
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return None, str(error) or type(error).__name__
