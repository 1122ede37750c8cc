"""Read what the cards of a period are made of, in a fixed number of queries."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    PsaAddition,
    PsaAgreement,
    PsaBillingCycle,
    PsaCompany,
    PsaProduct,
    ServiceMapping,
    UsageImport,
    Vendor,
    VendorAccount,
    VendorService,
)
from portal.domain.mapping import AccountMap, Count, Excluded, MappedUsage, ProductFactor, ServiceMap, apply_mapping
from portal.domain.periods import Period
from portal.domain.psa import (
    Agreement,
    BilledAgreement,
    Billing,
    CatalogItem,
    Company,
    Line,
    PeriodType,
    live_agreements,
)
from portal.domain.reconcile import Card as MadeCard
from portal.domain.reconcile import reconcile
from portal.domain.rules import RuleBook
from portal.domain.splits import Split
from portal.services import rules_store, usage_store
from portal.services.service_maps import service_mappings

_MANY = 500  # products above which the whole catalogue is read: a query takes so many values
_BUNDLE = "bundle"  # a product class that the PSA refuses as an addition


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What the cards of a period are made of.

    Args:
        period: The month.
        day: The day looked at: today, or the month's last day once it is past.
        company_ids: Only these companies were read; none: all.
        billed: Every agreement as it stands on that day, by id.
        with_agreement: Companies with an agreement that takes new lines on that day.
        feeders: Slugs of the vendors whose services feed a product, by product.
        files: Names of the files that the counts come from, by import id.
        titles: The vendors' titles, by slug.
    """

    period: Period
    day: date
    company_ids: frozenset[int] | None
    companies: Mapping[int, Company]
    agreements: Mapping[int, Agreement]
    billed: Mapping[int, BilledAgreement]
    with_agreement: frozenset[int]
    lines: tuple[Line, ...]
    catalog: Mapping[str, CatalogItem]
    usage: tuple[MappedUsage, ...]
    feeders: Mapping[str, frozenset[str]]
    rules: RuleBook
    splits: Mapping[tuple[int, str], Split]
    files: Mapping[int, str]
    titles: Mapping[str, str]

    def cards(self) -> list[MadeCard]:
        """Make the cards, by company, agreement (none first), then product."""
        return reconcile(
            self.companies.values(),
            self.agreements.values(),
            self.lines,
            self.catalog.values(),
            self.usage,
            frozenset(self.feeders),
            self.rules,
            self.splits,
            self.day,
        )


def picture(
    session: Session,
    *,
    period: Period,
    today: date,
    zone: ZoneInfo,
    company_ids: Collection[int] | None = None,
    names: bool = False,
) -> Picture:
    """Read what the cards of a period are made of.

    Args:
        session: For reading.
        period: The month.
        today: In the portal's time zone.
        zone: The portal's time zone.
        company_ids: Only these companies; none: all.
        names: Also read how the vendors name their accounts and services.
    """
    only = None if company_ids is None else frozenset(company_ids)
    day = period.looked_at(today)
    found = _agreements(session, only)
    vendors = {vendor.id: vendor for vendor in session.scalars(sa.select(Vendor))}
    account_map, service_map = mapping_maps(session, only, day=day)
    counts, files = _counts(session, period, zone, vendors, account_map if only is not None else None, names=names)
    feeders: dict[str, set[str]] = {}
    for (slug, _service, _term), products in service_map.items():
        for product in products if isinstance(products, tuple) else ():
            feeders.setdefault(product.product, set()).add(slug)
    usage = apply_mapping(counts, account_map, service_map).usage
    if only is not None:
        usage = tuple(one for one in usage if one.company_id in only)
    lines = tuple(read_lines(session, _of_companies(only)))
    sold = () if only is None else {"", *(one.product for one in usage), *(line.product for line in lines)}
    billed = live_agreements(found.values(), day)
    return Picture(
        period=period,
        day=day,
        company_ids=only,
        companies={company.id: company for company in _companies(session, only)},
        agreements=found,
        billed=billed,
        with_agreement=frozenset(one.agreement.company_id for one in billed.values() if one.why_not is None),
        lines=lines,
        catalog=catalog(session, *(sold if len(sold) < _MANY else ())),
        usage=usage,
        feeders={product: frozenset(slugs) for product, slugs in feeders.items()},
        rules=rules_store.rule_book(session, day),
        splits=rules_store.splits(session),
        files=files,
        titles={vendor.slug: vendor.title for vendor in vendors.values()},
    )


