"""What is not mapped, what that is worth, and which vendor accounts are hidden or worth a look."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from portal.db.records import (
    AccountMapping,
    UsageCount,
    UsageImport,
    Vendor,
    VendorAccount,
    VendorService,
    VendorWordMeaning,
)
from portal.domain.accounts import AccountMeaning, AccountVisibility, account_visibility
from portal.domain.mapping import Count, apply_mapping, unmapped_money
from portal.domain.money import two_places
from portal.domain.periods import Period
from portal.domain.quantities import plain, plus
from portal.services import settings_store
from portal.services.card_picture import catalog, mapping_maps
from portal.services.usage_store import standing_usage

HOME_CURRENCY = {"code": "USD"}  # of the catalogue's prices, until the setting `home_currency` says another one


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingAccount:
    """A vendor account without a company.

    Args:
        account_id: Our id of it.
        external_id: The vendor's.
        units: Of all its services that are not excluded, in the vendor's units.
        money: About how much a month, at the catalogue's prices, for services that are mapped.
    """

    vendor: Vendor
    account_id: int
    external_id: str
    name: str
    units: Decimal
    money: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingService:
    """A vendor service without a product. Nobody knows what its units are worth."""

    vendor: Vendor
    service_id: int
    external_id: str
    term: str
    name: str
    units: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What is on no card because it is unmapped.

    Args:
        units: Each (account, service) once, though it may stand under both.
        money: A month, by currency.
    """

    accounts: list[MissingAccount]
    services: list[MissingService]
    units: Decimal
    money: dict[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountResult:
    """How a vendor account is shown, and why.

    Args:
        result: Hidden, shown, warning, needs a decision; or active.
        mapping: mapped, unmapped or excluded.
        units_previous: Counted in the period before, over all services.
        units: Counted in the period.
    """

    vendor: Vendor
    account: VendorAccount
    result: AccountVisibility
    mapping: str
    units_previous: Decimal
    units: Decimal


def missing(session: Session, period: Period, zone: ZoneInfo, *, day: date | None = None) -> Missing:
    """List what is unmapped in a period; hidden accounts are not among it.

    Args:
        session: For reading.
        period: The month.
        zone: The portal's time zone.
        day: Exclusions that ended before it hold no more; none: all hold.
    """
    results = account_results(session, period, zone)
    hidden = {(one.vendor.slug, one.account.external_id) for one in results if one.result is AccountVisibility.HIDDEN}
    by_id = {vendor.id: vendor for vendor in session.scalars(sa.select(Vendor))}
    vendors = {vendor.slug: vendor for vendor in by_id.values()}
    accounts = {(one.vendor.slug, one.account.external_id): one.account for one in results}
    services = {
        (by_id[one.vendor_id].slug, one.external_id, one.term): one for one in session.scalars(sa.select(VendorService))
    }
    account_map, service_map = mapping_maps(session, day=day)
    found = apply_mapping(counts_that_hold(session, period, zone, by_id), account_map, service_map, hidden=hidden)
    items = catalog(session)
    listed = []
    total = Fraction(0)
    for one in found.unmapped_accounts:
        money = unmapped_money(one, items)
        total += money
        account = accounts[one.vendor, one.account]
        listed.append(
            MissingAccount(
                vendor=vendors[one.vendor],
                account_id=account.id,
                external_id=one.account,
                name=account.name,
                units=one.units,
                money=two_places(money),
            )
        )
    unknown = [
        MissingService(
            vendor=vendors[one.vendor],
            service_id=services[one.vendor, one.service, one.term].id,
            external_id=one.service,
            term=one.term,
            name=services[one.vendor, one.service, one.term].name,
            units=one.units,
        )
        for one in found.unmapped_services
    ]
    currency = str(settings_store.get(session, "home_currency", HOME_CURRENCY)["code"])
    return Missing(
        accounts=sorted(listed, key=lambda one: (one.vendor.title, one.external_id)),
        services=sorted(unknown, key=lambda one: (one.vendor.title, one.external_id, one.term)),
        units=found.unmapped_units,
        money={currency: two_places(total)} if total else {},
    )


def inactive(session: Session, period: Period, zone: ZoneInfo) -> list[AccountResult]:
    """List the accounts that are hidden, shown although inactive, worth a warning, or of an unknown status word."""
    return [one for one in account_results(session, period, zone) if one.result is not AccountVisibility.ACTIVE]


def account_results(session: Session, period: Period, zone: ZoneInfo) -> list[AccountResult]:
    """Tell of every account that an accepted file has named how it is shown, by vendor and id.

    Args:
        session: For reading.
        period: The month; the one before it decides too.
        zone: The portal's time zone.
    """
    now, before = _units(session, period, zone), _units(session, period.previous, zone)
    words = {
        (row.vendor_id, row.word): AccountMeaning(row.meaning) for row in session.scalars(sa.select(VendorWordMeaning))
    }
    states = {(row.vendor_id, row.account_external_id): row.state for row in session.scalars(sa.select(AccountMapping))}
    accepted = (
        sa.select(UsageCount.account_id)
        .join(UsageImport, UsageImport.id == UsageCount.import_id)
        .where(UsageImport.state == "committed")
        .distinct()
    )
    accounts = session.scalars(
        sa.select(VendorAccount).where(VendorAccount.id.in_(accepted)).options(selectinload(VendorAccount.vendor))
    )
    results = []
    for account in accounts:
        key = (account.vendor_id, account.external_id)
        word = account.status.strip().casefold()
        meaning = words.get((account.vendor_id, word)) if word else AccountMeaning.ACTIVE
        this, previous = now.get(key, Decimal(0)), before.get(key, Decimal(0))
        results.append(
            AccountResult(
                vendor=account.vendor,
                account=account,
                result=account_visibility(meaning, this, previous),
                mapping=states.get(key, "unmapped"),
                units_previous=previous,
                units=this,
            )
        )
    return sorted(results, key=lambda one: (one.vendor.title, one.account.external_id))


def missing_csv(found: Missing) -> str:
    """Write what is unmapped as CSV, in the form of the sample sets' `unmapped-*.csv`."""
    rows: list[list[str]] = [["what", "vendor", "id", "term", "name", "units", "monthly_money"]]
    rows += [
        ["account", one.vendor.title, one.external_id, "", one.name, plain(one.units), f"{one.money:f}"]
        for one in found.accounts
    ]
    rows += [
        ["service", one.vendor.title, one.external_id, one.term, one.name, plain(one.units), ""]
        for one in found.services
    ]
    return _csv(rows)


def inactive_csv(results: Iterable[AccountResult], period: Period) -> str:
    """Write accounts as CSV, in the form of the sample sets' `hidden-accounts-*.csv`."""
    units = [f"units_{period.previous}", f"units_{period}"]
    rows: list[list[str]] = [["vendor", "account_id", "account_name", "status", "result", "mapping", *units]]
    rows += [
        [
            one.vendor.title,
            one.account.external_id,
            one.account.name,
            one.account.status,
            one.result.value,
            one.mapping,
            plain(one.units_previous),
            plain(one.units),
        ]
        for one in results
    ]
    return _csv(rows)


def counts_that_hold(session: Session, period: Period, zone: ZoneInfo, vendors: Mapping[int, Vendor]) -> list[Count]:
    """Give the counts of a period that hold, as the rules take them, without names."""
    return [
        Count(
            vendor=vendors[vendor_id].slug,
            account=key.account,
            service=key.service,
            term=key.term,
            counted=count.quantity,
            counted_at=count.counted_at,
            file_id=count.file_id,
        )
        for vendor_id, standing in standing_usage(session, period, zone).items()
        for key, count in standing.items()
    ]


def _units(session: Session, period: Period, zone: ZoneInfo) -> Mapping[tuple[int, str], Decimal]:
    """Sum the standing counts of each account over its services."""
    units: dict[tuple[int, str], Decimal] = {}
    for vendor_id, standing in standing_usage(session, period, zone).items():
        for key, count in standing.items():
            place = (vendor_id, key.account)
            units[place] = plus(units.get(place, Decimal(0)), count.quantity)
    return units


def _csv(rows: Iterable[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
