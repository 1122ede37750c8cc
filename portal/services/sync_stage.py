"""What a sync has read and not applied yet. It is kept in the store, so that a run that was killed can go on.

A part is a table of the PSA; its rows are kept some at a time, under the last id, as the columns of the mirror. When
all of it is read, its ids are kept too. Of additions, each agreement's are kept on their own.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.base import Base
from portal.db.records import SyncStaged
from portal.db.types import AwareTimestamp, ExactDecimal

LINES = "lines"
START = "start"
MEANWHILE = "meanwhile"
_ROWS_A_TIME = 100  # staged rows in memory at once
_AT_ONCE = 500  # staged rows that are thrown away in one short transaction

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Staged:
    """One staged row: its part, its id there, its content, and the PSA's latest change in it."""

    part: str
    key: int
    body: Body
    latest: datetime | None = None


class Stage(Protocol):
    """Where what was read is kept until it is applied."""

    def put(self, rows: Iterable[Staged]) -> None:
        """Keep rows."""

    def bodies(self, session: Session, part: str, keys: Collection[int] | None = None) -> Iterator[tuple[int, Body]]:
        """Yield the rows of a part by key, few in memory at once; only those of these keys, if given."""

    def keys(self, session: Session, part: str) -> list[int]:
        """Give the keys of a part, in order."""

    def latest(self, session: Session) -> datetime | None:
        """Give the PSA's latest change in all that is staged."""


@dataclass(slots=True)
class MemoryStage:
    """Keeps the little that one agreement needs."""

    rows: dict[tuple[str, int], Staged] = field(default_factory=dict)

    def put(self, rows: Iterable[Staged]) -> None:
        """Keep rows."""
        self.rows |= {(row.part, row.key): Staged(row.part, row.key, _thawed(row.body)) for row in rows}

    def bodies(self, session: Session, part: str, keys: Collection[int] | None = None) -> Iterator[tuple[int, Body]]:
        """Yield the rows of a part by key."""
        for key in self.keys(session, part):
            if keys is None or key in keys:
                yield key, self.rows[part, key].body

    def keys(self, session: Session, part: str) -> list[int]:
        """Give the keys of a part, in order."""
        del session
        return sorted(key for name, key in self.rows if name == part)

    def latest(self, session: Session) -> datetime | None:
        """One agreement says nothing about all the others."""
        del session
        return None


@dataclass(slots=True)
class TableStage:
    """Keeps what a run read in the store.

    Args:
        run_id: The run.
        keep: Inserts rows in one short transaction, if the run is still this worker's.
    """

    run_id: int
    keep: Callable[[list[dict[str, Any]]], None]

    def put(self, rows: Iterable[Staged]) -> None:
        """Keep rows, at once and for good."""
        self.keep(
            [
                {
                    "run_id": self.run_id,
                    "part": row.part,
                    "key": row.key,
                    "body": frozen(row.body),
                    "latest": row.latest,
                }
                for row in rows
            ]
        )

    def bodies(self, session: Session, part: str, keys: Collection[int] | None = None) -> Iterator[tuple[int, Body]]:
        """Yield the rows of a part by key, few in memory at once."""
        wanted = self.keys(session, part) if keys is None else sorted(keys)
        for chunk in chunks(wanted, _ROWS_A_TIME):
            query = self._of(part, SyncStaged.key, SyncStaged.body).where(SyncStaged.key.in_(chunk))
            for key, body in session.execute(query.order_by(SyncStaged.key)).all():
                yield key, json.loads(body)

    def keys(self, session: Session, part: str) -> list[int]:
        """Give the keys of a part, in order."""
        return list(session.scalars(self._of(part, SyncStaged.key).order_by(SyncStaged.key)))

    def latest(self, session: Session) -> datetime | None:
        """Give the PSA's latest change in all that is staged."""
        return session.scalar(sa.select(sa.func.max(SyncStaged.latest)).where(SyncStaged.run_id == self.run_id))

    def _of(self, part: str, *columns: Any) -> Any:  # noqa: ANN401 - columns of any kind
        return sa.select(*columns).where(SyncStaged.run_id == self.run_id, SyncStaged.part == part)


def ids_of(part: str) -> str:
    """Name the part that says which ids the PSA has, once all of a part is read."""
    return f"{part}.ids"


