"""The second step of a sign-in: a code of the app, or a recovery code, on a page of its own."""

from datetime import UTC, datetime

from flask import flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from portal.db.records import HalfSignIn
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import audit, people, throttling, two_step
from portal.services.throttling import Throttled
from portal.web.access import own_path, public
from portal.web.posting import sealer
from portal.web.sign_in.blueprint import bp
from portal.web.sign_in.door import known_browser, let_in

HALF = "half_sign_in"
GOES_ON = "goes_on"
LONGEST = 40  # characters of a code


def ask_for_code(token: str, goes_on: str) -> ResponseReturnValue:
    """Lead to the second step. What the cookie held before is forgotten."""
    session.clear()
    session[HALF], session[GOES_ON] = token, goes_on
    return redirect(url_for("sign_in.code"), 303)


@bp.get("/sign-in/code")
@public
def code() -> ResponseReturnValue:
    """Ask for the code."""
    if _half() is None:
        return _begin_again()
    return _page()


@bp.post("/sign-in/code")
@public
def take_code() -> ResponseReturnValue:
    """Take the code and let the person in. Each try is counted before the code is looked at."""
    half, moment = _half(), datetime.now(UTC)
    if half is None:
        return _begin_again()
    person_id, email, address = half
    browser = known_browser(email)
    token = str(session[HALF])
    try:
        with transaction() as store:
            left = throttling.note_attempt(
                store, email=email, address=address, now=moment, browser_id=browser, kind="code"
            )
            found = two_step.half_owner(store, token, real_now=moment)
            if found is not None:
                found[0].tries += 1
    except Throttled as refusal:
        return _page(what="Wait a little.", sentence=str(refusal), status=429)
    typed = request.form.get("code", "")[:LONGEST]
    how = None
    if found is not None:
        with transaction() as store:
            person = people.person_by_id(store, person_id)
            how = two_step.take(store, person, typed, sealer=sealer(), now=clock().now(), real_now=moment)
            if how is not None:
                store.get_one(HalfSignIn, found[0].id).over_at = moment
                throttling.forget_attempts(store, email=email, address=address, browser_id=browser, kind="code")
            else:
                audit.record(
                    store,
                    what="sign-in",
                    action="sign-in.code-refused",
                    by=people.actor_of(person, address=address),
                    now=clock().now(),
                    sentence="Gave the right password and a code that does not fit.",
                )
    if how is not None:
        return let_in(person_id, how=how, goes_on=own_path(session.get(GOES_ON)))
    if _half() is None:
        return _begin_again()
    sentence = two_step.WRONG if left.tries else f"{two_step.WRONG} This address now waits {left.minutes} minutes."
    return _page(what="That did not fit.", sentence=sentence, status=422)


def _half() -> tuple[int, str, str | None] | None:
    """Give whose sign-in waits for its second step in this browser: id, e-mail and where from."""
    token = session.get(HALF)
    found = two_step.half_owner(reading(), token, real_now=datetime.now(UTC)) if isinstance(token, str) else None
    return None if found is None else (found[1].id, found[1].email, request.remote_addr)


def _begin_again() -> ResponseReturnValue:
    goes_on = own_path(session.get(GOES_ON))
    if session.pop(HALF, None) is not None:
        flash("This sign-in took too long, or too many codes did not fit. Nothing was changed. Begin again.", "warn")
    return redirect(url_for("sign_in.form", next=goes_on if goes_on != "/" else None), 303)


def _page(*, what: str = "", sentence: str = "", status: int = 200) -> ResponseReturnValue:
    page = render_template("sign_in/code.html", what=what, sentence=sentence)
    return make_response(page, status)
