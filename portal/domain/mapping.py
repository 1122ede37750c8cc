"""From the vendors' words to companies and products, and what is left unmapped."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from portal.domain.psa import CatalogItem
from portal.domain.quantities import bring_to_places, plus, times


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """A row that a person left out, and why.

    Args:
        kind: Of a named exclusion its name.
        until: The last day on which it holds; none: for good.
    """

    reason: str
    kind: str | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFactor:
    """One product that a vendor service feeds.

    Args:
        factor: Units of the product for one unit of the service, above zero.
    """

    product: str
    factor: Decimal = Decimal(1)


AccountKey = tuple[str, str]
"""Vendor and account id."""
ServiceKey = tuple[str, str, str]
"""Vendor, service id and term."""
AccountMap = Mapping[AccountKey, int | Excluded]
"""The company of each account; an account that is not listed is unmapped."""
ServiceMap = Mapping[ServiceKey, tuple[ProductFactor, ...] | Excluded]
"""The products of each service; a service that is not listed is unmapped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One standing count, with the names that the vendor used.

    Args:
        counted: Units of the vendor's service; zero is a count.
        counted_at: When the vendor counted; aware.
    """

    vendor: str
    account: str
    account_name: str = ""
    service: str
    service_name: str = ""
    term: str = ""
    counted: Decimal
    counted_at: datetime
    file_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One count as it feeds one product.

    Args:
        counted: Units of the vendor's service.
        factor: Units of the product for one of them.
        units: Their product, exact.
    """

    vendor: str
    account: str
    account_name: str
    service: str
    service_name: str
    term: str
    counted: Decimal
    factor: Decimal
    units: Decimal
    counted_at: datetime
    file_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedUsage:
    """What all vendors report of one product for one company.

    Args:
        units: The exact sum brought to 4 decimals, half to even.
        exact: The sum before that.
    """

    company_id: int
    product: str
    units: Decimal
    sources: tuple[Source, ...] = ()
    exact: Decimal | None = None

    @property
    def rounded(self) -> bool:
        """Whether the sum had more decimals than are kept."""
        return self.exact is not None and self.exact != self.units


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedAccount:
    """An account without a company.

    Args:
        units: Of all its services that are not excluded, in the vendor's units.
        products: Units of each product that its mapped services would feed, for the money.
    """

    vendor: str
    account: str
    account_name: str
    units: Decimal
    products: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedService:
    """A service without a product, and the units it carries for accounts that are not excluded or hidden."""

    vendor: str
    service: str
    term: str
    service_name: str
    units: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedCount:
    """A count that a person left out, and why."""

    count: Count
    reason: str
    why: Excluded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedResult:
    """What the mapping made of all counts; each list is sorted.

    Args:
        unmapped_units: Of all unmapped rows, each (account, service) once though it may stand under both.
    """

    usage: tuple[MappedUsage, ...]
    unmapped_accounts: tuple[UnmappedAccount, ...]
    unmapped_services: tuple[UnmappedService, ...]
    unmapped_units: Decimal
    excluded: tuple[ExcludedCount, ...]


def apply_mapping(
    counts: Iterable[Count],
    account_map: AccountMap,
    service_map: ServiceMap,
    *,
    hidden: Collection[AccountKey] = (),
) -> MappedResult:
    """Bring counts to companies and products.

    Args:
        counts: The counts that stand, each account, service and term once, in any order.
        account_map: Which company each account is.
        service_map: Which products each service feeds.
        hidden: Accounts that are inactive and unused; they are not among the unmapped.

    Returns:
        Every count in exactly one place: mapped, unmapped, excluded or hidden.
    """
    gathered = _Gathered()
    for count in sorted(counts, key=_order):
        account = account_map.get((count.vendor, count.account))
        products = service_map.get((count.vendor, count.service, count.term))
        why = next((one for one in (account, products) if isinstance(one, Excluded)), None)
        if why is not None:
            gathered.leave_out(count, why)
            if account is None and (count.vendor, count.account) not in hidden:
                gathered.name_account(count)
        elif isinstance(account, int) and isinstance(products, tuple):
            gathered.feed(account, products, count)
        elif account is not None or (count.vendor, count.account) not in hidden:
            gathered.leave_unmapped(count, products if isinstance(products, tuple) else None, known=account is not None)
    return gathered.result()


