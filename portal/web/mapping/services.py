"""What the services page shows: every vendor service with its counts and the products it feeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaProduct, ServiceMapping, UsageCount, UsageImport, Vendor, VendorService
from portal.domain.periods import Period
from portal.domain.quantities import plain, plus, times
from portal.services.usage_store import standing_usage
from portal.web.filters import quantity
from portal.web.mapping.filters import PER_PAGE, GridFilter
from portal.web.mapping.prices import read_feeds

TIMES = "\N{MULTIPLICATION SIGN}"
STATES = ("unmapped", "attention", "mapped", "excluded", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """One product that a service feeds.

    Args:
        units: Units of the product that this service makes now; none: not counted in the period.
        trouble: Why the product cannot be billed as it is, or empty.
        arithmetic: How all services of this vendor that feed the product add up: "44 annual + 11 monthly = 55".
    """

    product: str
    description: str
    factor: Decimal
    units: Decimal | None
    trouble: str
    arithmetic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    """One vendor service in one term.

    Args:
        units: Counted now over all accounts, in the vendor's units; none: not counted in the period.
        accounts: How many accounts have it now.
        money: About how much a month, at catalogue prices.
    """

    id: int
    vendor: Vendor
    external_id: str
    name: str
    term: str
    units: Decimal | None
    accounts: int
    money: Decimal | None
    mapping: ServiceMapping | None
    feeds: tuple[Fed, ...] = ()

    @property
    def state(self) -> str:
        """Unmapped, mapped or excluded."""
        return "unmapped" if self.mapping is None else self.mapping.state

    @property
    def title(self) -> str:
        """The service's name, or its id where the vendor gives no name."""
        return self.name or self.external_id

    @property
    def attention(self) -> bool:
        """Whether it feeds a product that cannot be billed as it is."""
        return any(fed.trouble for fed in self.feeds)

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
    return "feeds " + " ".join(f"{one.product}*{plain(one.factor)}" for one in mapping.products)


def service_rows(session: Session, period: Period, zone: ZoneInfo) -> list[ServiceRow]:
    """Read every vendor service in a fixed number of queries."""
    feeds = read_feeds(session)
    counted: dict[tuple[int, str, str], list[Decimal]] = {}
    for vendor_id, counts in standing_usage(session, period, zone).items():
        for place, count in counts.items():
            counted.setdefault((vendor_id, place.service, place.term), []).append(count.quantity)
    vendors = {vendor.id: vendor for vendor in session.scalars(sa.select(Vendor))}
    accepted = sa.select(UsageCount.service_id).join(UsageImport).where(UsageImport.state == "committed")
    services = session.scalars(sa.select(VendorService).where(VendorService.id.in_(accepted))).all()
    units = {key: _sum(found) for key, found in counted.items()}
    shares = _shares(services, units, feeds.services)
    catalog = _catalog(session, {product for _vendor, product in shares})
    rows = []
    for service in services:
        key = (service.vendor_id, service.external_id, service.term)
        mapping = feeds.services.get(key)
        now = units.get(key)
        rows.append(
            ServiceRow(
                id=service.id,
                vendor=vendors[service.vendor_id],
                external_id=service.external_id,
                name=service.name,
                term=service.term,
                units=now,
                accounts=len(counted.get(key, ())),
                money=None if now is None else feeds.money(key[0], [(key[1], key[2], now)]),
                mapping=mapping,
                feeds=tuple(
                    Fed(
                        product=target.product,
                        description=catalog[target.product][0],
                        factor=target.factor,
                        units=None if now is None else times(now, target.factor),
                        trouble=catalog[target.product][1],
                        arithmetic=_arithmetic(shares[(service.vendor_id, target.product)]),
                    )
                    for target in (mapping.products if mapping is not None else ())
                ),
            )
        )
    return rows


def _sum(found: Sequence[Decimal]) -> Decimal:
    """Sum exactly."""
    total = Decimal(0)
    for one in found:
        total = plus(total, one)
    return total


