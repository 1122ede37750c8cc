"""Who may pass: the ``clientId`` header, the key, and what a request did, for the journal of requests."""

import base64
import binascii
import threading
import uuid
from collections import deque
from http import HTTPStatus

from flask import Request

from portal.sandbox.errors import Refusal
from portal.sandbox.jsontext import JsonValue, Record
from portal.sandbox.members import COMPANY, KEYS

_REMEMBERED = 100_000


def caller(request: Request) -> str:
    """The key that a request was signed with.

    Raises:
        Refusal: 401, no valid pair of company and key, or no ``clientId`` that is a GUID.
    """
    try:
        uuid.UUID(request.headers.get("clientId", ""))
    except ValueError:
        raise _unauthorized("Your clientId is missing or invalid.") from None
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        text = base64.b64decode(token, validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        text = ""
    name, _, secret = text.partition(":")
    company, _, key = name.partition("+")
    if company.lower() != COMPANY or KEYS.get(key) != secret:
        raise _unauthorized("Cannot authenticate with these credentials.")
    return key


def _unauthorized(message: str) -> Refusal:
    return Refusal(HTTPStatus.UNAUTHORIZED, "Unauthorized", message)


class Requests:
    """The journal of requests, the latest 100,000 of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: deque[Record] = deque(maxlen=_REMEMBERED)

    def add(self, entry: Record) -> None:
        """Note a request."""
        with self._lock:
            self._seen.append(entry)

    def all(self) -> list[JsonValue]:
        """The requests, oldest first."""
        with self._lock:
            return list(self._seen)

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._seen.clear()
