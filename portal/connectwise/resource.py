"""What all resources have in common: lists as typed records, ids, counts, one by id."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeVar

from portal.connectwise.conditions import Condition, after
from portal.connectwise.errors import UnexpectedPayload
from portal.connectwise.paging import Page, forward
from portal.connectwise.payload import Row
from portal.connectwise.transport import Transport

Record = TypeVar("Record")
Skipped = Callable[[UnexpectedPayload], None]
"""Is told of each record that cannot be read; the others are still yielded."""


class Resource(ABC, Generic[Record]):
    """A table of ConnectWise.

    Args:
        transport: Sends the requests.
    """

    path: ClassVar[str]
    kind: ClassVar[str]
    fields: ClassVar[tuple[str, ...]]

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @classmethod
    @abstractmethod
    def parse(cls, row: Row) -> Record:
        """Read one record.

        Raises:
            UnexpectedPayload: A field that must be there is not, or is of another kind.
        """

    def all(
        self,
        where: Condition | None = None,
        *,
        changed_since: datetime | None = None,
        skipped: Skipped | None = None,
    ) -> Iterator[Record]:
        """Yield every record, by id.

        Args:
            where: Which ones; all without it.
            changed_since: Only those that ConnectWise changed after this moment.
            skipped: Told of records that cannot be read; without it the first one raises.

        Raises:
            ConnectWiseError: As ``Transport.get``.
        """
        how = Reading(self.kind, self.fields, self.parse)
        return records(self._transport, self.path, how, where=where, changed_since=changed_since, skipped=skipped)

    def ids(self, where: Condition | None = None) -> Iterator[int]:
        """Yield the bare ids, which cost little: deleted rows just vanish from them."""
        params = {"fields": "id"} | ({} if where is None else {"conditions": where.text})
        for page in forward(self._transport, self.path, params):
            for raw in page.rows:
                yield Row(raw, self.kind, page.request_id).integer("id")

    def get(self, record_id: int) -> Record:
        """Read one record.

        Raises:
            Rejected: There is none (``missing``).
        """
        answer = self._transport.get(f"{self.path}/{record_id:d}")
        return self.parse(Row(answer.value, self.kind, answer.request_id))

    def count(self, where: Condition | None = None) -> int:
        """Count the records."""
        params = {} if where is None else {"conditions": where.text}
        answer = self._transport.get(f"{self.path}/count", params)
        return Row(answer.value, "count", answer.request_id).integer("count")


@dataclass(frozen=True, slots=True)
class Reading(Generic[Record]):
    """How one kind of record is read: its name, the fields asked for, and the parser."""

    kind: str
    fields: tuple[str, ...]
    parse: Callable[[Row], Record]


def records(
    transport: Transport,
    path: str,
    how: Reading[Record],
    *,
    where: Condition | None = None,
    changed_since: datetime | None = None,
    skipped: Skipped | None = None,
) -> Iterator[Record]:
    """Yield the records of one list, by id; arguments and errors as ``Resource.all``."""
    conditions = wanted(where, changed_since)
    params = {"fields": ",".join(how.fields)} | ({} if conditions is None else {"conditions": conditions})
    for page in forward(transport, path, params):
        yield from parsed(page, how, skipped)


def parsed(page: Page, how: Reading[Record], skipped: Skipped | None) -> Iterator[Record]:
    """Yield the records of one page that can be read; errors as ``Resource.all``."""
    for raw in page.rows:
        try:
            record = how.parse(Row(raw, how.kind, page.request_id))
        except UnexpectedPayload as error:
            if skipped is None:
                raise
            skipped(error)
        else:
            yield record


def wanted(where: Condition | None, changed_since: datetime | None) -> str | None:
    """Write which records are wanted as ConnectWise's conditions; none: all."""
    changed = None if changed_since is None else after("lastUpdated", changed_since)
    condition = changed if where is None else where if changed is None else where & changed
    return None if condition is None else condition.text
