"""How connections are made and reads retried: urllib3 with two rules of ours.

A connection is checked once it stands, since a host's name may lead elsewhere than when it was
checked. And a wait that ConnectWise asks for is kept only while it is short: a longer one goes back
to the caller, who can put the work away until then.
"""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

from requests.adapters import DEFAULT_POOLBLOCK, HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import InvalidHeader, MaxRetryError, ResponseError

from portal.connectwise.address import check_ip

READ_AGAIN_ON = frozenset({429, 500, 502, 503, 504})


class PatientRetry(Retry):
    """Retries of reads: bounded, jittered, and honouring a short ``Retry-After``."""

    def parse_retry_after(self, retry_after: str) -> float:
        """Return seconds to wait; a header that cannot be read asks for nothing."""
        try:
            return super().parse_retry_after(retry_after)
        except (InvalidHeader, ValueError, OverflowError):
            return 0

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Count one attempt; stop at once where the wait asked for is the longest allowed."""
        if response is not None and _pool is not None:
            wait = self.get_retry_after(response)
            if wait is not None and wait >= self.retry_after_max:
                raise MaxRetryError(_pool, url or "", ResponseError("asked to wait for longer"))
        return super().increment(method, url, response, error, _pool, _stacktrace)


def reading(attempts: int, back_off: float, longest_wait: int) -> PatientRetry:
    """Return the retries of a GET.

    Args:
        attempts: Calls in all, at least 1.
        back_off: Seconds before the second retry; doubled each time, with up to as much jitter.
        longest_wait: Seconds between two attempts at most.
    """
    return PatientRetry(
        total=attempts - 1,
        allowed_methods={"GET"},
        status_forcelist=READ_AGAIN_ON,
        backoff_factor=back_off,
        backoff_max=longest_wait,
        backoff_jitter=back_off,
        retry_after_max=longest_wait,
        raise_on_status=False,
        redirect=False,
    )


class GuardedAdapter(HTTPAdapter):
    """Connections to public addresses alone, whatever the name server says by then."""

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = DEFAULT_POOLBLOCK,
        **pool_kwargs: object,
    ) -> None:
        """Use connections that check where they lead."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": _GuardedHTTPPool, "https": _GuardedHTTPSPool}


class _GuardedHTTPConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), self.host)


class _GuardedHTTPSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), self.host)


class _GuardedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _GuardedHTTPConnection


class _GuardedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedHTTPSConnection


def _checked(connected: socket.socket, host: str) -> socket.socket:
    """Hand on a connection whose other end may be called; close it otherwise."""
    try:
        check_ip(str(connected.getpeername()[0]), host)
    except BaseException:
        connected.close()
        raise
    return connected
