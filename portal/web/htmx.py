"""htmx: the only module that reads `HX-` headers and sets them.

One URL serves a page and its parts; which one is decided by the element that will be replaced.
"""

from urllib.parse import urlsplit

from flask import Flask, Response, flash, g, make_response, request
from htmx_flask.requests import HtmxAwareRequest
from markupsafe import Markup, escape

from portal.db.engine import BUSY_MS

LONGEST_MS = BUSY_MS + 5_000  # an answer to a part may take; where the store is busy, its own sentence comes before
CONFIG = (
    f'{{"timeout":{LONGEST_MS},'
    '"allowEval":false,"allowScriptTags":false,"includeIndicatorStyles":false,"historyCacheSize":0,'
    '"refreshOnHistoryMiss":true,"selfRequestsOnly":true,"scrollBehavior":"auto","responseHandling":['
    '{"code":"204","swap":false},{"code":"[23]..","swap":true},{"code":"[45]..","swap":true,"error":true}]}'
)


def _hx() -> HtmxAwareRequest:
    found = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - the proxy's own way to its object
    assert isinstance(found, HtmxAwareRequest)  # noqa: S101 - set by the extension, in the factory
    return found


def from_htmx() -> bool:
    """Tell whether htmx asks for a part (and not for a whole page after Back)."""
    headers = _hx().htmx
    return bool(headers) and not headers.history_restore_request


def swaps(element_id: str) -> bool:
    """Tell whether the answer will replace the element with this id."""
    return from_htmx() and _hx().htmx.target == element_id


def page_path() -> str:
    """Give the path and query of the page that the request came from, or an empty text."""
    url = _hx().htmx.current_url or request.referrer or ""
    try:
        parts = urlsplit(url)
    except ValueError:  # whoever wrote this header is no browser
        return ""
    if parts.netloc and parts.netloc != request.host:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def announce(text: str, tone: str = "ok") -> None:
    """Say something: read out from `#announce` with htmx, otherwise a notice on top of the next page.

    Args:
        text: A sentence or two.
        tone: ok, warn or bad, for the notice.
    """
    if from_htmx():
        g.setdefault("announcements", []).append((text, tone))
    else:
        flash(text, tone)


def beside(part: str) -> None:
    """Send another part along with a part, out of band.

    Args:
        part: HTML whose root element has an id and `hx-swap-oob="true"`.
    """
    g.setdefault("beside", []).append(part)


def leave_to(where: str, status: int = 200) -> Response:
    """Move the whole browser to a path of ours, out of a request for a part."""
    answer = make_response("", status)
    answer.headers["HX-Redirect"] = where
    return answer


def instead(response: Response, selector: str, swap: str = "innerHTML") -> Response:
    """Put an answer into another element than the one that was to be replaced.

    Args:
        response: A part.
        selector: Such as `#notices`.
        swap: As in `hx-swap`; may carry modifiers such as `innerHTML show:top`.
    """
    response.headers["HX-Retarget"] = selector
    response.headers["HX-Reswap"] = swap
    return response


def show_address(response: Response, path: str) -> Response:
    """Let the browser's address bar show a path of ours."""
    response.headers["HX-Push-Url"] = path
    return response


def _finish(response: Response) -> Response:
    """Add what is sent along, and say that one URL serves two bodies."""
    if request.endpoint == "static":
        return response
    response.vary.update(("HX-Request", "HX-Target"))
    said: list[tuple[str, str]] = g.pop("announcements", [])
    along: list[str] = g.pop("beside", [])
    moved = "HX-Redirect" in response.headers or 300 <= response.status_code < 400  # noqa: PLR2004 - redirections
    if moved or response.status_code == 204:  # noqa: PLR2004 - no body
        for text, tone in said:
            flash(text, tone)
        return response
    if said:
        spoken = Markup(" ").join(escape(text) for text, _ in said)
        along.append(Markup('<p id="announce" hx-swap-oob="innerHTML">{}</p>').format(spoken))
    if along and from_htmx() and response.mimetype == "text/html":
        tail = "".join(f"<template>{part}</template>" for part in along)
        response.set_data(response.get_data(as_text=True) + tail)
    return response


def register(app: Flask) -> None:
    """Finish every answer, and give templates the configuration of htmx."""
    app.after_request(_finish)
    app.add_template_global(swaps)
    app.jinja_env.globals["htmx_config"] = CONFIG