def note_meanwhile(session: Session, agreement_id: int, company_id: int | None) -> None:
    """Tell the runs that wait or work that an agreement and its company were read anew since they began."""
    for run_id in list(session.scalars(beginnings())):
        row = SyncStaged(run_id=run_id, part=MEANWHILE, key=agreement_id, body=frozen({"company": company_id}))
        session.merge(row)
    session.flush()


def begun(session: Session, run_id: int) -> Body | None:
    """Give how a run's staging began; none where nothing is staged."""
    body = session.scalar(
        sa.select(SyncStaged.body).where(SyncStaged.run_id == run_id, SyncStaged.part == START, SyncStaged.key == 0)
    )
    return None if body is None else dict(json.loads(body))


def beginnings() -> sa.Select[Any]:
    """Select the runs whose staging may still be gone on with."""
    return sa.select(SyncStaged.run_id).where(SyncStaged.part == START)


def begin(session: Session, run_id: int, start: Body) -> None:
    """Note how a run's staging begins."""
    session.add(SyncStaged(run_id=run_id, part=START, key=0, body=frozen(start)))
    session.flush()


def hand_over(session: Session, run_id: int, heir: int) -> None:
    """Let another run go on with what one has staged."""
    moved = sa.update(SyncStaged).where(SyncStaged.run_id == run_id).values(run_id=heir)
    session.execute(moved.execution_options(synchronize_session=False))


def throw_away(session: Session, run_id: int) -> None:
    """Throw away what a run has staged, at once."""
    gone = sa.delete(SyncStaged).where(SyncStaged.run_id == run_id)
    session.execute(gone.execution_options(synchronize_session=False))


def forbid(session: Session, run_ids: Collection[int] | None = None) -> None:
    """Let nobody go on with what is staged, of these runs or of all; the rest of it is swept away later."""
    gone = sa.delete(SyncStaged).where(SyncStaged.part == START)
    if run_ids is not None:
        gone = gone.where(SyncStaged.run_id.in_(run_ids))
    session.execute(gone.execution_options(synchronize_session=False))


def sweep(session: Session) -> bool:
    """Throw away some of what nobody may go on with; call it until it says that nothing is left.

    Returns:
        Whether there may be more.
    """
    dead = sa.select(SyncStaged.run_id, SyncStaged.part, SyncStaged.key).where(SyncStaged.run_id.not_in(beginnings()))
    rows = session.execute(dead.limit(_AT_ONCE)).all()
    by_part: dict[tuple[int, str], list[int]] = {}
    for run_id, part, key in rows:
        by_part.setdefault((run_id, part), []).append(key)
    for (run_id, part), keys in by_part.items():
        gone = sa.delete(SyncStaged).where(
            SyncStaged.run_id == run_id, SyncStaged.part == part, SyncStaged.key.in_(keys)
        )
        session.execute(gone.execution_options(synchronize_session=False))
    return len(rows) == _AT_ONCE


def chunks(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    """Cut ids into lists of at most so many."""
    left = list(ids)
    for start in range(0, len(left), size):
        yield left[start : start + size]


def frozen(body: Mapping[str, Any]) -> str:
    """Write a body as JSON; decimals and moments as text, which is exact."""
    return json.dumps(body, default=_text, separators=(",", ":"), ensure_ascii=False)


def thawed(kind: type[Base], row: Mapping[str, Any]) -> Body:
    """Give a row's columns their types back."""
    readers = _readers(kind)
    return {
        name: readers[name](value) if value is not None and name in readers else value for name, value in row.items()
    }


def _thawed(body: Body) -> Body:
    return dict(json.loads(frozen(body)))


def _text(value: object) -> str | list[int]:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):  # a moment is one too
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no place in what is staged.")


@cache
def _readers(kind: type[Base]) -> Mapping[str, Callable[[str], Any]]:
    found: dict[str, Callable[[str], Any]] = {}
    for attribute in sa.inspect(kind).column_attrs:
        column = attribute.columns[0].type
        if isinstance(column, ExactDecimal):
            found[attribute.key] = Decimal
        elif isinstance(column, AwareTimestamp):
            found[attribute.key] = datetime.fromisoformat
        elif isinstance(column, sa.Date):
            found[attribute.key] = date.fromisoformat
    return found
