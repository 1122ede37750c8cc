"""Rules: everybody reads them, admins set and end them after a look at what they do."""

from typing import Any

from flask import Blueprint, Flask, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.records import PsaCompany, Rule
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import rule_reading, rules, rules_store
from portal.services.errors import Invalid, NotFound
from portal.services.rule_effects import Effect
from portal.web.access import allowed, current_actor, may
from portal.web.filters import count
from portal.web.forms import text, whole
from portal.web.htmx import announce, swaps
from portal.web.mapping.companies import find_companies, find_products
from portal.web.rules import typed as forms
from portal.web.rules.words import KIND_WORDS, KINDS, says

bp = Blueprint("rules", __name__, url_prefix="/rules")
STATES = {"in_force": "In force", "expiring": "Expiring soon", "ended": "Ended", "all": "All"}


@bp.get("")
@may("read")
def index() -> ResponseReturnValue:
    """List the rules, or only the list when the filter swaps it."""
    session = reading()
    q = " ".join(request.args.get("q", "").replace("\0", "").split())[:200]
    kind = request.args.get("kind", "") if request.args.get("kind", "") in rules_store.KINDS else ""
    state = request.args.get("state", "in_force") if request.args.get("state", "") in STATES else "in_force"
    company, product = whole(request.args, "company"), request.args.get("product", "").replace("\0", "").strip()[:200]
    page = rule_reading.list_rules(
        session,
        today=clock().today(),
        q=q,
        kind=kind,
        state=state,
        company_id=company,
        product=product,
        page=whole(request.args, "page") or 1,
    )
    chosen = {"q": q, "kind": kind, "state": "" if state == "in_force" else state, "company": company or ""}
    chosen |= {"product": product}
    context: dict[str, Any] = {
        "page": page,
        "q": q,
        "kind": kind,
        "state": state,
        "chosen": {name: value for name, value in chosen.items() if value},
        "about": _about(session, company, product),
        "kinds": KINDS,
        "states": STATES,
        "splits": _splits(session),
    }
    return render_template("rules/_list.html" if swaps("rules") else "rules/index.html", **context)


@bp.get("/new")
@may("settings")
def new() -> ResponseReturnValue:
    """Show the form of a rule, filled from the address; `preview`: with what saving it would do."""
    session = reading()
    typed = forms.read(session, request.args)
    if "preview" not in request.args:
        typed.errors = {}
        return _form(session, typed, effect=None)
    return _form(session, typed, effect=_effect(session, typed))


@bp.get("/choices")
@may("settings")
def choices() -> ResponseReturnValue:
    """Give the companies or products that what is typed may mean, for a field's list."""
    session = reading()
    which = "product" if request.args.get("which") == "product" else "company"
    q = request.args.get(which, "").replace("\0", "").strip()[:100]
    if which == "product":
        found = [(one.product, one.description) for one in find_products(session, q).found]
    else:
        found = [(f"{one.name} ({one.id})", one.status) for one in find_companies(session, q).found]
    return render_template("rules/_choices.html", which=which, found=found)


@bp.post("")
@may("settings")
def save() -> ResponseReturnValue:
    """Set a rule; where its effect was not shown yet, or moved since, show it first."""
    shown = request.form.get("shown", "")
    with transaction() as session:
        typed = forms.read(session, request.form)
        effect = _effect(session, typed)
        if effect is None:
            return _form(session, typed, effect=None, status=422)
        if shown != effect.token:
            again: dict[str, Any] = {**typed.query(), "preview": "1", "moved": "1" if shown else None}
            return redirect(url_for("rules.new", **again, _anchor="effect"), 303)
        rule = rules.set_rule(
            session,
            kind=typed.kind,
            company_id=typed.company_id,
            product=typed.product,
            values=typed.rule,
            by=current_actor(),
            now=clock().now(),
            zone=clock().zone,
            seen=request.form.get("seen"),
        )
        number = rule.id
    announce(f"The rule holds. {_done(effect)}")
    return redirect(url_for("rules.show", rule_id=number), 303)


@bp.get("/<int:rule_id>")
@may("read")
def show(rule_id: int) -> ResponseReturnValue:
    """Show a rule: what it does on a card, and what was set on the same thing before and after."""
    return _show(reading(), rule_id, ending=False)


