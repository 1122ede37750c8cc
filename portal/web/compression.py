"""Answers in fewer bytes: pages, parts, style sheets and scripts go out under gzip to whoever takes it."""

import gzip
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, current_app, request

TYPES = frozenset({
    "text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml", "text/csv",
    "application/json", "text/plain",
})  # fmt: skip
LEAST = 800  # bytes; a shorter answer fits into one packet anyway
LEVEL = 6  # of pages, made anew each time; files are pressed once and as small as they get


def _compress(response: Response) -> Response:
    """Press an answer, unless it is short, streamed, pressed already, or asked for from another site.

    Of a page that another site opened nothing is pressed: its length then tells nobody what stands beside a secret.
    """
    if response.mimetype not in TYPES or response.status_code in {204, 206, 304}:
        return response
    response.vary.add("Accept-Encoding")
    refused = (
        "Content-Encoding" in response.headers
        or request.accept_encodings["gzip"] <= 0
        or request.headers.get("Sec-Fetch-Site", "none") in {"cross-site", "same-site"}
        or "Range" in request.headers
    )
    if refused:
        return response
    pressed = _file() if request.endpoint == "static" else _page(response)
    if pressed is None:
        return response
    if hasattr(response.response, "close"):
        response.response.close()  # an open file
    response.direct_passthrough = False
    response.set_data(pressed)
    response.headers["Content-Encoding"] = "gzip"
    response.headers.pop("Accept-Ranges", None)
    tag, _weak = response.get_etag()
    if tag is not None:
        response.set_etag(tag, weak=True)  # the same content, not the same bytes
    return response


def _page(response: Response) -> bytes | None:
    if response.is_streamed or response.direct_passthrough:
        return None
    body = response.get_data()
    return gzip.compress(body, LEVEL, mtime=0) if len(body) >= LEAST else None


def _file() -> bytes | None:
    path = Path(current_app.static_folder or "") / str((request.view_args or {}).get("filename", ""))
    return _pressed(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=64)
def _pressed(path: Path, _changed: int) -> bytes | None:
    body = path.read_bytes()
    return gzip.compress(body, 9, mtime=0) if len(body) >= LEAST else None


def register(app: Flask) -> None:
    """Press every answer last, after everything else was put into it (the functions run from the last to the first)."""
    app.after_request_funcs.setdefault(None, []).insert(0, _compress)
