"""The audit trail: append-only, numbered without gaps, each event sealed by the hash of the one before it."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.domain.quantities import plain
from portal.services import audit_guards, made_up_mark
from portal.services.actors import Actor
from portal.services.audit_chain import Verdict, verify, verify_lines
from portal.services.audit_export import export_lines
from portal.services.audit_seal import FIRST, address_hash, seal, sealed_fields

__all__ = [
    "FIRST", "KINDS", "Verdict", "address_hash", "export_lines", "head", "record", "seal", "sealed_fields", "verify",
    "verify_lines",
]  # fmt: skip

KINDS = ("decision", "write", "mapping", "setting", "usage", "sync", "sign-in", "refusal")
_LOCK = 0x436F756E  # PostgreSQL's advisory lock of the chain; any number of our own


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
        Unguarded: The triggers that keep the trail as it is are gone. Signing in goes on, so that people can read.
    """
    if what not in KINDS:
        raise ValueError(f"There is no kind of event “{what}”.")
    if what != "sign-in":
        audit_guards.require(session)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    session.flush()
    number, previous = head(session)
    event = AuditEvent(
        n=number + 1,
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
        details=_plain_json(dict(details or {}) | ({"made_up": True} if made_up_mark.is_here(session) else {})),
        previous_hash=previous,
        hash="",
    )
    event.hash = seal(sealed_fields(event), event.previous_hash)
    session.add(event)
    session.flush()
    return event


def head(session: Session) -> tuple[int, str]:
    """Give the number and the hash of the newest event; before the first one 0 and `FIRST`."""
    last = session.execute(sa.select(AuditEvent.n, AuditEvent.hash).order_by(AuditEvent.n.desc()).limit(1)).first()
    return (0, FIRST) if last is None else (last.n, last.hash)


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
