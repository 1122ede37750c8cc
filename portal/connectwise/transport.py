"""Calls to ConnectWise: one place for keys, time-outs, retries, paging and the reading of refusals.

Reads are retried, by urllib3 while no answer came and here while an answer arrived broken. Writes
are sent once: there are no idempotency keys, so a write whose answer was lost is for the caller to
look up (``OutcomeUnknown``).
"""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import Retry

from portal.connectwise import address as addresses
from portal.connectwise.adapters import GuardedAdapter, reading
from portal.connectwise.address import Address
from portal.connectwise.answers import body_lost, id_of, never_sent, refuse, silence, unexpected
from portal.connectwise.errors import (
    OutcomeUnknown,
    UnexpectedPayload,
    Unreachable,
)
from portal.connectwise.payload import dumps, loads

log = logging.getLogger(__name__)

MOST_A_PAGE = 1000
ACCEPT = "application/vnd.connectwise.com+json; version=2025.1"
MOST_BYTES = 64 * 2**20
_BROKEN_READS = 3  # attempts of a read whose answer arrives, but broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The API member's keys; the private one never shows.

    Args:
        company: ConnectWise's company id, as typed at its sign-in.
        public_key: The API member's public key.
        private_key: The API member's private key.
        client_id: The integration's GUID, from ConnectWise's developer site.
    """

    company: str
    public_key: str
    private_key: str = field(repr=False)
    client_id: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in seconds, and how often to read again.

    Args:
        connect: For a connection.
        read: For the next bytes of an answer.
        whole: For the whole of one answer, once it began.
        attempts: Attempts of one read, the first included.
        back_off: Before the second retry of a read; doubled with each.
        longest_wait: Between two attempts at most; where ConnectWise asks for more, the caller waits.
    """

    connect: float = 5
    read: float = 30
    whole: float = 120
    attempts: int = 4
    back_off: float = 0.5
    longest_wait: int = 20


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


