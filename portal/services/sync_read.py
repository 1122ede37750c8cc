"""The reading half of a sync: asks ConnectWise for everything first, and changes nothing.

A full read lists everything. A quick one lists what changed, and the bare ids of companies and agreements, since
deleted rows just vanish. Changes are asked for by the PSA's own time: two clocks never agree.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Generic, TypeVar

from portal.connectwise import (
    Addition,
    Agreement,
    AgreementType,
    BillingCycle,
    CatalogItem,
    Company,
    CompanyStatus,
    CompanyType,
    ConnectWise,
    Rejected,
    UnexpectedPayload,
)
from portal.connectwise.conditions import is_in
from portal.connectwise.resource import Resource

Report = Callable[[str, int, int | None], None]
"""Is told the phase in words, how much of it is done, and of how much (none: not known)."""

OVERLAP = timedelta(minutes=2)  # changes that the PSA commits late carry an earlier time
RECENT = timedelta(days=62)  # lines of an agreement that ended this lately may still be looked at
_NOTE_EVERY = 250  # records between two notes of progress
_IDS_A_CALL = 100  # keeps the address of a call short


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAgreement:
    """What is already known of an agreement, for a quick read.

    Args:
        in_scope: Whether its company is.
        ended: Whether it was cancelled, or ended so long ago that its lines no longer matter.
        additions_known_until: PSA time up to which its lines' changes are known; none: never read.
    """

    company_id: int
    in_scope: bool
    ended: bool
    additions_known_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is already known, for a quick read.

    Args:
        changed_since: PSA time up to which changes are known.
        companies: Ids of the companies that were not gone.
        agreements: Likewise, with what decides whether to read their lines.
    """

    changed_since: datetime
    companies: frozenset[int]
    agreements: Mapping[int, KnownAgreement]


@dataclass(frozen=True, slots=True)
class Skip:
    """One record that could not be read. Its last known state stays."""

    what: str
    id: int | None
    reason: str


Record = TypeVar("Record")


