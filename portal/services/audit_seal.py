"""The seal of an event: which of its fields enter the hash, and how. Whoever verifies offline does the same."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from portal.db.records import AuditEvent

FIRST = "0" * 64  # what the first event names as the hash before it
UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, RecursionError, ArithmeticError)
# what reading a row raises that somebody changed behind our back

Event = AuditEvent | sa.Row[Any]
"""An event as a record, or as a bare row of its table, which is read in half the time."""


def sealed_fields(event: Event) -> dict[str, Any]:
    """Give the fields that enter the hash, as an export writes them; of the address only its salted hash."""
    return {
        "n": event.n,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "what": event.what,
        "action": event.action,
        "person_id": event.person_id,
        "person": event.person,
        "address_hash": address_hash(event.address, event.salt),
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


def address_hash(address: str | None, salt: str | None) -> str | None:
    """Hash an address over its salt, so that an export can carry the seal without the address."""
    return None if address is None else hashlib.sha256(f"{salt}{address}".encode()).hexdigest()