def agreement_of(row: PsaAgreement, months: Mapping[int, int | None]) -> Agreement:
    """Read an agreement as the rules see it.

    Args:
        row: The mirrored record.
        months: Length of each billing cycle in months, by id.
    """
    return Agreement(
        id=row.id,
        company_id=row.company_id,
        name=row.name,
        start=row.start_date,
        end=row.end_date,
        no_ending=row.no_ending,
        cancelled=row.cancelled,
        cancelled_on=row.cancelled_on,
        cycle_months=None if row.billing_cycle_id is None else months.get(row.billing_cycle_id),
        parent_id=row.parent_id,
        prorates=row.prorates,
        period_type=period_type(row.period_type),
        next_invoice=row.next_invoice_date,
        currency=row.currency or None,
    )


def period_type(word: str | None) -> PeriodType | None:
    """Read which period an invoice bills; another word of the PSA's says nothing to us."""
    return PeriodType(word) if word in set(PeriodType) else None


def billing(word: str | None) -> Billing:
    """Read how a line reaches the invoice; a word that we do not know counts as billed."""
    return Billing(word) if word in set(Billing) else Billing.BILLABLE


def line_of(row: PsaAddition) -> Line:
    """Read a mirrored addition as the rules see it."""
    return Line(
        addition_id=row.id,
        agreement_id=row.agreement_id,
        product=row.product,
        description=row.description,
        quantity=row.quantity,
        less_included=row.less_included,
        unit_price=row.unit_price,
        unit_cost=row.unit_cost,
        billing=billing(row.bill_customer),
        effective=row.effective_date,
        cancelled=row.cancelled_date,
    )


def read_lines(session: Session, *where: sa.ColumnElement[bool]) -> Iterable[Line]:
    """Read the lines that the PSA still has, by id."""
    query = sa.select(PsaAddition).where(PsaAddition.gone_at.is_(None), *where).order_by(PsaAddition.id)
    return [line_of(row) for row in session.scalars(query)]


def catalog(session: Session, *products: str) -> dict[str, CatalogItem]:
    """Read catalogue items by Product ID: all, or those that are named."""
    query = sa.select(PsaProduct).where(PsaProduct.gone_at.is_(None)).order_by(PsaProduct.id.desc())
    if products:
        query = query.where(PsaProduct.identifier.in_(products))
    return {
        row.identifier: CatalogItem(
            product=row.identifier,
            description=row.description,
            price=row.price,
            cost=row.cost,
            bundle=(row.product_class or "").casefold() == _BUNDLE,
            inactive=row.inactive,
        )
        for row in session.scalars(query)
    }


def billed_agreements(session: Session, day: date) -> dict[int, BilledAgreement]:
    """Tell of every agreement how it is billed on a day."""
    return live_agreements(_agreements(session).values(), day)


def companies_by_id(session: Session, company_ids: Collection[int]) -> dict[int, Company]:
    """Read companies that the PSA still has."""
    return {company.id: company for company in _companies(session, frozenset(company_ids))}


def _agreements(session: Session, only: frozenset[int] | None = None) -> dict[int, Agreement]:
    """Read agreements: all, or those of some companies with all that stand above them."""
    cycles = sa.select(PsaBillingCycle.id, PsaBillingCycle.months).where(PsaBillingCycle.gone_at.is_(None))
    months = dict(session.execute(cycles).all())
    there = sa.select(PsaAgreement).where(PsaAgreement.gone_at.is_(None))
    if only is None:
        return {row.id: agreement_of(row, months) for row in session.scalars(there)}
    found: dict[int, Agreement] = {}
    rows = session.scalars(there.where(PsaAgreement.company_id.in_(only))).all()
    while rows:
        found |= {row.id: agreement_of(row, months) for row in rows}
        above = {row.parent_id for row in rows if row.parent_id is not None} - found.keys()
        rows = session.scalars(there.where(PsaAgreement.id.in_(above))).all() if above else []
    return found


