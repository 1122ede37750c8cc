"""Time-based one-time passwords (RFC 6238 on RFC 4226): six digits, a new code every thirty seconds, HMAC-SHA-1.

That is the one form that every authenticator app takes. SHA-1's weakness is against collisions, which an HMAC does not
rest on.
"""

import base64
import hmac
import struct
from datetime import datetime
from hashlib import sha1
from urllib.parse import quote, urlencode

SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20  # as long as the hash, as RFC 4226 wants it
DRIFT = 1  # steps that the clocks of the portal and the app may lie apart, either way


def step_at(moment: datetime) -> int:
    """Give the number of the step that a moment lies in.

    Args:
        moment: Aware.
    """
    return int(moment.timestamp()) // SECONDS


def code_of(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """Give the code of a step.

    Args:
        secret: What the portal and the app share.
        step: The number of the step, 0 or more.
        digits: Of the code; RFC 6238 tests eight.
    """
    digest = hmac.new(secret, struct.pack(">Q", step), sha1).digest()
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(secret: bytes, code: str, moment: datetime) -> int | None:
    """Find the step whose code this is: the one of a moment, or one beside it.

    Args:
        secret: What the portal and the app share.
        code: As typed; blanks do not count.
        moment: Aware, by the real clock.

    Returns:
        The step, or none. Every step is compared, so that the time says nothing.
    """
    typed = "".join(code.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return None
    now, found = step_at(moment), None
    for step in range(max(0, now - DRIFT), now + DRIFT + 1):
        if hmac.compare_digest(code_of(secret, step), typed):
            found = step
    return found


def as_text(secret: bytes) -> str:
    """Write a secret as apps take it: base32 without its filling."""
    return base64.b32encode(secret).decode().rstrip("=")


def from_text(text: str) -> bytes:
    """Read a secret that `as_text` wrote."""
    return base64.b32decode(text + "=" * (-len(text) % 8))


def address_of(secret: bytes, *, account: str, issuer: str) -> str:
    """Give what a QR code tells an app.

    Args:
        secret: What the portal and the app share.
        account: Whose it is, as the app shows it.
        issuer: The portal's name, as the app shows it.
    """
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    rest = {"secret": as_text(secret), "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": SECONDS}
    return f"otpauth://totp/{label}?{urlencode(rest, quote_via=quote)}"
