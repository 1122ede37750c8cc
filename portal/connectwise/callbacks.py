"""Callbacks: where ConnectWise posts to when a record changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portal.connectwise.errors import OutcomeUnknown, UnexpectedPayload
from portal.connectwise.payload import Row
from portal.connectwise.resource import Resource

_DESCRIPTION = 100  # characters that ConnectWise takes
Kind = Literal["agreement", "company", "ticket", "invoice", "contact", "project", "opportunity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One callback that ConnectWise holds.

    Args:
        id: ConnectWise's id.
        description: What it is for.
        url: Where ConnectWise posts to.
        object_id: The id that ``level`` is about.
        kind: What it watches, as "agreement".
        level: Whose records: "owner" for all of them.
        inactive: Whether ConnectWise stopped posting.
    """

    id: int
    description: str
    url: str
    object_id: int | None
    kind: str
    level: str
    inactive: bool


class Callbacks(Resource[Callback]):
    """``/system/callbacks``."""

    path = "/system/callbacks"
    kind = "callback"
    fields = ("id", "description", "url", "objectId", "type", "level", "inactiveFlag")

    @classmethod
    def parse(cls, row: Row) -> Callback:
        """Read one callback."""
        return Callback(
            id=row.integer("id"),
            description=row.text("description"),
            url=row.text("url"),
            object_id=row.integer_or_none("objectId"),
            kind=row.text("type"),
            level=row.text("level"),
            inactive=row.flag("inactiveFlag"),
        )

    def list(self) -> list[Callback]:
        """Read all of this API member's; raises as ``all``."""
        return [*self.all()]

    def registrant(self, callback_id: int) -> str:
        """Read who registered a callback, by its id; "" where ConnectWise does not tell.

        Raises:
            Rejected: There is no such callback (``missing``).
        """
        answer = self._transport.get(f"{self.path}/{callback_id:d}")
        return Row(answer.value, self.kind, answer.request_id).text("_info/enteredBy")

    def create(self, kind: Kind, url: str, *, description: str, object_id: int = 1, level: str = "owner") -> Callback:
        """Ask ConnectWise to post changes somewhere; sent once.

        Args:
            kind: What to watch.
            url: Where to post to.
            description: What it is for; cut to what ConnectWise takes.
            object_id: The id that ``level`` is about.
            level: Whose records: "owner" for all of them.

        Raises:
            Rejected: ConnectWise refused.
            Unreachable: It was not sent, or put off.
            OutcomeUnknown: It was sent and its answer lost: ``list`` tells whether it is there.
        """
        body = {
            "description": description[:_DESCRIPTION],
            "url": url,
            "objectId": object_id,
            "type": kind,
            "level": level,
            "inactiveFlag": False,
        }
        answer = self._transport.post(self.path, body)
        try:
            return self.parse(Row(answer.value, self.kind, answer.request_id))
        except UnexpectedPayload as error:
            raise OutcomeUnknown(
                "ConnectWise's answer to a new callback could not be read, so it is not known whether it is there. "
                "Look at the list of callbacks before it is asked for again.",
                request_id=error.request_id,
                situation=error.situation,
            ) from error