def _order(count: Count) -> tuple[str, str, str, str]:
    """Order counts by their place, so that the order of rows never matters."""
    return (count.vendor, count.account, count.service, count.term)


class _Gathered:
    """The lists while they grow."""

    def __init__(self) -> None:
        self.sources: dict[tuple[int, str], list[Source]] = {}
        self.accounts: dict[AccountKey, tuple[str, Decimal, dict[str, Decimal]]] = {}
        self.services: dict[ServiceKey, tuple[str, Decimal]] = {}
        self.unmapped_units = Decimal(0)
        self.excluded: list[ExcludedCount] = []

    def leave_out(self, count: Count, why: Excluded) -> None:
        """Keep an excluded count with its reason."""
        self.excluded.append(ExcludedCount(count=count, reason=why.reason, why=why))

    def feed(self, company_id: int, products: tuple[ProductFactor, ...], count: Count) -> None:
        """Let a count feed every product of its service."""
        for target in products:
            self.sources.setdefault((company_id, target.product), []).append(
                Source(
                    vendor=count.vendor,
                    account=count.account,
                    account_name=count.account_name,
                    service=count.service,
                    service_name=count.service_name,
                    term=count.term,
                    counted=count.counted,
                    factor=target.factor,
                    units=times(count.counted, target.factor),
                    counted_at=count.counted_at,
                    file_id=count.file_id,
                )
            )

    def name_account(self, count: Count) -> tuple[str, Decimal, dict[str, Decimal]]:
        """Give the unmapped account of a count, even where it carries nothing."""
        start: tuple[str, Decimal, dict[str, Decimal]] = (count.account_name, Decimal(0), {})
        return self.accounts.setdefault((count.vendor, count.account), start)

    def leave_unmapped(self, count: Count, products: tuple[ProductFactor, ...] | None, *, known: bool) -> None:
        """Put a count under its unmapped account, its unmapped service, or both, but count its units once."""
        self.unmapped_units = plus(self.unmapped_units, count.counted)
        if not known:
            name, units, fed = self.name_account(count)
            for target in products or ():
                fed[target.product] = plus(fed.get(target.product, Decimal(0)), times(count.counted, target.factor))
            key = (count.vendor, count.account)
            self.accounts[key] = (name or count.account_name, plus(units, count.counted), fed)
        if products is None:
            service = (count.vendor, count.service, count.term)
            name, units = self.services.get(service, (count.service_name, Decimal(0)))
            self.services[service] = (name or count.service_name, plus(units, count.counted))

    def result(self) -> MappedResult:
        """Close the lists."""
        return MappedResult(
            usage=tuple(_usage(*key, self.sources[key]) for key in sorted(self.sources)),
            unmapped_accounts=tuple(
                UnmappedAccount(vendor=key[0], account=key[1], account_name=name, units=units, products=fed)
                for key, (name, units, fed) in sorted(self.accounts.items(), key=lambda item: item[0])
            ),
            unmapped_services=tuple(
                UnmappedService(vendor=key[0], service=key[1], term=key[2], service_name=name, units=units)
                for key, (name, units) in sorted(self.services.items())
            ),
            unmapped_units=self.unmapped_units,
            excluded=tuple(self.excluded),
        )


def _usage(company_id: int, product: str, sources: list[Source]) -> MappedUsage:
    """Sum the sources of one product, exactly, then bring the sum to the decimals that are kept."""
    exact = Decimal(0)
    for source in sources:
        exact = plus(exact, source.units)
    return MappedUsage(
        company_id=company_id, product=product, units=bring_to_places(exact), sources=tuple(sources), exact=exact
    )


def unmapped_money(account: UnmappedAccount, catalog: Mapping[str, CatalogItem]) -> Fraction:
    """Give about how much money an unmapped account carries: units times the catalogue's prices.

    Args:
        account: The unmapped account.
        catalog: By product identifier; a product without a price adds nothing.
    """
    total = Fraction(0)
    for product, units in account.products.items():
        item = catalog.get(product)
        if item is not None and item.price is not None:
            total += Fraction(units) * Fraction(item.price)
    return total
