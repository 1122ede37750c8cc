"""Everybody who may sign in: inviting, links, and which decisions need two."""

from collections import Counter

from flask import Flask, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.domain.quantities import plain
from portal.factory import clock, settings_of
from portal.services import company_people, invitations, people, sessions, settings_store, two_step
from portal.services.errors import Conflict, Invalid
from portal.web import forms, paging
from portal.web.access import current_actor, may
from portal.web.amounts import amount, stored_amount
from portal.web.htmx import announce
from portal.web.people import one as _one  # noqa: F401 - its addresses
from portal.web.people import sign_in as _sign_in  # noqa: F401 - the same
from portal.web.people.blueprint import an, bp, real_now, roles
from portal.web.posting import by_mail


@bp.get("")
@may("settings")
def index() -> ResponseReturnValue:
    """List everybody."""
    return _page()


@bp.post("")
@may("settings")
def invite() -> ResponseReturnValue:
    """Add a person, and show the link once."""
    mailing = by_mail(wanted=forms.ticked(request.form, "by_mail"))
    try:
        with transaction() as session:
            token = invitations.create_person(
                session,
                request.form.get("email", ""),
                request.form.get("name", ""),
                request.form.get("role", ""),
                current_actor(),
                clock().now(),
                real_now=real_now(),
                by_mail=mailing,
            )
    except (Invalid, Conflict) as error:
        fields = error.fields if isinstance(error, Invalid) else {"email": str(error)}
        return make_response(_page(errors=fields), error.status)
    email = request.form.get("email", "").strip()
    return shown_link(token, f"{email} may sign in", "They set their own password with it.", mailed=mailing is not None)


@bp.post("/<int:person_id>/link")
@may("settings")
def reset(person_id: int) -> ResponseReturnValue:
    """Make a new link, and show it once."""
    mailing = by_mail(wanted=forms.ticked(request.form, "by_mail"))
    with transaction() as session:
        token = invitations.reset_password(
            session, person_id, by=current_actor(), now=clock().now(), real_now=real_now(), by_mail=mailing
        )
        name = people.person_by_id(session, person_id).name
    sentence = "Earlier links work no more; a password of now works until this one is used."
    return shown_link(token, f"A new link for {name}", sentence, mailed=mailing is not None)


@bp.post("/links/<int:link_id>/revoke")
@may("settings")
def revoke(link_id: int) -> ResponseReturnValue:
    """Take a link back that nobody has used."""
    with transaction() as session:
        person = invitations.revoke(session, link_id, by=current_actor(), now=clock().now(), real_now=real_now())
        said = f"The link of {person.name} works no more."
    announce(said)
    return redirect(url_for(".index", _anchor="h-links"), 303)


@bp.post("/<int:person_id>/role")
@may("settings")
def role(person_id: int) -> ResponseReturnValue:
    """Give another role, if the person still has the one that the page showed."""
    wanted, seen = request.form.get("role", ""), request.form.get("seen")
    with transaction() as session:
        person = people.person_by_id(session, person_id)
        if seen is not None and seen != person.role:
            raise Conflict(f"{person.name} is {an(person.role)} by now: somebody was quicker. Nothing was changed.")
        people.set_role(session, person_id, role=wanted, by=current_actor(), now=clock().now(), real_now=real_now())
        said = f"{person.name} is {an(wanted)} now, and signs in anew."
    announce(said)
    return redirect(url_for(".index", page=forms.whole(request.args, "page")), 303)


@bp.post("/limits")
@may("settings")
def limits() -> ResponseReturnValue:
    """Set which decisions need a second person."""
    currency = _home_currency()
    try:
        above = amount(request.form, "above")
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


def shown_link(token: str, heading: str, sentence: str, *, mailed: bool) -> str:
    """Show a link, which is kept nowhere, this once."""
    address = f"{settings_of().base_url}{url_for('sign_in.link', token=token)}"
    days = invitations.LINK_LIVES.days
    return render_template(
        "people/link.html", address=address, heading=heading, sentence=sentence, days=days, mailed=mailed
    )


def _home_currency() -> str:
    return str(settings_store.get(reading(), "home_currency", {"code": "USD"})["code"])


def _page(errors: dict[str, str] | None = None) -> str:
    currency = _home_currency()
    stored = settings_store.get(reading(), "limits", {})
    page = paging.fetched(reading(), people.in_order(), request.args)
    shown = [person.id for person in page.rows]
    return render_template(
        "people/index.html",
        people=page.rows,
        **paging.around(page, lambda number: url_for(".index", page=number)),
        living=Counter(sessions.living_counts(reading(), shown, now=real_now())),
        two_step=two_step.who_has_it(reading()),
        linked=company_people.who_is_linked(reading()),
        links=invitations.listed(reading(), real_now=real_now()),
        last_admin=people.last_admin(reading()),
        errors=errors or {},
        currency=currency,
        above=request.form.get("above", "") if errors else stored_amount((stored.get("amount") or {}).get(currency)),
        any_decrease=bool(stored.get("any_decrease")),
        typed=request.form if errors else {},
        roles=roles(),
        real_now=real_now(),
    )


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
