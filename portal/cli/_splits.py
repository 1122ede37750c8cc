"""Split rules on the command line: set, so that this month's count is shared at once, and listed."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from portal.db.records import Card, PsaAgreement, PsaCompany, PsaProduct, SplitRule
from portal.domain.periods import Period
from portal.domain.quantities import plain
from portal.domain.spreadsheets import safe
from portal.factory import clock
from portal.services import cards, decisions, rules_store
from portal.services.actors import require
from portal.services.decision_plans import read_quantity
from portal.services.errors import Invalid

SPLIT_COLUMNS = (
    "company_id",
    "company",
    "product",
    "agreement_id",
    "agreement",
    "takes",
    "quantity",
    "set_by",
    "set_at",
)


def split_rows(session: Session, company: str, product: str, zone: ZoneInfo) -> list[list[str]]:
    """Give the split rules in force, a row for each agreement: it takes all, a fixed quantity, or the rest.

    Args:
        session: For reading.
        company: Only this one's, by id or exact name; empty: all.
        product: Only this one's; empty: all.
        zone: The portal's, for moments.

    Raises:
        NotFound: There is no such company.
    """
    query = sa.select(SplitRule).where(SplitRule.ended_at.is_(None)).options(selectinload(SplitRule.parts))
    if company:
        query = query.where(SplitRule.company_id == decisions.company_of(session, company))
    if product:
        query = query.where(SplitRule.product == product)
    companies = dict(session.execute(sa.select(PsaCompany.id, PsaCompany.name)).all())
    agreements = dict(session.execute(sa.select(PsaAgreement.id, PsaAgreement.name)).all())
    rows = []
    for rule in session.scalars(query.order_by(SplitRule.company_id, SplitRule.product, SplitRule.id)):
        parts = [(part.agreement_id, "fixed", plain(part.quantity)) for part in rule.parts]
        parts += [(one, takes, "") for one, takes in ((rule.all_to, "all"), (rule.rest_to, "rest")) if one is not None]
        company_cells = [str(rule.company_id), safe(companies.get(rule.company_id) or ""), safe(rule.product)]
        set_cells = [safe(rule.set_by), rule.set_at.astimezone(zone).isoformat(timespec="minutes")]
        rows += [
            [*company_cells, str(one), safe(agreements.get(one) or ""), takes, quantity, *set_cells]
            for one, takes, quantity in parts
        ]
    return rows


def set_split(
    session: Session,
    company: str,
    product: str,
    all_to: int | None,
    parts: Mapping[int, str],
    rest_to: int | None,
    email: str,
) -> str | None:
    """Set a split rule, and say why it cannot be applied to this month's count, if it cannot.

    Args:
        session: A writing session.
        company: By id or exact name.
        product: The Product ID.
        all_to: The agreement that takes everything; or:
        parts: Quantities as typed, by agreement.
        rest_to: The agreement that takes what the parts leave.
        email: Who sets it.
    """
    by, now, today = decisions.actor_of(session, email), clock().now(), clock().today()
    require(by, "biller", "set a split rule")
    company_id = decisions.company_of(session, company)
    period = Period.holding(today)
    waiting = _to_split(session, company_id, product, period)
    if waiting is not None:
        decisions.share(
            session,
            waiting.id,
            all_to=all_to,
            fixed=parts,
            rest_to=rest_to,
            by=by,
            now=now,
            today=today,
            zone=clock().zone,
        )
        return None
    _refuse_strangers(session, company_id, product, [one for one in (all_to, *parts, rest_to) if one is not None])
    rules_store.set_split(
        session,
        company_id=company_id,
        product=product,
        all_to=all_to,
        fixed={one: read_quantity(text, f"fixed-{one}") for one, text in parts.items()},
        rest_to=rest_to,
        by=by,
        now=now,
    )
    cards.make_cards(session, period=period, today=today, now=now, zone=clock().zone, company_ids=[company_id])
    session.flush()
    waiting = _to_split(session, company_id, product, period)
    return None if waiting is None else next(iter(reversed(waiting.facts["arithmetic"])), None)


def _refuse_strangers(session: Session, company_id: int, product: str, agreements: Sequence[int]) -> None:
    """Refuse a rule about a product or an agreement that the company cannot have: it would be a slip.

    Raises:
        Invalid: With what is unknown.
    """
    known = set(
        session.scalars(
            sa.select(PsaAgreement.id).where(PsaAgreement.company_id == company_id, PsaAgreement.gone_at.is_(None))
        )
    )
    stranger = next((one for one in agreements if one not in known), None)
    if stranger is not None:
        raise Invalid(f"Agreement {stranger} is not one of company {company_id}. Nothing was changed.")
    if session.scalars(sa.select(PsaProduct.id).where(PsaProduct.identifier == product).limit(1)).first() is None:
        raise Invalid(f"ConnectWise has no product {product}. Nothing was changed.")


def _to_split(session: Session, company_id: int, product: str, period: Period) -> Card | None:
    return (
        session.query(Card)
        .filter(
            Card.period == str(period),
            Card.company_id == company_id,
            Card.product == product,
            Card.kind == "to_split",
            Card.state.in_(sorted(cards.DECIDABLE)),
            Card.gone_at.is_(None),
        )
        .order_by(Card.agreement_id)
        .first()
    )
