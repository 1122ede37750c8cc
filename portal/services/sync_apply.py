"""The writing half of a sync: lays what was read over the last picture, in the caller's one transaction.

Nothing is ever deleted: a row that vanished gets its `gone_at`, and loses it when it comes back.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import CompanyStatus, CompanyType
from portal.db.base import Base
from portal.db.records import (
    PsaAddition,
    PsaAgreement,
    PsaAgreementType,
    PsaBillingCycle,
    PsaCompany,
    PsaCompanyType,
    PsaListRow,
    PsaProduct,
)
from portal.domain.psa import billing_cycle_months
from portal.services import sync_values
from portal.services.sync_read import Lines, Listing, Read, Skip
from portal.services.sync_values import Values, unfit_addition, unfit_product

_MANY = 200  # agreements: from here on the whole table of lines is loaded at once

Mirror = TypeVar("Mirror", bound=Base)


class ListedNothing(Exception):
    """ConnectWise listed nothing where there was something: more likely a right that was lost than a deletion."""


@dataclass(slots=True)
class Counts:
    """What became of the records of one resource."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    same: int = 0
    skipped: int = 0

    @property
    def moved(self) -> bool:
        """Whether anything is different from before."""
        return bool(self.new or self.changed or self.gone)


@dataclass(slots=True)
class Applied:
    """What a run changed.

    Args:
        counts: By resource, in words.
        skipped: Why records could not be taken.
    """

    counts: dict[str, Counts] = field(default_factory=dict)
    skipped: list[Skip] = field(default_factory=list)

    def of(self, resource: str) -> Counts:
        """Give the counts of a resource."""
        return self.counts.setdefault(resource, Counts())

    def takes(self, skip: Skip | None) -> bool:
        """Note why a record is skipped; true where there is no reason."""
        if skip is not None:
            self.skipped.append(skip)
        return skip is None


def apply(session: Session, read: Read, *, now: datetime) -> Applied:
    """Lay what was read over the last picture.

    Args:
        session: A writing session; it is flushed, never committed.
        read: What `sync_read` gave.
        now: The moment of reading, by the business clock.

    Raises:
        ListedNothing: Companies, agreements or statuses came back empty where there were some.
    """
    done = Applied(skipped=list(read.skipped))
    _list_rows(session, "status", read.statuses, done, now)
    _list_rows(session, "type", read.types, done, now)
    _companies(session, read, done, now)
    types = read.agreement_types
    rows = {row.id: {"name": row.name, "prorates": row.prorates} for row in types.records}
    _merge(session, PsaAgreementType, rows, types.ids, done.of("agreement types"), now)
    cycles = {
        row.id: {
            "name": row.name,
            "options": row.billing_options or None,
            "months": billing_cycle_months(row.billing_options, row.name),
        }
        for row in read.cycles.records
    }
    _merge(session, PsaBillingCycle, cycles, read.cycles.ids, done.of("billing cycles"), now)
    products = {row.id: sync_values.product(row) for row in read.products.records if done.takes(unfit_product(row))}
    _merge(session, PsaProduct, products, read.products.ids, done.of("products"), now)
    fresher = _agreements(session, read, done, now)
    _additions(session, [lines for lines in read.lines if lines.agreement_id not in fresher], done, now)
    for skip in done.skipped:
        done.of(_PLURAL[skip.what]).skipped += 1
    session.flush()
    return done


_PLURAL = {
    "company status": "statuses",
    "company type": "types",
    "company": "companies",
    "agreement type": "agreement types",
    "billing cycle": "billing cycles",
    "product": "products",
    "agreement": "agreements",
    "addition": "additions",
}


def _list_rows(
    session: Session,
    name: str,
    listing: Listing[CompanyStatus] | Listing[CompanyType],
    done: Applied,
    now: datetime,
) -> None:
    """Merge one of the customisable lists; a row keeps since when it has its name."""
    if listing.ids is None and not listing.records:
        return
    resource = "statuses" if name == "status" else "types"
    before = {row.id: row for row in session.scalars(sa.select(PsaListRow).where(PsaListRow.list == name))}
    _refuse_nothing(listing.ids, before.values(), resource)
    rows: dict[int, dict[str, Any]] = {}
    for row in listing.records:
        old = before.get(row.id)
        since = old.name_since if old is not None and old.name == row.name else now
        inactive = isinstance(row, CompanyStatus) and row.inactive
        rows[row.id] = {"name": row.name, "inactive": inactive, "default": row.default, "name_since": since}
    made = lambda row_id: PsaListRow(list=name, id=row_id)  # noqa: E731 - one line, used once
    _merge_into(session, before, made, rows, listing.ids, done.of(resource), now)


def _companies(session: Session, read: Read, done: Applied, now: datetime) -> None:
    listing = read.companies
    before = {row.id: row for row in session.scalars(sa.select(PsaCompany))}
    _refuse_nothing(listing.ids, before.values(), "companies")
    types_before: dict[int, set[int]] = {}
    for company_id, type_id in session.execute(sa.select(PsaCompanyType.company_id, PsaCompanyType.type_id)):
        types_before.setdefault(company_id, set()).add(type_id)
    types = {row.id: {each.id for each in row.types} for row in listing.records}
    moved = {row_id for row_id, found in types.items() if found != types_before.get(row_id, set())}
    rows = {row.id: sync_values.company(row) for row in listing.records}
    _merge_into(
        session, before, lambda row_id: PsaCompany(id=row_id), rows, listing.ids, done.of("companies"), now, moved
    )
    session.flush()
    for company_id in sorted(moved):
        session.execute(sa.delete(PsaCompanyType).where(PsaCompanyType.company_id == company_id))
        session.add_all(PsaCompanyType(company_id=company_id, type_id=each) for each in sorted(types[company_id]))
    _deleted_list_rows(session, read, now)


