"""Who may open what: one mechanism for every view.

Each view says what it needs with `@may("decide")`, or that strangers may see it with `@public`. A view that says
nothing is refused, so that a forgotten decorator shows at once. Roles and what they may: product.md, section 1.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError
from werkzeug.routing import IntegerConverter, Map, RequestRedirect

from portal.db.session import reading, transaction
from portal.extensions import login_manager
from portal.services import drafts, people, sessions
from portal.services.actors import Actor
from portal.services.errors import NotAllowed
from portal.services.sessions import SignedIn
from portal.web.forms import LARGEST
from portal.web.htmx import from_htmx, leave_to, page_path

ROLES_OF = {
    "read": ("viewer", "biller", "manager", "admin"),
    "decide": ("biller", "manager", "admin"),
    "import": ("biller", "manager", "admin"),
    "map": ("biller", "manager", "admin"),
    "sync": ("biller", "manager", "admin"),
    "override": ("manager", "admin"),
    "second": ("manager", "admin"),
    "close": ("manager", "admin"),
    "addresses": ("manager", "admin"),
    "settings": ("admin",),
}
PUBLIC = "public"
TOKEN = "sign_in"  # noqa: S105 - the name under which the cookie keeps a session's token
COOKIE_LIVES = timedelta(days=7)
SEEN_WAITS_MS = 200  # "last seen" is worth no wait: whoever only reads is not kept by a writer
SET_UP_FIRST = frozenset(
    {"profile.two_step_page", "profile.begin_two_step", "profile.confirm_two_step", "sign_in.leave", "today.tape"}
)
"""What somebody may open whose role needs a second step that they do not have yet."""
_DECLARED = "needs_right"

View = TypeVar("View", bound=Callable[..., Any])
_log = logging.getLogger(__name__)


def may(right: str) -> Callable[[View], View]:
    """Let a view be opened by the roles that have a right; put it under the route.

    Args:
        right: One of `ROLES_OF`.
    """
    if right not in ROLES_OF:
        raise ValueError(f"There is no right “{right}”.")

    def declare(view: View) -> View:
        setattr(view, _DECLARED, right)
        return view

    return declare


def public(view: View) -> View:
    """Let anybody open a view."""
    setattr(view, _DECLARED, PUBLIC)
    return view


def declared(app: Flask, endpoint: str) -> str | None:
    """Give what the view of an endpoint asks for: a right, `PUBLIC`, or none where it says nothing."""
    return cast("str | None", getattr(app.view_functions[endpoint], _DECLARED, None))


def signed_in() -> SignedIn | None:
    """Give who is signed in, or none. Looked up once a request, so that a changed role holds at the next click."""
    if "signed_in" not in g:
        g.signed_in = None
        token = session.get(TOKEN)
        found = sessions.find_session(reading(), token, now=datetime.now(UTC)) if isinstance(token, str) else None
        if found is not None:
            g.signed_in, g.seen_at = found
    return cast("SignedIn | None", g.signed_in)


def current_person() -> SignedIn:
    """Give who is signed in, in a view that asks for it."""
    person = signed_in()
    if person is None:
        raise NotAllowed("Sign in first.")
    return person


def current_actor() -> Actor:
    """Give who is signed in as the one who does something."""
    person = current_person()
    return Actor(name=person.name, person_id=person.id, role=person.role, address=request.remote_addr)


def allowed(right: str) -> bool:
    """Tell whether who is signed in has a right. In templates, too."""
    person = signed_in()
    return person is not None and person.role in ROLES_OF[right]


def own_path(text: str | None) -> str:
    """Give a path of this portal to go on to; anything else becomes `/`."""
    if not text or not text.startswith("/") or text[1:2] in {"/", "\\"} or "\\" in text:
        return "/"
    if any(ord(character) < 33 or ord(character) == 127 for character in text):  # noqa: PLR2004 - blanks and control characters
        return "/"
    parts = urlsplit(text)
    return "/" if parts.scheme or parts.netloc else text


def forget_lookup() -> None:
    """Look up anew who is signed in, after a sign-in or sign-out in this very request."""
    g.pop("signed_in", None)


def ask_to_sign_in() -> ResponseReturnValue:
    """Send a stranger to sign in, and keep what a person had typed whose session ended."""
    token = session.get(TOKEN)
    if isinstance(token, str):
        kept = request.method == "POST" and _keep_typed(token)
        said = f"{sessions.why_ended(reading(), token)}{' What you typed is kept.' if kept else ''}"
        if ("warn", said) not in [tuple(each) for each in session.get("_flashes", [])]:
            flash(said, "warn")  # once, though several parts of a page may ask; the token stays, for a form to come
    goes_on = request.full_path.rstrip("?") if request.method == "GET" and not from_htmx() else page_path()
    where = url_for("sign_in.form", next=goes_on if goes_on not in {"", "/"} else None)
    return leave_to(where) if from_htmx() else redirect(where, 303)


def refusal(right: str, role: str) -> str:
    """Say that a role lacks a right, which roles have it, and who could do it instead, by name."""
    if role == "viewer" and request.method != "GET":
        return "Viewers can read this, not change it. An admin can give you another role."
    names = " and ".join(f"{name}s" for name in ROLES_OF[right])
    whom = people.whom_to_ask(reading(), ROLES_OF[right])
    ask = f" {_listed(whom)} can do it for you." if whom else ""
    what = "open this page" if request.method == "GET" else "do this"
    return f"Only {names} may {what}; you are signed in as {'an' if role == 'admin' else 'a'} {role}.{ask}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _guard() -> ResponseReturnValue | None:
    """Let a request through to its view, or not."""
    if isinstance(request.routing_exception, RequestRedirect):
        return _own_redirect(request.routing_exception)
    if request.endpoint is None:
        return None  # no such address, or not this way: the error page says so
    for values in (request.args, request.form):
        if any("\0" in value for each in values.lists() for value in (each[0], *each[1])):
            abort(400)  # nobody types it, and not every store takes it
    needs = declared(current_app, request.endpoint)
    if needs == PUBLIC:
        return None
    if needs is None:
        _log.error("The view %s does not say who may open it.", request.endpoint)
        raise NotAllowed("Nobody may open this page: it does not say who may. Tell your admin.")
    person = signed_in()
    if person is None:
        return ask_to_sign_in()
    if person.role not in ROLES_OF[needs]:
        raise NotAllowed(refusal(needs, person.role))
    _note_seen(person)
    if person.must_set_up and request.endpoint not in SET_UP_FIRST:
        where = url_for("profile.two_step_page")
        return leave_to(where) if from_htmx() else redirect(where, 303)
    return None


def _own_redirect(asked: RequestRedirect) -> ResponseReturnValue:
    """Lead to a path alone: the host is what a header said."""
    parts = urlsplit(asked.new_url)
    path = f"/{parts.path.lstrip('/')}"
    return redirect(f"{path}?{parts.query}" if parts.query else path, asked.code)


def _note_seen(person: SignedIn) -> None:
    moment = datetime.now(UTC)
    if moment - g.seen_at > sessions.SEEN_EVERY:
        with suppress(OperationalError), transaction(patience_ms=SEEN_WAITS_MS) as store:
            sessions.mark_seen(store, person.sign_in_id, now=moment)


def _keep_typed(token: str) -> bool:
    """Keep the form's fields for the person whose session it was. The form's token was right, or we were not here."""
    owner = sessions.owner_of_ended(reading(), token)
    if owner is None or not request.form:
        return False
    with transaction() as store:
        draft = drafts.keep(
            store,
            person_id=owner,
            path=request.full_path.rstrip("?"),
            fields=request.form.items(multi=True),
            now=datetime.now(UTC),
        )
    return draft is not None


class Id(IntegerConverter):
    """An id in an address. One that no record can have is no address, so that it never reaches the store."""

    def __init__(self, url_map: Map, **options: Any) -> None:  # noqa: ANN401 - as the base class
        super().__init__(url_map, **({"max": LARGEST} | options))


def register(app: Flask) -> None:
    """Put the guard before every view. Runs before any other screen adds its addresses."""
    app.url_map.converters["int"] = Id
    # the cookie outlives the session on the server, so that a form which comes too late is known to be its owner's
    app.config["PERMANENT_SESSION_LIFETIME"] = COOKIE_LIVES
    public(app.view_functions["static"])
    app.before_request(_guard)
    app.add_template_global(allowed)
    app.add_template_global(signed_in)
    login_manager.request_loader(lambda _request: signed_in())
