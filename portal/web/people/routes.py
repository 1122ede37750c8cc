"""Inviting, roles, switching off, ending sessions. The last admin stays one."""

from collections import Counter
from datetime import UTC, datetime

from flask import Blueprint, Flask, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.records.people import ROLES
from portal.db.session import reading, transaction
from portal.domain.quantities import plain
from portal.factory import clock, settings_of
from portal.services import people, sessions, settings_store
from portal.services.errors import Conflict, Invalid
from portal.web import forms
from portal.web.access import current_actor, may
from portal.web.htmx import announce

bp = Blueprint("people", __name__, url_prefix="/people")
MEANINGS = {
    "viewer": "reads everything of the month",
    "biller": "decides, imports, maps, syncs",
    "manager": "also overrides old numbers, is the second person, closes",
    "admin": "also connections, statuses, people, writing",
}


@bp.get("")
@may("settings")
def index() -> ResponseReturnValue:
    """List everybody."""
    return _page()


@bp.post("")
@may("settings")
def invite() -> ResponseReturnValue:
    """Add a person, and show the link once."""
    try:
        with transaction() as session:
            token = people.create_person(
                session,
                request.form.get("email", ""),
                request.form.get("name", ""),
                request.form.get("role", ""),
                current_actor(),
                clock().now(),
                real_now=datetime.now(UTC),
            )
    except (Invalid, Conflict) as error:
        fields = error.fields if isinstance(error, Invalid) else {"email": str(error)}
        return make_response(_page(errors=fields), error.status)
    return _link(token, f"{request.form.get('email', '').strip()} may sign in", "They set their own password with it.")


@bp.post("/<int:person_id>/link")
@may("settings")
def reset(person_id: int) -> ResponseReturnValue:
    """Make a new link, and show it once."""
    with transaction() as session:
        token = people.reset_password(
            session, person_id, by=current_actor(), now=clock().now(), real_now=datetime.now(UTC)
        )
        name = people.person_by_id(session, person_id).name
    return _link(token, f"A new link for {name}", "Their password of now works until the link is used.")


@bp.post("/<int:person_id>/role")
@may("settings")
def role(person_id: int) -> ResponseReturnValue:
    """Give another role, if the person still has the one that the page showed."""
    wanted, seen = request.form.get("role", ""), request.form.get("seen")
    with transaction() as session:
        person = people.person_by_id(session, person_id)
        if seen is not None and seen != person.role:
            raise Conflict(f"{person.name} is a {person.role} by now: somebody was quicker. Nothing was changed.")
        people.set_role(session, person_id, role=wanted, by=current_actor(), now=clock().now())
        said = f"{person.name} is {'an' if wanted == 'admin' else 'a'} {wanted} now."
    announce(said)
    return redirect(url_for(".index"), 303)


@bp.post("/<int:person_id>/off")
@may("settings")
def switch_off(person_id: int) -> ResponseReturnValue:
    """Switch a person off; their sessions end at once."""
    with transaction() as session:
        person = people.switch_off(
            session, person_id, by=current_actor(), now=clock().now(), real_now=datetime.now(UTC)
        )
        said = f"{person.name} is switched off and signed out everywhere."
    announce(said)
    return redirect(url_for(".index"), 303)


@bp.post("/<int:person_id>/on")
@may("settings")
def switch_on(person_id: int) -> ResponseReturnValue:
    """Let a person sign in again."""
    with transaction() as session:
        said = f"{people.switch_on(session, person_id, by=current_actor(), now=clock().now()).name} may sign in again."
    announce(said)
    return redirect(url_for(".index"), 303)


@bp.post("/<int:person_id>/sessions/end")
@may("settings")
def end_sessions(person_id: int) -> ResponseReturnValue:
    """End every session of a person."""
    with transaction() as session:
        ended = people.end_sessions_of(
            session, person_id, by=current_actor(), now=clock().now(), real_now=datetime.now(UTC)
        )
    announce(f"{ended} {'session has' if ended == 1 else 'sessions have'} ended.")
    return redirect(url_for(".index"), 303)


@bp.post("/limits")
@may("settings")
def limits() -> ResponseReturnValue:
    """Set which decisions need a second person."""
    currency = _home_currency()
    try:
        above = forms.amount(request.form, "above")
    except Invalid as error:
        return make_response(_page(errors=error.fields), 422)
    with transaction() as session:
        stored = settings_store.get(session, "limits", {})
        amounts = {name: value for name, value in (stored.get("amount") or {}).items() if name != currency}
        if above is not None:
            amounts[currency] = plain(above)
        wanted = {"amount": amounts, "any_decrease": forms.ticked(request.form, "any_decrease")}
        settings_store.put(session, "limits", wanted, by=current_actor(), now=clock().now())
    announce("Saved. It holds for decisions from now on.")
    return redirect(url_for(".index"), 303)


def _home_currency() -> str:
    return str(settings_store.get(reading(), "home_currency", {"code": "USD"})["code"])


def _page(errors: dict[str, str] | None = None) -> str:
    currency = _home_currency()
    stored = settings_store.get(reading(), "limits", {})
    living = Counter(each.person_id for each in sessions.living_sessions(reading(), now=datetime.now(UTC)))
    everybody = people.everybody(reading())
    return render_template(
        "people/index.html",
        people=everybody,
        living=living,
        admins=sum(1 for each in everybody if each.role == "admin" and each.active),
        errors=errors or {},
        currency=currency,
        above=request.form.get("above", "") if errors else (stored.get("amount") or {}).get(currency, ""),
        any_decrease=bool(stored.get("any_decrease")),
        typed=request.form if errors else {},
        roles=[(each, f"{each.capitalize()}: {MEANINGS[each]}") for each in ROLES],
        real_now=datetime.now(UTC),
    )


def _link(token: str, heading: str, sentence: str) -> str:
    address = f"{settings_of().base_url}{url_for('sign_in.link', token=token)}"
    return render_template(
        "people/link.html", address=address, heading=heading, sentence=sentence, days=people.LINK_LIVES.days
    )


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
