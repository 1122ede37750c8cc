"""How people sign in: who needs a second step, the company's own sign-in, and whether passwords are taken at all."""

from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.records.people import ROLES
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import company_asking, company_people, company_provider, sign_in_rules, two_step
from portal.services.company_asking import CompanyAway
from portal.services.company_provider import Wanted
from portal.services.errors import Invalid
from portal.web import forms
from portal.web.access import current_actor, current_person, may
from portal.web.htmx import announce
from portal.web.people.blueprint import bp, real_now
from portal.web.posting import sealer

LONGEST = 4000  # characters of a field


@bp.get("/sign-in")
@may("settings")
def sign_in() -> ResponseReturnValue:
    """Show how people sign in."""
    return _page()


@bp.post("/sign-in/two-step")
@may("settings")
def require_two_step() -> ResponseReturnValue:
    """Say which roles need a second step."""
    with transaction() as session:
        sign_in_rules.require_two_step(
            session, request.form.getlist("two_step_for"), by=current_actor(), now=clock().now()
        )
    announce("Saved. Who needs a second step and has none is led to it at the next click.")
    return redirect(url_for(".sign_in"), 303)


@bp.post("/sign-in/company")
@may("settings")
def save_company() -> ResponseReturnValue:
    """Ask the provider for its discovery and its keys, then keep it; what was typed stays where that fails."""
    try:
        wanted = company_provider.checked(_wanted())
        found = company_asking.discover(wanted.issuer, allow_private=wanted.allow_private)
        facts = company_asking.read_facts(found, issuer=wanted.issuer, allow_private=wanted.allow_private)
        keys = company_asking.fetch_keys(facts, allow_private=wanted.allow_private)
    except Invalid as error:
        return make_response(_page(errors=error.fields), 422)
    except CompanyAway as error:
        return make_response(_page(errors={"issuer": str(error)}), 422)
    with transaction() as session:
        company_provider.save(
            session, wanted, facts=found, keys=keys, sealer=sealer(), by=current_actor(), now=clock().now(),
            real_now=real_now(),
        )  # fmt: skip
    announce("Kept. Now link it on your own profile, and sign in with it once.")
    return redirect(url_for(".sign_in"), 303)


@bp.post("/sign-in/company/switch")
@may("settings")
def switch_company() -> ResponseReturnValue:
    """Let people use the company's sign-in, or not."""
    on = request.form.get("on") == "1"
    with transaction() as session:
        company_provider.switch(session, on=on, by=current_actor(), now=clock().now())
    announce("People may use it again." if on else "It is switched off. Sessions that it began go on.")
    return redirect(url_for(".sign_in"), 303)


@bp.post("/sign-in/passwords")
@may("settings")
def switch_passwords() -> ResponseReturnValue:
    """Take passwords, or none."""
    on = request.form.get("on") == "1"
    with transaction() as session:
        company_provider.allow_passwords(session, on, by=current_actor(), now=clock().now())
    announce("Passwords are taken again." if on else "Passwords are taken no more.")
    return redirect(url_for(".sign_in"), 303)


def _wanted() -> Wanted:
    form = request.form
    return Wanted(
        title=forms.text(form, "title", longest=LONGEST),
        issuer=forms.text(form, "issuer", longest=LONGEST),
        client_id=forms.text(form, "client_id", longest=LONGEST),
        client_secret=forms.text(form, "client_secret", longest=LONGEST),
        allow_private=forms.ticked(form, "allow_private"),
        link_by_email=forms.ticked(form, "link_by_email"),
        role_claim=forms.text(form, "role_claim", longest=LONGEST),
        role_map=company_provider.role_map_of(forms.text(form, "role_map", longest=LONGEST)),
    )


def _page(errors: dict[str, str] | None = None) -> str:
    provider, rules = company_provider.found(reading()), sign_in_rules.read(reading())
    shown: dict[str, Any] = {"title": "", "issuer": "", "client_id": "", "role_claim": "", "role_map": ""}
    ticks = {"allow_private": False, "link_by_email": False}
    if provider is not None:
        shown = {name: getattr(provider, name) for name in shown}
        shown["role_map"] = company_provider.role_map_text(provider.role_map)
        ticks = {name: getattr(provider, name) for name in ticks}
    if errors:
        shown = {name: request.form.get(name, "") for name in shown}
        ticks = {name: forms.ticked(request.form, name) for name in ticks}
    return render_template(
        "people/sign_in.html",
        rules=rules,
        roles=ROLES,
        two_step_count=len(two_step.who_has_it(reading())),
        provider=provider,
        linked=len(company_people.who_is_linked(reading())),
        mine=company_people.identity_of(reading(), current_person().id),
        shown=shown,
        ticks=ticks,
        errors=errors or {},
        back=f"{settings_of().base_url}{url_for('sign_in.company_back')}",
    )
