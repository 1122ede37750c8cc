"""The reading half of a sync: asks ConnectWise, keeps what it says in a stage, and changes nothing.

A full read lists everything. A quick one lists what changed, and the bare ids of companies and agreements, since
deleted rows just vanish. Changes are asked for by the PSA's own time: two clocks never agree. What is staged already
is not asked for again. Rows that are made while a run waits have higher ids than those that were read, or are found
by the next quick sync, which asks for what changed since the run's first start.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise, Rejected, UnexpectedPayload
from portal.connectwise.conditions import above, is_in
from portal.connectwise.resource import Resource
from portal.services import sync_values
from portal.services.sync_stage import Body, Stage, Staged, ids_of
from portal.services.sync_values import Skip, Values

OVERLAP = timedelta(minutes=2)  # changes that the PSA commits late carry an earlier time
RECENT = timedelta(days=62)  # lines of an agreement that ended this lately may still be looked at
_ROWS_A_TIME = 250  # records that are staged together
_IDS_A_CALL = 100  # keeps the address of a call short
_UNSEEN = 2**33  # above all ids: under which key rows are staged that did not change, but were never seen


class Watcher(Protocol):
    """Is told how far the reading is, and keeps the run alive."""

    def part(self, name: str, phase: str, *, total: int | None = None, done: int = 0) -> None:
        """A part of the reading begins, or goes on where it stopped."""

    def step(self, done: int) -> None:
        """So many of the part's records are read."""

    def skipped(self, number: int) -> None:
        """So many more could not be."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the PSA, as it is read.

    Args:
        part: Its name in the stage.
        what: One of its records, in words.
        shown: The part of the reading that people watch.
        phase: What they see of it.
        values: Gives a record's columns.
        unfit: Says why a record cannot be kept.
    """

    part: str
    what: str
    shown: str
    phase: str
    values: Callable[[Any], Values]
    unfit: Callable[[Any], Skip | None] = lambda _row: None


_SMALL = "Reading statuses and types"
STATUSES = Table(part="statuses", what="company status", shown="tables", phase=_SMALL, values=sync_values.list_row)
TYPES = Table(part="types", what="company type", shown="tables", phase=_SMALL, values=sync_values.list_row)
AGREEMENT_TYPES = Table(
    part="agreement types", what="agreement type", shown="tables", phase=_SMALL, values=sync_values.agreement_type
)
CYCLES = Table(part="billing cycles", what="billing cycle", shown="tables", phase=_SMALL, values=sync_values.cycle)
COMPANIES = Table(
    part="companies",
    what="company",
    shown="companies",
    phase="Reading companies",
    values=lambda row: {
        **sync_values.company(row),
        "carried": sync_values.carried(row),
        "sign": sync_values.sign(row),
    },
)
PRODUCTS = Table(
    part="products",
    what="product",
    shown="products",
    phase="Reading products",
    values=sync_values.product,
    unfit=sync_values.unfit_product,
)
AGREEMENTS = Table(
    part="agreements",
    what="agreement",
    shown="agreements",
    phase="Reading agreements",
    values=lambda row: {**sync_values.agreement(row), "sign": sync_values.sign(row)},
)


class Tables:
    """Reads the PSA's tables into a stage.

    Args:
        client: The PSA.
        stage: Where it is kept.
        open_reading: Opens a session for reading what is staged.
        watch: Is told how far it is.
    """

    def __init__(self, client: ConnectWise, stage: Stage, open_reading: Callable[[], Session], watch: Watcher) -> None:
        self._client = client
        self._stage = stage
        self._open_reading = open_reading
        self._watch = watch

    def read(self, known: Known | None) -> None:
        """Read all tables but the additions.

        Args:
            known: What is already known; none: everything is read.

        Raises:
            ConnectWiseError: The first call that gave nothing of use. What was read before stays in the stage.
        """
        client = self._client
        self._whole(STATUSES, client.company_statuses)
        self._whole(TYPES, client.company_types)
        self._whole(AGREEMENT_TYPES, client.agreement_types)
        self._whole(CYCLES, client.billing_cycles)
        if known is None:
            self._whole(COMPANIES, client.companies)
            self._whole(PRODUCTS, client.catalog)
            self._whole(AGREEMENTS, client.agreements)
            return
        since = known.changed_since - OVERLAP
        self._changed(COMPANIES, client.companies, since, known.companies)
        self._changed(PRODUCTS, client.catalog, since, None)
        self._changed(AGREEMENTS, client.agreements, since, frozenset(known.agreements))

    def _whole(self, table: Table, resource: Resource[Any]) -> None:
        """Read all of a table; its ids are those that were read, and the skipped ones."""
        before = self._before(table)
        if before is None:
            return
        keep = _Keeper(table, self._stage, self._watch, before)
        where = above("id", before.last) if before.last else None
        for record in resource.all(where=where, skipped=keep.skip):
            keep.take(record)
        keep.flush()
        self._complete(table, keep.ids, keep.number)

    def _changed(self, table: Table, resource: Resource[Any], since: datetime, known: Collection[int] | None) -> None:
        """Read what changed, and what is there but was never seen: a right that was given, a row that came back.

        Args:
            table: What is read.
            resource: Where.
            since: PSA time.
            known: Ids that were there; none: its ids are not asked for.
        """
        before = self._before(table)
        if before is None:
            return
        keep = _Keeper(table, self._stage, self._watch, before)
        where = above("id", before.last) if before.last else None
        for record in resource.all(where=where, changed_since=since, skipped=keep.skip):
            keep.take(record)
        keep.flush()
        ids: frozenset[int] | None = None
        if known is not None:
            ids = frozenset(resource.ids())
            keep.above = _UNSEEN
            unseen = sorted(ids - (keep.ids or frozenset()) - frozenset(known))
            for start in range(0, len(unseen), _IDS_A_CALL):
                for record in resource.all(where=is_in("id", unseen[start : start + _IDS_A_CALL]), skipped=keep.skip):
                    keep.take(record)
                keep.flush()
        self._complete(table, ids, keep.number)

    def _before(self, table: Table) -> "_Before | None":
        """Give what was read of a table before the run stopped; none where that is all of it."""
        before = _Before()
        with self._open_reading() as session:
            complete = any(self._stage.bodies(session, ids_of(table.part)))
            for key, body in self._stage.bodies(session, table.part):
                before.last = max(before.last, key) if key < _UNSEEN else before.last
                before.number += len(body["rows"])
                before.ids.update(row["id"] for row in body["rows"])
                before.skipped += body["skips"]
        self._watch.part(table.shown, table.phase, done=before.number)
        return None if complete else before

    def _complete(self, table: Table, ids: frozenset[int] | None, number: int) -> None:
        self._stage.put([Staged(ids_of(table.part), 0, {"ids": None if ids is None else sorted(ids)})])
        self._watch.step(number)


