"""How connections are made and kept: urllib3 with three rules of ours.

A connection is checked once it stands, since a host's name may lead elsewhere than when it was
checked. One that has rested for long is not used again, since a firewall on the way may have dropped it
without a word. And a write never goes over a connection that has rested at all: were it closed from the
other side just then, nobody could say whether the write had been taken.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

from requests.adapters import DEFAULT_POOLBLOCK, HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from portal.connectwise.address import check_ip

_LEAVING: ContextVar[Callable[[], None] | None] = ContextVar("leaving", default=None)


@contextmanager
def leaving(check: Callable[[], None] | None) -> Iterator[None]:
    """Have something checked whenever bytes are about to leave on a connection that stands; it raises to keep them."""
    token = _LEAVING.set(check)
    try:
        yield
    finally:
        _LEAVING.reset(token)


LONGEST_REST = 45.0  # seconds; below the minute or so after which many a firewall forgets a connection


class CarefulAdapter(HTTPAdapter):
    """Connections that know where they lead and how long they have rested.

    Args:
        tls: Checks certificates.
        guarded: Whether only public addresses may be called, whatever the name server says by then.
        size: Connections that are kept open.
        longest_rest: Seconds after which a kept connection is not used again; 0: each is used once.
    """

    def __init__(self, *, tls: ssl.SSLContext, guarded: bool, size: int, longest_rest: float) -> None:
        self._tls = tls
        self._guarded = guarded
        self._longest_rest = longest_rest
        super().__init__(max_retries=0, pool_connections=2, pool_maxsize=size)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = DEFAULT_POOLBLOCK, **pool_kwargs: object
    ) -> None:
        """Use our connections and our trust."""
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._tls, **pool_kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = _pools(guarded=self._guarded, longest_rest=self._longest_rest)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: object) -> ProxyManager:
        """Use them through a proxy too, which stands inside the own network more often than not."""
        manager: ProxyManager = super().proxy_manager_for(proxy, ssl_context=self._tls, **proxy_kwargs)
        manager.pool_classes_by_scheme = _pools(guarded=False, longest_rest=self._longest_rest)
        return manager

    def cert_verify(self, conn: HTTPSConnectionPool, url: str, verify: bool | str, cert: str | None) -> None:
        """Leave the usual authorities to the context: each connection would read them anew."""
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        if verify:
            conn.ca_certs = conn.ca_cert_dir = None


class _Careful:
    """What both kinds of connection have in common."""

    guarded: ClassVar[bool]
    longest_rest: ClassVar[float]
    _answered_at: float | None = None

    host: str
    sock: socket.socket | None
    connect: Callable[[], None]

    def _new_conn(self) -> socket.socket:
        made: socket.socket = super()._new_conn()  # type: ignore[misc]
        self._answered_at = None
        if self.guarded:
            try:
                check_ip(str(made.getpeername()[0]), self.host)
            except BaseException:
                made.close()
                raise
        return made

    def send(self, data: Any) -> None:  # noqa: ANN401 - as the base class
        """Send bytes, unless whoever asked for it says at the last moment that they must not leave any more.

        A request whose body is held back after its head has left was not sent: its length tells that it is incomplete.
        """
        check = _LEAVING.get()
        if check is not None:
            if self.sock is None:
                self.connect()
            check()
        super().send(data)  # type: ignore[misc]

    def getresponse(self) -> HTTPResponse:
        """Note when an answer came."""
        answer: HTTPResponse = super().getresponse()  # type: ignore[misc]
        self._answered_at = time.monotonic()
        return answer

    @property
    def is_connected(self) -> bool:
        """Whether it may be used again; the pool asks before it hands a kept connection out."""
        rested = 0.0 if self._answered_at is None else time.monotonic() - self._answered_at
        usable = self._answered_at is None or rested < self.longest_rest
        connected: bool = super().is_connected  # type: ignore[misc]
        return usable and connected


def _pools(*, guarded: bool, longest_rest: float) -> dict[str, type[HTTPConnectionPool]]:
    rules = {"guarded": guarded, "longest_rest": longest_rest}
    plain = type("_CarefulHTTP", (_Careful, HTTPConnection), rules)
    secure = type("_CarefulHTTPS", (_Careful, HTTPSConnection), rules)
    return {
        "http": type("_CarefulHTTPPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("_CarefulHTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
