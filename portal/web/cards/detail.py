"""What stands below a row: why its numbers are what they are, and the forms of its decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, PsaAgreement, PsaProduct
from portal.domain.periods import Period
from portal.domain.psa import BilledAgreement
from portal.domain.splits import CannotSplit, Split, share
from portal.domain.steps import Plan
from portal.factory import clock
from portal.services import decisions
from portal.services.card_picture import picture
from portal.services.errors import Invalid, NotFound, Refused
from portal.services.undo_planning import before_and_after, target_of, why_not
from portal.web import filters as shown
from portal.web.cards.dates import Dates, for_added_line, for_change
from portal.web.cards.forms import Typed, read_split
from portal.web.cards.rows import Row, approve_label, effective
from portal.web.cards.why import next_invoice_on, notes_of
from portal.web.locale_choice import current_locale

EARLIER = 12  # decisions and months listed
TICK_LABELS = {"invoiced_ok": "I want it billed that way", "scheduled_ok": "I want both"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToTick:
    """A warning of a plan, with the words beside its tick box; several of one sort share a box."""

    code: str
    sentence: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An agreement that may take a line, or why it may not."""

    id: int
    name: str
    words: str
    billed: BilledAgreement


@dataclass(frozen=True, slots=True, kw_only=True)
class CyclePrice:
    """What the catalogue's price and cost of a unit come to for a longer billing cycle, if they are a month's.

    Args:
        months: Of the cycle.
        month: The catalogue's price.
        price: So many times that.
        cost: So many times the catalogue's cost; none: it is not known.
    """

    months: int
    month: Decimal
    price: Decimal
    cost: Decimal | None


@dataclass(slots=True, kw_only=True)
class Part:
    """One agreement of a split, with what it bills."""

    id: int
    name: str
    psa: Decimal | None

    @property
    def psa_text(self) -> str:
        """The quantity as a field holds it."""
        return shown.typed(self.psa)


@dataclass(slots=True, kw_only=True)
class Sharing:
    """The parts of a split, or why it cannot be shared so."""

    parts: Mapping[int, Decimal] = field(default_factory=dict)
    reason: str = ""


def plan_context(session: Session, row: Row, action: str, form: Typed) -> dict[str, Any]:
    """Gather the plan of a form as it is typed: its writes, warnings, and the words of its button."""
    card = row.card
    plan, no_plan = _undo_plan(session, row) if action == "undo" else _try_plan(session, card, action, form)
    target = card.agreement_id if action != "add" else form.agreement
    billed = _billed(session, target, row)
    second = None
    if plan is not None and not plan.refused and plan.steps:
        lower = _lowers(session, card, action, form, plan)
        second = decisions.needs_second(session, card, plan, lower=lower)
    return {
        "action": action,
        "plan": plan,
        "no_plan": no_plan,
        "notes": [] if plan is None else notes_of(plan),
        "warnings": _warnings(plan),
        "second": second,
        "currency": card.currency,
        "next_invoice_on": next_invoice_on(billed),
        "button": _button(row, action, form, billed, plan),
    }


def adjust_dates(session: Session, row: Row, form: Typed) -> Dates:
    """Say from which day a card may be adjusted to the quantity that is typed."""
    return for_change(session, row, _billed(session, row.card.agreement_id, row), form.quantity)


def form_context(session: Session, row: Row, action: str, form: Typed) -> dict[str, Any]:
    """Gather what a decision's form needs."""
    card = row.card
    made: dict[str, Any] = {"form": form, "title": f"{TITLES[action]}: {row.name}", "action": action}
    match action:
        case "approve":
            made |= plan_context(session, row, action, form)
        case "adjust":
            default = card.proposed_quantity if card.proposed_quantity is not None else card.psa_quantity
            made["default_quantity"] = shown.typed(default)
            _prefill(form, quantity=default, day=None)
            made["dates"] = adjust_dates(session, row, form)
            _prefill(form, quantity=default, day=made["dates"].default)
            made |= plan_context(session, row, action, form)
        case "dismiss":
            made |= {
                "last_reasons": _last_reasons(session, row.where.by.person_id),
                "next_month": shown.month_name(Period.parse(card.period).next),
            }
        case "add":
            made |= _add_context(session, row, form)
            made |= plan_context(session, row, action, form)
        case "split":
            made |= split_context(session, row, form)
        case _:
            made |= plan_context(session, row, action, form)
    return made


TITLES = {
    "approve": "Approve",
    "adjust": "Adjust",
    "dismiss": "Dismiss",
    "add": "Add",
    "split": "Share",
    "undo": "Undo",
}


