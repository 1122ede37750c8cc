"""What every answer says to browsers, static files that may be kept, and whose forwarded headers count."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, current_app, request, session

from portal.config import BadSetting, Settings
from portal.web.access import TOKEN

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
FEATURES = (
    "accelerometer", "autoplay", "bluetooth", "browsing-topics", "camera", "display-capture", "encrypted-media",
    "fullscreen", "geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection", "local-fonts",
    "magnetometer", "microphone", "midi", "otp-credentials", "payment", "picture-in-picture", "screen-wake-lock",
    "serial", "storage-access", "usb", "web-share", "xr-spatial-tracking",
)  # fmt: skip
"""What browsers could give a page, and ours never ask for."""
FORBIDDEN = ", ".join(f"{name}=()" for name in FEATURES)
YEAR = 365 * 24 * 3600  # seconds
_A_FILE = {200, 206, 304}
FORM_LIMIT = 4 * 1024 * 1024  # bytes of a form that brings no file
TAKE_FILES = frozenset({"imports.choose", "mapping.receive"})  # the endpoints whose forms bring one


class TrustedProxies:
    """Takes the visitor's address, scheme and host from forwarded headers, but only where a trusted proxy sent them.

    Args:
        app: The application behind.
        trusted: Addresses or networks of the proxies.
    """

    def __init__(self, app: "WSGIApplication", trusted: Iterable[str]) -> None:
        self.app = app
        self.trusted: list[IPv4Network | IPv6Network] = []
        for text in trusted:
            try:
                self.trusted.append(ip_network(text, strict=False))
            except ValueError as error:
                raise BadSetting(f"COUNTERSIGN_TRUSTED_PROXIES: “{text}” is no address or network.") from error

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve a request."""
        if self._is_trusted(environ.get("REMOTE_ADDR", "")):
            self._take(environ)
        return self.app(environ, start_response)

    def _is_trusted(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self.trusted)

    def _take(self, environ: "WSGIEnvironment") -> None:
        """Walk from the nearest hop outwards; the first address that is no proxy of ours is the visitor."""
        for hop in reversed(_values(environ, "HTTP_X_FORWARDED_FOR")):
            try:
                ip_address(hop)
            except ValueError:
                break
            environ["REMOTE_ADDR"] = hop
            if not self._is_trusted(hop):
                break
        scheme = _values(environ, "HTTP_X_FORWARDED_PROTO")[-1:]
        if scheme and scheme[0] in {"http", "https"}:
            environ["wsgi.url_scheme"] = scheme[0]
        host = _values(environ, "HTTP_X_FORWARDED_HOST")[-1:]
        if host:
            environ["HTTP_HOST"] = host[0]


def _values(environ: "WSGIEnvironment", name: str) -> list[str]:
    """Give the values of a forwarded header, nearest hop last."""
    return [value.strip() for value in str(environ.get(name, "")).split(",") if value.strip()]


@lru_cache(maxsize=64)
def _version(path: Path, _changed: int) -> str:
    """Give the version of a static file: the first digits of its hash."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _limit_body(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Take large bodies only where a file is expected, and only from whoever has signed in once."""
    if endpoint not in TAKE_FILES or TOKEN not in session:
        request.max_content_length = min(FORM_LIMIT, request.max_content_length or FORM_LIMIT)


def _headers(response: Response) -> Response:
    """Say what browsers may do with an answer."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", FORBIDDEN)
    if request.is_secure or current_app.config["SETTINGS"].base_url.startswith("https://"):
        headers.setdefault("Strict-Transport-Security", f"max-age={YEAR}; includeSubDomains")
    if request.endpoint == "static" and response.status_code in _A_FILE:  # a page that says no names who asked
        kept = request.args.get("v")
        headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if kept else "no-cache"
    else:
        headers["Cache-Control"] = "no-store"
    return response


def register(app: Flask) -> None:
    """Set up headers, versions of static files, and trusted proxies."""
    settings: Settings = app.config["SETTINGS"]
    app.after_request(_headers)
    app.url_value_preprocessor(_limit_body)  # runs before anything reads the form, which is kept for no stranger
    folder = Path(app.static_folder or "")

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        file = folder / str(values.get("filename", ""))
        if endpoint == "static" and "v" not in values and file.is_file():
            values["v"] = _version(file, file.stat().st_mtime_ns)

    if settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign] # Flask's own way to wrap it
