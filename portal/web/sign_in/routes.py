"""Sign-in: the same sentence and the same time for an unknown e-mail as for a wrong password."""

from datetime import UTC, datetime
from typing import Any

from flask import Flask, flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import audit, drafts, people, people_passwords, sessions, sign_in_rules, throttling, two_step
from portal.services.actors import Actor
from portal.services.people import folded_email
from portal.services.throttling import Throttled
from portal.web import forms
from portal.web.access import current_person, forget_lookup, may, own_path, public, signed_in
from portal.web.htmx import announce, from_htmx, leave_to
from portal.web.sign_in.blueprint import bp
from portal.web.sign_in.code import ask_for_code
from portal.web.sign_in.company import button
from portal.web.sign_in.door import known_browser, let_in
from portal.web.sign_in.links import mails_links

UNSEEN = ("seen", "back", "next", "import", "do", "only")  # fields that a page adds to what is typed
WARN_FROM = 3  # so many tries left are told


@bp.get("/sign-in")
@public
def form() -> ResponseReturnValue:
    """Ask for e-mail and password; who is signed in already goes on."""
    goes_on = own_path(request.args.get("next"))
    if signed_in() is not None:
        return redirect(goes_on, 303)
    if people.nobody_yet(reading()):
        return redirect(url_for("setup.first"), 303)
    return _form(goes_on)


@bp.post("/sign-in")
@public
def enter() -> ResponseReturnValue:
    """Take e-mail and password; the second step follows on a page of its own, where there is one."""
    email = folded_email(request.form.get("email", ""))[: people.LONGEST_EMAIL]
    password = request.form.get("password", "")
    goes_on = own_path(request.form.get("next"))
    address, moment, browser = request.remote_addr, datetime.now(UTC), known_browser(email)
    try:
        with transaction() as store:
            left = throttling.note_attempt(store, email=email, address=address, now=moment, browser_id=browser)
    except Throttled as refusal:
        return _form(goes_on, email=email, what="Wait a little.", sentence=str(refusal), status=429)
    # the password is looked at outside of any writing transaction: it takes its time on purpose
    person = people_passwords.authenticate(reading(), email=email, password=password, demo=settings_of().demo)
    if person is None:
        with transaction() as store:
            audit.record(
                store,
                what="sign-in",
                action="sign-in.refused",
                by=Actor("somebody", address=address),
                now=clock().now(),
                sentence="Gave an e-mail and a password that do not match.",
            )
        tries = "1 more try" if left.tries == 1 else f"{left.tries} more tries"
        told = f"After {tries} this address waits {left.minutes} minutes."
        over = f"This address now waits {left.minutes} minutes."
        sentence = "" if left.tries > WARN_FROM else told if left.tries else over
        return _form(goes_on, email=email, what="E-mail and password do not match.", sentence=sentence, status=422)
    with transaction() as store:
        throttling.forget_attempts(store, email=email, address=address, browser_id=browser)
        token = two_step.start_half(store, person.id, real_now=moment) if two_step.is_on(store, person.id) else None
    if token is not None:
        return ask_for_code(token, goes_on)
    return let_in(person.id, how="password", goes_on=goes_on)


@bp.post("/sign-out")
@may("read")
def leave() -> ResponseReturnValue:
    """End this session on the server, and forget the cookie."""
    person = current_person()
    with transaction() as store:
        sessions.end_session(store, person.sign_in_id, person_id=person.id, now=datetime.now(UTC))
        audit.record(
            store,
            what="sign-in",
            action="sign-in.ended",
            by=Actor(person.name, person.id, person.role, request.remote_addr),
            now=clock().now(),
            sentence="Signed out.",
        )
    session.clear()
    forget_lookup()
    flash("You are signed out.")
    answer = make_response(leave_to(url_for(".form")) if from_htmx() else redirect(url_for(".form"), 303))
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'  # what was read stays in no back button; cookies stay
    return answer


@bp.get("/kept/<int:draft_id>")
@may("read")
def kept(draft_id: int) -> ResponseReturnValue:
    """Offer what was typed when the session ended. Nothing is carried out by looking at it."""
    draft = drafts.find(reading(), draft_id, person_id=current_person().id)
    typed = [(str(name), str(value)) for name, value in draft.fields.get("typed", [])]
    return render_template(
        "sign_in/kept.html", draft=draft, typed=typed, unseen=UNSEEN, goes_on=own_path(request.args.get("next"))
    )


@bp.post("/kept/<int:draft_id>/drop")
@may("read")
def drop_kept(draft_id: int) -> ResponseReturnValue:
    """Throw away what was typed."""
    person = current_person()
    with transaction() as store:
        drafts.find(store, draft_id, person_id=person.id)
        drafts.drop(store, draft_id, person_id=person.id)
    announce("What you had typed is thrown away. Nothing was sent.")
    return redirect(own_path(request.form.get("next")), 303)


def _form(
    goes_on: str, *, email: str = "", what: str = "", sentence: str = "", status: int = 200
) -> ResponseReturnValue:
    """Show the sign-in form."""
    values: dict[str, Any] = {"goes_on": goes_on, "email": email, "what": what, "sentence": sentence}
    page = render_template(
        "sign_in/form.html",
        demo=settings_of().demo,
        passwords=sign_in_rules.read(reading()).passwords,
        company=button(),
        mails_links=mails_links(),
        **values,
    )
    return make_response(page, status)


def _sent_again(response: Any) -> Any:  # noqa: ANN401 - Flask's own type of an answer
    """Forget a draft once its form was sent again and taken in."""
    # a refused form may be too large to be read at all
    if request.method != "POST" or response.status_code >= 400:  # noqa: PLR2004 - not taken in
        return response
    draft_id = forms.whole(request.form, "draft_id")
    person = signed_in() if draft_id is not None else None
    if draft_id is not None and person is not None:
        with transaction() as store:
            drafts.drop(store, draft_id, person_id=person.id)
    return response


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
    app.after_request(_sent_again)
