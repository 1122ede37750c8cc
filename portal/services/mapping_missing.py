"""What is on no card, told loudly: how much is unmapped, what it may be worth, and what people left out by choice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AccountLine, PsaCompany, ServiceLine, Vendor, VendorAccount
from portal.domain.accounts import AccountVisibility
from portal.domain.exclusions import Exclusion, kind_of
from portal.domain.mapping import (
    AccountMap,
    Count,
    ExcludedCount,
    MappedResult,
    ProductFactor,
    ServiceMap,
    apply_mapping,
    unmapped_money,
)
from portal.domain.money import two_places
from portal.domain.periods import Period
from portal.domain.psa import CatalogItem
from portal.domain.quantities import plus
from portal.services import settings_store
from portal.services.account_pages import LEAST_SCORE
from portal.services.card_picture import catalog, mapping_maps
from portal.services.mapping_lists import HOME_CURRENCY, account_results, counts_that_hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some rows that are on no card.

    Args:
        rows: Vendor accounts or services.
        units: In the vendors' units.
        money: About how much a month, in the home currency.
    """

    rows: int
    units: Decimal
    money: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What people left out for one reason and up to one day.

    Args:
        words: Why: "internal use".
        until: The last day; none: for good.
    """

    words: str
    until: date | None
    units: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Loud:
    """What is on no card in a period.

    Args:
        accounts: Unmapped; money at catalogue prices, for services that are mapped.
        services: Unmapped; money as if they were mapped as suggested.
        units: Of both, each (account, service) once.
        cards: How many pairs of company and product would get a count if all were mapped as suggested.
        by_accounts: An account among what is suggested brings one of them; else services alone do.
        inactive: Accounts whose status means inactive while they still count, mapped or not.
        outside: Accounts that count for a company left out by its status or a type, or unknown to ConnectWise.
        left_out: By choice, the most units first.
        currency: Of all money.
    """

    accounts: Part
    services: Part
    units: Decimal
    cards: int
    by_accounts: bool
    inactive: Part
    outside: Part
    left_out: tuple[LeftOut, ...]
    currency: str

    @property
    def in_both(self) -> Decimal:
        """The units of unmapped services on unmapped accounts, which both parts carry."""
        return plus(plus(self.accounts.units, self.services.units), -self.units)

    @property
    def money(self) -> Decimal:
        """About how much a month all that is unmapped is worth."""
        return plus(self.accounts.money, self.services.money)


def loud(session: Session, period: Period, zone: ZoneInfo, *, day: date) -> Loud:
    """Tell what is on no card, in a fixed number of queries.

    Args:
        session: For reading.
        period: The month.
        zone: The portal's time zone.
        day: The day looked at; exclusions that ended before it hold no more.
    """
    results = account_results(session, period, zone)
    hidden = {(one.vendor.slug, one.account.external_id) for one in results if one.result is AccountVisibility.HIDDEN}
    warned = {(one.vendor.slug, one.account.external_id) for one in results if one.result is AccountVisibility.WARNING}
    vendors = {vendor.id: vendor for vendor in session.scalars(sa.select(Vendor))}
    accounts, services = mapping_maps(session, day=day)
    counts = counts_that_hold(session, period, zone, vendors)
    found = apply_mapping(counts, accounts, services, hidden=hidden)
    items = catalog(session)
    companies, products = _suggested(session, vendors)
    in_scope = _in_scope(session)
    pairs = _pairs(in_scope, counts, {**companies, **accounts}, {**products, **services}, found)
    return Loud(
        accounts=Part(
            rows=len(found.unmapped_accounts),
            units=_sum(one.units for one in found.unmapped_accounts),
            money=two_places(sum((unmapped_money(one, items) for one in found.unmapped_accounts), Fraction(0))),
        ),
        services=Part(
            rows=len(found.unmapped_services),
            units=_sum(one.units for one in found.unmapped_services),
            money=_service_money(found, items, products),
        ),
        units=found.unmapped_units,
        cards=len({(company, product) for company, product, _ in pairs}),
        by_accounts=any(account not in accounts for *_, account in pairs),
        inactive=_inactive(counts, warned, services, items),
        outside=_outside(in_scope, counts, accounts, services, items),
        left_out=_left_out(found.excluded),
        currency=str(settings_store.get(session, "home_currency", HOME_CURRENCY)["code"]),
    )


def _suggested(session: Session, vendors: Mapping[int, Vendor]) -> tuple[AccountMap, ServiceMap]:
    """Give what accounts and services would be if mapped as suggested: those that the lists show as suggested."""
    accounts = session.execute(
        sa.select(VendorAccount.vendor_id, VendorAccount.external_id, AccountLine.suggested_id)
        .join(AccountLine, AccountLine.account_id == VendorAccount.id)
        .where(
            AccountLine.state == "unmapped",
            AccountLine.suggested_id.is_not(None),
            AccountLine.hidden.is_(False),
            AccountLine.score >= LEAST_SCORE,
        )
    )
    services = session.execute(
        sa.select(ServiceLine.vendor_id, ServiceLine.external_id, ServiceLine.term, ServiceLine.suggested).where(
            ServiceLine.score > 0
        )
    )
    return (
        {(vendors[vendor].slug, account): company for vendor, account, company in accounts if company is not None},
        {
            (vendors[vendor].slug, service, term): (ProductFactor(product=product),)
            for vendor, service, term, product in services
        },
    )


def _in_scope(session: Session) -> frozenset[int]:
    """Give the companies that get cards."""
    query = sa.select(PsaCompany.id).where(
        PsaCompany.in_scope.is_(True), PsaCompany.deleted.is_(False), PsaCompany.gone_at.is_(None)
    )
    return frozenset(session.scalars(query))


def _pairs(
    in_scope: frozenset[int], counts: Iterable[Count], accounts: AccountMap, services: ServiceMap, found: MappedResult
) -> set[tuple[int, str, tuple[str, str]]]:
    """Give the pairs of company and product that suggestions would bring a count that none brings now, by account."""
    pairs: set[tuple[int, str, tuple[str, str]]] = set()
    known = {(one.company_id, one.product) for one in found.usage}
    for count in counts:
        company = accounts.get((count.vendor, count.account))
        products = services.get((count.vendor, count.service, count.term))
        if count.counted > 0 and isinstance(company, int) and company in in_scope and isinstance(products, tuple):
            fed = {target.product for target in products if (company, target.product) not in known}
            pairs |= {(company, product, (count.vendor, count.account)) for product in fed}
    return pairs


def _service_money(found: MappedResult, items: Mapping[str, CatalogItem], products: ServiceMap) -> Decimal:
    total = Fraction(0)
    for one in found.unmapped_services:
        fed = products.get((one.vendor, one.service, one.term), ())
        total += _worth(one.units, fed if isinstance(fed, tuple) else (), items)
    return two_places(total)


def _inactive(
    counts: Iterable[Count],
    warned: set[tuple[str, str]],
    services: ServiceMap,
    items: Mapping[str, CatalogItem],
) -> Part:
    units, money = Decimal(0), Fraction(0)
    for count in counts:
        fed = services.get((count.vendor, count.service, count.term), ())
        if (count.vendor, count.account) in warned and (isinstance(fed, tuple)):
            units = plus(units, count.counted)
            money += _worth(count.counted, fed, items)
    return Part(rows=len(warned), units=units, money=two_places(money))


def _outside(
    in_scope: frozenset[int],
    counts: Iterable[Count],
    accounts: AccountMap,
    services: ServiceMap,
    items: Mapping[str, CatalogItem],
) -> Part:
    rows, units, money = set(), Decimal(0), Fraction(0)
    for count in counts:
        company = accounts.get((count.vendor, count.account))
        if isinstance(company, int) and company not in in_scope and count.counted > 0:
            fed = services.get((count.vendor, count.service, count.term), ())
            rows.add((count.vendor, count.account))
            units = plus(units, count.counted)
            money += _worth(count.counted, fed if isinstance(fed, tuple) else (), items)
    return Part(rows=len(rows), units=units, money=two_places(money))


def _worth(units: Decimal, fed: Iterable[ProductFactor], items: Mapping[str, CatalogItem]) -> Fraction:
    total = Fraction(0)
    for target in fed:
        item = items.get(target.product)
        if item is not None and item.price is not None:
            total += Fraction(units) * Fraction(target.factor) * Fraction(item.price)
    return total


def _left_out(excluded: Iterable[ExcludedCount]) -> tuple[LeftOut, ...]:
    """Sum what was left out by reason and last day."""
    sums: dict[tuple[str, date | None], Decimal] = {}
    for one in excluded:
        why = one.why
        kind = None if why is None else kind_of(why.kind)
        words = kind.words() if kind is not None else Exclusion(reason=one.reason).words()
        key = (words, None if why is None else why.until)
        sums[key] = plus(sums.get(key, Decimal(0)), one.count.counted)
    found = [LeftOut(words=words, until=until, units=units) for (words, until), units in sums.items()]
    return tuple(sorted(found, key=lambda one: (-one.units, one.words, one.until or date.max)))


def _sum(values: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for one in values:
        total = plus(total, one)
    return total
