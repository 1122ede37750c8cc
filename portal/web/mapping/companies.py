"""The search for a company or a product that a mapping names."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaCompany, PsaCompanyType, PsaListRow, PsaProduct

AT_MOST = 20
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCompany:
    """A company that can be chosen.

    Args:
        twins: How many companies bear this name, if more than this one; else 0.
    """

    id: int
    name: str
    status: str
    types: str
    in_scope: bool
    twins: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundProduct:
    """A catalogue item that can be chosen."""

    product: str
    description: str
    inactive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks(Generic[Found]):
    """The first matches, and how many more there are."""

    found: Sequence[Found] = ()
    more: int = 0


def find_companies(session: Session, q: str) -> Picks[FoundCompany]:
    """Find companies by parts of their name or identifier, or by their PSA id; deleted ones never.

    Names that begin with the first word come first, companies in scope before the others.
    """
    words = q.casefold().split()
    if not words:
        return Picks()
    rows = session.execute(
        sa.select(
            PsaCompany.id, PsaCompany.name, PsaCompany.identifier, PsaCompany.status_id, PsaCompany.in_scope
        ).where(PsaCompany.deleted.is_(False), PsaCompany.gone_at.is_(None))
    ).all()
    # folded here and not by the database: SQLite folds only ASCII, and names have accents
    matching = [
        row
        for row in rows
        if all(word in f"{row.name} {row.identifier}".casefold() for word in words) or words == [str(row.id)]
    ]
    matching.sort(
        key=lambda row: (not row.name.casefold().startswith(words[0]), not row.in_scope, row.name.casefold(), row.id)
    )
    shown = matching[:AT_MOST]
    names = Counter(row.name.strip().casefold() for row in rows)
    lists = {(row.list, row.id): row.name for row in session.scalars(sa.select(PsaListRow))}
    types: dict[int, list[str]] = {}
    chosen = sa.select(PsaCompanyType).where(PsaCompanyType.company_id.in_([row.id for row in shown]))
    for one in session.scalars(chosen.order_by(PsaCompanyType.type_id)):
        types.setdefault(one.company_id, []).append(lists.get(("type", one.type_id), f"type {one.type_id}"))
    return Picks(
        found=[
            FoundCompany(
                id=row.id,
                name=row.name,
                status=lists.get(("status", row.status_id or 0), ""),
                types=", ".join(types.get(row.id, [])),
                in_scope=bool(row.in_scope),
                twins=count if (count := names[row.name.strip().casefold()]) > 1 else 0,
            )
            for row in shown
        ],
        more=len(matching) - len(shown),
    )


def find_products(session: Session, q: str) -> Picks[FoundProduct]:
    """Find catalogue items by parts of their Product ID or description; bundles and vanished ones never."""
    words = q.casefold().split()
    if not words:
        return Picks()
    rows = session.execute(
        sa.select(PsaProduct.identifier, PsaProduct.description, PsaProduct.inactive).where(
            PsaProduct.gone_at.is_(None),
            sa.or_(PsaProduct.product_class.is_(None), PsaProduct.product_class != "Bundle"),
        )
    ).all()
    matching = [row for row in rows if all(word in f"{row.identifier} {row.description}".casefold() for word in words)]
    matching.sort(key=lambda row: (row.inactive, not row.identifier.casefold().startswith(words[0]), row.identifier))
    return Picks(
        found=[
            FoundProduct(product=row.identifier, description=row.description, inactive=row.inactive)
            for row in matching[:AT_MOST]
        ],
        more=max(0, len(matching) - AT_MOST),
    )
