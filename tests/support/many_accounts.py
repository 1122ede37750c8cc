"""Many vendor accounts, written straight into a store: companies, counts of two months, some mapped already."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    PsaCompany,
    PsaProduct,
    ServiceMapping,
    ServiceProduct,
    UsageCount,
    UsageImport,
    Vendor,
    VendorAccount,
    VendorService,
    VendorWordMeaning,
)

EARLIER = datetime(2026, 10, 1, 12, tzinfo=UTC)
_SYLLABLES = ("al", "bir", "ced", "dun", "el", "fen", "gar", "hol", "iv", "jun", "kes", "lar")
_TRADES = ("Dental", "Freight", "Legal", "Bakery", "Optics", "Clinic", "Joinery", "Foundry")
_MAPPED, _INACTIVE = 5, 7  # every so manyth account is mapped, or archived


def names() -> Iterator[str]:
    """Give as many different names of companies as are wanted, at most 13,824."""
    for first, second, third, trade in product(_SYLLABLES, _SYLLABLES, _SYLLABLES, _TRADES):
        yield f"{first}{second}{third} {trade}".capitalize()


def pour(session: Session, *, accounts: int, companies: int, vendors: int = 3) -> None:
    """Fill an empty store; the caller commits.

    Args:
        session: A writing session.
        accounts: Of all vendors together; each of them bears a company's name, with a legal form.
        companies: All in scope.
        vendors: Each has two services, one of them mapped.
    """
    of_companies = [name for name, _ in zip(names(), range(companies), strict=False)]
    session.execute(
        sa.insert(PsaCompany),
        [
            {"id": 100 + at, "identifier": f"c{at}", "name": name, "in_scope": True, "deleted": False,
             "scope_reason": "", "needs_decision": False}
            for at, name in enumerate(of_companies)
        ],
    )  # fmt: skip
    session.add(PsaProduct(id=1, identifier="SEAT", description="Seat", price=Decimal("9.50"), product_class="Service"))
    for place in range(vendors):
        _pour_vendor(session, place, range(place, accounts, vendors), of_companies)
    session.flush()


def _pour_vendor(session: Session, place: int, numbers: range, of_companies: list[str]) -> None:
    vendor = Vendor(slug=f"vendor-{place}", title=f"Vendor {place}", created_at=EARLIER)
    session.add(vendor)
    session.flush()
    for word, meaning in (("active", "active"), ("archived", "inactive")):
        session.add(
            VendorWordMeaning(
                vendor_id=vendor.id, word=word, shown=word, meaning=meaning, decided_by="P", decided_at=EARLIER
            )
        )
    services = [
        VendorService(vendor_id=vendor.id, external_id=one, name=one, seen_at=EARLIER) for one in ("EDR", "MAIL")
    ]
    session.add_all(services)
    session.add(
        ServiceMapping(
            vendor_id=vendor.id, service_external_id="EDR", term="", service_name="EDR", state="mapped",
            decided_by="P", decided_at=EARLIER,
            products=[ServiceProduct(position=0, product="SEAT", factor=Decimal(1))],
        )
    )  # fmt: skip
    session.flush()
    rows: list[dict[str, Any]] = [
        {
            "vendor_id": vendor.id,
            "external_id": f"a-{one:06}",
            "name": f"{of_companies[one % len(of_companies)]}{(' Ltd', ' Inc', '')[one % 3]}",
            "status": "archived" if one % _INACTIVE == 0 else "active",
            "seen_at": EARLIER,
        }
        for one in numbers
    ]
    session.execute(sa.insert(VendorAccount), rows)
    ids = session.execute(
        sa.select(VendorAccount.id, VendorAccount.external_id).where(VendorAccount.vendor_id == vendor.id)
    ).all()
    for period, moment in (
        ("2026-09", datetime(2026, 9, 28, 12, tzinfo=UTC)),
        ("2026-10", datetime(2026, 10, 27, 12, tzinfo=UTC)),
    ):
        file = UsageImport(
            vendor_id=vendor.id, filename=f"{period}.csv", sha256=f"{vendor.id:032}{period:>32}", size=1,
            state="committed", period=period, counted_at=moment, complete=True, imported_by="D", imported_at=moment,
            committed_at=moment,
        )  # fmt: skip
        session.add(file)
        session.flush()
        session.execute(
            sa.insert(UsageCount),
            [
                {"import_id": file.id, "account_id": account_id, "service_id": service.id, "rows": 1,
                 "quantity": Decimal(0 if int(name[2:]) % (2 * _INACTIVE) == 0 else int(name[2:]) % 97 + 1)}
                for account_id, name in ids
                for service in services
            ],
        )  # fmt: skip
    mapped = [
        {"vendor_id": vendor.id, "account_external_id": row["external_id"], "account_name": row["name"],
         "state": "mapped", "company_id": 100 + one % len(of_companies), "how": "person", "decided_by": "D",
         "decided_at": EARLIER}
        for one, row in zip(numbers, rows, strict=True)
        if one % _MAPPED == 0
    ]  # fmt: skip
    if mapped:
        session.execute(sa.insert(AccountMapping), mapped)
