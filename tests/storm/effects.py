"""What took effect in the sandbox, in the order in which it did: the journal of requests tells the order of answers."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from portal.sandbox.changes import Change, Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One write to an addition that took effect.

    Args:
        ours: By the portal's API member; else by a person.
        created: It is a new line.
        product: The line's product.
        quantity: After it.
        ended: The line's last day after it, if any.
    """

    number: int
    ours: bool
    created: bool
    line: int
    agreement: int
    product: str
    quantity: Decimal
    ended: str | None


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
        ended = row.get("cancelledDate")
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
                    ended=None if ended is None else str(ended)[:10],
                )
            )

    def moved(self, before: Tables, after: Tables) -> None:
        """Take no note of steps: a storm takes none."""
