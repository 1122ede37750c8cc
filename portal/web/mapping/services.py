"""What the services page shows: every vendor service with its counts and the products it feeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, selectinload

from portal.db.records import PsaProduct, ServiceLine, ServiceMapping, ServiceProduct, Vendor, VendorService
from portal.domain.exclusions import Exclusion
from portal.domain.quantities import plain, plus, times
from portal.domain.service_likeness import LikelyProduct
from portal.services.exclusions import exclusion_of
from portal.web.filters import isolated, quantity, typed
from portal.web.mapping.filters import PER_PAGE, GridFilter
from portal.web.mapping.service_query import of_vendor, ordered, searched, seen_lines, shows

TIMES = "\N{MULTIPLICATION SIGN}"
STATES = ("unmapped", "suggested", "attention", "mapped", "excluded", "all")
SORTS = ("units", "score", "name")
_PARTS = 6  # services that an arithmetic names; the others are summed


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """One product that a service feeds.

    Args:
        units: Units of the product that this service makes now; none: not counted in the period.
        trouble: Why the product cannot be billed as it is, or empty.
        renamed: The Product ID that the same catalogue item has by now, or empty.
        arithmetic: How all services of this vendor that feed the product add up: "44 annual + 11 monthly = 55".
    """

    product: str
    description: str
    factor: Decimal
    units: Decimal | None
    trouble: str
    renamed: str
    arithmetic: str

    @property
    def factor_text(self) -> str:
        """The factor as a form takes it."""
        return typed(self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    """One vendor service in one term.

    Args:
        units: Counted now over all accounts, in the vendor's units; none: not counted in the period.
        accounts: How many accounts have it now.
        money: About how much a month, at catalogue prices: of an unmapped one, if mapped as suggested.
        mapping: What speaks for it, be it of another term; also an exclusion that has ended.
        ended: Whether its exclusion has ended, so that it is unmapped again.
        terms: How many terms of the service there are.
        formerly: Its name when it was mapped, where the vendor calls it otherwise by now.
    """

    id: int
    vendor: Vendor
    external_id: str
    name: str
    term: str
    units: Decimal | None
    accounts: int
    money: Decimal | None
    state: str
    mapping: ServiceMapping | None
    ended: bool = False
    terms: int = 1
    formerly: str = ""
    suggestion: LikelyProduct | None = None
    suggested_name: str = ""
    feeds: tuple[Fed, ...] = ()

    @property
    def title(self) -> str:
        """The service's name, or its id where the vendor gives no name."""
        return self.name or self.external_id

    @property
    def attention(self) -> bool:
        """Whether it feeds a product that cannot be billed as it is, or its exclusion has ended."""
        return self.ended or any(fed.trouble for fed in self.feeds)

    @property
    def every_term(self) -> bool:
        """Whether one mapping speaks for all terms of the service."""
        return self.mapping is not None and self.mapping.every_term and self.state == "mapped"

    @property
    def exclusion(self) -> Exclusion | None:
        """Why it is left out, or was until its end."""
        return None if self.mapping is None or self.mapping.state != "excluded" else exclusion_of(self.mapping)

    @property
    def token(self) -> str:
        """What a form says it has seen: the mapping as it stood."""
        return token_of(self.mapping)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceGrid:
    """One page of services, with the figures around it."""

    rows: Sequence[ServiceRow]
    total: int
    pages: int
    by_state: Mapping[str, int]
    by_vendor: Mapping[str, int]
    unreported: int
    anything: bool


def token_of(mapping: ServiceMapping | None) -> str:
    """Say in one word what a service is mapped to, so that a form can name what it has seen."""
    if mapping is None:
        return "unmapped"
    if mapping.state == "excluded":
        return "excluded"
    fed = " ".join(f"{one.product}*{plain(one.factor)}" for one in mapping.products)
    return f"feeds {fed}{' in every term' if mapping.every_term else ''}"


