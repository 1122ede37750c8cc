"""What took effect in the sandbox, in the order in which it did: the journal of requests tells the order of answers."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from portal.sandbox.changes import Change, Tables
from portal.sandbox.jsontext import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One write to an addition that took effect.

    Args:
        ours: By the portal's API member; else by a person.
        created: It is a new line.
        product: The line's product.
        quantity: After it.
        ended: The line's last day after it, if any.
        effective: The line's first day.
        changed: What it changed of a line that was there: "quantity", "ended", or nothing.
    """

    number: int
    ours: bool
    created: bool
    line: int
    agreement: int
    product: str
    quantity: Decimal
    ended: str | None
    effective: str | None
    changed: str = ""


class Effects:
    """Watches a sandbox.

    Args:
        member: The portal's API member.
    """

    def __init__(self, member: str) -> None:
        self._member = member
        self._guard = threading.Lock()
        self.all: list[Effect] = []

    def wrote(self, change: Change, tables: Tables) -> None:
        """Note a write."""
        del tables
        if change.resource != "additions" or change.after is None:
            return
        row = change.after
        product = row.get("product")
        with self._guard:
            self.all.append(
                Effect(
                    number=len(self.all),
                    ours=change.by == self._member,
                    created=change.before is None,
                    line=change.key,
                    agreement=int(str(row["agreementId"])),
                    product=str(product["identifier"]) if isinstance(product, Mapping) else "",
                    quantity=Decimal(str(row["quantity"])),
                    ended=_day(row, "cancelledDate"),
                    effective=_day(row, "effectiveDate"),
                    changed=_changed(change.before, row),
                )
            )

    def moved(self, before: Tables, after: Tables) -> None:
        """Take no note of steps: a storm takes none."""


def _day(row: Record, name: str) -> str | None:
    value = row.get(name)
    return None if value is None else str(value)[:10]


def _changed(before: Record | None, after: Record) -> str:
    if before is None:
        return ""
    if before.get("quantity") != after.get("quantity"):
        return "quantity"
    return "ended" if _day(before, "cancelledDate") != _day(after, "cancelledDate") else ""
