"""Stages what a file says, in transactions so short that nobody waits: rows, counts, names. None of it counts yet."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.engine import WRITES
from portal.db.records import (
    UsageAccount,
    UsageCount,
    UsageImport,
    UsageRow,
    UsageService,
    VendorAccount,
    VendorService,
)
from portal.db.types import ExactDecimal
from portal.domain.quantities import bring_to_places
from portal.domain.usage import CountKey
from portal.vendors.counting import Counted, KeyCount, LateProblem, Outcome

OpenSession = Callable[[], AbstractContextManager[Session]]
ROWS = 1000  # rows that one transaction writes: 10 to 40 ms
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""As the moment at which an account or a service was last named: no file that counts has named it."""
_ROW = sa.table(  # without types: values are made ready before a transaction is open
    "usage_row", *map(sa.column, ("import_id", "line", "outcome", "units", "column_name", "reason", "cells"))
)
_UNITS = ExactDecimal(4)
# by the table itself: whoever listens for changed records need not hear of what does not count yet
_IMPORT = cast("sa.Table", UsageImport.__table__)
_STAGED = (UsageRow, UsageCount, UsageAccount, UsageService)


class Lost(Exception):
    """The import is another reader's by now, or somebody dropped it."""


@dataclass(frozen=True, slots=True)
class Store:
    """How a reader writes and reads.

    Args:
        writing: Opens one short writing transaction.
        reading: Opens a session for reading, which keeps nobody from writing.
    """

    writing: OpenSession
    reading: OpenSession

    @classmethod
    def within(cls, session: Session) -> "Store":
        """Read and write in one transaction that is open already."""
        return cls(lambda: nullcontext(session), lambda: nullcontext(session))

    @classmethod
    def over(cls, open_session: OpenSession) -> "Store":
        """Open a transaction for each piece."""
        with open_session() as session:
            engine = session.connection().engine.execution_options(**{WRITES: False})
        return cls(open_session, lambda: Session(engine, expire_on_commit=False))