def _companies(session: Session, only: frozenset[int] | None) -> Iterable[Company]:
    query = sa.select(PsaCompany).where(PsaCompany.gone_at.is_(None))
    if only is not None:
        query = query.where(PsaCompany.id.in_(only))
    for row in session.scalars(query):
        in_scope = bool(row.in_scope) and not row.deleted
        yield Company(id=row.id, name=row.name, in_scope=in_scope, currency=row.currency or None)


def _of_companies(only: frozenset[int] | None) -> sa.ColumnElement[bool]:
    if only is None:
        return sa.true()
    return PsaAddition.agreement_id.in_(sa.select(PsaAgreement.id).where(PsaAgreement.company_id.in_(only)))


def mapping_maps(
    session: Session, company_ids: Collection[int] | None = None, *, day: date | None = None
) -> tuple[AccountMap, ServiceMap]:
    """Give what accounts and services are mapped to; a vendor is named by its slug.

    Args:
        session: For reading.
        company_ids: Only accounts of these companies; none: all accounts, excluded ones too.
        day: Exclusions that ended before it hold no more; none: all hold.
    """
    slugs = dict(session.execute(sa.select(Vendor.id, Vendor.slug)).all())
    query = sa.select(AccountMapping)
    if company_ids is not None:
        query = query.where(AccountMapping.company_id.in_(company_ids))
    if day is not None:
        query = query.where(sa.or_(AccountMapping.excluded_until.is_(None), AccountMapping.excluded_until >= day))
    accounts: dict[tuple[str, str], int | Excluded] = {
        (slugs[row.vendor_id], row.account_external_id): _excluded(row) if row.company_id is None else row.company_id
        for row in session.scalars(query)
    }
    services: dict[tuple[str, str, str], tuple[ProductFactor, ...] | Excluded] = {
        (slugs[vendor_id], external_id, term): _excluded(row)
        if row.state == "excluded"
        else tuple(ProductFactor(product=one.product, factor=one.factor) for one in row.products)
        for (vendor_id, external_id, term), row in service_mappings(session, day).items()
    }
    return accounts, services


def _excluded(row: AccountMapping | ServiceMapping) -> Excluded:
    return Excluded(reason=row.reason or "", kind=row.excluded_as, until=row.excluded_until)


def _counts(
    session: Session,
    period: Period,
    zone: ZoneInfo,
    vendors: Mapping[int, Vendor],
    only: AccountMap | None,
    *,
    names: bool,
) -> tuple[list[Count], dict[int, str]]:
    """Read the counts that stand, of all accounts or of those given, and the names of their files."""
    accounts: dict[tuple[int, str], str] = {}
    services: dict[tuple[int, str, str], str] = {}
    if names:
        columns = sa.select(VendorAccount.vendor_id, VendorAccount.external_id, VendorAccount.name)
        accounts = {(vendor, external): name for vendor, external, name in session.execute(columns)}
        more = sa.select(VendorService.vendor_id, VendorService.external_id, VendorService.term, VendorService.name)
        services = {(vendor, external, term): name for vendor, external, term, name in session.execute(more)}
    counts = []
    file_ids = set()
    for vendor_id, standing in usage_store.standing_usage(session, period, zone).items():
        slug = vendors[vendor_id].slug
        for (account, service, term), count in standing.items():
            if only is not None and (slug, account) not in only:
                continue
            file_ids.add(count.file_id)
            counts.append(
                Count(
                    vendor=slug,
                    account=account,
                    account_name=accounts.get((vendor_id, account), ""),
                    service=service,
                    service_name=services.get((vendor_id, service, term), ""),
                    term=term,
                    counted=count.quantity,
                    counted_at=count.counted_at,
                    file_id=count.file_id,
                )
            )
    rows = session.execute(sa.select(UsageImport.id, UsageImport.filename).where(UsageImport.id.in_(file_ids)))
    return counts, dict(rows.all())
