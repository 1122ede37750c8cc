"""A push that somebody was quicker than: what was seen, what is there, what can still be decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from portal.db.records import Push
from portal.services import cards
from portal.web.cards import context
from portal.web.cards.rows import Row
from portal.web.filters import day_words, quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A line that is not as the person saw it, both in words."""

    line: int
    saw: str
    has: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """A conflict, as its push's page shows it.

    Args:
        saw: What the lines summed to when it was decided.
        has: What they sum to by now.
        vendor: What the vendors count by now.
        by: Who changed it; "" where ConnectWise does not say.
        at: When.
        row: The card as it stands, with what can be decided on it; none where it was decided anew.
        nothing_left: ConnectWise has what the vendors count already.
        stands: Some steps were written before it stopped, or it was an undo: it can be undone (again).
    """

    saw: Decimal | None
    has: Decimal | None
    vendor: Decimal | None
    by: str
    at: datetime | None
    lines: tuple[Moved, ...]
    row: Row | None
    nothing_left: bool
    stands: bool


def clash_of(session: Session, push: Push) -> Clash:
    """Gather the conflict of a push that stopped as changed in ConnectWise."""
    found, card = push.found or {}, push.card
    at = found.get("changed_at") or found.get("at")
    current = card.decision_id == push.decision_id and card.state in cards.DECIDABLE
    return Clash(
        saw=_number(found.get("saw")),
        has=_number(found.get("has")),
        vendor=card.vendor_quantity,
        by=found.get("changed_by") or found.get("by") or "",
        at=None if at is None else datetime.fromisoformat(at),
        lines=tuple(
            Moved(line=one["id"], saw=_facts(one.get("saw"), "not there"), has=_facts(one.get("has"), "gone"))
            for one in found.get("lines", ())
        ),
        row=context.one_row(session, card, None) if current else None,
        nothing_left=current and card.kind == "no_change",
        stands=push.decision.action == "undo" or any(step.state == "done" for step in push.steps),
    )


def context_of(session: Session, push: Push) -> dict[str, Any]:
    """Give the page the conflict, or none."""
    return {"clash": clash_of(session, push) if push.state == "changed_in_psa" else None}


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _facts(line: Mapping[str, Any] | None, missing: str) -> str:
    """Say what is compared of a line: "12, until 14 Nov"."""
    if line is None:
        return missing
    words = quantity(_number(line.get("quantity")))
    if line.get("effective"):
        words += f", from {day_words(date.fromisoformat(line['effective']))}"
    return words + (f", until {day_words(date.fromisoformat(line['cancelled']))}" if line.get("cancelled") else "")
