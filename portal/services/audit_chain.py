"""Whether the chain of events is whole: in the store, in an export, and against what was noted outside the store."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.services.audit_seal import FIRST, UNREADABLE, address_hash, seal, sealed_fields

SLICE = 2000  # events read at a time: the memory that a check takes does not grow with the trail


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a chain is whole.

    Args:
        events: How many events were checked, up to the break if there is one.
        head: The hash of the last sound event; keep it elsewhere to notice a shortened chain later.
        broken_at: The number of the first event that does not fit; none where the chain is whole.
        why: A sentence.
        anchors: How many hashes that were noted outside were found in their places.
    """

    ok: bool
    events: int
    head: str
    broken_at: int | None
    why: str
    anchors: int = 0


@dataclass(frozen=True, slots=True)
class Anchor:
    """The hash of an event as it was noted outside the store.

    Args:
        n: The event's number.
        hash: Its hash.
        at: When it was noted, if known; real time.
    """

    n: int
    hash: str
    at: datetime | None = None


@dataclass(slots=True)
class Chain:
    """Walks along the events and stops at the first that does not fit.

    Args:
        wanted_head: A hash that must come by; none: any chain will do.
        anchors: What was noted outside, by the event's number.
        events: How many events were found sound before.
        last: The hash of the last of them.
    """

    wanted_head: str | None = None
    anchors: Mapping[int, list[Anchor]] = field(default_factory=dict)
    events: int = 0
    last: str = FIRST
    broken_at: int | None = None
    why: str = ""
    head_seen: bool = False
    agreed: int = 0
    newest_agreed: int = 0

    def __post_init__(self) -> None:
        """Tidy the head that is looked for."""
        self.wanted_head = self.wanted_head.strip().lower() if self.wanted_head else None
        self.head_seen = self.wanted_head in {None, FIRST}
        self.newest_agreed = max((number for number in self.anchors if number <= self.events), default=0)

    def take(self, n: object, previous: object, own: object, fields: Mapping[str, Any] | None) -> bool:
        """Check one event; without fields (left out of an export) only its place."""
        expected = self.events + 1
        if n != expected:
            return self.breaks(expected, f"Event {expected} is missing.")
        if previous != self.last:
            return self.breaks(expected, f"Event {expected} does not follow from the event before it.")
        if not isinstance(own, str) or (fields is not None and seal(fields, self.last) != own):
            return self.breaks(expected, f"Event {expected} was changed after it was written.")
        for anchor in self.anchors.get(expected, ()):
            if anchor.hash != own:
                since = self.newest_agreed + 1
                where = "It is" if since == expected else f"Events {since} to {expected} are"
                return self.breaks(
                    since,
                    f"Event {expected} has another hash than was noted outside{_on(anchor)}. {where} not what was "
                    "written then, though the seals fit.",
                )
            self.agreed, self.newest_agreed = self.agreed + 1, expected
        self.events, self.last = expected, own
        self.head_seen = self.head_seen or own == self.wanted_head
        return True

    def breaks(self, number: int, why: str) -> bool:
        """Note the first break."""
        self.broken_at, self.why = number, why
        return False

    def verdict(self) -> Verdict:
        """Give the verdict at the end of the chain."""
        beyond = max((number for number in self.anchors if number > self.events), default=None)
        if self.broken_at is None and beyond is not None:
            noted = _on(self.anchors[beyond][0])
            self.breaks(
                self.events + 1,
                f"The chain ends at event {self.events}, but event {beyond} was noted outside{noted}. "
                "Its end was cut off.",
            )
        if self.broken_at is None and not self.head_seen:
            self.breaks(self.events + 1, f"The chain ends at event {self.events}, before the hash that was noted.")
        ok = self.broken_at is None
        return Verdict(
            ok=ok,
            events=self.events if ok else min(self.events, (self.broken_at or 1) - 1),
            head=self.last,
            broken_at=self.broken_at,
            why=f"The chain is whole: {self.events} events." if ok else self.why,
            anchors=self.agreed,
        )


def verify(session: Session, *, head: str | None = None, anchors: Iterable[Anchor] = ()) -> Verdict:
    """Check the whole chain in the store.

    Args:
        session: For reading.
        head: A hash that was noted earlier. It must still be in the chain, else its end was cut off.
        anchors: What was noted outside the store; read it before the session's snapshot begins.
    """
    chain = Chain(head, by_number(anchors))
    while walk(session, chain, SLICE):
        pass
    return chain.verdict()


def by_number(anchors: Iterable[Anchor]) -> dict[int, list[Anchor]]:
    """Sort anchors by the event that they are of."""
    found: dict[int, list[Anchor]] = {}
    for anchor in anchors:
        found.setdefault(anchor.n, []).append(anchor)
    return found


def walk(session: Session, chain: Chain, count: int) -> bool:
    """Check the next events.

    Args:
        session: For reading.
        chain: Where the check is; it moves on.
        count: How many at most.

    Returns:
        Whether there may be more: false at the end of the chain, and where it broke.
    """
    query = sa.select(AuditEvent.__table__).order_by(AuditEvent.n).limit(count)
    if chain.events:  # without: also what stands before the first event, where none belongs
        query = query.where(AuditEvent.n > chain.events)
    taken = 0
    try:
        for event in session.execute(query):
            if not chain.take(event.n, event.previous_hash, event.hash, sealed_fields(event)):
                return False
            taken += 1
    except UNREADABLE:
        return _walk_singly(session, chain, count)
    return taken == count


def _walk_singly(session: Session, chain: Chain, count: int) -> bool:
    """Go on one event at a time, to find the one that holds what no event can hold."""
    for _ in range(count):
        number = chain.events + 1
        try:
            event = session.execute(sa.select(AuditEvent.__table__).where(AuditEvent.n == number)).one_or_none()
            if event is None:
                return chain.breaks(number, f"Event {number} is missing.")
            if not chain.take(event.n, event.previous_hash, event.hash, sealed_fields(event)):
                return False
        except UNREADABLE:
            return chain.breaks(number, f"Event {number} was changed after it was written: it cannot be read any more.")
    return True


def verify_lines(lines: Iterable[str], *, head: str | None = None, anchors: Iterable[Anchor] = ()) -> Verdict:
    """Check exported JSON lines without a database.

    Args:
        lines: As `export_lines` wrote them; blank ones do not count.
        head: A hash that was noted earlier, or none.
        anchors: What was noted outside the store, or nothing.
    """
    chain = Chain(head, by_number(anchors))
    for text in lines:
        if not text.strip():
            continue
        number = chain.events + 1
        try:
            line = json.loads(text)
            n, previous, own = line.pop("n"), line.pop("previous_hash"), line.pop("hash")
        except UNREADABLE:
            chain.breaks(number, f"Line {number} cannot be read as an event.")
            break
        if line.pop("left_out", False) is True:
            fields = None
        else:
            if "salt" in line:
                address, salt = line.pop("address", None), line.pop("salt")
                if address_hash(address, salt) != line.get("address_hash"):
                    chain.breaks(number, f"The address of event {number} was changed.")
                    break
            fields = {"n": n, **line}
        if not chain.take(n, previous, own, fields):
            break
    return chain.verdict()


def _on(anchor: Anchor) -> str:
    return "" if anchor.at is None else f" on {anchor.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
