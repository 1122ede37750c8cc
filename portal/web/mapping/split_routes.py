"""Split rules: how one count is shared by several agreements. They are made on the cards; this page lists them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, selectinload

from portal.db.records import PsaAgreement, PsaCompany, SplitRule
from portal.web import paging
from portal.web.access import may
from portal.web.mapping.accounts import company_names
from portal.web.mapping.common import around, bp, database


@dataclass(frozen=True, slots=True, kw_only=True)
class PartShown:
    """One agreement's part; without a quantity it takes all, or the rest."""

    agreement_id: int
    agreement: str
    quantity: Decimal | None
    trouble: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleShown:
    """One split rule with its names."""

    id: int
    company_id: int
    company: str
    product: str
    parts: tuple[PartShown, ...]
    set_by: str
    set_at: datetime


@bp.get("/splits")
@may("read")
def splits() -> ResponseReturnValue:
    """List the split rules that are in force."""
    session = database()
    in_force = sa.select(SplitRule).where(SplitRule.ended_at.is_(None)).options(selectinload(SplitRule.parts))
    by_name = in_force.outerjoin(PsaCompany, PsaCompany.id == SplitRule.company_id).order_by(
        sa.func.lower(PsaCompany.name), SplitRule.company_id, SplitRule.product, SplitRule.id
    )
    page = paging.fetched(session, by_name, request.args)
    return render_template(
        "mapping/splits.html",
        rules=_shown(session, page.rows),
        **paging.around(page, lambda number: url_for("mapping.splits", page=number)),
        **around(session, "splits"),
    )


def _shown(session: Session, rules: Sequence[SplitRule]) -> list[RuleShown]:
    """Give the rules their names, in the order given."""
    wanted = {part.agreement_id for rule in rules for part in rule.parts}
    wanted |= {one for rule in rules for one in (rule.all_to, rule.rest_to) if one is not None}
    agreements = {
        one.id: one for one in session.scalars(sa.select(PsaAgreement).where(PsaAgreement.id.in_(sorted(wanted))))
    }
    names = company_names(session, {rule.company_id for rule in rules})

    def part(agreement_id: int, quantity: Decimal | None) -> PartShown:
        found = agreements.get(agreement_id)
        trouble = "not in ConnectWise" if found is None or found.gone_at is not None else ""
        if found is not None and found.cancelled:
            trouble = "cancelled"
        name = found.name if found is not None else f"Agreement {agreement_id}"
        return PartShown(agreement_id=agreement_id, agreement=name, quantity=quantity, trouble=trouble)

    shown = []
    for rule in rules:
        parts = [part(one.agreement_id, one.quantity) for one in rule.parts]
        last = rule.all_to if rule.all_to is not None else rule.rest_to
        if last is not None:
            parts.append(part(last, None))
        shown.append(
            RuleShown(
                id=rule.id,
                company_id=rule.company_id,
                company=names[rule.company_id].name,
                product=rule.product,
                parts=tuple(parts),
                set_by=rule.set_by,
                set_at=rule.set_at,
            )
        )
    return shown
