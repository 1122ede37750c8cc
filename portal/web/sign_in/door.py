"""Letting somebody in, whichever way they came: a new session each time, and a browser that is known from now on."""

from datetime import UTC, datetime

from flask import Response, make_response, redirect, request, session, url_for

from portal.db.session import reading, transaction
from portal.factory import clock, cookie_name, settings_of
from portal.services import audit, drafts, known_browsers, people, sessions
from portal.web.access import TOKEN, forget_lookup, signed_in

BROWSER = "browser"
WAYS = {
    "password": "Signed in.",
    "code": "Signed in with password and code.",
    "recovery": "Signed in with password and a recovery code.",
    "company": "Signed in by the company's sign-in.",
}


def known_browser(email: str) -> int | None:
    """Tell which known browser of the person with an e-mail sent this request, if it is one."""
    return known_browsers.find(reading(), kept_by_browser(), email=email, now=datetime.now(UTC))


def kept_by_browser() -> str | None:
    """Give what this browser is known by, if it is."""
    return request.cookies.get(cookie_name(BROWSER, settings_of()))


def let_in(person_id: int, *, how: str, goes_on: str) -> Response:
    """Start a session and lead on. Everything else that the cookie held is forgotten.

    Args:
        person_id: Who has shown who they are.
        how: One of `WAYS`.
        goes_on: A path of this portal.
    """
    moment, address = datetime.now(UTC), request.remote_addr
    before = signed_in()
    with transaction() as store:
        person = people.person_by_id(store, person_id)
        if before is not None:  # who links an account is signed in already: this session takes the place of that one
            sessions.end_session(store, before.sign_in_id, person_id=before.id, now=moment)
        token = sessions.start_session(
            store, person, address=address, agent=request.headers.get("User-Agent", ""), now=moment, how=how
        )
        known = known_browsers.remember(store, kept_by_browser(), person_id=person.id, now=moment)
        draft = drafts.newest(store, person.id, now=moment)
        kept = draft.id if draft is not None else None
        audit.record(
            store,
            what="sign-in",
            action="sign-in.done",
            by=people.actor_of(person, address=address),
            now=clock().now(),
            sentence=WAYS[how],
        )
    session.clear()
    session[TOKEN] = token
    session.permanent = True
    forget_lookup()
    where = url_for("sign_in.kept", draft_id=kept, next=goes_on) if kept else goes_on
    return remember_browser(make_response(redirect(where, 303)), known)


def remember_browser(answer: Response, token: str) -> Response:
    """Give a browser what it is known by. It lets nobody in."""
    answer.set_cookie(
        cookie_name(BROWSER, settings_of()),
        token,
        max_age=int(known_browsers.LIVES.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=settings_of().base_url.startswith("https://"),
    )
    return answer
