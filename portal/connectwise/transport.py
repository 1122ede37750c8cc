"""Calls to ConnectWise: one place for keys, time-outs, retries and the reading of refusals.

Reads are sent again, within bounds, where no answer of use came. Writes are sent once: there are no
idempotency keys, so a write whose answer was lost is for the caller to look up (``OutcomeUnknown``).
"""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Self

import requests

from portal.connectwise import address as addresses
from portal.connectwise import tls
from portal.connectwise.adapters import LONGEST_REST, CarefulAdapter, leaving
from portal.connectwise.address import Address
from portal.connectwise.answers import clock_of, id_of, read_json, refuse, unexpected, words
from portal.connectwise.errors import (
    OutcomeUnknown,
    Rejected,
    Stopped,
    Throttled,
    UnexpectedPayload,
    Unreachable,
)
from portal.connectwise.keys import Credentials, Keys, no_auth
from portal.connectwise.pace import OwnPace, Pace, pause
from portal.connectwise.patience import Patience
from portal.connectwise.payload import dumps
from portal.connectwise.silence import LASTING, broken_off, never_sent, unreachable

log = logging.getLogger(__name__)

MOST_A_PAGE = 1000
ACCEPT = "application/vnd.connectwise.com+json; version=2025.1"
MOST_BYTES = 64 * 2**20
_SPARE = 4  # connections beside those of parallel reads: pushes and questions go on meanwhile
_NO_USE_AGAIN = frozenset({"redirect", "too-long"})  # answers that the next attempt would only meet again
_LOST = "so it is not known whether the change was made. It is looked up before anything is sent again."


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, read as JSON.

    Args:
        value: The JSON, with exact numbers.
        request_id: ConnectWise's id of the request.
        more: Whether it said that another page follows.
    """

    value: object
    request_id: str | None
    more: bool


@dataclass(slots=True)
class _Learned:
    """What all views of a transport have learned of the server."""

    checked: bool = False
    proxies: dict[str, str] | None = None
    clock_offset: float | None = None
    no_bundles: bool = False


class Transport:
    """Sends requests to one ConnectWise with one pair of keys; safe to share between threads.

    Args:
        address: Where it is.
        credentials: The keys.
        allow_private: Whether it may stand at a private or loopback address.
        patience: Time-outs and retries.
        page_size: Records a page, 1 to 1000.
        parallel: Reads at the same time, at most; so many connections are kept open.
        bundle_size: Reads in one bundle; below 2, none are bundled.
        ca_certificates: Further authorities that are trusted, as PEM text.
        pace: How fast calls may follow each other; without it, as fast as it goes.

    Raises:
        AddressRefused: The certificates cannot be read.
    """

    def __init__(
        self,
        address: Address,
        credentials: Credentials,
        *,
        allow_private: bool = False,
        patience: Patience | None = None,
        page_size: int = MOST_A_PAGE,
        parallel: int = 8,
        bundle_size: int = 0,
        ca_certificates: str | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.address = address
        self.page_size = page_size
        self.parallel = max(1, parallel)
        self.bundle_size = bundle_size
        self._credentials = credentials
        self._allow_private = allow_private
        self._patience = patience or Patience()
        self._pace = pace or OwnPace(self._patience.longest_wait)
        self._tls = tls.context(ca_certificates)
        self._reads = self._session(LONGEST_REST)
        self._writes = self._session(0.0)
        self._learned = _Learned()
        self._urgent = False
        self._stopped: threading.Event | None = None
        self._check: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"Transport({self.address.base!r}, company={self._credentials.company!r})"

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which the server's clock is ahead of this machine's, to about one; none: not told yet."""
        return self._learned.clock_offset

    @property
    def no_bundles(self) -> bool:
        """Whether the server turned out to know no bundles."""
        return self._learned.no_bundles

    def without_bundles(self) -> None:
        """Remember that the server knows no bundles."""
        self._learned.no_bundles = True

    def urgent(self) -> Self:
        """Give a view on the same connections whose calls go before reads in bulk."""
        view = copy.copy(self)
        view._urgent = True  # noqa: SLF001 - its own kind
        return view

    def until(self, stopped: threading.Event) -> Self:
        """Give a view whose reads end, between two attempts, once nobody waits for them any more."""
        view = copy.copy(self)
        view._stopped = stopped  # noqa: SLF001 - its own kind
        return view

    def fenced(self, check: Callable[[], None]) -> Self:
        """Give a view whose writes ask at the very last moment whether they may still leave.

        Args:
            check: Raises, at best ``Withheld``, where the write must not leave; nothing was sent then.
        """
        view = copy.copy(self)
        view._check = check  # noqa: SLF001 - its own kind
        return view

    def close(self) -> None:
        """Close every connection."""
        self._reads.close()
        self._writes.close()

    def get(self, path: str, params: Mapping[str, str] | None = None, *, forward: bool = False) -> Answer:
        """Read one resource or one page.

        Args:
            path: Below the base, beginning with a slash.
            params: The query.
            forward: Whether pages go forward only, by ``pageId``.

        Raises:
            Unreachable: No answer of use after every retry; ``Throttled`` where that was the cause.
            Rejected: ConnectWise refused.
            UnexpectedPayload: The answer is no JSON, after every retry.
        """
        headers = {"pagination-type": "forward-only"} if forward else {}
        return self._read(_Call("GET", self.address.base + path, path, params, headers))

    def get_open(self, path: str) -> Answer:
        """Read something of the site, outside the API, without showing the keys; raises as ``get``."""
        return self._read(_Call("GET", self.address.site + path, path, signed=False))

    def ask(self, path: str, body: Mapping[str, object]) -> Answer:
        """Read by a POST that changes nothing, as a bundle of reads is one; raises as ``get``."""
        headers = {"Content-Type": "application/json"}
        return self._read(_Call("POST", self.address.base + path, path, None, headers, dumps(body).encode()))

    def patch(self, path: str, values: Mapping[str, object]) -> Answer:
        """Set fields of one record; sent once.

        Args:
            path: Below the base, beginning with a slash.
            values: Each field's new value; ``None`` clears it.

        Raises:
            Unreachable: It was not sent; ``Throttled`` where ConnectWise put it off.
            Rejected: ConnectWise refused.
            OutcomeUnknown: It was sent and its answer lost.
        """
        operations = [{"op": "replace", "path": name, "value": value} for name, value in values.items()]
        return self._write("PATCH", path, operations)

    def post(self, path: str, body: Mapping[str, object]) -> Answer:
        """Create a record; sent once. Raises as ``patch``."""
        return self._write("POST", path, body)

    def _session(self, longest_rest: float) -> requests.Session:
        session = requests.Session()
        adapter = CarefulAdapter(
            tls=self._tls,
            guarded=not self._allow_private,
            size=self.parallel + _SPARE,
            longest_rest=longest_rest,
        )
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        # no cookies: the one part of a session that threads would write to
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers.update({"Accept": ACCEPT, "User-Agent": "Countersign"})
        return session

    def _read(self, call: _Call) -> Answer:
        until = time.monotonic() + self._patience.total
        attempt = 1
        while True:
            self._pace.take(urgent=self._urgent, stopped=self._stopped)
            try:
                return self._once(self._reads, call)
            except (Unreachable, UnexpectedPayload) as error:
                if error.situation in LASTING or error.situation in _NO_USE_AGAIN:
                    raise
                wait = self._wait_after(error, attempt)
                if (
                    attempt >= self._patience.attempts
                    or wait > self._patience.longest_wait
                    or time.monotonic() + wait > until
                ):
                    raise
                log.info("%s %s is read again: %s", call.method, call.path, error)
                if not isinstance(error, Throttled):  # for that one everybody waits, by the pace
                    pause(wait, self._stopped)
            attempt += 1

    def _wait_after(self, error: Unreachable | UnexpectedPayload, attempt: int) -> float:
        """Choose the pause before the next attempt; a 429 holds back everybody's calls for as long."""
        asked = error.retry_after if isinstance(error, Unreachable) else None
        wait = max(asked or 0.0, self._patience.pause(attempt)) if asked is not None else self._patience.pause(attempt)
        if isinstance(error, Throttled):
            self._pace.told_to_wait(wait)
        return wait

    def _write(self, method: str, path: str, body: object) -> Answer:
        headers = {"Content-Type": "application/json"}
        call = _Call(method, self.address.base + path, path, None, headers, dumps(body).encode())
        self._pace.take(urgent=self._urgent)
        try:
            with leaving(self._check):
                return self._once(self._writes, call)
        except Throttled as error:
            self._wait_after(error, 1)
            raise
        except _NoAnswer as error:
            if error.never_sent:
                raise
            raise OutcomeUnknown(
                f"The connection to ConnectWise broke before its answer came, {_LOST}", situation=error.situation
            ) from error
        except Unreachable as error:
            raise OutcomeUnknown(
                f"ConnectWise answered with an error ({error.status}), {_LOST}"
                if error.status
                else f"The connection to ConnectWise broke before its answer came, {_LOST}",
                request_id=error.request_id,
                situation=error.situation,
            ) from error
        except UnexpectedPayload as error:
            raise OutcomeUnknown(
                f"ConnectWise's answer to a change could not be read, {_LOST}",
                request_id=error.request_id,
                situation=error.situation,
            ) from error
        except Rejected as error:
            if error.by_connectwise or error.unauthorized:
                raise
            # something on the way answered, and nobody knows on which side of ConnectWise
            raise OutcomeUnknown(
                f"A web page came in place of ConnectWise's answer to a change ({error.status}), {_LOST}",
                request_id=error.request_id,
                situation=error.situation,
            ) from error

    def _once(self, session: requests.Session, call: _Call) -> Answer:
        """Send one call and read its answer."""
        self._check_address()
        started = time.monotonic()
        try:
            response = session.request(
                call.method,
                call.url,
                params=call.params,
                data=call.content,
                headers=call.headers,
                auth=Keys(self._credentials) if call.signed else no_auth,
                timeout=(self._patience.connect, self._patience.read),
                allow_redirects=False,
                stream=True,
                proxies=self._learned.proxies,
            )
        except requests.RequestException as error:
            raise _NoAnswer(unreachable(self.address, error), never_sent=never_sent(error)) from error
        with response:
            log.debug("%s %s: %s in %.2f s", call.method, call.url, response.status_code, time.monotonic() - started)
            self._note_clock(response)
            refuse(response, call.path)
            try:
                body = self._body(response, call.path)
            except requests.RequestException as error:
                request_id = id_of(response)
                raise (
                    broken_off(error, call.path, request_id) or unreachable(self.address, error, request_id)
                ) from error
            return _answer(body, response, call.path)

    def _check_address(self) -> None:
        """Look once where the host's name leads, before a key is shown to it."""
        if self._learned.checked:
            return
        addresses.check(self.address, allow_private=self._allow_private)
        if self._allow_private and addresses.is_private(self.address):
            # a proxy for the outside world does not know the machines inside
            self._learned.proxies = {"no_proxy": self.address.host}
        self._learned.checked = True

    def _note_clock(self, response: requests.Response) -> None:
        theirs = clock_of(response)
        if theirs is not None:
            self._learned.clock_offset = (theirs - datetime.now(UTC)).total_seconds()

    def _body(self, response: requests.Response, path: str) -> bytes:
        """Read a body that neither drips for ever nor fills the memory."""
        until = time.monotonic() + self._patience.whole
        body = bytearray()
        for chunk in response.iter_content(2**16):
            body += chunk
            if len(body) > MOST_BYTES:
                raise unexpected(path, id_of(response), "the answer is far too long", "too-long")
            if time.monotonic() > until:
                raise requests.exceptions.ReadTimeout("the answer took too long")
            if self._stopped is not None and self._stopped.is_set():
                raise Stopped
        return bytes(body)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call as it is sent, perhaps more than once."""

    method: str
    url: str
    path: str
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    signed: bool = True


class _NoAnswer(Unreachable):
    """Not even the beginning of an answer came."""

    def __init__(self, why: Unreachable, *, never_sent: bool) -> None:
        super().__init__(why.sentence, situation=why.situation)
        self.never_sent = never_sent


def _answer(body: bytes, response: requests.Response, path: str) -> Answer:
    value = read_json(body, response, path)
    request_id = id_of(response)
    if isinstance(value, dict) and "id" not in value and {"code", "message"} <= value.keys():
        said = "; ".join(words(value)[1]) or "it gave no reason"
        raise unexpected(path, request_id, f"it is an error, though it came as a success: {said}", "error-in-answer")
    return Answer(value, request_id, "next" in response.links)
