"""Lays rows over mirrored ones: made, changed, left alone or marked as gone, and counted. Nothing is ever deleted."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.base import Base
from portal.db.records import PsaAddition
from portal.services.sync_stage import chunks

_IDS_A_TIME = 400  # in one condition


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
class Mirror:
    """A mirrored table, or the part of one that has these fixed columns.

    Args:
        session: A writing session.
        kind: The table.
        now: The moment of reading.
        counts: What became of its records.
        fixed: Columns that all of its rows share, such as which list they are in.
    """

    session: Session
    kind: type[Base]
    now: datetime
    counts: Counts
    fixed: Mapping[str, Any] | None = None

    def lay(self, rows: Mapping[int, Mapping[str, Any]], moved: Collection[int] = ()) -> dict[int, Mapping[str, Any]]:
        """Make and change rows.

        Args:
            rows: What was read, by id: each with the same columns.
            moved: Ids that changed beside their own columns.

        Returns:
            Those that are new or changed, by id, as they were: empty where new.
        """
        if not rows:
            return {}
        names = list(next(iter(rows.values())))
        before = self._before(list(rows), names)
        fresh: list[dict[str, Any]] = []
        changes: list[dict[str, Any]] = []
        touched: dict[int, Mapping[str, Any]] = {}
        for row_id, values in rows.items():
            old = before.get(row_id)
            if old is None:
                fresh.append({"id": row_id, **(self.fixed or {}), **values})
                touched[row_id] = {}
            elif old["gone_at"] is None and row_id not in moved and all(old[name] == values[name] for name in names):
                self.counts.same += 1
            else:
                changes.append({"id": row_id, **(self.fixed or {}), **values, "gone_at": None})
                touched[row_id] = old
        if fresh:
            self.session.execute(sa.insert(self.kind), fresh)
        if changes:
            self.session.execute(sa.update(self.kind), changes)
        self.counts.new += len(fresh)
        self.counts.changed += len(changes)
        return touched

    def mark_gone(self, ids: Collection[int]) -> list[int]:
        """Mark rows as gone that were not yet; gives those."""
        marked: list[int] = []
        for chunk in chunks(sorted(ids), _IDS_A_TIME):
            update = sa.update(self.kind).where(*self._where(), self._id.in_(chunk), self._gone_at.is_(None))
            update = update.values(gone_at=self.now).returning(self._id)
            marked += self.session.execute(update.execution_options(synchronize_session=False)).scalars()
        self.counts.gone += len(marked)
        return marked

    def standing(self) -> set[int]:
        """Give the ids of the rows that are not gone."""
        return set(self.session.scalars(sa.select(self._id).where(*self._where(), self._gone_at.is_(None))))

    def vanish(self, ids: Collection[int] | None, *, spare: Collection[int] = (), what: str) -> list[int]:
        """Mark as gone what ConnectWise no longer lists.

        Args:
            ids: Every id that it has; none: not known, so nothing is gone.
            spare: Ids that are known better.
            what: The records in words.

        Raises:
            ListedNothing: It lists nothing where there was something.
        """
        if ids is None:
            return []
        standing = self.standing()
        if standing and not ids:
            raise ListedNothing(
                f"ConnectWise listed no {what} at all, where there were {len(standing)}. "
                "Check that the API member's security role still lets it inquire all."
            )
        return self.mark_gone(standing - set(ids) - set(spare))

    def _before(self, ids: Iterable[int], names: Iterable[str]) -> dict[int, Mapping[str, Any]]:
        columns = [getattr(self.kind, name) for name in ("id", "gone_at", *names)]
        found: dict[int, Mapping[str, Any]] = {}
        for chunk in chunks(ids, _IDS_A_TIME):
            query = sa.select(*(column.label(column.key) for column in columns))
            for row in self.session.execute(query.where(*self._where(), self._id.in_(chunk))).mappings():
                found[row["id"]] = dict(row)
        return found

    def _where(self) -> Iterable[sa.ColumnElement[bool]]:
        return [getattr(self.kind, name) == value for name, value in (self.fixed or {}).items()]

    @property
    def _id(self) -> Any:  # noqa: ANN401 - a column of a table that is only known at run time
        return self.kind.id  # type: ignore[attr-defined]  # each mirrored table has one

    @property
    def _gone_at(self) -> Any:  # noqa: ANN401 - as above
        return self.kind.gone_at  # type: ignore[attr-defined]  # as above


_LINE = tuple(attribute.key for attribute in sa.inspect(PsaAddition).column_attrs if attribute.key != "gone_at")


def standing_lines(session: Session, agreement_ids: Collection[int]) -> dict[int, dict[int, Mapping[str, Any]]]:
    """Give the columns of the mirrored lines that are not gone, by agreement and id."""
    columns = [getattr(PsaAddition, name).label(name) for name in _LINE]
    found: dict[int, dict[int, Mapping[str, Any]]] = {}
    for chunk in chunks(agreement_ids, _IDS_A_TIME):
        query = sa.select(*columns).where(PsaAddition.agreement_id.in_(chunk), PsaAddition.gone_at.is_(None))
        for row in session.execute(query):
            values = dict(zip(_LINE, row, strict=True))
            found.setdefault(values["agreement_id"], {})[values["id"]] = values
    return found
