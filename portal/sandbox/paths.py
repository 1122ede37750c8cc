"""Addresses as the PSA takes them: in any case, with or without a slash at the end, below its own codebase.

ConnectWise runs on a web server that does not mind the case of a path, and clients that others wrote end
lists with a slash. Which codebase a tenant sits on, ``login/companyinfo`` tells; below another one there is nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, request

RELEASE = "v4_6_release"
BASE = f"/{RELEASE}/apis/3.0"
"""Where the routes are; the codebase that callers name is put in its place."""

_ASKED = "sandbox.asked"
_NO_SUCH_CODEBASE = "/no-such-codebase"


@dataclass(slots=True)
class Site:
    """Where this PSA says it lives.

    Args:
        codebase: The first part of the API's path.
        cloud: Whether it says that it runs in ConnectWise's cloud.
    """

    codebase: str = RELEASE
    cloud: bool = False

    def set(self, codebase: str, *, cloud: bool) -> None:
        """Move to another codebase.

        Raises:
            ValueError: It cannot stand in a path.
        """
        if not re.fullmatch(r"v[0-9A-Za-z_.]{1,40}", codebase):
            raise ValueError("A codebase is a word such as v2025_1.")
        self.codebase, self.cloud = codebase, cloud


def asked_address() -> str:
    """The address of this request as the caller wrote it, without its arguments."""
    return request.host_url.rstrip("/") + str(request.environ.get(_ASKED, request.path))


def install(app: Flask, site: Site) -> None:
    """Let an application take addresses in any of these forms. Call it when every route is there."""
    app.url_map.merge_slashes = False
    words = {part.lower(): part for rule in app.url_map.iter_rules() for part in rule.rule.split("/") if part}
    inner: WSGIApplication = app.wsgi_app

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[_ASKED] = asked = environ.get("PATH_INFO", "")
        environ["PATH_INFO"] = _own(asked, site, words)
        return inner(environ, start_response)

    app.wsgi_app = respond  # type: ignore[method-assign]


def _own(asked: str, site: Site, words: dict[str, str]) -> str:
    parts = asked.rstrip("/").split("/")
    if len(parts) > 1 and parts[1].lower() == site.codebase.lower():
        parts[1] = RELEASE
    elif len(parts) > 1 and parts[1].lower() == RELEASE:
        return _NO_SUCH_CODEBASE
    return "/".join(words.get(part.lower(), part) for part in parts) or "/"
