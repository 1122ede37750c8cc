"""What it means that no answer came, or that one broke off."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import requests
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ReadTimeoutError

from portal.connectwise.address import Address
from portal.connectwise.errors import UnexpectedPayload, Unreachable
from portal.connectwise.tls import mistrust

_AGAIN = "Try again in a few minutes."
LASTING = frozenset({"tls-expired", "tls-not-yet-valid", "tls-unknown-authority", "tls-host", "tls-plain", "other"})
"""What the next attempt would only meet again."""


def unreachable(address: Address, error: requests.RequestException, request_id: str | None = None) -> Unreachable:
    """Say why no answer came, in a sentence and in one word."""
    situation, sentence = _why(address.host, error)
    return Unreachable(sentence, situation=situation, request_id=request_id)


def _why(host: str, error: requests.RequestException) -> tuple[str, str]:  # noqa: PLR0911 - one line a cause
    links = list(_causes(error))
    if found := mistrust(host, iter(links)):
        return found
    if isinstance(error, requests.exceptions.ProxyError):
        return "proxy", f"The proxy on the way to {host} cannot be reached. Check the proxy."
    if any(isinstance(link, NameResolutionError | socket.gaierror) for link in links):
        return "dns", f"No machine named {host} was found. Check the address, then try again."
    if any(isinstance(link, requests.Timeout | TimeoutError | ReadTimeoutError) for link in links):
        return "timeout", f"{host} did not answer in time. {_AGAIN}"
    if any(isinstance(link, ConnectionRefusedError) for link in links):
        return "refused", f"{host} cannot be reached: nothing answers there. Check the address and the port."
    if any(isinstance(link, ConnectionError) for link in links):
        return "reset", f"{host} cannot be reached: it closed the connection without an answer. {_AGAIN}"
    return "other", f"{host} cannot be reached. Check the address and the network, then try again."


def broken_off(error: requests.RequestException, path: str, request_id: str | None) -> UnexpectedPayload | None:
    """Say how an answer that had begun went wrong; none: it merely stopped coming."""
    what = None
    if isinstance(error, requests.exceptions.ContentDecodingError):
        what = "garbled", "it is packed, and cannot be unpacked"
    elif isinstance(error, requests.exceptions.ChunkedEncodingError):
        what = "truncated", "it broke off half-way"
    if what is None:
        return None
    return UnexpectedPayload(
        f"ConnectWise's answer to {path} cannot be read: {what[1]}. {_AGAIN}",
        record=path,
        request_id=request_id,
        situation=what[0],
    )


def never_sent(error: BaseException) -> bool:
    """Tell whether a request surely never left: no connection stood."""
    before = (ConnectTimeoutError, NewConnectionError, NameResolutionError, requests.exceptions.InvalidURL)
    return any(isinstance(link, before) or type(link).__name__ == "SSLCertVerificationError" for link in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that stand behind it, wherever requests and urllib3 keep them."""
    links: list[object] = [error]
    seen: set[int] = set()
    while links:
        link = links.pop()
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            links += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