def _deleted_list_rows(session: Session, read: Read, now: datetime) -> None:
    """Keep rows that companies still carry although the PSA's lists no longer have them, by the name on the company."""
    carried: dict[tuple[str, int], str] = {}
    for company in read.companies.records:
        if company.status is not None and read.statuses.ids is not None:
            carried.setdefault(("status", company.status.id), company.status.name)
        if read.types.ids is not None:
            for each in company.types:
                carried.setdefault(("type", each.id), each.name)
    session.flush()
    known = {(name, row_id) for name, row_id in session.execute(sa.select(PsaListRow.list, PsaListRow.id))}
    for (list_name, row_id), name in carried.items():
        if (list_name, row_id) not in known:
            session.add(PsaListRow(list=list_name, id=row_id, name=name, name_since=now, gone_at=now))


def _agreements(session: Session, read: Read, done: Applied, now: datetime) -> frozenset[int]:
    """Merge the agreements.

    Returns:
        Those that a push read anew after this run began: what is stored of them is newer than what the run read.
    """
    listing = read.agreements
    before = {row.id: row for row in session.scalars(sa.select(PsaAgreement))}
    _refuse_nothing(listing.ids, before.values(), "agreements")
    counts = done.of("agreements")
    fresher = frozenset(
        row.id for row in before.values() if row.additions_read_at is not None and row.additions_read_at > now
    )
    rows = {row.id: sync_values.agreement(row) for row in listing.records if row.id not in fresher}
    _merge_into(session, before, lambda row_id: PsaAgreement(id=row_id), rows, listing.ids, counts, now)
    for lines in read.lines:
        row = before.get(lines.agreement_id)
        if row is None or row.id in fresher:
            continue
        if lines.missing:
            counts.gone += row.gone_at is None
            row.gone_at = row.gone_at or now
            continue
        row.additions_read_at = now
        known = [moment for moment in (row.additions_known_until, read.known_until) if moment is not None]
        row.additions_known_until = max(known, default=None)
    return fresher


def _additions(session: Session, read: Collection[Lines], done: Applied, now: datetime) -> None:
    query = sa.select(PsaAddition)
    if len(read) <= _MANY:
        ids = [line.id for lines in read for line in lines.additions]
        of_these = PsaAddition.agreement_id.in_([lines.agreement_id for lines in read])
        query = query.where(of_these if len(ids) > _MANY else of_these | PsaAddition.id.in_(ids))
    before = {row.id: row for row in session.scalars(query)}
    by_agreement: dict[int, list[PsaAddition]] = {}
    for row in before.values():
        by_agreement.setdefault(row.agreement_id, []).append(row)
    counts = done.of("additions")
    for lines in read:
        rows = {line.id: sync_values.addition(line) for line in lines.additions if done.takes(unfit_addition(line))}
        _merge_into(session, before, lambda row_id: PsaAddition(id=row_id), rows, None, counts, now)
        if lines.ids is not None:
            for row in by_agreement.get(lines.agreement_id, []):
                if row.agreement_id == lines.agreement_id and row.id not in lines.ids:
                    counts.gone += row.gone_at is None
                    row.gone_at = row.gone_at or now


def _merge(
    session: Session,
    kind: type[Mirror],
    rows: Mapping[int, Values],
    ids: frozenset[int] | None,
    counts: Counts,
    now: datetime,
) -> None:
    before: dict[int, Any] = {row.id: row for row in session.scalars(sa.select(kind))}  # type: ignore[attr-defined] # each has an id
    _merge_into(session, before, lambda row_id: kind(id=row_id), rows, ids, counts, now)


def _merge_into(
    session: Session,
    before: dict[int, Any],
    made: Callable[[int], Any],
    rows: Mapping[int, Values],
    ids: frozenset[int] | None,
    counts: Counts,
    now: datetime,
    moved: Iterable[int] = (),
) -> None:
    """Make, change and mark as gone, and count.

    Args:
        session: A writing session.
        before: The rows as they stand, by id; new ones are added to it.
        made: Makes a new row.
        rows: What was read, by id.
        ids: Every id that the PSA has; none: not known, so nothing is gone.
        counts: What became of them.
        now: The moment of reading.
        moved: Ids that changed beside their own columns.
    """
    changed_beside = frozenset(moved)
    for row_id, values in rows.items():
        row = before.get(row_id)
        if row is None:
            row = before[row_id] = made(row_id)
            session.add(row)
            counts.new += 1
        elif row.gone_at is None and row_id not in changed_beside and _same(row, values):
            counts.same += 1
            continue
        else:
            counts.changed += 1
        row.gone_at = None
        for name, value in values.items():
            setattr(row, name, value)
    if ids is not None:
        for row_id, row in before.items():
            if row_id not in ids and row.gone_at is None:
                row.gone_at = now
                counts.gone += 1


def _same(row: object, values: Values) -> bool:
    return all(getattr(row, name) == value for name, value in values.items())


def _refuse_nothing(ids: frozenset[int] | None, before: Iterable[Any], what: str) -> None:
    """Refuse an empty list where there was something."""
    if ids is not None and not ids:
        standing = sum(row.gone_at is None for row in before)
        if standing:
            raise ListedNothing(
                f"ConnectWise listed no {what} at all, where there were {standing}. "
                "Check that the API member's security role still lets it inquire all."
            )