def split_context(session: Session, row: Row, form: Typed) -> dict[str, Any]:
    """Gather the agreements that share a count, and the parts as typed."""
    card = row.card
    query = sa.select(Card).where(
        Card.period == card.period,
        Card.company_id == card.company_id,
        Card.product == card.product,
        Card.agreement_id.is_not(None),
        Card.gone_at.is_(None),
        Card.state != "stale",
    )
    parts = [
        Part(id=one.agreement_id, name=one.agreement or str(one.agreement_id), psa=one.psa_quantity)
        for one in session.scalars(query.order_by(Card.agreement_id))
        if one.agreement_id is not None
    ]
    last = str(parts[-1].id) if parts else ""
    whole = card.vendor_quantity or Decimal(0)
    if not {"all_to", "rest_to"} & form.values.keys():  # nothing was typed yet
        _propose_split(form, parts, whole)
    return {
        "parts": parts,
        "whole": whole,
        "default_rest": last,
        "sharing": _sharing(whole, form, {part.id: part.name for part in parts}),
    }


def _propose_split(form: Typed, parts: Sequence[Part], whole: Decimal) -> None:
    """Fill in a rule: as billed and the rest to the last; all to the one that bills most where that is too much.

    A rule holds for the counts to come, so it fixes no quantity that nobody bills.
    """
    billed = {part.id: part.psa or Decimal(0) for part in parts}
    fixed = [part.id for part in parts[:-1]]
    if parts and sum(billed[one] for one in fixed) > whole:
        form.values["all_to"] = str(max(billed, key=lambda one: billed[one]))
    elif parts:
        form.values |= {f"fixed-{one}": shown.typed(billed[one]) for one in fixed}
        form.values["rest_to"] = str(parts[-1].id)


def _sharing(whole: Decimal, form: Typed, agreements: Mapping[int, str]) -> Sharing:
    try:
        typed = read_split(form)
    except Invalid as error:
        return Sharing(reason=str(error))
    shared = share(whole, Split(all_to=typed.all_to, fixed=typed.fixed, rest_to=typed.rest_to), agreements, agreements)
    return Sharing(reason=shared.reason) if isinstance(shared, CannotSplit) else Sharing(parts=shared)


def _add_context(session: Session, row: Row, form: Typed) -> dict[str, Any]:
    """Gather the agreements of a company that may take a line, those that may not with why, and the catalogue item."""
    card, where = row.card, row.where
    seen = picture(
        session, period=Period.parse(card.period), today=where.today, zone=where.zone, company_ids=[card.company_id]
    )
    names = dict(
        session.execute(
            sa.select(PsaAgreement.id, PsaAgreement.name).where(PsaAgreement.company_id == card.company_id)
        ).all()
    )
    choices, refused = [], []
    for one in sorted(seen.billed.values(), key=lambda billed: billed.agreement.id):
        if one.agreement.company_id != card.company_id:
            continue
        name = names.get(one.agreement.id) or str(one.agreement.id)
        if one.why_not is not None:
            refused.append(Choice(id=one.agreement.id, name=name, words=one.why_not, billed=one))
            continue
        cycle = _cycle(one.cycle_months)
        prorates = "prorates" if one.agreement.prorates else "does not prorate"
        choices.append(Choice(id=one.agreement.id, name=name, words=f"{cycle}, {prorates}", billed=one))
    if form.agreement is None and len(choices) == 1 and "agreement" not in form.errors:
        form.agreement = choices[0].id
    chosen = next((one for one in choices if one.id == form.agreement), None)
    item = session.scalars(
        sa.select(PsaProduct).where(PsaProduct.identifier == card.product, PsaProduct.gone_at.is_(None)).limit(1)
    ).first()
    bundle = item is not None and (item.product_class or "").casefold() == "bundle"
    _prefill(form, quantity=card.proposed_quantity, day=None)
    return {
        "choices": choices,
        "refused_choices": refused,
        "chosen": None if chosen is None else chosen.id,
        "dates": for_added_line(session, row, None if chosen is None else chosen.billed),
        "default_quantity": shown.typed(card.proposed_quantity),
        "item": {
            "price": "" if item is None else shown.typed(item.price),
            "cost": "" if item is None else shown.typed(item.cost),
        },
        "cycle_months": None if chosen is None else chosen.billed.cycle_months,
        "cycle": None if chosen is None or item is None else _cycle_price(item, chosen.billed.cycle_months, form),
        "bundle": (
            f"{card.product} is a bundle: ConnectWise refuses a bundle as an addition. Add its parts there instead."
            if bundle
            else None
        ),
    }


def _cycle_price(item: PsaProduct, months: int | None, form: Typed) -> CyclePrice | None:
    """Give what a catalogue price comes to if it is a month's; none where a cycle is a month, or another was typed."""
    if months is None or months == 1 or item.price is None or "price" in form.errors:
        return None
    if form.price not in {None, item.price}:
        return None
    cost = None if item.cost is None else item.cost * months
    return CyclePrice(months=months, month=item.price, price=item.price * months, cost=cost)


