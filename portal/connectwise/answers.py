"""What an answer of ConnectWise's says where it is no plain success, and what silence means."""

from __future__ import annotations

import email.utils
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NoReturn

import requests
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ReadTimeoutError

from portal.connectwise.address import Address
from portal.connectwise.errors import Rejected, Throttled, UnexpectedPayload, Unreachable
from portal.connectwise.payload import loads

_WORDS = 500  # characters of ConnectWise's own words that are shown


def refuse(response: requests.Response, path: str) -> None:
    """Turn a status that is no success into the error that says what to do next."""
    status = response.status_code
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's range of successes
        return
    request_id = id_of(response)
    wait = _retry_after(response)
    if status == 429:  # noqa: PLR2004 - HTTP: too many requests
        raise Throttled(
            "ConnectWise asks for fewer calls just now (429). Try again in a moment.",
            request_id=request_id,
            retry_after=wait,
        )
    if status >= 500 or status == 408:  # noqa: PLR2004 - HTTP: the server failed, or saw no whole request
        raise Unreachable(
            f"ConnectWise is out of order just now ({status}). Try again in a few minutes.",
            request_id=request_id,
            retry_after=wait,
        )
    if status < 400:  # noqa: PLR2004 - HTTP: a redirect, which is never followed with the keys
        raise UnexpectedPayload(
            f"The address sends calls elsewhere ({status}). Enter the address it leads to.",
            record=path,
            request_id=request_id,
        )
    _reject(response, status, request_id)


def _reject(response: requests.Response, status: int, request_id: str | None) -> NoReturn:
    code, reasons = _reasons(response)
    said = "; ".join(reasons)[:_WORDS]
    if status == 401:  # noqa: PLR2004 - HTTP: unauthorized
        sentence = "ConnectWise refused the key (401). Check company, keys and client ID; put in a new private key."
    elif status == 403:  # noqa: PLR2004 - HTTP: forbidden
        sentence = f"The API member's security role does not allow this (403). {said}".strip()
    elif status == 404:  # noqa: PLR2004 - HTTP: not found
        sentence = f"ConnectWise does not have this record (404). {said}".strip()
    else:
        sentence = f"ConnectWise refused ({status}): {said or 'it gave no reason'}"
    raise Rejected(sentence, status=status, code=code, reasons=reasons, request_id=request_id)


def _reasons(response: requests.Response) -> tuple[str, tuple[str, ...]]:
    """Read ConnectWise's own words; a refusal by a proxy has none."""
    try:
        said = loads(next(response.iter_content(2**16), b""))
    except (ValueError, RecursionError, requests.RequestException):
        return "", ()
    if not isinstance(said, dict):
        return "", ()
    errors = said.get("errors")
    details: Iterable[object] = errors if isinstance(errors, list) else ()
    found = [said.get("message"), *(each.get("message") for each in details if isinstance(each, dict))]
    words = (" ".join(each.split())[:_WORDS] for each in found if isinstance(each, str))
    return str(said.get("code") or "")[:100], tuple(dict.fromkeys(word for word in words if word))


def id_of(response: requests.Response) -> str | None:
    """Give ConnectWise's id of a request, if it told one."""
    found = "".join(letter for letter in response.headers.get("x-cw-request-id", "") if letter.isprintable())
    return found[:100] or None


def _retry_after(response: requests.Response) -> float | None:
    """Read ``Retry-After``, in seconds or as a date; anything else asks for nothing."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def unexpected(path: str, request_id: str | None, what: str) -> UnexpectedPayload:
    """Say what makes an answer unreadable."""
    return UnexpectedPayload(
        f"ConnectWise's answer to {path} cannot be read: {what}.", record=path, request_id=request_id
    )


def silence(address: Address, error: requests.RequestException) -> str:
    """Say why no answer came."""
    if isinstance(error, requests.exceptions.SSLError):
        return f"{address.host} shows no certificate that can be trusted. Check the address or the certificate."
    if any(isinstance(link, requests.Timeout | TimeoutError | ReadTimeoutError) for link in _causes(error)):
        return f"{address.host} did not answer in time. Try again in a few minutes."
    if isinstance(error, requests.exceptions.ProxyError):
        return f"The proxy on the way to {address.host} cannot be reached. Check the proxy."
    return f"{address.host} cannot be reached. Check the address and the network, then try again."


def body_lost(error: requests.RequestException) -> bool:
    """Tell whether an answer had begun and broke off, which urllib3 does not retry."""
    lost = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
    return isinstance(error, lost)


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