def service_grid(session: Session, day: date, wanted: GridFilter) -> ServiceGrid:
    """Give the page of services that is asked for, in a fixed number of queries. The lines have to be made."""
    seen = seen_lines(day)
    found = searched(seen, wanted.q)
    slugs = {row[0]: row[1] for row in session.execute(sa.select(Vendor.id, Vendor.slug))}
    has = seen.c.score > 0
    groups = session.execute(
        sa.select(seen.c.vendor_id, seen.c.state, seen.c.attention, has, sa.func.count())
        .where(*found)
        .group_by(seen.c.vendor_id, seen.c.state, seen.c.attention, has)
    ).all()
    by_state = dict.fromkeys(STATES, 0)
    by_vendor: dict[str, int] = dict.fromkeys(slugs.values(), 0)
    for vendor_id, state, attention, suggested, number in groups:
        fits = {"all", state} | ({"attention"} if attention else set())
        fits |= {"suggested"} if suggested and state == "unmapped" else set()
        if wanted.vendor in ("", slugs[vendor_id]):
            for one in fits:
                by_state[one] += number
        if wanted.state in fits:
            by_vendor[slugs[vendor_id]] += number
    total = by_state[wanted.state]
    pages = max(1, -(-total // PER_PAGE))
    page = min(wanted.page, pages)
    rows = session.execute(
        sa.select(seen)
        .where(*found, of_vendor(seen, wanted), shows(seen, wanted.state))
        .order_by(*ordered(seen, wanted.sort))
        .limit(PER_PAGE)
        .offset((page - 1) * PER_PAGE)
    ).all()
    named = sa.exists().where(
        VendorService.vendor_id == ServiceMapping.vendor_id,
        VendorService.external_id == ServiceMapping.service_external_id,
        VendorService.term == ServiceMapping.term,
    )
    unreported = session.scalar(sa.select(sa.func.count()).select_from(ServiceMapping).where(~named))
    return ServiceGrid(
        rows=_rows(session, rows),
        total=total,
        pages=pages,
        by_state=by_state,
        by_vendor=by_vendor,
        unreported=unreported or 0,
        anything=bool(groups) or bool(session.scalar(sa.select(sa.exists().where(seen.c.service_id > 0)))),
    )


def service_rows(session: Session, day: date, ids: Sequence[int]) -> list[ServiceRow]:
    """Give the rows of these services, in their order; those that no accepted file has named are left out."""
    seen = seen_lines(day)
    found = session.execute(sa.select(seen).where(seen.c.service_id.in_(ids))).all()
    places = {service_id: at for at, service_id in enumerate(ids)}
    return sorted(_rows(session, found), key=lambda row: places[row.id])


def _rows(session: Session, lines: Sequence[Any]) -> list[ServiceRow]:
    """Put the rows of a page together."""
    if not lines:
        return []
    ids = [line.service_id for line in lines]
    query = sa.select(VendorService).where(VendorService.id.in_(ids)).options(selectinload(VendorService.vendor))
    services = {service.id: service for service in session.scalars(query)}
    query_of = sa.select(ServiceMapping).where(
        ServiceMapping.id.in_({line.mapping_id for line in lines if line.mapping_id})
    )
    mappings = {one.id: one for one in session.scalars(query_of.options(selectinload(ServiceMapping.products)))}
    products = {target.product for one in mappings.values() for target in one.products}
    suggested = {line.suggested for line in lines if line.state == "unmapped" and line.suggested}
    items = _catalog(session, products | suggested)
    renamed = _renamed(session, mappings.values())
    shares = _shares(session, products)
    terms = _terms(session, services.values())
    rows = []
    for line in lines:
        service, mapping = services[line.service_id], mappings.get(line.mapping_id)
        feeds = tuple(
            Fed(
                product=target.product,
                description=items[target.product].description,
                factor=target.factor,
                units=None if line.units is None else times(line.units, target.factor),
                trouble=items[target.product].trouble,
                renamed=renamed.get(target.id, "") if items[target.product].trouble else "",
                arithmetic=_arithmetic(shares.get((line.vendor_id, target.product), [])),
            )
            for target in (mapping.products if mapping is not None and line.state == "mapped" else ())
        )
        likely = line.state == "unmapped" and line.suggested in items
        rows.append(
            ServiceRow(
                id=service.id,
                vendor=service.vendor,
                external_id=service.external_id,
                name=service.name,
                term=service.term,
                units=line.units,
                accounts=line.accounts,
                money=_money(line.units, feeds, items, line.suggested if likely else ""),
                state=line.state,
                mapping=mapping,
                ended=bool(line.ended),
                terms=terms.get((service.vendor_id, service.external_id), 1),
                formerly=_formerly(service, mapping),
                suggestion=LikelyProduct(line.suggested, line.score, tuple(line.reasons)) if likely else None,
                suggested_name=items[line.suggested].description if likely else "",
                feeds=feeds,
            )
        )
    return rows


def _formerly(service: VendorService, mapping: ServiceMapping | None) -> str:
    """Give the name that a service had when it was mapped, if the vendor has renamed it since."""
    if mapping is None or mapping.term != service.term or not mapping.service_name:
        return ""
    return "" if mapping.service_name == service.name else mapping.service_name


def _money(units: Decimal | None, feeds: Sequence[Fed], items: Mapping[str, "Item"], suggested: str) -> Decimal | None:
    """Give about how much a service is worth a month; none where nothing of it has a price."""
    if units is None:
        return None
    total: Decimal | None = None
    for product, factor in [(fed.product, fed.factor) for fed in feeds] or (
        [(suggested, Decimal(1))] if suggested else []
    ):
        price = items[product].price
        if price is not None:
            total = plus(total or Decimal(0), times(times(units, factor), price))
    return total


@dataclass(frozen=True, slots=True)
class Item:
    """A catalogue item as a row shows it."""

    description: str
    trouble: str
    price: Decimal | None


def _catalog(session: Session, products: set[str]) -> dict[str, Item]:
    """Describe products, and say why one cannot be billed as it is; of several with an ID the best one holds."""
    found: dict[str, Item] = {}
    rows = session.scalars(
        sa.select(PsaProduct).where(PsaProduct.identifier.in_(products)).order_by(PsaProduct.id.desc())
    )
    for row in rows:
        trouble = ""
        if row.gone_at is not None:
            trouble = "It is gone from the catalogue."
        elif row.product_class == "Bundle":
            trouble = "It is a bundle, which ConnectWise takes on no agreement."
        elif row.inactive:
            trouble = "It is inactive in the catalogue."
        if row.identifier not in found or not trouble or found[row.identifier].trouble:
            price = None if row.gone_at is not None else row.price
            found[row.identifier] = Item(row.description, trouble, price)
    for missing in products - found.keys():
        found[missing] = Item("", "The catalogue has no product with this ID.", None)
    return found


def _renamed(session: Session, mappings: Any) -> dict[int, str]:  # noqa: ANN401 - the values of a dictionary
    """Give the present Product ID of items that were renamed in the catalogue, by our id of the product's record."""
    targets = [target for mapping in mappings for target in mapping.products if target.catalog_id is not None]
    rows = session.execute(
        sa.select(PsaProduct.id, PsaProduct.identifier).where(
            PsaProduct.id.in_({target.catalog_id for target in targets}), PsaProduct.gone_at.is_(None)
        )
    )
    now = {row[0]: row[1] for row in rows}
    return {
        target.id: now[target.catalog_id]
        for target in targets
        if now.get(target.catalog_id, target.product) != target.product
    }


def _terms(session: Session, services: Any) -> dict[tuple[int, str], int]:  # noqa: ANN401 - the values of a dictionary
    """Count the terms of each service of a page."""
    rows = session.execute(
        sa.select(VendorService.vendor_id, VendorService.external_id, sa.func.count())
        .where(VendorService.external_id.in_({service.external_id for service in services}))
        .group_by(VendorService.vendor_id, VendorService.external_id)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _shares(session: Session, products: set[str]) -> dict[tuple[int, str], list[tuple[str, Decimal, Decimal]]]:
    """Gather what each product of a page is fed by, at each vendor: (word, units, factor)."""
    own = aliased(ServiceMapping)
    spoken_for = sa.exists().where(
        own.vendor_id == ServiceLine.vendor_id,
        own.service_external_id == ServiceLine.external_id,
        own.term == ServiceLine.term,
    )
    of_line = sa.and_(
        ServiceLine.vendor_id == ServiceMapping.vendor_id, ServiceLine.external_id == ServiceMapping.service_external_id
    )
    rows = session.execute(
        sa.select(ServiceLine.vendor_id, ServiceProduct.product, VendorService.name, ServiceLine.external_id,
                  ServiceLine.term, ServiceLine.units, ServiceProduct.factor)
        .select_from(ServiceProduct)
        .join(ServiceMapping, ServiceMapping.id == ServiceProduct.mapping_id)
        .join(ServiceLine, of_line)
        .join(VendorService, VendorService.id == ServiceLine.service_id)
        .where(
            ServiceProduct.product.in_(products),
            ServiceMapping.state == "mapped",
            ServiceLine.units.is_not(None),
            sa.or_(
                ServiceMapping.term == ServiceLine.term,
                sa.and_(ServiceMapping.every_term.is_(True), ~spoken_for),
            ),
        )
        .order_by(ServiceLine.title, ServiceLine.external_id, ServiceLine.term)
    )  # fmt: skip
    shares: dict[tuple[int, str], list[tuple[str, Decimal, Decimal]]] = {}
    for vendor_id, product, name, external_id, term, units, factor in rows:
        word = " ".join(filter(None, (name or external_id, term.lower())))
        shares.setdefault((vendor_id, product), []).append((word, units or Decimal(0), factor))
    return shares


def _sum(found: Sequence[Decimal]) -> Decimal:
    """Sum exactly."""
    total = Decimal(0)
    for one in found:
        total = plus(total, one)
    return total


def _arithmetic(parts: Sequence[tuple[str, Decimal, Decimal]]) -> str:
    """Write how several services make one product; empty where there is nothing to add or to multiply."""
    if len(parts) < 2 and all(factor == 1 for _word, _units, factor in parts):  # noqa: PLR2004 - one alone adds nothing up
        return ""
    words = [
        f"{quantity(units)} {isolated(word)}" + ("" if factor == 1 else f" {TIMES} {quantity(factor)}")
        for word, units, factor in parts[:_PARTS]
    ]
    more = parts[_PARTS:]
    if more:
        rest = _sum([times(units, factor) for _word, units, factor in more])
        words.append(f"{quantity(rest)} of {len(more)} more")
    return f"{' + '.join(words)} = {quantity(_sum([times(units, factor) for _word, units, factor in parts]))}"
