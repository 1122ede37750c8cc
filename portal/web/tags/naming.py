"""Which companies and products a pasted list names."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaCompany, PsaProduct
from portal.services.tags import Carriers


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a list names.

    Args:
        to: Companies and products that were found.
        unknown: A sentence for each line that names nothing, or more than one thing.
    """

    to: Carriers
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A company or product on the page of a tag.

    Args:
        value: What a tick box sends.
        gone: It is not in ConnectWise any more.
    """

    value: str
    name: str
    sub: str
    gone: bool


def named(session: Session, lines: Iterable[str]) -> Named:
    """Find what each line names: a Product ID, or a company by its exact name, identifier or id; two queries."""
    wanted = [line.strip() for line in lines if line.strip()]
    if not wanted:
        return Named(to=Carriers())
    products = set(session.scalars(sa.select(PsaProduct.identifier).where(PsaProduct.gone_at.is_(None))))
    companies: dict[str, set[int]] = {}
    rows = session.execute(
        sa.select(PsaCompany.id, PsaCompany.name, PsaCompany.identifier).where(
            PsaCompany.deleted.is_(False), PsaCompany.gone_at.is_(None)
        )
    )
    for company_id, name, identifier in rows:
        for key in (str(company_id), name.strip().casefold(), (identifier or "").casefold()):
            companies.setdefault(key, set()).add(company_id)
    found: set[int] = set()
    chosen: set[str] = set()
    unknown: list[str] = []
    for line in wanted:
        ids = companies.get(line.casefold(), set())
        if line in products:
            chosen.add(line)
        elif len(ids) == 1:
            found |= ids
        elif ids:
            unknown.append(f"“{line[:60]}”: several companies are called so; write the id of one of them.")
        else:
            unknown.append(f"“{line[:60]}”: no company and no product is called so.")
    return Named(to=Carriers(companies=tuple(sorted(found)), products=tuple(sorted(chosen))), unknown=tuple(unknown))


def shown(session: Session, who: Carriers, start: int = 0, size: int | None = None) -> list[Carrier]:
    """Give companies and products with their names, companies first, in the order of the alphabet."""
    companies = {one.id: one for one in _companies(session, who.companies)}
    products = {one.identifier: one for one in _products(session, who.products)}
    found = [
        Carrier(
            value=f"c{one}",
            name=companies[one].name if one in companies else f"company {one}",
            sub=f"company, PSA {one}",
            gone=one not in companies or companies[one].gone_at is not None or companies[one].deleted,
        )
        for one in who.companies
    ]
    found.sort(key=lambda one: (one.name.casefold(), one.value))
    found += [
        Carrier(
            value=f"p{one}",
            name=one,
            sub=f"product{f', {products[one].description}' if one in products and products[one].description else ''}",
            gone=one not in products or products[one].gone_at is not None,
        )
        for one in sorted(who.products)
    ]
    return found[start : None if size is None else start + size]


def ticked(values: Iterable[str]) -> Carriers:
    """Read tick boxes; what is none of ours is left out."""
    companies: set[int] = set()
    products: set[str] = set()
    for value in values:
        sort, rest = value[:1], value[1:]
        if sort == "c" and rest.isascii() and rest.isdigit() and 0 < int(rest[:10]) < 2**31:
            companies.add(int(rest[:10]))
        elif sort == "p" and rest:
            products.add(rest[:200])
    return Carriers(companies=tuple(sorted(companies)), products=tuple(sorted(products)))


def _companies(session: Session, ids: tuple[int, ...]) -> Iterable[PsaCompany]:
    for start in range(0, len(ids), 500):
        yield from session.scalars(sa.select(PsaCompany).where(PsaCompany.id.in_(ids[start : start + 500])))


def _products(session: Session, names: tuple[str, ...]) -> Iterable[PsaProduct]:
    for start in range(0, len(names), 500):
        query = sa.select(PsaProduct).where(PsaProduct.identifier.in_(names[start : start + 500]))
        yield from session.scalars(query.order_by(PsaProduct.gone_at.is_(None)))
