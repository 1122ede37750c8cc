"""How ConnectWise signs what it posts, and where its keys may be read. Values in, values out."""

import base64
import hashlib
import hmac
import re
from urllib.parse import urlsplit

from portal.connectwise.address import Address, normalise
from portal.connectwise.errors import AddressRefused

LONGEST_URL = 500  # characters of an address of a key
_PATH = re.compile(r"(?:/[\w~%-][\w.~%-]*)+/?", re.ASCII)
_QUERY = re.compile(r"[\w.~%=&-]*", re.ASCII)


class ForeignKey(ValueError):
    """The key's address is none of the connected ConnectWise. It is never called."""


def signing_key(served: str) -> bytes:
    """Derive the key that signs from the key that `key_url` serves.

    Assumption, to be corrected here alone once a live server was seen: ConnectWise says that the served key is hashed,
    not how. It is taken as the 32 bytes of the SHA-256 digest of the key's text.
    """
    return hashlib.sha256(served.encode()).digest()


def signature_of(served: str, body: bytes) -> str:
    """Sign a body: base 64 of HMAC-SHA256."""
    return base64.b64encode(hmac.digest(signing_key(served), body, "sha256")).decode()


def matches(served: str, body: bytes, signature: str) -> bool:
    """Tell whether a signature is the one of a body, in a time that does not depend on where they differ."""
    return hmac.compare_digest(signature_of(served, body).encode(), signature.strip().encode("utf-8", "replace"))


def key_path(key_url: str, address: Address) -> str:
    """Give the path of a key on the connected ConnectWise, below its site.

    Args:
        key_url: As it was posted; not yet believed.
        address: The connected ConnectWise.

    Raises:
        ForeignKey: It leads anywhere else, or is no plain address.
    """
    try:
        parts = urlsplit(key_url)
        if parts.scheme not in {"http", "https"} or parts.username is not None or parts.password is not None:
            raise ForeignKey(key_url)
        # the same reading as of the connection's own address: a cloud tenant's web site stands for its API host
        site = normalise(f"{parts.scheme}://{parts.netloc}", allow_private=True)
    except (ValueError, AddressRefused) as error:
        raise ForeignKey(key_url) from error
    if (site.scheme, site.host, site.port) != (address.scheme, address.host, address.port):
        raise ForeignKey(key_url)
    path = parts.path.removeprefix(address.prefix) if parts.path.startswith(f"{address.prefix}/") else ""
    if not _PATH.fullmatch(path) or "%2" in path.lower() or not _QUERY.fullmatch(parts.query) or parts.fragment:
        raise ForeignKey(key_url)
    return f"{path}?{parts.query}" if parts.query else path
