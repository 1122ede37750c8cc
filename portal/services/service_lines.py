"""Keeps what the services page lists: each service's counts of the month, and the product that it may be.

The lines are made anew for a vendor when other files hold than those they were made of, suggestions when the
catalogue has changed; what a person chose is learned at once. What a service is mapped to is never kept here.
"""

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    PsaProduct,
    ServiceLine,
    ServiceLineMade,
    ServiceMapping,
    ServiceProduct,
    UsageCount,
    UsageImport,
    Vendor,
    VendorService,
)
from portal.domain.periods import Period
from portal.domain.quantities import plus
from portal.domain.service_likeness import ChosenProduct, ProductIndex, key_of, squashed
from portal.domain.usage import UsageFile, files_in_force

SUGGESTIONS = 0  # in place of a vendor: what all suggestions were made of
_AT_ONCE = 2000  # lines written in one statement


def stale(session: Session, period: Period) -> bool:
    """Tell whether lines would have to be made anew for a month, in a fixed number of small queries."""
    return _made(session) != _wanted(session, period)


def refresh(session: Session, period: Period) -> None:
    """Make anew the lines of those vendors whose files have changed, and suggestions that rest on something else.

    Args:
        session: A writing session.
        period: The month to be listed.
    """
    made, wanted = _made(session), _wanted(session, period)
    changed = [vendor_id for vendor_id in wanted if vendor_id and made.get(vendor_id) != wanted[vendor_id]]
    for vendor_id in made.keys() - wanted.keys():
        session.execute(sa.delete(ServiceLine).where(ServiceLine.vendor_id == vendor_id))
    for vendor_id in changed:
        _make_lines(session, vendor_id, period)
    if made.get(SUGGESTIONS) != wanted[SUGGESTIONS]:
        remember_items(session)
    if changed or made.get(SUGGESTIONS) != wanted[SUGGESTIONS]:
        _suggest(session)
    if made != wanted:
        session.execute(sa.delete(ServiceLineMade))
        rows = [{"vendor_id": vendor_id, "made_of": text} for vendor_id, text in wanted.items()]
        session.execute(sa.insert(ServiceLineMade), rows)


def learned(session: Session, service: VendorService) -> None:
    """Let what a person said about a service reach the suggestions of those that are like it.

    Args:
        session: A writing session.
        service: Its mapping was made, changed or taken back.
    """
    keys = [ServiceLine.sku_key == squashed(service.external_id)]
    if service.name:
        keys.append(ServiceLine.name_key == key_of(service.name))
    _suggest(session, sa.or_(*keys))


def forget(session: Session) -> None:
    """Have all suggestions made anew at the next look, since many choices were changed at once."""
    session.execute(sa.delete(ServiceLineMade).where(ServiceLineMade.vendor_id == SUGGESTIONS))


def remember_items(session: Session) -> None:
    """Keep which catalogue item each mapping means, so that it is known again under another Product ID."""
    item = (
        sa.select(sa.func.min(PsaProduct.id))
        .where(PsaProduct.identifier == ServiceProduct.product, PsaProduct.gone_at.is_(None))
        .scalar_subquery()
    )
    session.execute(sa.update(ServiceProduct).where(ServiceProduct.catalog_id.is_(None)).values(catalog_id=item))


def _made(session: Session) -> dict[int, str]:
    return {row[0]: row[1] for row in session.execute(sa.select(ServiceLineMade.vendor_id, ServiceLineMade.made_of))}


def _wanted(session: Session, period: Period) -> dict[int, str]:
    """Say what the lines would be made of now: files and their vendor's title; and what suggestions rest on."""
    wanted = {SUGGESTIONS: _catalogue(session)}
    in_force = _in_force(session, period)
    rows = session.execute(
        sa.select(Vendor.id, Vendor.title, sa.func.count(), sa.func.sum(UsageImport.id))
        .join(UsageImport, UsageImport.vendor_id == Vendor.id)
        .where(UsageImport.state == "committed")
        .group_by(Vendor.id, Vendor.title)
    )
    for vendor_id, title, files, which in rows:
        wanted[vendor_id] = f"{period} {in_force.get(vendor_id, ())} {files} {which} {title}"
    return wanted


def _catalogue(session: Session) -> str:
    """Say in one word which products may be suggested, under which ids and names."""
    rows = session.execute(
        sa.select(PsaProduct.id, PsaProduct.identifier, PsaProduct.description)
        .where(*_billable())
        .order_by(PsaProduct.id)
    )
    found = hashlib.sha256()
    for row in rows:
        found.update(repr(tuple(row)).encode())
    return found.hexdigest()


def _in_force(session: Session, period: Period) -> dict[int, tuple[int, ...]]:
    """Give the files whose counts hold in a month, by vendor, in their order."""
    rows = session.execute(
        sa.select(UsageImport.id, UsageImport.vendor_id, UsageImport.counted_at, UsageImport.complete)
        .where(UsageImport.state == "committed", UsageImport.period == str(period))
        .order_by(UsageImport.committed_at, UsageImport.id)
    ).all()
    files = (
        UsageFile(id=one.id, vendor=str(one.vendor_id), counted_at=one.counted_at, complete=one.complete, sequence=at,
                  counts={})
        for at, one in enumerate(rows)
    )  # fmt: skip
    found: dict[int, tuple[int, ...]] = {}
    for file in files_in_force(files):
        found[int(file.vendor)] = (*found.get(int(file.vendor), ()), file.id)
    return found