def _shares(
    services: Sequence[VendorService],
    units: Mapping[tuple[int, str, str], Decimal],
    mappings: Mapping[tuple[int, str, str], ServiceMapping],
) -> dict[tuple[int, str], list[tuple[str, Decimal, Decimal]]]:
    """Gather what each product of a vendor is fed by: (word, units, factor)."""
    shares: dict[tuple[int, str], list[tuple[str, Decimal, Decimal]]] = {}
    for service in sorted(services, key=lambda one: (one.name.casefold(), one.external_id, one.term)):
        key = (service.vendor_id, service.external_id, service.term)
        mapping = mappings.get(key)
        for target in mapping.products if mapping is not None else ():
            parts = shares.setdefault((service.vendor_id, target.product), [])
            if key in units:
                word = " ".join(filter(None, (service.name or service.external_id, service.term.lower())))
                parts.append((word, units[key], target.factor))
    return shares


def _arithmetic(parts: Sequence[tuple[str, Decimal, Decimal]]) -> str:
    """Write how several services make one product; empty where there is nothing to add or to multiply."""
    if len(parts) < 2 and all(factor == 1 for _word, _units, factor in parts):  # noqa: PLR2004 - one alone adds nothing up
        return ""
    words = [
        f"{quantity(units)} {word}" + ("" if factor == 1 else f" {TIMES} {plain(factor)}")
        for word, units, factor in parts
    ]
    return f"{' + '.join(words)} = {quantity(_sum([times(units, factor) for _word, units, factor in parts]))}"


def _catalog(session: Session, products: set[str]) -> dict[str, tuple[str, str]]:
    """Describe products: (description, why it cannot be billed as it is)."""
    found: dict[str, tuple[str, str]] = {}
    columns = (PsaProduct.identifier, PsaProduct.description, PsaProduct.product_class, PsaProduct.inactive)
    for row in session.execute(sa.select(*columns, PsaProduct.gone_at).order_by(PsaProduct.id)):
        if row.identifier in products:
            trouble = ""
            if row.gone_at is not None:
                trouble = "It is gone from the catalogue."
            elif row.product_class == "Bundle":
                trouble = "It is a bundle, which ConnectWise takes on no agreement."
            elif row.inactive:
                trouble = "It is inactive in the catalogue."
            found[row.identifier] = (row.description, trouble)
    for missing in products - found.keys():
        found[missing] = ("", "The catalogue has no product with this ID.")
    return found


def service_grid(session: Session, period: Period, zone: ZoneInfo, wanted: GridFilter) -> ServiceGrid:
    """Give the page of services that is asked for."""
    every = service_rows(session, period, zone)
    found = [row for row in every if wanted.matches(*_searched(row))]
    here = [row for row in found if not wanted.vendor or row.vendor.slug == wanted.vendor]
    shown = sorted((row for row in here if _shows(row, wanted.state)), key=_order(wanted.sort))
    pages = max(1, -(-len(shown) // PER_PAGE))
    page = min(wanted.page, pages)
    named = {(row.vendor.id, row.external_id, row.term) for row in every}
    mapped = session.execute(
        sa.select(ServiceMapping.vendor_id, ServiceMapping.service_external_id, ServiceMapping.term)
    )
    return ServiceGrid(
        rows=shown[(page - 1) * PER_PAGE : page * PER_PAGE],
        total=len(shown),
        pages=pages,
        by_state={state: sum(_shows(row, state) for row in here) for state in STATES},
        by_vendor={
            slug: sum(row.vendor.slug == slug and _shows(row, wanted.state) for row in found)
            for slug in {row.vendor.slug for row in every}
        },
        unreported=sum(tuple(key) not in named for key in mapped),
        anything=bool(every),
    )


def _searched(row: ServiceRow) -> tuple[str | None, ...]:
    """Give the texts of a row that a search looks through."""
    fed = [f"{one.product} {one.description}" for one in row.feeds]
    return (row.name, row.external_id, row.term, row.vendor.title, row.mapping.reason if row.mapping else None, *fed)


def _shows(row: ServiceRow, state: str) -> bool:
    """Tell whether a state shows a row. Services have no suggestions, so `suggested` shows none."""
    return row.attention if state == "attention" else state in ("all", row.state)


def _order(sort: str) -> Callable[[ServiceRow], tuple[object, ...]]:
    """Give the key of an order; names decide between equals."""

    def key(row: ServiceRow) -> tuple[object, ...]:
        name = (row.title.casefold(), row.vendor.slug, row.external_id, row.term)
        return name if sort == "name" else (-(row.units or Decimal(0)), *name)

    return key
