"""Callbacks on the connections' screen: their state for everybody, the switch for admins."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Flask, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import callbacks_hook, connections
from portal.services.callbacks_hook import HookShown
from portal.services.errors import Invalid
from portal.services.sealing import Sealer
from portal.web.access import current_actor, may
from portal.web.connections.blueprint import bp
from portal.web.htmx import announce

WORDS = {
    "wrong_token": "wrong address",
    "too_big": "larger than 64 KiB",
    "too_many": "too many in a minute",
    "malformed": "no callback of ConnectWise",
    "unsigned": "without a signature",
    "foreign_key": "signed with a key from elsewhere",
    "forged": "signature does not match",
    "replayed": "posted before",
    "no_key": "signing key could not be read",
}
"""Why posts are refused, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbacksShown:
    """Callbacks, with what the screen says around them.

    Args:
        base_url: Where ConnectWise has to reach the portal.
        unreachable: Why it most likely cannot; empty where nothing speaks against it.
        real_now: Real time, which their moments are in.
    """

    hook: HookShown
    base_url: str
    unreachable: str
    real_now: datetime


@bp.post("/connectwise/callbacks")
@may("settings")
def set_callbacks() -> ResponseReturnValue:
    """Switch callbacks on or off, give them another address, or note that old ones are deleted in ConnectWise."""
    wanted = request.form.get("callbacks")
    by, now, real_now = current_actor(), clock().now(), datetime.now(UTC)
    if wanted not in {"on", "off", "anew", "deleted"}:
        raise Invalid("Choose whether callbacks are to be on or off.")
    with transaction() as session:
        if wanted in {"on", "anew"}:
            sealer = Sealer(settings_of().secret_keys)
            callbacks_hook.switch_on(session, sealer=sealer, by=by, now=now, real_now=real_now)
        elif wanted == "off":
            callbacks_hook.switch_off(session, by=by, now=now, real_now=real_now)
        else:
            callbacks_hook.forget_left(session, by=by, now=now)
    announce(
        {
            "on": "Callbacks are asked for. A worker registers them in ConnectWise.",
            "anew": "The address is another one now. A worker registers it in ConnectWise.",
            "off": "Callbacks are off: what ConnectWise posts is refused from now on.",
            "deleted": "Noted.",
        }[wanted]
    )
    return redirect(url_for(".index", _anchor="callbacks"), 303)


def callbacks_shown() -> CallbacksShown | None:
    """Give what the part shows; none while ConnectWise is not connected."""
    connection = connections.get_connectwise(reading())
    if connection is None:
        return None
    real_now = datetime.now(UTC)
    base_url = settings_of().base_url
    return CallbacksShown(
        hook=callbacks_hook.shown(reading(), real_now=real_now),
        base_url=base_url,
        unreachable=_unreachable(base_url, near=connection.allow_private),
        real_now=real_now,
    )


def _unreachable(base_url: str, *, near: bool) -> str:
    """Say why ConnectWise most likely cannot reach the portal."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if near:
        return ""
    if host in {"localhost", "::1"} or host.startswith("127."):
        return (
            "That is this machine alone: set COUNTERSIGN_BASE_URL to the address under which the internet reaches it."
        )
    if parts.scheme != "https":
        return "ConnectWise posts to https addresses: put a proxy with a certificate in front of the portal."
    return ""


def register_part(app: Flask) -> None:
    """Give templates what the part shows."""
    app.add_template_global(callbacks_shown)
    app.jinja_env.globals["callback_words"] = WORDS
