"""ConnectWise's own audit trail: who changed what, when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from portal.connectwise.paging import numbered
from portal.connectwise.payload import Row
from portal.connectwise.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One entry of ConnectWise's audit trail.

    Args:
        text: What was changed, in ConnectWise's words.
        entered_at: When, in UTC.
        entered_by: By whom; for the portal's own writes, its API member.
        kind: ConnectWise's audit type.
        sub_kind: ConnectWise's audit sub-type.
        source: Where the change came from, in ConnectWise's words.
    """

    text: str
    entered_at: datetime | None
    entered_by: str
    kind: str
    sub_kind: str
    source: str


class AuditTrail:
    """``/system/audittrail``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def of(self, agreement_id: int, newest: int | None = None) -> Iterator[AuditEntry]:
        """Yield an agreement's entries, those of its additions included, newest first.

        Args:
            agreement_id: The agreement.
            newest: How many to read at most; all without it.

        Raises:
            ConnectWiseError: As ``Transport.get``.
        """
        params = {"type": "Agreement", "id": f"{agreement_id:d}"}
        return islice(self._entries(params), newest)

    def of_agreement(self, agreement_id: int, *, most: int | None = None) -> Iterator[AuditEntry]:
        """Yield an agreement's entries as ``of`` does."""
        return self.of(agreement_id, most)

    def _entries(self, params: dict[str, str]) -> Iterator[AuditEntry]:
        for page in numbered(self._transport, "/system/audittrail", params):
            for raw in page.rows:
                row = Row(raw, "audit-trail entry", page.request_id)
                yield AuditEntry(
                    text=row.text("text"),
                    entered_at=row.moment("enteredDate"),
                    entered_by=row.text("enteredBy"),
                    kind=row.text("auditType"),
                    sub_kind=row.text("auditSubType"),
                    source=row.text("auditSource"),
                )