def _cycle(months: int | None) -> str:
    return {None: "no billing cycle", 1: "monthly", 3: "quarterly", 6: "half-yearly", 12: "yearly"}.get(
        months, f"every {months} months"
    )


def _prefill(form: Typed, *, quantity: Decimal | None, day: date | None) -> None:
    """Give fields that nobody typed in what the form shows in them."""
    if form.quantity is None and "quantity" not in form.values:
        form.quantity = quantity
    if form.day is None and "date" not in form.values:
        form.day = day


def _billed(session: Session, agreement_id: int | None, row: Row) -> BilledAgreement | None:
    if agreement_id is None:
        return None
    try:
        day = Period.parse(row.card.period).looked_at(row.where.today)
        return decisions.billed_agreement(session, agreement_id, day)
    except NotFound:
        return None


def _wanted(card: Card, action: str, form: Typed) -> Decimal | None:
    return card.proposed_quantity if action == "approve" else form.quantity


def _try_plan(session: Session, card: Card, action: str, form: Typed) -> tuple[Plan | None, str]:
    """Plan what is typed; where it cannot be planned, say why."""
    unread = [form.errors[name] for name in ("quantity", "date", "agreement", "price", "cost") if name in form.errors]
    if unread:
        return None, unread[0]
    if action == "add" and form.agreement is None:
        return None, "Choose the agreement that gets the line."
    today = clock().today()
    try:
        if action == "approve":
            return decisions.plan_for(session, card, "approve", today=today), ""
        return (
            decisions.plan_for(
                session,
                card,
                "add" if action == "add" else "adjust",
                quantity=form.quantity if form.quantity is not None else "",
                day=form.day,
                agreement_id=form.agreement if action == "add" else None,
                price=form.price,
                cost=form.cost,
                today=today,
            ),
            "",
        )
    except Refused as error:
        return None, str(error)


def _undo_plan(session: Session, row: Row) -> tuple[Plan | None, str]:
    """Plan to take back what the latest decision that stands wrote."""
    try:
        found = target_of(session, row.card)
        if found.push is None:
            return None, "Nothing was written, so there is nothing to undo."
        refused = why_not(found)
        if refused is not None:
            return None, refused
        return decisions.plan_back(session, found.push, product=row.card.product, today=row.where.today), ""
    except Refused as error:
        return None, str(error)


def _lowers(session: Session, card: Card, action: str, form: Typed, plan: Plan) -> bool:
    """Tell whether a plan makes a quantity fall."""
    if action == "undo":
        push = target_of(session, card).push
        if push is None:
            return False
        before, after = before_and_after(session, push, plan, product=card.product, today=clock().today())
        return after < before
    wanted = _wanted(card, action, form)
    return wanted is not None and card.psa_quantity is not None and wanted < card.psa_quantity


def _warnings(plan: Plan | None) -> list[ToTick]:
    """Give the warnings, those of one sort as one with one tick."""
    sentences: dict[str, list[str]] = {}
    for one in () if plan is None else plan.warnings:
        sentences.setdefault(one.code, []).append(one.sentence)
    return [ToTick(code=code, sentence=" ".join(all_), label=TICK_LABELS[code]) for code, all_ in sentences.items()]


def _button(row: Row, action: str, form: Typed, billed: BilledAgreement | None, plan: Plan | None) -> dict[str, str]:
    """Give the words of a form's button: verb, number, date."""
    if action == "approve":
        label, soft = approve_label(row.card, row.where)
        return {"label": label, "soft": soft}
    number = "" if form.quantity is None or "quantity" in form.errors else f" {shown.quantity(form.quantity)}"
    if action == "undo":
        steps = () if plan is None else plan.steps
        label = "Undo"
        if len(steps) == 1 and isinstance(steps[0].expected, Decimal):
            label = f"Undo: {shown.quantity(steps[0].expected)} back to {shown.quantity(steps[0].quantity)}"
        return {"label": label, "soft": ", effective today" if steps else ""}
    verb = {"adjust": "Adjust to" if number else "Adjust", "add": "Add"}[action]
    prorates = billed is not None and billed.agreement.prorates
    if prorates and form.day is not None:
        soft = f", effective {current_locale().day(form.day)}"
    elif action == "adjust" and prorates:
        soft = ""
    else:
        soft = effective(row.where)
    return {"label": f"{verb}{number}", "soft": soft}


def _last_reasons(session: Session, person_id: int | None) -> list[str]:
    """Give the four reasons a person last dismissed with."""
    query = (
        sa.select(Decision.reason, sa.func.max(Decision.id).label("latest"))
        .where(Decision.action == "dismiss", Decision.reason.is_not(None), Decision.by_id == person_id)
        .group_by(Decision.reason)
        .order_by(sa.desc("latest"))
        .limit(4)
    )
    return [reason for reason, _ in session.execute(query) if reason]
