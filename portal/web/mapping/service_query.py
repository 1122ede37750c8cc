"""The services page in SQL: what each service is mapped to, which state that is, and what a search leaves."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from portal.db.records import PsaProduct, ServiceLine, ServiceMapping, ServiceProduct, Vendor
from portal.domain.service_likeness import SURE
from portal.web.mapping.filters import GridFilter

Own, Wide = aliased(ServiceMapping), aliased(ServiceMapping)
_MAPPING = sa.func.coalesce(Own.id, Wide.id)


def seen_lines(day: date, *where: sa.ColumnElement[bool]) -> sa.Subquery:
    """Give every line with the mapping that speaks for it, its state and whether somebody should look at it.

    Args:
        day: Exclusions that ended before it hold no more: such a service is unmapped and wants a look.
        where: Which lines; none: all.
    """
    until = sa.case((Own.id.is_not(None), Own.excluded_until), else_=Wide.excluded_until)
    said = sa.func.coalesce(Own.state, Wide.state)
    ended = sa.and_(until.is_not(None), until < day)
    state = sa.case((said.is_(None), "unmapped"), (ended, "unmapped"), else_=said)
    live = aliased(PsaProduct)
    good = sa.exists().where(
        live.identifier == ServiceProduct.product,
        live.gone_at.is_(None),
        live.inactive.is_(False),
        sa.func.coalesce(live.product_class, "") != "Bundle",
    )
    trouble = sa.exists().where(ServiceProduct.mapping_id == _MAPPING, ~good)
    return (
        sa.select(
            ServiceLine.service_id,
            ServiceLine.vendor_id,
            ServiceLine.external_id,
            ServiceLine.term,
            ServiceLine.title,
            ServiceLine.searched,
            ServiceLine.units,
            ServiceLine.sort_units,
            ServiceLine.accounts,
            ServiceLine.score,
            ServiceLine.suggested,
            ServiceLine.reasons,
            _MAPPING.label("mapping_id"),
            state.label("state"),
            sa.func.coalesce(ended, sa.false()).label("ended"),
            sa.or_(sa.func.coalesce(ended, sa.false()), sa.and_(said == "mapped", trouble)).label("attention"),
            sa.func.coalesce(Own.reason, Wide.reason, "").label("reason"),
        )
        .join(
            Own,
            sa.and_(
                Own.vendor_id == ServiceLine.vendor_id,
                Own.service_external_id == ServiceLine.external_id,
                Own.term == ServiceLine.term,
            ),
            isouter=True,
        )
        .join(
            Wide,
            sa.and_(
                Own.id.is_(None),
                Wide.vendor_id == ServiceLine.vendor_id,
                Wide.service_external_id == ServiceLine.external_id,
                Wide.every_term.is_(True),
            ),
            isouter=True,
        )
        .where(*where)
        .subquery("seen")
    )


def searched(seen: sa.Subquery, q: str) -> list[sa.ColumnElement[bool]]:
    """Give the conditions of a search: each word stands in the service, its reason or a product of it."""
    conditions = []
    for word in q.casefold().split():
        item = aliased(PsaProduct)
        fed = (
            sa.exists()
            .where(ServiceProduct.mapping_id == seen.c.mapping_id)
            .where(
                sa.or_(
                    sa.func.lower(ServiceProduct.product).contains(word, autoescape=True),
                    sa.exists().where(
                        item.identifier == ServiceProduct.product,
                        sa.func.lower(item.description).contains(word, autoescape=True),
                    ),
                )
            )
        )
        conditions.append(
            sa.or_(
                seen.c.searched.contains(word, autoescape=True),
                sa.func.lower(seen.c.reason).contains(word, autoescape=True),
                sa.and_(seen.c.state == "unmapped", sa.func.lower(seen.c.suggested).contains(word, autoescape=True)),
                fed,
            )
        )
    return conditions


def shows(seen: sa.Subquery, state: str) -> sa.ColumnElement[bool]:
    """Give the condition that a state shows a line."""
    if state == "all":
        return sa.true()
    if state == "attention":
        return seen.c.attention.is_(True)
    if state == "suggested":
        return sa.and_(seen.c.state == "unmapped", seen.c.score > 0)
    return seen.c.state == state


def ordered(seen: sa.Subquery, sort: str) -> list[sa.ColumnElement[Any]]:
    """Give the order; names decide between equals, so that pages do not shuffle."""
    name: list[sa.ColumnElement[Any]] = [seen.c.title, seen.c.vendor_id, seen.c.external_id, seen.c.term]
    if sort == "name":
        return name
    if sort == "score":
        score = sa.case((seen.c.state == "unmapped", seen.c.score), else_=0)
        return [score.desc(), seen.c.sort_units.desc(), *name]
    return [seen.c.sort_units.desc(), *name]


def of_vendor(seen: sa.Subquery, wanted: GridFilter) -> sa.ColumnElement[bool]:
    """Give the condition of the vendor that is asked for."""
    if not wanted.vendor:
        return sa.true()
    return seen.c.vendor_id == sa.select(Vendor.id).where(Vendor.slug == wanted.vendor).scalar_subquery()


def sure(seen: sa.Subquery, least: int = SURE) -> sa.ColumnElement[bool]:
    """Give the condition that a line has a suggestion that may be accepted together with others."""
    return sa.and_(seen.c.state == "unmapped", seen.c.score >= least)
