"""The token against forged requests, masked anew in every answer.

Answers are compressed, and what is compressed together with a secret tells of it by its length (BREACH). Under a mask
of its own the same token looks different in every answer, so that nothing adds up.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import cycle
from secrets import token_bytes
from typing import Any

from flask import Flask, g
from flask_wtf import CSRFProtect
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError

MASK = 16  # bytes


class MaskedTokens(CSRFProtect):  # type: ignore[misc] # the library has no types
    """Checks tokens as Flask-WTF does, once the mask is taken off them."""

    def init_app(self, app: Flask) -> None:
        """Bind to an app; templates get the masked token under its usual name."""
        super().init_app(app)
        app.jinja_env.globals["csrf_token"] = masked_token
        app.context_processor(lambda: {"csrf_token": masked_token})

    def _get_csrf_token(self) -> Any:  # noqa: ANN401 - text or none, as the base class
        sent = super()._get_csrf_token()
        return unmask(sent) if isinstance(sent, str) else sent


def masked_token() -> str:
    """Give the token of this session under the mask of this answer."""
    if "masked_token" not in g:
        g.masked_token = mask(generate_csrf(), token_bytes(MASK))
    return str(g.masked_token)


def fits(text: str) -> bool:
    """Tell whether a masked token is this session's: a link that one of our pages gave, and not another site."""
    try:
        validate_csrf(unmask(text))
    except ValidationError:
        return False
    return True


def mask(token: str, key: bytes) -> str:
    """Put a mask over a token; the mask stands before it."""
    return urlsafe_b64encode(key + _crossed(token.encode(), key)).decode()


def unmask(text: str) -> str:
    """Take the mask off again; what never had one becomes a text that fits no session."""
    try:
        raw = urlsafe_b64decode(text.encode())
        return _crossed(raw[MASK:], raw[:MASK]).decode()
    except (binascii.Error, ValueError):
        return ""


def _crossed(text: bytes, key: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(text, cycle(key), strict=False))