class Transport:
    """Sends requests to one ConnectWise with one pair of keys; safe to share between threads.

    Args:
        address: Where it is.
        credentials: The keys.
        allow_private: Whether it may stand at a private or loopback address.
        patience: Time-outs and retries.
        page_size: Records a page, 1 to 1000.
        parallel: Connections that are kept open.
    """

    def __init__(
        self,
        address: Address,
        credentials: Credentials,
        *,
        allow_private: bool = False,
        patience: Patience | None = None,
        page_size: int = MOST_A_PAGE,
        parallel: int = 4,
    ) -> None:
        self.address = address
        self.page_size = page_size
        self.parallel = parallel
        self._credentials = credentials
        self._allow_private = allow_private
        self._patience = patience or Patience()
        again = reading(self._patience.attempts, self._patience.back_off, self._patience.longest_wait)
        self._reads = self._session(again)
        self._writes = self._session(Retry(0, read=False, redirect=False))
        self._checked = False
        self._proxies: dict[str, str] | None = None

    def __repr__(self) -> str:
        return f"Transport({self.address.base!r}, company={self._credentials.company!r})"

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
        return self._read(self.address.base + path, path, params, headers, signed=True)

    def get_open(self, path: str) -> Answer:
        """Read something of the site, outside the API, without showing the keys; raises as ``get``."""
        return self._read(self.address.site + path, path, None, {}, signed=False)

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

    def forward(self, path: str, params: Mapping[str, str]) -> Iterator[Mapping[str, object]]:
        """Read all pages forward by ``pageId``: rows that come or go meanwhile shift nothing.

        Raises:
            UnexpectedPayload: A page without ids, or one that repeats.
        """
        seen = 0
        while True:
            query = {**params, "pageSize": str(self.page_size)} | ({"pageId": str(seen)} if seen else {})
            answer = self.get(path, query, forward=True)
            rows = _rows(answer, path)
            ids = [row.get("id") for row in rows]
            whole = [found for found in ids if isinstance(found, int) and not isinstance(found, bool)]
            if len(whole) != len(ids):
                raise unexpected(path, answer.request_id, "a row of the list has no id")
            if whole and (min(whole) <= seen or len(set(whole)) != len(whole)):
                raise unexpected(path, answer.request_id, "a page came twice")
            yield from rows
            if not whole or not (answer.more or len(whole) >= self.page_size):
                return
            seen = max(whole)

    def numbered(self, path: str, params: Mapping[str, str]) -> Iterator[Mapping[str, object]]:
        """Read all pages by their number, for lists without ids and for sorted ones.

        Raises:
            UnexpectedPayload: A page that repeats the one before.
        """
        page, before = 1, None
        while True:
            query = {**params, "page": str(page), "pageSize": str(self.page_size)}
            answer = self.get(path, query)
            rows = _rows(answer, path)
            if rows and rows == before:
                raise unexpected(path, answer.request_id, "a page came twice")
            yield from rows
            if not rows or not (answer.more or len(rows) >= self.page_size):
                return
            page, before = page + 1, rows

    def _session(self, retries: Retry) -> requests.Session:
        session = requests.Session()
        kind = HTTPAdapter if self._allow_private else GuardedAdapter
        adapter = kind(max_retries=retries, pool_connections=2, pool_maxsize=self.parallel)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        # no cookies: the one part of a session that threads would write to
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers.update({"Accept": ACCEPT, "User-Agent": "Countersign"})
        return session

    def _read(
        self,
        url: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        *,
        signed: bool,
    ) -> Answer:
        attempt = 1
        while True:
            try:
                with self._send(self._reads, "GET", url, params, headers, signed=signed) as response:
                    refuse(response, path)
                    return self._answer(response, path)
            except requests.RequestException as error:
                if not body_lost(error) or attempt >= _BROKEN_READS:
                    raise Unreachable(silence(self.address, error)) from error
            except UnexpectedPayload:
                if attempt >= _BROKEN_READS:
                    raise
            time.sleep(
                self._patience.back_off * attempt
            )  # between at most `_BROKEN_READS` reads; writes never come here
            attempt += 1

    def _write(self, method: str, path: str, body: object) -> Answer:
        content = dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        url = self.address.base + path
        try:
            with self._send(self._writes, method, url, None, headers, content=content) as response:
                request_id = id_of(response)
                if response.status_code >= 500 or response.status_code == 408:  # noqa: PLR2004 - HTTP statuses
                    raise OutcomeUnknown(
                        f"ConnectWise answered with an error ({response.status_code}), so it is not known "
                        "whether the change was made. It is looked up before anything is sent again.",
                        request_id=request_id,
                    )
                refuse(response, path)
                return self._answer(response, path)
        except UnexpectedPayload as error:
            raise OutcomeUnknown(
                "ConnectWise's answer to a change could not be read, so it is not known whether the change "
                "was made. It is looked up before anything is sent again.",
                request_id=error.request_id,
            ) from error
        except requests.RequestException as error:
            if never_sent(error):
                raise Unreachable(silence(self.address, error)) from error
            raise OutcomeUnknown(
                "The connection to ConnectWise broke before its answer came, so it is not known whether the "
                "change was made. It is looked up before anything is sent again."
            ) from error

    def _send(
        self,
        session: requests.Session,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        *,
        content: bytes | None = None,
        signed: bool = True,
    ) -> requests.Response:
        self._check_address()
        started = time.monotonic()
        response = session.request(
            method,
            url,
            params=params,
            data=content,
            headers=headers,
            auth=_Keys(self._credentials) if signed else _no_auth,
            timeout=(self._patience.connect, self._patience.read),
            allow_redirects=False,
            stream=True,
            proxies=self._proxies,
        )
        log.debug("%s %s: %s in %.2f s", method, url, response.status_code, time.monotonic() - started)
        return response

    def _check_address(self) -> None:
        """Look once where the host's name leads, before a key is shown to it."""
        if self._checked:
            return
        addresses.check(self.address, allow_private=self._allow_private)
        if self._allow_private and addresses.is_private(self.address):
            # a proxy for the outside world does not know the machines inside
            self._proxies = {"no_proxy": self.address.host}
        self._checked = True

    def _answer(self, response: requests.Response, path: str) -> Answer:
        request_id = id_of(response)
        body = self._body(response, path)
        try:
            value = loads(body)
        except (ValueError, RecursionError):
            what = "is no JSON"
            if body.lstrip()[:1] == b"<":
                what = "is a web page, perhaps a sign-in or a proxy's; check the address"
            raise unexpected(path, request_id, f"the answer {what}") from None
        return Answer(value, request_id, "next" in response.links)

    def _body(self, response: requests.Response, path: str) -> bytes:
        """Read a body that neither drips for ever nor fills the memory."""
        until = time.monotonic() + self._patience.whole
        body = bytearray()
        for chunk in response.iter_content(2**16):
            body += chunk
            if len(body) > MOST_BYTES:
                raise unexpected(path, id_of(response), "the answer is far too long")
            if time.monotonic() > until:
                raise requests.exceptions.ReadTimeout("the answer took too long")
        return bytes(body)


class _Keys(AuthBase):
    """Signs a request. As an argument, not a header of ours, since a .netrc file would win over that."""

    def __init__(self, keys: Credentials) -> None:
        self._keys = keys

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        keys = self._keys
        pair = f"{keys.company}+{keys.public_key}:{keys.private_key}".encode()
        request.headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        request.headers["clientId"] = keys.client_id
        return request


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no keys, not even those of a .netrc file."""
    return request


def _rows(answer: Answer, path: str) -> list[Mapping[str, object]]:
    if not isinstance(answer.value, list) or not all(isinstance(row, dict) for row in answer.value):
        raise unexpected(path, answer.request_id, "the answer is no list of records")
    return answer.value
