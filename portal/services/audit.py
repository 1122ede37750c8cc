"""The audit trail: append-only, numbered without gaps, each event sealed by the hash of the one before it."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.domain.quantities import plain
from portal.services.actors import Actor

UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, RecursionError, ArithmeticError)
# what reading a row raises that somebody changed behind our back
FIRST = "0" * 64  # what the first event names as the hash before it
KINDS = ("decision", "write", "mapping", "setting", "usage", "sync", "sign-in")
_LOCK = 0x436F756E  # PostgreSQL's advisory lock of the chain; any number of our own


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a chain is whole.

    Args:
        events: How many events were checked, up to the break if there is one.
        head: The hash of the last sound event; keep it elsewhere to notice a shortened chain later.
        broken_at: The number of the first event that does not fit; none where the chain is whole.
        why: A sentence.
    """

    ok: bool
    events: int
    head: str
    broken_at: int | None
    why: str


def record(
    session: Session,
    *,
    what: str,
    action: str,
    by: Actor,
    now: datetime,
    sentence: str,
    company_id: int | None = None,
    company: str | None = None,
    agreement_id: int | None = None,
    product: str | None = None,
    card_id: int | None = None,
    decision_id: int | None = None,
    push_id: int | None = None,
    before: Decimal | str | None = None,
    after: Decimal | str | None = None,
    effective: date | None = None,
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Append one event, in the transaction of the change that it tells of.

    Args:
        session: A writing session.
        what: One of `KINDS`.
        action: What was done, in words for machines, such as `card.approve`.
        by: Who did it.
        now: When, by the business clock.
        sentence: What happened, for people, without the name of who did it.
        company_id: The company it is about, likewise the next ones.
        company: Its name at that time.
        agreement_id: The agreement.
        product: The product identifier.
        card_id: The card.
        decision_id: The decision.
        push_id: The push.
        before: The value before; quantities are written plainly.
        after: The value after.
        effective: From which day; none: immediately.
        reason: What the person gave as reason.
        details: Whatever else was seen, planned or answered; decimals and dates are written as text.

    Raises:
        ValueError: `what` is not one of `KINDS`.
    """
    if what not in KINDS:
        raise ValueError(f"There is no kind of event “{what}”.")
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    session.flush()
    last = session.execute(sa.select(AuditEvent.n, AuditEvent.hash).order_by(AuditEvent.n.desc()).limit(1)).first()
    event = AuditEvent(
        n=1 if last is None else last.n + 1,
        at=now.astimezone(UTC),
        what=what,
        action=action,
        person_id=by.person_id,
        person=by.name,
        address=by.address,
        salt=None if by.address is None else secrets.token_hex(16),
        sentence=sentence,
        company_id=company_id,
        company=company,
        agreement_id=agreement_id,
        product=product,
        card_id=card_id,
        decision_id=decision_id,
        push_id=push_id,
        before=_text(before),
        after=_text(after),
        effective=effective,
        reason=reason or None,
        details=_plain_json(details or {}),
        previous_hash=FIRST if last is None else last.hash,
        hash="",
    )
    event.hash = seal(sealed_fields(event), event.previous_hash)
    session.add(event)
    session.flush()
    return event


def sealed_fields(event: AuditEvent) -> dict[str, Any]:
    """Give the fields that enter the hash, as an export writes them; of the address only its salted hash."""
    return {
        "n": event.n,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "what": event.what,
        "action": event.action,
        "person_id": event.person_id,
        "person": event.person,
        "address_hash": _address_hash(event.address, event.salt),
        "sentence": event.sentence,
        "company_id": event.company_id,
        "company": event.company,
        "agreement_id": event.agreement_id,
        "product": event.product,
        "card_id": event.card_id,
        "decision_id": event.decision_id,
        "push_id": event.push_id,
        "before": event.before,
        "after": event.after,
        "effective": None if event.effective is None else event.effective.isoformat(),
        "reason": event.reason,
        "details": event.details,
    }


def seal(fields: Mapping[str, Any], previous_hash: str) -> str:
    """Hash the fields of an event over the hash of the event before it (SHA-256, hexadecimal).

    The text that is hashed is the previous hash, a line feed, and the fields as JSON with sorted keys, no blanks and
    no escapes beyond those that JSON demands, in UTF-8.
    """
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(f"{previous_hash}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def verify(session: Session, *, head: str | None = None) -> Verdict:
    """Check the whole chain in the store.

    Args:
        session: For reading.
        head: A hash that was noted earlier. It must still be in the chain, else its end was cut off.
    """
    chain = _Chain(head)
    query = sa.select(AuditEvent).order_by(AuditEvent.n).execution_options(yield_per=1000)
    try:
        for event in session.scalars(query):
            if not chain.take(event.n, event.previous_hash, event.hash, sealed_fields(event)):
                break
    except UNREADABLE:
        _verify_singly(session, chain)
    return chain.verdict()


def _verify_singly(session: Session, chain: "_Chain") -> None:
    """Go on one event at a time, to find the one that holds what no event can hold."""
    while True:
        number = chain.events + 1
        try:
            event = session.scalars(sa.select(AuditEvent).where(AuditEvent.n == number)).one_or_none()
            if event is None:
                chain.breaks(number, f"Event {number} is missing.")
                return
            if not chain.take(event.n, event.previous_hash, event.hash, sealed_fields(event)):
                return
        except UNREADABLE:
            chain.breaks(number, f"Event {number} was changed after it was written: it cannot be read any more.")
            return


def export_lines(session: Session, *where: sa.ColumnElement[bool], addresses: bool = False) -> Iterator[str]:
    """Write the trail as JSON lines that verify offline.

    An event that a filter leaves out keeps its number and hashes, so that the chain still verifies.

    Args:
        session: For reading.
        where: Conditions on `AuditEvent`; none: everything.
        addresses: Also write addresses with their salts, which not everyone may read.
    """
    chosen = None
    if where:
        chosen = iter(session.scalars(sa.select(AuditEvent.n).where(*where).order_by(AuditEvent.n)).all())
    following = next(chosen, None) if chosen is not None else None
    query = sa.select(AuditEvent).order_by(AuditEvent.n).execution_options(yield_per=1000)
    for event in session.scalars(query):
        hashes = {"previous_hash": event.previous_hash, "hash": event.hash}
        if chosen is None or event.n == following:
            line = sealed_fields(event) | hashes
            if addresses:
                line |= {"address": event.address, "salt": event.salt}
            if chosen is not None:
                following = next(chosen, None)
        else:
            line = {"n": event.n, "left_out": True} | hashes
        yield json.dumps(line, ensure_ascii=False, allow_nan=False)


def verify_lines(lines: Iterable[str], *, head: str | None = None) -> Verdict:
    """Check exported JSON lines without a database.

    Args:
        lines: As `export_lines` wrote them; blank ones do not count.
        head: A hash that was noted earlier, or none.
    """
    chain = _Chain(head)
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
                if _address_hash(address, salt) != line.get("address_hash"):
                    chain.breaks(number, f"The address of event {number} was changed.")
                    break
            fields = {"n": n, **line}
        if not chain.take(n, previous, own, fields):
            break
    return chain.verdict()


class _Chain:
    """Walks along the events and stops at the first that does not fit."""

    def __init__(self, head: str | None) -> None:
        self.events = 0
        self.last = FIRST
        self.broken_at: int | None = None
        self.why = ""
        self.wanted_head = head.strip().lower() if head else None
        self.head_seen = self.wanted_head in {None, FIRST}

    def take(self, n: object, previous: object, own: object, fields: Mapping[str, Any] | None) -> bool:
        """Check one event; without fields (left out of an export) only its place."""
        expected = self.events + 1
        if n != expected:
            return self.breaks(expected, f"Event {expected} is missing.")
        if previous != self.last:
            return self.breaks(expected, f"Event {expected} does not follow from the event before it.")
        if not isinstance(own, str) or (fields is not None and seal(fields, self.last) != own):
            return self.breaks(expected, f"Event {expected} was changed after it was written.")
        self.events, self.last = expected, own
        self.head_seen = self.head_seen or own == self.wanted_head
        return True

    def breaks(self, number: int, why: str) -> bool:
        """Note the first break."""
        self.broken_at, self.why = number, why
        return False

    def verdict(self) -> Verdict:
        """Give the verdict."""
        if self.broken_at is None and not self.head_seen:
            self.breaks(self.events + 1, f"The chain ends at event {self.events}, before the hash that was noted.")
        ok = self.broken_at is None
        return Verdict(
            ok=ok,
            events=self.events,
            head=self.last,
            broken_at=self.broken_at,
            why=f"The chain is whole: {self.events} events." if ok else self.why,
        )


def _address_hash(address: str | None, salt: str | None) -> str | None:
    return None if address is None else hashlib.sha256(f"{salt}{address}".encode()).hexdigest()


def _text(value: Decimal | str | None) -> str | None:
    return plain(value) if isinstance(value, Decimal) else value


def _plain_json(value: Any) -> Any:  # noqa: ANN401 - whatever JSON may hold
    """Bring a value to what JSON holds exactly: decimals and dates become text, floats are refused."""
    if isinstance(value, Mapping):
        return {str(key): _plain_json(item) for key, item in value.items()}
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return [_plain_json(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in an audit event.")
