"""What a person may set about themselves."""

from datetime import UTC, datetime

from flask import Blueprint, Flask, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.domain.quantities import plain
from portal.factory import clock
from portal.services import passwords, people, sessions
from portal.services.errors import Invalid
from portal.web import forms
from portal.web.access import current_actor, current_person, may
from portal.web.htmx import announce

bp = Blueprint("profile", __name__, url_prefix="/profile")
THEMES = (("system", "As the system"), ("light", "Light"), ("dark", "Dark"))
DENSITIES = (("comfortable", "Two lines"), ("compact", "One line, compact"))
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("iPhone", "an iPhone"), ("iPad", "an iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "a Mac"),
    ("Linux", "Linux"),
)  # fmt: skip


@bp.get("")
@may("read")
def index() -> ResponseReturnValue:
    """Show the profile."""
    return _page({})


@bp.post("")
@may("read")
def save() -> ResponseReturnValue:
    """Keep how this person likes the screens."""
    theme, density = request.form.get("theme", ""), request.form.get("density", "")
    try:
        ask_above = forms.amount(request.form, "ask_above")
    except Invalid as error:
        return make_response(_page(error.fields, ask_above=request.form.get("ask_above", "")), 422)
    wanted = {
        "theme": theme if theme in people.THEMES else "system",
        "density": density if density in dict(DENSITIES) else "comfortable",
        "letter_keys": forms.ticked(request.form, "letter_keys"),
        "ask_above": None if ask_above is None else plain(ask_above),
    }
    with transaction() as store:
        people.set_preferences(store, current_person().id, wanted)
    announce("Saved. It holds from this page on.")
    return redirect(url_for(".index"), 303)


@bp.post("/password")
@may("read")
def password() -> ResponseReturnValue:
    """Change the password; every other session ends."""
    person = current_person()
    try:
        with transaction() as store:
            people.change_password(
                store,
                person.id,
                old=request.form.get("old", ""),
                new=request.form.get("password", ""),
                keep_sign_in=person.sign_in_id,
                by=current_actor(),
                now=clock().now(),
                real_now=datetime.now(UTC),
            )
    except Invalid as error:
        return make_response(_page(error.fields), 422)
    announce("Your password is changed. Your other sessions have ended.")
    return redirect(url_for(".index"), 303)


@bp.post("/sessions/end")
@may("read")
def end_others() -> ResponseReturnValue:
    """End every session of this person but this one."""
    person = current_person()
    with transaction() as store:
        ended = sessions.end_sessions(store, person.id, now=datetime.now(UTC), but=person.sign_in_id)
    announce(f"{ended} other {'session has' if ended == 1 else 'sessions have'} ended.")
    return redirect(url_for(".index"), 303)


@bp.post("/sessions/<int:sign_in_id>/end")
@may("read")
def end_one(sign_in_id: int) -> ResponseReturnValue:
    """End one session of this person."""
    with transaction() as store:
        sessions.end_session(store, sign_in_id, person_id=current_person().id, now=datetime.now(UTC))
    announce("That session has ended.")
    return redirect(url_for(".index"), 303)


def _page(errors: dict[str, str], *, ask_above: str | None = None) -> str:
    person = current_person()
    living = sessions.living_sessions(reading(), now=datetime.now(UTC), person_id=person.id)
    return render_template(
        "profile/index.html",
        person=person,
        errors=errors,
        sessions=living,
        real_now=datetime.now(UTC),
        shortest=passwords.SHORTEST,
        themes=THEMES,
        densities=DENSITIES,
        ask_above=(person.preferences.get("ask_above") or "") if ask_above is None else ask_above,
    )


def browser(agent: str | None) -> str:
    """Name a browser and its system as people know them: Firefox on Windows."""
    text = agent or ""
    name = next((word for mark, word in BROWSERS if mark in text), "Another browser")
    system = next((word for mark, word in SYSTEMS if mark in text), "")
    return f"{name} on {system}" if system else name


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
    app.add_template_filter(browser)