@bp.get("/<int:rule_id>/end")
@may("settings")
def ending(rule_id: int) -> ResponseReturnValue:
    """Show what ending a rule would do."""
    return _show(reading(), rule_id, ending=True)


@bp.post("/<int:rule_id>/end")
@may("settings")
def end(rule_id: int) -> ResponseReturnValue:
    """End a rule at once."""
    reason = text(request.form, "reason", longest=200)
    with transaction() as session:
        rule = rules.end_rule(
            session, rule_id, by=current_actor(), now=clock().now(), zone=clock().zone, reason=reason or None
        )
        said = rules_store.words(rule)
    announce(f"Ended: {said}. It stays in the history.")
    return redirect(url_for("rules.show", rule_id=rule_id), 303)


@bp.get("/of")
@may("read")
def pair() -> ResponseReturnValue:
    """Show all rules about a company and product: which one wins, and what was set before."""
    session = reading()
    company_id, product = whole(request.args, "company"), request.args.get("product", "").replace("\0", "").strip()
    if company_id is None or not product:
        raise NotFound("Name a company by its id and a product, as in /rules/of?company=17&product=SEAT.")
    company = session.get(PsaCompany, company_id)
    if company is None:
        raise NotFound(f"There is no company {company_id}.")
    found = rule_reading.of_pair(session, company_id, product[:200], clock().today())
    return render_template("rules/pair.html", company=company, product=product[:200], pair=found, kinds=KINDS)


def _show(session: Session, rule_id: int, *, ending: bool) -> ResponseReturnValue:
    shown = rule_reading.rule_shown(session, rule_id, clock().today())
    history = rule_reading.history_of(session, shown.rule, clock().today())
    standing = next((one for one in history if one.rule.ended_at is None), None)
    effect = None
    if ending and shown.rule.ended_at is None:
        effect = rules.effect_of_ending(session, shown.rule, now=clock().now(), zone=clock().zone)
    return render_template(
        "rules/show.html",
        shown=shown,
        history=history,
        standing=standing,
        effect=effect,
        change=forms.of_rule(session, shown.rule).query() if allowed("settings") else {},
        kinds=KINDS,
    )


def _form(session: Session, typed: forms.Typed, *, effect: Effect | None, status: int = 200) -> ResponseReturnValue:
    standing: list[Rule] = []
    if "company" not in typed.errors and (typed.company_id is not None or typed.product):
        standing = rules_store.standing_on(session, kind=typed.kind, company_id=typed.company_id, product=typed.product)
    context = {
        "typed": typed,
        "effect": effect,
        "standing": standing,
        "token": rules.standing_token(standing),
        "kinds": KINDS,
        "limits": forms.LIMITS,
        "words": KIND_WORDS,
        "moved": "moved" in request.args,
        "today": clock().today(),
    }
    if swaps("effect"):
        return make_response(render_template("rules/_effect.html", **context), status)
    if typed.errors and status == 200 and "preview" in request.args:  # noqa: PLR2004 - what was asked cannot be told
        status = 422
    return make_response(render_template("rules/form.html", **context), status)


def _effect(session: Session, typed: forms.Typed) -> Effect | None:
    """Tell what a rule as typed would do; none where it cannot be used, with why in its errors."""
    if typed.errors:
        return None
    try:
        return rules.effect_of_setting(
            session,
            kind=typed.kind,
            company_id=typed.company_id,
            product=typed.product,
            values=typed.rule,
            by=current_actor(),
            now=clock().now(),
            zone=clock().zone,
        )
    except Invalid as error:
        forms.take_fields(typed, error)
        return None


def _done(effect: Effect) -> str:
    number = len(effect.changes)
    return f"{count(number, 'card')} changed with it." if number else "No card changed with it."


def _about(session: Session, company_id: int | None, product: str) -> str:
    """Name the company and product that the list was asked for."""
    company = None if company_id is None else session.get(PsaCompany, company_id)
    names = [company.name if company is not None else f"company {company_id}"] if company_id is not None else []
    return ", ".join([*names, *([product] if product else [])])


def _splits(session: Session) -> int:
    return len(rules_store.splits(session))


def register(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)
    app.add_template_filter(says, "rule_says")