@dataclass(slots=True)
class Listing(Generic[Record]):
    """What was read of one resource.

    Args:
        records: Those that were read: all of them, or what changed.
        ids: Every id that the PSA has; none: not known, so nothing can be called gone.
    """

    records: list[Record] = field(default_factory=list)
    ids: frozenset[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What was read of one agreement's additions.

    Args:
        additions: All of them, or what changed.
        ids: Every id that the agreement has; none: not known.
        missing: The agreement itself was gone by then.
    """

    agreement_id: int
    additions: tuple[Addition, ...]
    ids: frozenset[int] | None
    missing: bool = False


@dataclass(slots=True)
class Read:
    """Everything that one run read.

    Args:
        known_until: PSA time up to which all changes are in it; none: the PSA told no times.
    """

    statuses: Listing[CompanyStatus] = field(default_factory=Listing)
    types: Listing[CompanyType] = field(default_factory=Listing)
    companies: Listing[Company] = field(default_factory=Listing)
    agreement_types: Listing[AgreementType] = field(default_factory=Listing)
    cycles: Listing[BillingCycle] = field(default_factory=Listing)
    products: Listing[CatalogItem] = field(default_factory=Listing)
    agreements: Listing[Agreement] = field(default_factory=Listing)
    lines: list[Lines] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    known_until: datetime | None = None


def read_all(client: ConnectWise, report: Report, *, at: datetime, today: date) -> Read:
    """Read everything.

    Args:
        client: The PSA.
        report: Told of the progress.
        at: Now, by the business clock.
        today: In the portal's time zone; agreements that ended long before have lines that no longer matter.

    Raises:
        ConnectWiseError: The first call that gave nothing of use.
    """
    started = time.monotonic()
    found = Read()
    _small_tables(client, found, report)
    found.companies = _whole(client.companies, found, "company", report, "Reading companies")
    found.products = _whole(client.catalog, found, "product", report, "Reading products")
    found.agreements = _whole(client.agreements, found, "agreement", report, "Reading agreements")
    wanted = [row.id for row in found.agreements.records if not ended(row, today)]
    found.lines += _lines(client, {None: wanted}, found, report)
    found.known_until = _known_until(found, started, at)
    return found


def read_changes(client: ConnectWise, known: Known, report: Report, *, at: datetime, today: date) -> Read:
    """Read what changed, and the bare ids of companies and agreements. Arguments and errors as `read_all`."""
    started = time.monotonic()
    since = known.changed_since - OVERLAP
    found = Read()
    _small_tables(client, found, report)
    report("Reading changed companies", 0, None)
    found.companies = _changed(client.companies, since, known.companies, found, "company")
    report("Reading changed products", 0, None)
    found.products.records = list(client.catalog.all(changed_since=since, skipped=_skipper(found, "product")))
    report("Reading changed agreements", 0, None)
    found.agreements = _changed(client.agreements, since, frozenset(known.agreements), found, "agreement")
    found.lines += _lines(client, _agreements_to_look_at(found, known, today), found, report)
    found.known_until = _known_until(found, started, at)
    return found


def read_agreement(client: ConnectWise, agreement_id: int, report: Report) -> Read:
    """Read one agreement, its company and its lines anew. Errors as `read_all`."""
    found = Read()
    report(f"Reading agreement {agreement_id}", 0, None)
    try:
        agreement = client.agreements.get(agreement_id)
    except Rejected as error:
        if not error.missing:
            raise
        found.lines.append(Lines(agreement_id=agreement_id, additions=(), ids=None, missing=True))
        return found
    found.agreements.records.append(agreement)
    try:
        found.companies.records.append(client.companies.get(agreement.company_id))
    except Rejected as error:
        if not error.missing:
            raise
    found.lines += _lines(client, {None: [agreement_id]}, found, report)
    return found


def ended(agreement: Agreement, today: date) -> bool:
    """Tell whether an agreement's lines no longer matter."""
    if agreement.cancelled:
        return True
    over = None if agreement.no_ending_date else agreement.end_date
    return over is not None and over < today - RECENT


def _small_tables(client: ConnectWise, found: Read, report: Report) -> None:
    """Read the tables that are small and whose deletions matter at once."""
    phase = "Reading statuses and types"
    found.statuses = _whole(client.company_statuses, found, "company status", report, phase)
    found.types = _whole(client.company_types, found, "company type", report, phase)
    found.agreement_types = _whole(client.agreement_types, found, "agreement type", report, phase)
    found.cycles = _whole(client.billing_cycles, found, "billing cycle", report, phase)


def _whole(resource: Resource[Record], found: Read, what: str, report: Report, phase: str) -> Listing[Record]:
    before = len(found.skipped)
    records = []
    report(phase, 0, None)
    for record in resource.all(skipped=_skipper(found, what)):
        records.append(record)
        if not len(records) % _NOTE_EVERY:
            report(f"{phase}: {len(records)} so far", len(records), None)
    return Listing(records, _ids([_id(record) for record in records], found.skipped[before:]))


def _changed(
    resource: Resource[Record], since: datetime, known: Collection[int], found: Read, what: str
) -> Listing[Record]:
    """Read what changed, and what is there but was never seen: a right that was given, a row that came back."""
    skipper = _skipper(found, what)
    records = {_id(record): record for record in resource.all(changed_since=since, skipped=skipper)}
    ids = frozenset(resource.ids())
    unseen = sorted(ids - records.keys() - frozenset(known))
    for start in range(0, len(unseen), _IDS_A_CALL):
        chunk = unseen[start : start + _IDS_A_CALL]
        records |= {_id(record): record for record in resource.all(is_in("id", chunk), skipped=skipper)}
    return Listing(list(records.values()), ids)


def _agreements_to_look_at(found: Read, known: Known, today: date) -> dict[datetime | None, list[int]]:
    """Choose whose lines to ask for, by the PSA time up to which they are known (none: ask for all lines)."""
    wanted: dict[int, datetime | None] = {
        agreement_id: agreement.additions_known_until
        for agreement_id, agreement in known.agreements.items()
        if agreement.in_scope and not agreement.ended
    }
    moved = {company.id for company in found.companies.records}
    wanted |= {
        agreement_id: agreement.additions_known_until
        for agreement_id, agreement in known.agreements.items()
        if agreement.company_id in moved and not agreement.ended
    }
    for row in found.agreements.records:
        if ended(row, today):
            wanted.pop(row.id, None)
        else:
            before = known.agreements.get(row.id)
            wanted[row.id] = None if before is None else before.additions_known_until
    by_time: dict[datetime | None, list[int]] = {}
    for agreement_id, until in wanted.items():
        if found.agreements.ids is None or agreement_id in found.agreements.ids:
            by_time.setdefault(until, []).append(agreement_id)
    return by_time


def _lines(
    client: ConnectWise, wanted: Mapping[datetime | None, list[int]], found: Read, report: Report
) -> Iterator[Lines]:
    """Read the lines of many agreements, some agreements at a time."""
    done, total = 0, sum(map(len, wanted.values()))
    for until, agreement_ids in wanted.items():
        since = None if until is None else until - OVERLAP
        for each in client.additions.of_many(agreement_ids, changed_since=since):
            done += 1
            report(f"Reading additions: agreement {done} of {total}", done, total)
            skips = [_skip("addition", error) for error in each.skipped]
            found.skipped += skips
            ids = _ids((line.id for line in each.additions), skips) if until is None and not each.gone else None
            yield Lines(agreement_id=each.agreement_id, additions=each.additions, ids=ids, missing=each.gone)


def _ids(read: Iterable[int], skips: Iterable[Skip]) -> frozenset[int] | None:
    """Give every id that is there, skipped ones included; none where a skipped record hides its own."""
    found = set(read)
    for skip in skips:
        if skip.id is None:
            return None
        found.add(skip.id)
    return frozenset(found)


def _id(record: object) -> int:
    found: int = record.id  # type: ignore[attr-defined]  # every record of the client has one
    return found


def _skipper(found: Read, what: str) -> Callable[[UnexpectedPayload], None]:
    return lambda error: found.skipped.append(_skip(what, error))


def _skip(what: str, error: UnexpectedPayload) -> Skip:
    return Skip(what, error.record_id, error.sentence)


def _known_until(found: Read, started: float, at: datetime) -> datetime | None:
    """Give the PSA time up to which everything is known: surely before the reading began.

    The latest change that was read lies before the reading's end, so the reading's length before it lies before the
    reading's beginning; that needs no clock of ours. Ours only matters where the PSA holds times of the future.
    """
    moments = [company.last_updated for company in found.companies.records]
    moments += [product.last_updated for product in found.products.records]
    moments += [agreement.last_updated for agreement in found.agreements.records]
    moments += [line.last_updated for lines in found.lines for line in lines.additions]
    latest = max((moment for moment in moments if moment is not None), default=None)
    return None if latest is None else min(at, latest - timedelta(seconds=time.monotonic() - started))