class Stage:
    """Writes for one reader, as long as the import is its own.

    Args:
        store: Where.
        import_id: The import.
        vendor_id: Whose file it is.
        reader: Whose turn it is.
        told: Called with what is noted of the progress.
    """

    def __init__(
        self, store: Store, import_id: int, vendor_id: int, reader: str, told: Callable[[dict[str, Any]], None]
    ) -> None:
        self._told = told
        self.store = store
        self.import_id = import_id
        self.vendor_id = vendor_id
        self.reader = reader

    def note(self, session: Session, **values: Any) -> None:  # noqa: ANN401 - columns of the import
        """Give a sign of life, and write columns of the import.

        Raises:
            Lost: The import is not this reader's any more.
        """
        held = (
            sa.update(_IMPORT)
            .where(UsageImport.id == self.import_id, UsageImport.state == "reading", UsageImport.reader == self.reader)
            .values(heartbeat_at=datetime.now(UTC), **values)
            .returning(UsageImport.id)
        )
        if session.execute(held).scalar_one_or_none() is None:
            raise Lost
        self._told(values)

    def say(self, **values: Any) -> None:  # noqa: ANN401 - columns of the import
        """Give a sign of life in a transaction of its own."""
        with self.store.writing() as session:
            self.note(session, **values)

    def row(
        self, line: int, outcome: Outcome, *, units: Decimal | None, column: str | None, reason: str | None, cells: str
    ) -> dict[str, Any]:
        """Make a row of data ready to be stored.

        Args:
            line: Of the file.
            outcome: What became of it.
            units: What it adds, with at most 4 decimals.
            column: The one that a reason is about.
            reason: Why it does not count as it stands.
            cells: Header to text, as JSON.
        """
        scaled = None if units is None else int(units.scaleb(_UNITS.places))
        values = (self.import_id, line, outcome.value, scaled, column, reason, cells)
        return dict(zip(_ROW.c.keys(), values, strict=True))

    def rows(self, rows: list[dict[str, Any]], **values: Any) -> None:  # noqa: ANN401 - columns of the import
        """Store rows of data."""
        with self.store.writing() as session:
            self.note(session, **values)
            session.execute(sa.insert(_ROW), rows)

    def turn(self, late: LateProblem) -> None:
        """Change rows that came out otherwise at the end."""
        units = None if late.units is None else bring_to_places(late.units)
        values = {"outcome": late.outcome.value, "units": units, "reason": late.reason}
        here = sa.and_(
            UsageRow.import_id == self.import_id,
            UsageRow.outcome.in_((Outcome.COUNTED.value, Outcome.ZERO.value)),
        )
        for part, lines in _by_part(late).items():
            # of a row of several services the column tells them apart
            one = here if part is None else sa.and_(here, UsageRow.column == part)
            for start in range(0, len(lines), ROWS):
                with self.store.writing() as session:
                    self.note(session)
                    session.execute(
                        sa.update(UsageRow)
                        .where(one, UsageRow.line.in_(list(lines[start : start + ROWS])))
                        .values(**values, column=late.column if part is None else part)
                        .execution_options(synchronize_session=False)
                    )

    def counted(self, counted: Counted, *, tells_status: bool) -> None:
        """Stage the counts, the names, and which rows lead to which count.

        Args:
            counted: What the file says.
            tells_status: It has a word for each account's status.
        """
        accounts = self._accounts(counted)
        services = self._services(counted)
        of_import = {"import_id": self.import_id}
        self._insert(
            UsageAccount,
            (
                {**of_import, "account_id": accounts[one], "name": name, "status": status if tells_status else None}
                for one, (name, status) in counted.accounts.items()
            ),
        )
        self._insert(
            UsageService,
            ({**of_import, "service_id": services[one], "name": name} for one, name in counted.services.items()),
        )
        nothing = (None, None)
        self._insert(
            UsageCount,
            (
                {
                    **of_import,
                    "account_id": accounts[key.account],
                    "service_id": services[key.service, key.term],
                    "quantity": count.quantity,
                    "rows": len(count.lines),
                    "covers_first": counted.covers.get(key, nothing)[0],
                    "covers_last": counted.covers.get(key, nothing)[1],
                }
                for key, count in sorted(counted.counts.items())
            ),
        )
        self._tie(counted.counts, accounts, services)

    def _accounts(self, counted: Counted) -> dict[str, int]:
        """Make the accounts that are not known yet, and give the ids of all."""
        ids = sa.select(VendorAccount.external_id, VendorAccount.id).where(VendorAccount.vendor_id == self.vendor_id)
        with self.store.reading() as session:
            known = dict(session.execute(ids).all())
        new = [one for one in counted.accounts if one not in known]
        if not new:
            return known
        values = (
            {
                "vendor_id": self.vendor_id,
                "external_id": one,
                "name": counted.accounts[one][0],
                "status": "",
                "seen_at": NEVER,
            }
            for one in sorted(new)
        )
        self._make(VendorAccount, values)
        with self.store.reading() as session:
            return dict(session.execute(ids).all())

    def _services(self, counted: Counted) -> dict[tuple[str, str], int]:
        """Make the services that are not known yet, and give the ids of all."""
        ids = sa.select(VendorService.external_id, VendorService.term, VendorService.id).where(
            VendorService.vendor_id == self.vendor_id
        )
        with self.store.reading() as session:
            known = {(external, term): place for external, term, place in session.execute(ids)}
        new = sorted(one for one in counted.services if one not in known)
        if not new:
            return known
        values = (
            {
                "vendor_id": self.vendor_id,
                "external_id": external,
                "term": term,
                "name": counted.services[external, term],
                "seen_at": NEVER,
            }
            for external, term in new
        )
        self._make(VendorService, values)
        with self.store.reading() as session:
            return {(external, term): place for external, term, place in session.execute(ids)}

    def _make(self, record: type[VendorAccount | VendorService], values: Iterable[dict[str, Any]]) -> None:
        """Make accounts or services; another reader may have made some of them meanwhile."""
        for chunk in _chunks(values):
            names = [row["external_id"] for row in chunk]
            with self.store.writing() as session:
                self.note(session)
                term = VendorService.term if record is VendorService else sa.literal("")
                query = sa.select(record.external_id, term).where(
                    record.vendor_id == self.vendor_id, record.external_id.in_(names)
                )
                found = {(external, one) for external, one in session.execute(query)}
                missing = [row for row in chunk if (row["external_id"], row.get("term", "")) not in found]
                if missing:
                    session.execute(sa.insert(record.__table__), missing)  # type: ignore[arg-type]  # as above

    def _insert(self, record: type[UsageAccount | UsageService | UsageCount], values: Iterable[dict[str, Any]]) -> None:
        for chunk in _chunks(values):
            with self.store.writing() as session:
                self.note(session)
                session.execute(sa.insert(record.__table__), chunk)  # type: ignore[arg-type]  # as above

    def _tie(
        self,
        counts: Mapping[CountKey, KeyCount],
        accounts: Mapping[str, int],
        services: Mapping[tuple[str, str], int],
    ) -> None:
        """Tie rows to their counts, in the order of the file, so that neighbours in the store are written together."""
        query = sa.select(UsageCount.account_id, UsageCount.service_id, UsageCount.id).where(
            UsageCount.import_id == self.import_id
        )
        with self.store.reading() as session:
            ids = {(account, service): place for account, service, place in session.execute(query)}
        table = UsageRow.__table__
        tie = (
            sa.update(table)  # type: ignore[arg-type]  # as above
            .where(table.c.import_id == self.import_id, table.c.line == sa.bindparam("at_line"))
            .values(count_id=sa.bindparam("tied_to"))
        )
        parted = tie.where(table.c.column_name == sa.bindparam("at_part"))
        whole = _ByLine()
        for key, count in counts.items():
            count_id = ids[accounts[key.account], services[key.service, key.term]]
            lines, parts = count.lines, count.parts
            if parts is None:
                whole.add(lines, count_id)
                continue
            pairs = zip(lines, parts, strict=True)
            values = ({"at_line": line, "at_part": part, "tied_to": count_id} for line, part in pairs)
            self._tied(parted, values)
        self._tied(tie, whole.values())

    def _tied(self, statement: sa.Update, values: Iterable[dict[str, Any]]) -> None:
        for chunk in _chunks(values):
            with self.store.writing() as session:
                self.note(session)
                session.connection().execute(statement, chunk)


