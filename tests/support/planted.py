"""Looking for planted secrets in bytes, however they may have been written down."""

import base64
import html
import json
from urllib.parse import quote, quote_plus


def written(secret: str) -> set[bytes]:
    """Give the ways in which a secret could stand somewhere: plain, quoted, in hexadecimal digits, in base64."""
    raw = secret.encode()
    found = {
        raw, raw.hex().encode(), raw.hex().upper().encode(), html.escape(secret).encode(),
        json.dumps(secret)[1:-1].encode(), quote(secret, safe="").encode(), quote_plus(secret).encode(),
        repr(secret)[1:-1].encode(), secret.encode("utf-16-le"), secret[::-1].encode(),
    }  # fmt: skip
    for before in range(3):  # whatever stands before it, at one of three places within base64
        coded = base64.b64encode(b"\0" * before + raw)
        middle = coded[-(-before * 4 // 3) + 1 : len(coded) - 4]
        found |= {middle, middle.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def stands_in(secret: str, data: bytes) -> bool:
    """Tell whether a secret can be read from some bytes."""
    return any(way in data for way in written(secret))
