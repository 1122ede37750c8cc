"""Many rows of every list, written straight into a store. Each list is told which numbers its rows have."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    AuditEvent,
    Card,
    Person,
    PsaCompany,
    PsaListRow,
    SplitRule,
    UsageImport,
    Vendor,
    VendorAccount,
)
from portal.services import audit
from portal.services.audit_seal import seal, sealed_fields
from tests.support.many_accounts import names

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)
STATUS = 77  # the company status that every company of `companies` carries


def people(session: Session, numbers: range) -> None:
    """Add people who may sign in but have not come yet."""
    rows = [
        {"email": f"p{at}@many.example", "name": f"Person {at:06}", "role": "viewer", "active": True,
         "preferences": {}, "created_at": NOW}
        for at in numbers
    ]  # fmt: skip
    _insert(session, Person, rows)


def events(session: Session, numbers: range) -> None:
    """Append events to the audit trail, sealed as ever."""
    number, previous = audit.head(session)
    rows: list[dict[str, Any]] = []
    for at in range(number + 1, number + len(numbers) + 1):
        event = AuditEvent(
            n=at, at=NOW + timedelta(seconds=at), what="mapping", action="mapping.account", person="Dana",
            sentence=f"Mapped the account {at}.", details={}, previous_hash=previous, hash="",
        )  # fmt: skip
        event.hash = previous = seal(sealed_fields(event), previous)
        rows.append(
            {"n": at, "at": event.at, "what": event.what, "action": event.action, "person": event.person,
             "sentence": event.sentence, "details": {}, "previous_hash": event.previous_hash, "hash": event.hash}
        )  # fmt: skip
    _insert(session, AuditEvent, rows)


def companies(session: Session, numbers: range, *, gone: bool = False) -> None:
    """Add companies that carry one status; `gone`: ones that ConnectWise no longer has, each with an account."""
    first = 50_000 if gone else 30_000
    rows = [
        {"id": first + at, "identifier": f"m{first + at}", "name": name, "in_scope": True, "deleted": gone,
         "scope_reason": "", "needs_decision": False, "status_id": STATUS}
        for at, name in zip(numbers, islice(names(), numbers.start, numbers.stop), strict=True)
    ]  # fmt: skip
    _insert(session, PsaCompany, rows)
    if session.get(PsaListRow, ("status", STATUS)) is None:
        session.add(PsaListRow(list="status", id=STATUS, name="Customer"))
    if gone:
        vendor = _vendor(session, "merger").id
        mapped = [
            {"vendor_id": vendor, "account_external_id": f"g-{at}", "account_name": row["name"], "state": "mapped",
             "company_id": row["id"], "how": "person", "decided_by": "D", "decided_at": NOW}
            for at, row in zip(numbers, rows, strict=True)
        ]  # fmt: skip
        _insert(session, AccountMapping, mapped)


def splits(session: Session, numbers: range) -> None:
    """Add split rules, each of another company."""
    rows = [
        {"company_id": 30_000 + at, "product": "SEAT", "all_to": 7, "set_by": "Dana", "set_at": NOW} for at in numbers
    ]
    _insert(session, SplitRule, rows)


def statuses(session: Session, numbers: range) -> None:
    """Add company statuses without a meaning."""
    _insert(session, PsaListRow, [{"list": "status", "id": 1000 + at, "name": f"Status {at:06}"} for at in numbers])


def a_held_feed(session: Session, numbers: range) -> None:
    """Add accounts to a vendor whose file is held, since so many of them fell."""
    vendor = _vendor(session, "vaultline").id
    accounts = [
        {"vendor_id": vendor, "external_id": f"v-{at:06}", "name": f"Fallen {at:06}", "status": "", "seen_at": NOW}
        for at in numbers
    ]
    _insert(session, VendorAccount, accounts)
    held = session.scalar(sa.select(UsageImport).where(UsageImport.vendor_id == vendor))
    if held is None:
        held = UsageImport(
            vendor_id=vendor, filename="v.csv", sha256="0" * 64, size=1, state="held", imported_by="Dana",
            imported_at=NOW, period="2026-10", counted_at=NOW, complete=True, fallen={},
            spec={"columns": {"account_id": "Id", "service_id": "Service", "count": "Units"}},
        )  # fmt: skip
        session.add(held)
    held.fallen = {**held.fallen, **{f"v-{at:06}": ["34", "0"] for at in numbers}}
    session.flush()


def cards(session: Session, numbers: range) -> None:
    """Add open cards of the month, of fifty companies."""
    rows = [
        {"period": "2026-10", "company_id": 30_000 + at % 50, "company": f"Company {at % 50:02}",
         "agreement_id": 1 + at % 50, "agreement": "Managed", "product": f"P-{at:05}", "product_name": f"Product {at}",
         "kind": "increase", "psa_quantity": Decimal(5), "vendor_quantity": Decimal(7),
         "proposed_quantity": Decimal(7), "difference": Decimal(2), "unit_price": Decimal("9.5"),
         "revenue_change": Decimal(19), "at_stake": Decimal(19), "currency": "USD", "prorates": False,
         "vendors": "|vaultline|", "facts": {}, "made_at": NOW, "changed_at": NOW}
        for at in numbers
    ]  # fmt: skip
    _insert(session, Card, rows)


def _vendor(session: Session, slug: str) -> Vendor:
    vendor = session.scalar(sa.select(Vendor).where(Vendor.slug == slug))
    if vendor is None:
        vendor = Vendor(slug=slug, title=slug.capitalize(), age_limit_hours=168, last_commit_at=NOW, created_at=NOW)
        session.add(vendor)
        session.flush()
    return vendor


def _insert(session: Session, record: type[Any], rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(sa.insert(record), rows)
    session.flush()
