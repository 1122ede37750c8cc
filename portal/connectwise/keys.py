"""The keys of an API member, and how they sign a request."""

import base64
from dataclasses import dataclass, field

import requests
from requests.auth import AuthBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The API member's keys; the private one never shows.

    Args:
        company: ConnectWise's company id, as typed at its sign-in.
        public_key: The API member's public key.
        private_key: The API member's private key.
        client_id: The integration's GUID, from ConnectWise's developer site.
    """

    company: str
    public_key: str
    private_key: str = field(repr=False)
    client_id: str = field(repr=False)


class Keys(AuthBase):
    """Signs a request. As an argument, not a header of ours, since a .netrc file would win over that."""

    def __init__(self, keys: Credentials) -> None:
        self._keys = keys

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the keys on a request."""
        keys = self._keys
        pair = f"{keys.company}+{keys.public_key}:{keys.private_key}".encode()
        request.headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        request.headers["clientId"] = keys.client_id
        return request


def no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no keys, not even those of a .netrc file."""
    return request
