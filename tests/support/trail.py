"""Trails of any length, sealed as the portal seals them, written without going through it."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.services import audit

PEOPLE = ("Dana", "Marcus", "Priya", "Countersign", "command line")
WHATS = ("decision", "write", "decision", "write", "mapping", "setting", "usage", "sync", "sign-in", "refusal")
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=50)  # between two events: a million of them fill a year and a half
_INSERTED = 5_000
TRIGGERS = ("audit_event_no_update", "audit_event_no_delete", "audit_event_only_at_the_end")


def events(count: int, *, first: int = 1, previous: str = audit.FIRST, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Make events as rows; companies, products, agreements and cards as many as a large provider has."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    for n in range(first, first + count):
        what = WHATS[chance.randrange(len(WHATS))]
        company = chance.randrange(1, 3001)
        about = what in {"decision", "write"}
        row: dict[str, Any] = {
            "n": n,
            "at": BEGIN + n * STEP,
            "what": what,
            "action": "card.approve" if what == "decision" else f"{what}.made",
            "person_id": chance.randrange(1, 6),
            "person": PEOPLE[chance.randrange(len(PEOPLE))],
            "address": None,
            "salt": None,
            "sentence": f"Approved {n} for SKU-{company % 90} of Company {company:04}.",
            "company_id": company if about else None,
            "company": f"Company {company:04}" if about else None,
            "agreement_id": company * 2 + n % 2 if about else None,
            "product": f"SKU-{company % 90}" if about else None,
            "card_id": chance.randrange(1, 200_000) if about else None,
            "decision_id": n if about else None,
            "push_id": n // 3 if about else None,
            "before": str(n % 50),
            "after": str(n % 50 + 3),
            "effective": None,
            "reason": "Agreed by phone" if n % 17 == 0 else None,
            "details": {
                "seen": {"psa": str(n % 50), "vendor": str(n % 50 + 3), "too_old": ["A"] if n % 97 == 0 else []},
                "plan": {"steps": [{"action": "set", "addition": n}], "effect": {"per_month": f"{n % 300}.50"}},
                "ticked": ["invoiced_ok"] if n % 53 == 0 else [],
            },
        }  # fmt: skip
        sealed = {name: value for name, value in row.items() if name not in {"address", "salt", "at"}}
        sealed |= {"at": row["at"].isoformat(timespec="microseconds"), "address_hash": None}
        row["previous_hash"], row["hash"] = previous, audit.seal(sealed, previous)
        previous = row["hash"]
        yield row


def grow(session: Session, count: int, *, seed: int = 1) -> None:
    """Write so many events at the end of the trail, and commit."""
    number, previous = audit.head(session)
    some: list[dict[str, Any]] = []
    for row in events(count, first=number + 1, previous=previous, seed=seed):
        some.append(row)
        if len(some) == _INSERTED:
            session.execute(sa.insert(AuditEvent), some)
            some = []
    if some:
        session.execute(sa.insert(AuditEvent), some)
    session.commit()


def unguard(connection: sa.Connection) -> None:
    """Take the triggers out, as somebody with the file would first."""
    for name in TRIGGERS:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")


def reseal(connection: sa.Connection, first: int) -> None:
    """Seal every event from one on anew, as somebody would who knows how."""
    previous = connection.execute(sa.select(AuditEvent.hash).where(AuditEvent.n == first - 1)).scalar() or audit.FIRST
    for event in connection.execute(
        sa.select(AuditEvent.__table__).where(AuditEvent.n >= first).order_by(AuditEvent.n)
    ).all():
        own = audit.seal(audit.sealed_fields(event), previous)
        connection.execute(
            sa.update(AuditEvent).where(AuditEvent.n == event.n).values(previous_hash=previous, hash=own)
        )
        previous = own
