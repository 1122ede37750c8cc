"""What a person may set about themselves."""

from datetime import UTC, datetime

from flask import Flask, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.domain.quantities import plain
from portal.factory import clock
from portal.services import (
    company_people,
    company_provider,
    passwords,
    people,
    people_passwords,
    sessions,
    sign_in_rules,
    throttling,
    two_step,
)
from portal.services.errors import Invalid
from portal.services.throttling import Throttled
from portal.web import forms
from portal.web.access import current_actor, current_person, may
from portal.web.amounts import amount, stored_amount
from portal.web.htmx import announce
from portal.web.locale_choice import LOCALES, OWN, PREFERENCE, current_locale, sample
from portal.web.posting import post
from portal.web.profile import two_step as _two_step_pages  # noqa: F401 - its addresses
from portal.web.profile.blueprint import bp
from portal.web.profile.words import browser as browser_words
from portal.web.profile.words import way
from portal.web.sign_in.door import known_browser

THEMES = (("system", "As the system"), ("light", "Light"), ("dark", "Dark"))
DENSITIES = (("comfortable", "Two lines"), ("compact", "One line, compact"))


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
    locale = request.form.get("locale", OWN.tag)
    try:
        ask_above = amount(request.form, "ask_above")
    except Invalid as error:
        return make_response(_page(error.fields, ask_above=request.form.get("ask_above", "")), 422)
    wanted = {
        "theme": theme if theme in people.THEMES else "system",
        "density": density if density in dict(DENSITIES) else "comfortable",
        "letter_keys": forms.ticked(request.form, "letter_keys"),
        "ask_above": None if ask_above is None else plain(ask_above),
        PREFERENCE: locale if locale in LOCALES else OWN.tag,
    }
    with transaction() as store:
        people.set_preferences(store, current_person().id, wanted)
    announce("Saved. It holds from this page on.")
    return redirect(url_for(".index"), 303)


@bp.post("/password")
@may("read")
def password() -> ResponseReturnValue:
    """Change the password; every other session ends."""
    person, browser = current_person(), known_browser(current_person().email)
    address, moment = request.remote_addr, datetime.now(UTC)
    try:
        with transaction() as store:  # whoever sits at an open session cannot guess the password of now either
            throttling.note_attempt(store, email=person.email, address=address, now=moment, browser_id=browser)
    except Throttled as refusal:
        return make_response(_page({"old": str(refusal)}), refusal.status)
    try:
        with transaction() as store:
            throttling.forget_attempts(store, email=person.email, address=address, browser_id=browser)
            people_passwords.change_password(
                store,
                person.id,
                old=request.form.get("old", ""),
                new=request.form.get("password", ""),
                keep_sign_in=person.sign_in_id,
                by=current_actor(),
                now=clock().now(),
                real_now=moment,
                post=post(),
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
        ended = people.end_own_sessions(
            store, person.id, by=current_actor(), now=clock().now(), real_now=datetime.now(UTC), but=person.sign_in_id
        )
    announce(f"{ended} other {'session has' if ended == 1 else 'sessions have'} ended.")
    return redirect(url_for(".index"), 303)


@bp.post("/sessions/<int:sign_in_id>/end")
@may("read")
def end_one(sign_in_id: int) -> ResponseReturnValue:
    """End one session of this person."""
    with transaction() as store:
        people.end_session_of(
            store, current_person().id, sign_in_id, by=current_actor(), now=clock().now(), real_now=datetime.now(UTC)
        )
    announce("That session has ended.")
    return redirect(url_for(".index"), 303)


def _page(errors: dict[str, str], *, ask_above: str | None = None) -> str:
    person = current_person()
    rules, here = sign_in_rules.read(reading()), clock().now().astimezone(clock().zone)
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
        locales=[(each.tag, each.title, sample(each, here)) for each in LOCALES.values()],
        locale=current_locale(),
        two_step_on=two_step.is_on(reading(), person.id),
        two_step_needed=person.role in rules.two_step_for,
        recovery_left=two_step.recovery_left(reading(), person.id),
        passwords=rules.passwords,
        has_password=people.person_by_id(reading(), person.id).password_hash is not None,
        company=company_provider.active(reading()),
        identity=company_people.identity_of(reading(), person.id),
        ask_above=stored_amount(person.preferences.get("ask_above")) if ask_above is None else ask_above,
    )


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
    app.add_template_filter(browser_words, "browser")
    app.add_template_filter(way)
