"""Sign-in: the same sentence and the same time for an unknown e-mail as for a wrong password."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Flask, flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import audit, drafts, passwords, people, sessions
from portal.services.actors import Actor
from portal.services.errors import Invalid
from portal.services.people import folded_email
from portal.services.sessions import Throttled
from portal.web import forms
from portal.web.access import TOKEN, current_person, forget_lookup, may, own_path, public, signed_in
from portal.web.htmx import announce, from_htmx, leave_to

bp = Blueprint("sign_in", __name__)
UNSEEN = ("seen", "back", "next", "import", "do", "only")  # fields that a page adds to what is typed
WARN_FROM = 3  # so many tries left are told


@bp.get("/sign-in")
@public
def form() -> ResponseReturnValue:
    """Ask for e-mail and password; who is signed in already goes on."""
    goes_on = own_path(request.args.get("next"))
    if signed_in() is not None:
        return redirect(goes_on, 303)
    return _form(goes_on)


@bp.post("/sign-in")
@public
def enter() -> ResponseReturnValue:
    """Sign in. The session's token is new each time, and everything else the cookie held is forgotten."""
    email = folded_email(request.form.get("email", ""))[: people.LONGEST_EMAIL]
    password = request.form.get("password", "")
    goes_on = own_path(request.form.get("next"))
    address, moment = request.remote_addr, datetime.now(UTC)
    try:
        with transaction() as store:
            left = sessions.note_attempt(store, email=email, address=address, now=moment)
    except Throttled as refusal:
        return _form(goes_on, email=email, what="Wait a little.", sentence=str(refusal), status=429)
    # the password is looked at outside of any writing transaction: it takes its time on purpose
    person = people.authenticate(reading(), email=email, password=password, demo=settings_of().demo)
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
        told = f"After {left} more {'try' if left == 1 else 'tries'} this address waits 15 minutes."
        sentence = "" if left > WARN_FROM else told if left else "This address now waits 15 minutes."
        return _form(goes_on, email=email, what="E-mail and password do not match.", sentence=sentence, status=422)
    with transaction() as store:
        found = people.person_by_id(store, person.id)
        sessions.forget_attempts(store, email=email, address=address)
        token = sessions.start_session(
            store, found, address=address, agent=request.headers.get("User-Agent", ""), now=moment
        )
        draft = drafts.newest(store, found.id, now=moment)
        kept = draft.id if draft is not None else None
        audit.record(
            store,
            what="sign-in",
            action="sign-in.done",
            by=people.actor_of(found, address=address),
            now=clock().now(),
            sentence="Signed in.",
        )
    session.clear()
    session[TOKEN] = token
    session.permanent = True
    forget_lookup()
    return redirect(url_for(".kept", draft_id=kept, next=goes_on) if kept else goes_on, 303)


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
    return leave_to(url_for(".form")) if from_htmx() else redirect(url_for(".form"), 303)


@bp.get("/link/<token>")
@public
def link(token: str) -> ResponseReturnValue:
    """Ask for a password: the first one, or another one after a reset."""
    _, person = people.link_owner(reading(), token, real_now=datetime.now(UTC))
    return render_template("sign_in/link.html", token=token, person=person, error="", shortest=passwords.SHORTEST)


@bp.post("/link/<token>")
@public
def set_password(token: str) -> ResponseReturnValue:
    """Set the password behind a link."""
    try:
        with transaction() as store:
            people.use_link(
                store,
                token,
                password=request.form.get("password", ""),
                address=request.remote_addr,
                now=clock().now(),
                real_now=datetime.now(UTC),
            )
    except Invalid as error:
        _, person = people.link_owner(reading(), token, real_now=datetime.now(UTC))
        page = render_template(
            "sign_in/link.html", token=token, person=person, error=str(error), shortest=passwords.SHORTEST
        )
        return make_response(page, 422)
    session.clear()
    forget_lookup()
    flash("Your password is set. Sign in with it.")
    return redirect(url_for(".form"), 303)


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
    nobody = people.nobody_yet(reading())
    page = render_template("sign_in/form.html", nobody=nobody, demo=settings_of().demo, **values)
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