def _make_lines(session: Session, vendor_id: int, period: Period) -> None:
    """Make the lines of one vendor anew; suggestions follow."""
    session.execute(sa.delete(ServiceLine).where(ServiceLine.vendor_id == vendor_id))
    title = session.get_one(Vendor, vendor_id).title
    counted = _counted(session, _in_force(session, period).get(vendor_id, ()))
    named = sa.select(UsageCount.service_id).join(UsageImport).where(UsageImport.state == "committed")
    services = session.execute(
        sa.select(VendorService.id, VendorService.external_id, VendorService.term, VendorService.name).where(
            VendorService.vendor_id == vendor_id, VendorService.id.in_(named)
        )
    )
    lines = []
    for service_id, external_id, term, name in services:
        units, accounts = counted.get(service_id, (None, 0))
        lines.append(
            {
                "service_id": service_id,
                "vendor_id": vendor_id,
                "external_id": external_id,
                "term": term,
                "title": (name or external_id).casefold(),
                "searched": f"{name} {external_id} {term} {title}".casefold(),
                "sku_key": squashed(external_id),
                "name_key": key_of(name),
                "units": units,
                "accounts": accounts,
                "sort_units": units or Decimal(0),
                "score": 0,
                "suggested": "",
                "reasons": [],
            }
        )
    _in_portions(session, sa.insert(ServiceLine), lines)


def _counted(session: Session, files: tuple[int, ...]) -> dict[int, tuple[Decimal, int]]:
    """Sum the counts that hold, exactly, by service: units and how many accounts."""
    standing: dict[tuple[int, int], Decimal] = {}
    found: dict[int, tuple[Decimal, int]] = {}
    for file in files:
        rows = session.execute(
            sa.select(UsageCount.service_id, UsageCount.account_id, UsageCount.quantity).where(
                UsageCount.import_id == file
            )
        )
        for service_id, account_id, quantity in rows:
            standing[service_id, account_id] = quantity
    for (service_id, _account), quantity in standing.items():
        units, accounts = found.get(service_id, (Decimal(0), 0))
        found[service_id] = (plus(units, quantity), accounts + 1)
    return found


def _billable() -> tuple[sa.ColumnElement[bool], ...]:
    """Give the conditions of products that may be suggested."""
    bundle = sa.func.lower(sa.func.coalesce(PsaProduct.product_class, "")) == "bundle"
    return (PsaProduct.gone_at.is_(None), PsaProduct.inactive.is_(False), ~bundle)


def product_index(session: Session) -> ProductIndex:
    """Read the catalogue and what people chose, in a fixed number of queries."""
    rows = session.execute(sa.select(PsaProduct.identifier, PsaProduct.description).where(*_billable()))
    return ProductIndex.over({row[0]: row[1] for row in rows}, _choices(session))


def _choices(session: Session) -> Iterable[ChosenProduct]:
    """Give the services that a person mapped to one product, one for one."""
    alone = (
        sa.select(ServiceProduct.mapping_id)
        .group_by(ServiceProduct.mapping_id)
        .having(sa.func.count() == 1, sa.func.min(ServiceProduct.factor) == 1)
    )
    rows = session.execute(
        sa.select(Vendor.id, Vendor.title, ServiceMapping.service_external_id, ServiceMapping.service_name,
                  ServiceMapping.term, ServiceProduct.product)
        .join(Vendor, Vendor.id == ServiceMapping.vendor_id)
        .join(ServiceProduct, ServiceProduct.mapping_id == ServiceMapping.id)
        .where(ServiceMapping.state == "mapped", ServiceMapping.id.in_(alone))
        .order_by(ServiceMapping.id)
    )  # fmt: skip
    return (ChosenProduct(*row) for row in rows)


def unmapped() -> sa.ColumnElement[bool]:
    """Give the condition that no mapping names a line's service, nor all its terms."""
    own = sa.and_(
        ServiceMapping.vendor_id == ServiceLine.vendor_id,
        ServiceMapping.service_external_id == ServiceLine.external_id,
        sa.or_(ServiceMapping.term == ServiceLine.term, ServiceMapping.every_term.is_(True)),
    )
    return ~sa.exists().where(own)


def _suggest(session: Session, *where: sa.ColumnElement[bool]) -> None:
    """Suggest a product for every unmapped service, or for those that a condition chooses."""
    lines = session.execute(
        sa.select(ServiceLine.service_id, ServiceLine.vendor_id, VendorService.external_id, VendorService.name,
                  VendorService.term, ServiceLine.suggested, ServiceLine.score, ServiceLine.reasons)
        .join(VendorService, VendorService.id == ServiceLine.service_id)
        .where(unmapped(), *where)
    ).all()  # fmt: skip
    if not lines:
        return
    index = product_index(session)
    changes: list[Mapping[str, Any]] = []
    for service_id, vendor_id, external_id, name, term, suggested, score, reasons in lines:
        likely = index.best(vendor_id, external_id, name, term)
        new = ("", 0, []) if likely is None else (likely.product, likely.score, list(likely.reasons))
        if new != (suggested, score, reasons):
            changes.append({"service_id": service_id, "suggested": new[0], "score": new[1], "reasons": new[2]})
    for start in range(0, len(changes), _AT_ONCE):
        session.execute(sa.update(ServiceLine), changes[start : start + _AT_ONCE])


def _in_portions(session: Session, statement: sa.Insert, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _AT_ONCE):
        session.execute(statement, rows[start : start + _AT_ONCE])