class _Before:
    """What was read of a table before."""

    def __init__(self) -> None:
        self.last = 0
        self.number = 0
        self.ids: set[int] = set()
        self.skipped: list[Body] = []


class _Keeper:
    """Takes records one by one and stages them some at a time, each time under the highest id so far."""

    def __init__(self, table: Table, stage: Stage, watch: Watcher, before: _Before) -> None:
        self.number = before.number
        self.above = 0  # added to the key under which rows are staged
        self._table = table
        self._stage = stage
        self._watch = watch
        self._ids = before.ids
        self._hidden = any(skip["id"] is None for skip in before.skipped)
        self._ids.update(skip["id"] for skip in before.skipped if skip["id"] is not None)
        self._rows: list[Body] = []
        self._skips: list[Body] = []
        self._skipped = len(before.skipped)
        self._latest: datetime | None = None
        self._last = before.last

    @property
    def ids(self) -> frozenset[int] | None:
        """Every id that is there, skipped ones included; none where a skipped record hides its own."""
        return None if self._hidden else frozenset(self._ids)

    def take(self, record: Any) -> None:  # noqa: ANN401 - any record of the client
        """Keep a record."""
        if len(self._rows) >= _ROWS_A_TIME and record.id > self._last:
            self.flush()
        self._ids.add(record.id)
        self._last = max(self._last, record.id)
        self.number += 1
        unfit = self._table.unfit(record)
        if unfit is not None:
            self._note(unfit)
            return
        self._rows.append({"id": record.id, **self._table.values(record)})
        self._latest = later(self._latest, getattr(record, "last_updated", None))

    def skip(self, error: UnexpectedPayload) -> None:
        """Note a record that cannot be read."""
        self._note(Skip(self._table.what, error.record_id, error.sentence))
        if error.record_id is None:
            self._hidden = True
        else:
            self._ids.add(error.record_id)

    def _note(self, skip: Skip) -> None:
        self._skips.append({"what": skip.what, "id": skip.id, "reason": skip.reason})
        self._skipped += 1

    def flush(self) -> None:
        """Stage what was taken."""
        if not self._rows and not self._skips:
            return
        body = {"rows": self._rows, "skips": self._skips}
        if not self._rows:
            key = -self._skipped  # nothing to go on behind
        elif self.above:
            key = self.above + max(row["id"] for row in self._rows)
        else:
            key = self._last
        self._stage.put([Staged(self._table.part, key, body, self._latest)])
        self._watch.skipped(len(self._skips))
        self._watch.step(self.number)
        self._rows, self._skips, self._latest = [], [], None


def read_agreement(client: ConnectWise, agreement_id: int, stage: Stage) -> bool:
    """Read one agreement and its company anew.

    Args:
        client: The PSA.
        agreement_id: Which one.
        stage: Where it is kept.

    Returns:
        Whether ConnectWise has it.

    Raises:
        ConnectWiseError: A call that gave nothing of use.
    """
    try:
        agreement = client.agreements.get(agreement_id)
    except Rejected as error:
        if not error.missing:
            raise
        return False
    rows = [_alone(AGREEMENTS, agreement)]
    try:
        rows.append(_alone(COMPANIES, client.companies.get(agreement.company_id)))
    except Rejected as error:
        if not error.missing:
            raise
    stage.put(rows)
    return True


def _alone(table: Table, record: Any) -> Staged:  # noqa: ANN401 - any record of the client
    return Staged(table.part, record.id, {"rows": [{"id": record.id, **table.values(record)}], "skips": []})


def ended(*, cancelled: bool, no_ending: bool, end_date: date | None, today: date) -> bool:
    """Tell whether an agreement's lines no longer matter."""
    if cancelled:
        return True
    over = None if no_ending else end_date
    return over is not None and over < today - RECENT


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """Give the later of two moments; one that is not known is none."""
    known = [moment for moment in (one, other) if moment is not None]
    return max(known, default=None)
