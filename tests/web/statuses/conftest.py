"""A small picture of ConnectWise, with one row of each kind that needs somebody."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from portal.db.records import PsaCompany, PsaListRow, RowMeaning, Vendor, VendorAccount

EARLIER = datetime(2026, 10, 1, 12, tzinfo=UTC)
SINCE = datetime(2026, 10, 26, 12, tzinfo=UTC)


def a_company(session: Session, company_id: int, name: str, status: int, *, in_scope: bool | None = True) -> PsaCompany:
    """Add a company that carries a status."""
    company = PsaCompany(id=company_id, identifier=f"c{company_id}", name=name, status_id=status, in_scope=in_scope)
    session.add(company)
    return company


def a_status(
    session: Session, psa_id: int, name: str, meaning: str | None = "customer", *, seen: str = "", gone: bool = False
) -> None:
    """Add a company status, with the name that an admin last saw."""
    session.add(
        PsaListRow(
            list="status", id=psa_id, name=name, name_since=SINCE if seen else None, gone_at=SINCE if gone else None
        )
    )
    if meaning is not None:
        session.add(
            RowMeaning(
                list="status",
                psa_id=psa_id,
                meaning=meaning,
                name_last_seen=seen or name,
                decided_by="Priya",
                decided_at=EARLIER,
            )
        )


@pytest.fixture
def lists(session: Session) -> Session:
    """Statuses: active, one undecided (14), one renamed (7), one deleted (5); and a vendor with an unknown word."""
    a_status(session, 1, "Active")
    a_status(session, 3, "Not approved", "not_customer")
    a_status(session, 5, "Problem", gone=True)
    a_status(session, 7, "Gold", seen="Solid / VIP")
    a_status(session, 14, "Credit hold 60", None)
    a_company(session, 101, "Halyard Freight", 1)
    a_company(session, 102, "Copperline Brewing", 14)
    a_company(session, 103, "Saltmarsh Surveyors", 14)
    a_company(session, 104, "Greyfriars Housing", 5)
    vendor = Vendor(slug="vaultline", title="Vaultline", created_at=EARLIER)
    session.add(vendor)
    session.flush()
    session.add(VendorAccount(vendor_id=vendor.id, external_id="c-1", name="Old", status="Dormant", seen_at=EARLIER))
    session.commit()
    return session
