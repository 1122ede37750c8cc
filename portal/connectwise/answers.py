"""What an answer of ConnectWise's says where it is no plain success."""

from __future__ import annotations

import email.utils
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import urljoin, urlsplit

import requests

from portal.connectwise.errors import Rejected, UnexpectedPayload, Unreachable
from portal.connectwise.pace import LONGEST_WAIT, asked_for_fewer
from portal.connectwise.payload import loads

_WORDS = 500  # characters of ConnectWise's own words that are shown
_BEGINNING = 2**16  # bytes of a refusal that are looked at


def refuse(response: requests.Response, path: str) -> None:
    """Turn a status that is no success into the error that says what to do next."""
    status = response.status_code
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's range of successes
        return
    request_id = id_of(response)
    wait = retry_after(response)
    if status == 429:  # noqa: PLR2004 - HTTP: too many requests
        throttled = asked_for_fewer(0.0, request_id)
        throttled.retry_after = wait
        raise throttled
    if status >= 500 or status == 408:  # noqa: PLR2004 - HTTP: the server failed, or saw no whole request
        _out_of_order(response, status, request_id, wait)
    if status < 400:  # noqa: PLR2004 - HTTP: a redirect, which is never followed with the keys
        _redirected(response, status, path, request_id)
    _reject(response, status, request_id)


def _out_of_order(response: requests.Response, status: int, request_id: str | None, wait: float | None) -> NoReturn:
    page = request_id is None and is_page(_beginning(response))
    who = "A server between the portal and ConnectWise answered with an error page" if page else None
    raise Unreachable(
        f"{who or 'ConnectWise is out of order just now'} ({status}). Try again in a few minutes.",
        request_id=request_id,
        retry_after=wait,
        situation="web-page" if page else "out-of-order",
        status=status,
    )


def _redirected(response: requests.Response, status: int, path: str, request_id: str | None) -> NoReturn:
    target = urlsplit(urljoin(response.url or "", response.headers.get("Location", "")))
    known = response.headers.get("Location") is not None and target.hostname is not None
    leads_to = f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}"[:_WORDS] if known else None
    how = "Enter the address it leads to."
    if leads_to is not None:
        how = f"It leads to {leads_to}. Enter the address that ConnectWise really has."
    if target.scheme == "http" and known:
        how = f"It leads to {leads_to}, without encryption, where the keys could be read. Enter the https address."
    raise UnexpectedPayload(
        f"The address sends calls elsewhere ({status}), which are not followed, since they carry the keys. {how}",
        record=path,
        request_id=request_id,
        situation="redirect",
        leads_to=leads_to,
    )


def _reject(response: requests.Response, status: int, request_id: str | None) -> NoReturn:
    beginning = _beginning(response)
    code, reasons = _reasons(beginning)
    said = "; ".join(reasons)[:_WORDS]
    page = is_page(beginning)
    if status == 401:  # noqa: PLR2004 - HTTP: unauthorized
        sentence = "ConnectWise refused the key (401). Check company, keys and client ID; put in a new private key."
    elif page:
        sentence = (
            f"A web page came in place of ConnectWise's answer ({status}): a proxy, a firewall or another server "
            "refused the call. Check the address, and what stands on the way."
        )
    elif status == 403:  # noqa: PLR2004 - HTTP: forbidden
        sentence = f"The API member's security role does not allow this (403). {said}".strip()
    elif status == 404:  # noqa: PLR2004 - HTTP: not found
        sentence = f"ConnectWise does not have this record (404). {said}".strip()
    else:
        sentence = f"ConnectWise refused ({status}): {said or 'it gave no reason'}"
    raise Rejected(
        sentence,
        status=status,
        code=code,
        reasons=reasons,
        request_id=request_id,
        situation="web-page" if page else "refusal",
    )


def _beginning(response: requests.Response) -> bytes:
    try:
        found: bytes = next(response.iter_content(_BEGINNING), b"")
    except requests.RequestException:
        return b""
    return found


def _reasons(beginning: bytes) -> tuple[str, tuple[str, ...]]:
    """Read ConnectWise's own words; a refusal by a proxy has none."""
    try:
        said = loads(beginning)
    except (ValueError, RecursionError):
        return "", ()
    return words(said)


def words(said: object) -> tuple[str, tuple[str, ...]]:
    """Read the code and the words of a refusal; what is none has none."""
    if not isinstance(said, dict):
        return "", ()
    errors = said.get("errors")
    details: Iterable[object] = errors if isinstance(errors, list) else ()
    found = [said.get("message"), *(each.get("message") for each in details if isinstance(each, dict))]
    plain = (" ".join(each.split())[:_WORDS] for each in found if isinstance(each, str))
    return str(said.get("code") or "")[:100], tuple(dict.fromkeys(word for word in plain if word))


def id_of(response: requests.Response) -> str | None:
    """Give ConnectWise's id of a request, if it told one."""
    found = "".join(letter for letter in response.headers.get("x-cw-request-id", "") if letter.isprintable())
    return found[:100] or None


def retry_after(response: requests.Response) -> float | None:
    """Read ``Retry-After``, in seconds or as a date; anything else asks for nothing. Bounded."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    until = _date(text)
    return None if until is None else min(max(0.0, (until - datetime.now(UTC)).total_seconds()), LONGEST_WAIT)


def clock_of(response: requests.Response) -> datetime | None:
    """Give the time by the server's own clock, to the second, if it told."""
    return _date(response.headers.get("Date", ""))


def _date(text: str) -> datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def unexpected(path: str, request_id: str | None, what: str, situation: str) -> UnexpectedPayload:
    """Say what makes an answer unreadable."""
    return UnexpectedPayload(
        f"ConnectWise's answer to {path} cannot be read: {what}.",
        record=path,
        request_id=request_id,
        situation=situation,
    )


def read_json(body: bytes, response: requests.Response, path: str) -> object:
    """Read an answer's body as JSON, or name what it is.

    Raises:
        UnexpectedPayload: It is none; ``situation`` names what it is.
    """
    try:
        return loads(body)
    except (ValueError, RecursionError) as error:
        situation, what = _what_it_is(body, response, error)
    raise unexpected(path, id_of(response), what, situation)


def _what_it_is(body: bytes, response: requests.Response, error: Exception) -> tuple[str, str]:
    start = body.strip()
    kind = "".join(c for c in response.headers.get("Content-Type", "").partition(";")[0].strip() if c.isprintable())
    if not start:
        return "empty", f"it is empty ({response.status_code})"
    if is_page(start):
        return "web-page", "the answer is a web page, perhaps a sign-in or a proxy's; check the address"
    if start[:1] in {b"{", b"["} and isinstance(error, json.JSONDecodeError) and _broke_off(error):
        return "truncated", "it broke off half-way"
    if kind and "json" not in kind:
        return "not-json", f"the answer is no JSON, but of the type {kind[:60]}; check the address"
    return "not-json", "the answer is no JSON"


def _broke_off(error: json.JSONDecodeError) -> bool:
    """Tell whether the end of the text was the mistake."""
    return error.pos >= len(error.doc.rstrip()) or "Unterminated string" in error.msg


def is_page(body: bytes) -> bool:
    """Tell whether a body is a web page (or XML), as proxies and sign-ins send them."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"
