"""The plan of a decision on a card: what would be written, without writing anything."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, PsaAddition, PsaAgreement, PsaBillingCycle, PsaCompany
from portal.domain.periods import Period
from portal.domain.plans import plan_add, plan_change
from portal.domain.psa import Agreement, BilledAgreement, Line, live_agreements
from portal.domain.quantities import BadQuantity, parse_quantity
from portal.domain.steps import Plan
from portal.services.card_picture import agreement_of, catalog, read_lines
from portal.services.errors import Invalid, NotFound

Action = Literal["approve", "adjust", "add"]
_PRICE_PLACES = 6
_MOST_PRICE = Decimal(10) ** 9


def plan_for(
    session: Session,
    card: Card,
    action: Action,
    *,
    quantity: str | Decimal | None = None,
    day: date | str | None = None,
    agreement_id: int | None = None,
    price: str | Decimal | None = None,
    cost: str | Decimal | None = None,
    today: date,
) -> Plan:
    """Plan a decision on a card, without deciding it.

    Args:
        session: For reading.
        card: The card.
        action: Approve takes the proposal; Adjust and Add take a quantity.
        quantity: As typed, or exact; none: the proposal.
        day: The effective date, as typed (2026-10-15) or exact; none: none was sent.
        agreement_id: Where Add writes; none: the card's own.
        price: Of an added line, for one unit and cycle; none: the catalogue's.
        cost: Likewise.
        today: In the portal's time zone.

    Returns:
        The writes with their effect, or why they cannot be.

    Raises:
        Invalid: A value cannot be read; `fields` names it.
        NotFound: There is no such agreement.
    """
    wanted = _quantity(card, action, quantity)
    picked = read_day(day)
    target = card.agreement_id if agreement_id is None else agreement_id
    if target is None:
        raise Invalid("Choose an agreement.", {"agreement": "Choose an agreement."})
    if action == "add":
        billed = billed_agreement(session, target, today)
        if billed.agreement.company_id != card.company_id:
            sentence = f"Agreement {target} is not one of {card.company}."
            raise Invalid(sentence, {"agreement": sentence})
        return plan_add(
            billed,
            catalog(session, card.product).get(card.product),
            wanted,
            picked,
            today,
            read_price(price, "price"),
            read_price(cost, "cost"),
            lines_of(session, target, card.product),
        )
    day_looked_at = Period.parse(card.period).looked_at(today)
    return plan_change(
        billed_agreement(session, target, day_looked_at),
        lines_of(session, target, card.product),
        catalog(session, card.product).get(card.product),
        wanted,
        picked,
        day_looked_at,
        dated=action == "adjust",
    )


def plan_write(
    session: Session,
    *,
    agreement_id: int,
    product: str,
    quantity: str | Decimal,
    day: date | str | None,
    today: date,
) -> Plan:
    """Plan a quantity of a product on an agreement, whether or not there is a card.

    Args:
        session: For reading.
        agreement_id: The agreement.
        product: The Product ID.
        quantity: As typed, or exact.
        day: The effective date; none: immediately.
        today: In the portal's time zone.

    Returns:
        As `Adjust` from a date, as `Approve` without one, and as `Add` where no line of the product is active.

    Raises:
        Invalid: A value cannot be read.
        NotFound: There is no such agreement.
    """
    wanted, picked = read_quantity(quantity), read_day(day)
    billed = billed_agreement(session, agreement_id, today)
    company = session.get(PsaCompany, billed.agreement.company_id)
    if company is None or company.gone_at is not None or not company.in_scope:
        return Plan(refused=f"Company {billed.agreement.company_id} is not in scope, so nothing is written for it.")
    lines = lines_of(session, agreement_id, product)
    item = catalog(session, product).get(product)
    reference = today if picked is None else max(picked, today)
    if billed.why_not is None and not any(line.active(reference) for line in lines):
        return plan_add(billed, item, wanted, picked, today, lines=lines)
    return plan_change(billed, lines, item, wanted, picked, today, dated=picked is not None)


def billed_agreement(session: Session, agreement_id: int, day: date) -> BilledAgreement:
    """Read one agreement as it is billed on a day, with what it takes from its parents.

    Raises:
        NotFound: The PSA does not have it (any more).
    """
    found: dict[int, Agreement] = {}
    wanted: int | None = agreement_id
    while wanted is not None and wanted not in found:
        row = session.get(PsaAgreement, wanted)
        if row is None or row.gone_at is not None:
            break
        cycle = None if row.billing_cycle_id is None else session.get(PsaBillingCycle, row.billing_cycle_id)
        months = {} if cycle is None or cycle.gone_at is not None else {cycle.id: cycle.months}
        found[row.id] = agreement_of(row, months)
        wanted = row.parent_id
    if agreement_id not in found:
        raise NotFound(f"ConnectWise does not have agreement {agreement_id}. It may have been deleted.")
    return live_agreements(found.values(), day)[agreement_id]


def lines_of(session: Session, agreement_id: int, product: str) -> list[Line]:
    """Read all lines of a product on an agreement, ended and scheduled ones too."""
    where = sa.and_(PsaAddition.agreement_id == agreement_id, PsaAddition.product == product)
    return list(read_lines(session, where))


def read_quantity(text: str | Decimal, field: str = "quantity") -> Decimal:
    """Read a quantity as typed.

    Raises:
        Invalid: It is none; the text says what may have been meant.
    """
    if isinstance(text, Decimal):
        return text
    try:
        return parse_quantity(text)
    except BadQuantity as error:
        raise Invalid(str(error), {field: str(error)}) from error


def read_day(text: date | str | None) -> date | None:
    """Read a date as a form sends it; an empty one is none.

    Raises:
        Invalid: It is no date.
    """
    if text is None or isinstance(text, date):
        return text
    if not text.strip():
        return None
    try:
        # Python would also read weeks and days without hyphens.
        return datetime.strptime(text.strip(), "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError as error:
        sentence = f"“{text.strip()[:40]}” is not a date. Write it as 2026-10-15."
        raise Invalid(sentence, {"date": sentence}) from error


def read_price(text: str | Decimal | None, field: str) -> Decimal | None:
    """Read a price or cost as typed: 0 or more, at most 6 decimals; an empty one is none.

    Raises:
        Invalid: It is no such number.
    """
    if text is None or isinstance(text, Decimal):
        return text
    word = text.strip().replace(",", "")
    if not word:
        return None
    try:
        value = Decimal(word)
    except InvalidOperation:
        value = Decimal("NaN")
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or not 0 <= value < _MOST_PRICE or exponent < -_PRICE_PLACES:
        sentence = f"“{text.strip()[:40]}” is not a {field}. Type one such as 12.50, with at most 6 decimals."
        raise Invalid(sentence, {field: sentence})
    return value


def refuse_plan(plan: Plan, *, field: str) -> None:
    """Turn a plan that is refused, or that writes nothing, into a refusal.

    Raises:
        Invalid: With the field that is to be corrected.
    """
    if plan.refused is not None:
        raise Invalid(f"{plan.refused} Nothing was decided.", {field: plan.refused})
    if not plan.steps:
        sentence = "ConnectWise has this quantity already: there is nothing to write."
        raise Invalid(sentence, {"quantity": sentence})


def _quantity(card: Card, action: Action, quantity: str | Decimal | None) -> Decimal:
    if action != "approve" and quantity is not None:
        return read_quantity(quantity)
    if action == "adjust":
        return read_quantity("")
    if card.proposed_quantity is None:
        raise Invalid("This card proposes no quantity. Adjust it to one.", {"quantity": "Type a quantity."})
    return card.proposed_quantity
