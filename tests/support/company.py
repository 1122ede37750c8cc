"""A company's sign-in on this machine: an OpenID Connect provider over HTTP that does as it should, or misbehaves.

It signs with RSA by `cryptography` alone, so that the portal's own library is not what checks itself. It keeps the
rules of a provider: a code works once, for the client and the address it was made for, and only with its proof key.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "countersign", "a secret: with / and +"


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A key of a name, made once a run."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def b64(data: bytes) -> str:
    """Base64 as tokens have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_pem(name: str) -> bytes:
    """The public key of a name, as a file holds it."""
    public = rsa_key(name).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def jwk(name: str) -> dict[str, str]:
    """The public key of a name, as a key set holds it."""
    numbers = rsa_key(name).public_key().public_numbers()
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": name, "n": _whole(numbers.n), "e": _whole(numbers.e)}


def _whole(number: int) -> str:
    return b64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def signed(claims: dict[str, Any], *, key: str = "one", alg: str = "RS256", **header: Any) -> str:
    """A token, signed as told: properly, not at all, or by a shared secret that is the public key."""
    head: dict[str, Any] = {"typ": "JWT", "alg": alg, "kid": key} | header
    text = ".".join(b64(json.dumps(part).encode()) for part in (head, claims))
    if alg == "none":
        return f"{text}."
    if alg.startswith("HS"):
        return f"{text}.{b64(hmac.new(public_pem(key), text.encode(), hashlib.sha256).digest())}"
    return f"{text}.{b64(rsa_key(key).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


class Company:
    """The provider, whom it would sign in, and how it misbehaves.

    Args:
        url: Its issuer.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.person: dict[str, Any] = {
            "sub": "u-1", "email": "dana@fennimore.example", "email_verified": True, "name": "Dana",
        }  # fmt: skip
        self.keys = ["one"]  # names of those that are published
        self.signs_with: dict[str, Any] = {"key": "one"}
        self.claims: dict[str, Any] = {}  # in place of the proper ones; None leaves one out
        self.facts: dict[str, Any] = {}  # in place of what the discovery says
        self.answers_with: dict[str, str] = {}  # in place of what the way back brings
        self.unquotes = True  # the client's name and secret in the header, as RFC 6749 wants it
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def discovery(self) -> dict[str, Any]:
        """What it says of itself."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "authorization_response_iss_parameter_supported": True,
        } | self.facts

    def authorize(self, asked: dict[str, str]) -> str:
        """Sign the person in, and give the address to go back to."""
        well = asked.get("response_type") == "code" and asked.get("client_id") == CLIENT
        if not well or "openid" not in asked.get("scope", "").split() or asked.get("code_challenge_method") != "S256":
            raise ValueError(f"no such request: {asked}")
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.url} | self.answers_with
        return f"{asked['redirect_uri']}?{urlencode({name: value for name, value in back.items() if value})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """Exchange a code, once."""
        if authorization.startswith("Basic "):
            name, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
            name, secret = (unquote_plus(name), unquote_plus(secret)) if self.unquotes else (name, secret)
        else:
            name, secret = form.get("client_id", ""), form.get("client_secret", "")
        if (name, secret) != (CLIENT, SECRET):
            return {"error": "invalid_client"}
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return None
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if form.get("grant_type") != "authorization_code" or challenge != asked["code_challenge"]:
            return None
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = {name: value for name, value in (claims | self.person | self.claims).items() if value is not None}
        return {"access_token": "x", "token_type": "Bearer", "id_token": signed(claims, **self.signs_with)}


@contextmanager
def company() -> Iterator[Company]:
    """Run a provider on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(dict(parse_qsl(parts.query))))
                self.end_headers()
            elif parts.path == "/.well-known/openid-configuration":
                self._json(provider.discovery())
            elif parts.path == "/keys":
                self._json({"keys": [jwk(name) for name in provider.keys]})
            else:
                self._json({"error": "not_found"}, 404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            provider.asked.append(urlsplit(self.path).path)
            answer = provider.token(dict(parse_qsl(body)), self.headers.get("Authorization", ""))
            answer = answer or {"error": "invalid_grant"}
            self._json(answer, 400 if "error" in answer else 200)

        def _json(self, value: Any, status: int = 200) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Company(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
