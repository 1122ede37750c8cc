"""Links that work once: setting a password with one, and asking for one by mail."""

from datetime import UTC, datetime

from flask import flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import invitations, known_browsers, passwords, people, sign_in_rules, throttling
from portal.services.errors import Invalid, NotFound
from portal.services.people import folded_email
from portal.services.throttling import Throttled
from portal.web.access import forget_lookup, public
from portal.web.posting import by_mail, post
from portal.web.sign_in.blueprint import bp
from portal.web.sign_in.company import button
from portal.web.sign_in.door import kept_by_browser, known_browser, remember_browser

ASKED = (
    "If somebody here has this e-mail, a link is on its way to it. It works once, for an hour. "
    "If none comes, ask an admin for one."
)


@bp.get("/link/<token>")
@public
def link(token: str) -> ResponseReturnValue:
    """Ask for a password: the first one, or another one after a reset."""
    return _page(token)


@bp.post("/link/<token>")
@public
def set_password(token: str) -> ResponseReturnValue:
    """Set the password behind a link. Strangers' wrong passwords no longer hold up this browser."""
    moment = datetime.now(UTC)
    try:
        with transaction() as store:
            person = invitations.use_link(
                store,
                token,
                password=request.form.get("password", ""),
                address=request.remote_addr,
                now=clock().now(),
                real_now=moment,
                post=post(),
            )
            known = known_browsers.remember(store, kept_by_browser(), person_id=person.id, now=moment)
    except Invalid as error:
        return make_response(_page(token, error=str(error)), 422)
    session.clear()
    forget_lookup()
    flash("Your password is set. Sign in with it.")
    return remember_browser(make_response(redirect(url_for(".form"), 303)), known)


@bp.get("/sign-in/forgot")
@public
def forgot() -> ResponseReturnValue:
    """Ask for the e-mail that a link is to go to, where mails are sent."""
    _need_mails()
    return render_template("sign_in/forgot.html", email="", what="", sentence="")


@bp.post("/sign-in/forgot")
@public
def send_link() -> ResponseReturnValue:
    """Send a link, if somebody has the e-mail. The answer is the same either way."""
    _need_mails()
    email, moment = folded_email(request.form.get("email", ""))[: people.LONGEST_EMAIL], datetime.now(UTC)
    try:
        with transaction() as store:
            throttling.note_attempt(
                store,
                email=email,
                address=request.remote_addr,
                now=moment,
                browser_id=known_browser(email),
                kind="mail",
            )
            mailing = by_mail()
            if mailing is not None:
                invitations.mail_own_reset(store, email, now=clock().now(), real_now=moment, by_mail=mailing)
    except Throttled as refusal:
        page = render_template("sign_in/forgot.html", email=email, what="Wait a little.", sentence=str(refusal))
        return make_response(page, 429)
    flash(ASKED)
    return redirect(url_for(".form"), 303)


def mails_links() -> bool:
    """Tell whether somebody at the door can have a link sent."""
    return settings_of().mail is not None and not settings_of().demo and sign_in_rules.read(reading()).passwords


def _need_mails() -> None:
    if not mails_links():
        raise NotFound("No links are sent by mail here. An admin can give you one.")


def _page(token: str, *, error: str = "") -> str:
    waiting, person = invitations.link_owner(reading(), token, real_now=datetime.now(UTC))
    return render_template(
        "sign_in/link.html",
        token=token,
        person=person,
        error=error,
        shortest=passwords.SHORTEST,
        first=waiting.purpose == invitations.FIRST,
        passwords=sign_in_rules.read(reading()).passwords,
        company=button(),
    )
