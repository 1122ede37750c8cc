"""What changed in the PSA, for those who are told of changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from portal.sandbox.jsontext import Record

Tables = Mapping[str, Mapping[int, Record]]
"""Every record, by resource and id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record that was made, changed or deleted.

    Args:
        resource: Its kind.
        key: Its id.
        before: As it stood; None: it is new.
        after: As it stands; None: it was deleted.
        by: The identifier of the member who did it.
    """

    resource: str
    key: int
    before: Record | None
    after: Record | None
    by: str


class Watcher(Protocol):
    """Who is told of changes. Both are called while the PSA stands still, so they must not wait."""

    def wrote(self, change: Change, tables: Tables) -> None:
        """A caller made, changed or deleted a record."""

    def moved(self, before: Tables, after: Tables) -> None:
        """The set moved to another step."""


def between(resource: str, before: Mapping[int, Record], after: Mapping[int, Record]) -> list[Change]:
    """What differs between two states of a resource; the author is the one that each record names."""
    changes = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old != new:
            changes.append(Change(resource=resource, key=key, before=old, after=new, by=_author(new or old or {})))
    return changes


def _author(record: Record) -> str:
    info = record.get("_info")
    return str(info.get("updatedBy", "")) if isinstance(info, dict) else ""