class _ByLine:
    """The count of each line, in eight bytes a line of the file."""

    def __init__(self) -> None:
        self._ids = array("Q")
        self._places = array("I")

    def add(self, lines: Sequence[int], count_id: int) -> None:
        """Note the lines of a count."""
        self._ids.append(count_id)
        last = max(lines, default=0)
        if last >= len(self._places):
            self._places.frombytes(bytes(4 * (last + 1 - len(self._places))))
        place = len(self._ids)
        for line in lines:
            self._places[line] = place

    def values(self) -> Iterator[dict[str, Any]]:
        """Give lines and counts in the order of the file."""
        for line, place in enumerate(self._places):
            if place:
                yield {"at_line": line, "tied_to": self._ids[place - 1]}


def clear(store: Store, import_id: int, *, going_on: Callable[[Session], None] | None = None) -> None:
    """Remove what was staged for an import, a piece at a time.

    Args:
        store: Where.
        import_id: The import.
        going_on: Called in each transaction; it may raise to stop.
    """
    for record in _STAGED:
        key = list(record.__table__.primary_key)[-1]
        some = sa.select(key).where(record.import_id == import_id).limit(ROWS)
        more = True
        while more:
            with store.writing() as session:
                if going_on is not None:
                    going_on(session)
                removed = session.execute(
                    sa.delete(cast("sa.Table", record.__table__))
                    .where(record.import_id == import_id, key.in_(some.scalar_subquery()))
                    .returning(key)
                )
                more = len(removed.all()) == ROWS


def quantities(counted: Counted) -> dict[CountKey, Decimal]:
    """Give the counts as they are kept."""
    return {key: count.quantity for key, count in counted.counts.items()}


def _by_part(late: LateProblem) -> Mapping[str | None, Sequence[int]]:
    """Sort lines by the part of the row that they mean."""
    if late.parts is None:
        return {None: late.lines}
    found: dict[str | None, list[int]] = {}
    for line, part in zip(late.lines, late.parts, strict=True):
        found.setdefault(part, []).append(line)
    return found


def _chunks(values: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    given = iter(values)
    while chunk := list(islice(given, ROWS)):
        yield chunk


def forget(store: Store, import_id: int) -> None:
    """Remove an import that never counted, with all that was staged for it."""
    mine = sa.and_(UsageImport.id == import_id, UsageImport.state.not_in(("committed", "held", "undone", "rejected")))
    with store.writing() as session:
        session.execute(sa.update(_IMPORT).where(mine).values(state="dropped", reader=None))
    clear(store, import_id)
    with store.writing() as session:
        session.execute(sa.delete(_IMPORT).where(mine))


def sweep(store: Store, *, failed_before: datetime) -> bool:
    """Remove what was staged for one import that can never count: a dropped one, or one that failed long ago.

    Args:
        store: Where.
        failed_before: Of files that could not be counted, and were taken in before this moment, the lines go too.

    Returns:
        Whether there was one.
    """
    useless = sa.or_(
        UsageImport.state.in_(("dropped", "same")),
        sa.and_(UsageImport.state == "failed", UsageImport.imported_at < failed_before),
    )
    staged = sa.or_(*(sa.exists().where(record.import_id == UsageImport.id) for record in _STAGED))
    with store.reading() as session:
        import_id = session.scalar(sa.select(UsageImport.id).where(useless, staged).limit(1))
    if import_id is None:
        return False
    clear(store, import_id)
    return True
