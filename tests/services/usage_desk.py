"""A desk at which usage is imported and mapped: a store, a vendor's small files, the business clock."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageImport, Vendor, VendorAccount, VendorService
from portal.domain.periods import Period
from portal.domain.quantities import plain
from portal.services import imports, usage_store
from portal.services.actors import Actor
from portal.vendors.profiles import FileProfile

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)
OCTOBER = Period(2026, 10)
BILLER = Actor("Bea Biller", 7, "biller")
ADMIN = Actor("Ada Admin", 1, "admin")
VIEWER = Actor("Vic Viewer", 9, "viewer")
HEADER = "Account,Account name,State,SKU,SKU name,Term,Units"
COLUMNS = {
    "account_id": "Account",
    "account_name": "Account name",
    "account_status": "State",
    "service_id": "SKU",
    "service_name": "SKU name",
    "term": "Term",
    "count": "Units",
}
Row = tuple[object, ...]


def october(day: int, hour: int = 12) -> datetime:
    """A moment in October 2026, in New York."""
    return datetime(2026, 10, day, hour, tzinfo=ZONE)


def text_of(rows: Sequence[Row]) -> str:
    """Write rows of (account, units[, name[, status[, service[, term]]]])."""
    lines = [HEADER]
    for row in rows:
        filled = [*map(str, row), *("", "active", "S-1", "")[len(row) - 2 :]]
        account, units, name, status, service, term = filled
        lines.append(f"{account},{name or f'Name {account}'},{status},{service},Seat,{term},{units}")
    return "\n".join(lines) + "\n"


class Desk:
    """Imports small files of one vendor.

    Args:
        session: A writing session.
        uploads: Where files are kept.
    """

    def __init__(self, session: Session, uploads: Path) -> None:
        self.session = session
        self.uploads = uploads
        self.now = NOW
        self.vendor = self.vendor_called("Haven Backup")

    def vendor_called(self, title: str) -> Vendor:
        return imports.vendor_by_name(self.session, title, create=True, by=BILLER, now=self.now)

    def look(
        self,
        rows: Sequence[Row] | str,
        *,
        counted_at: datetime | None = None,
        complete: bool = True,
        by: Actor = BILLER,
        filename: str = "usage.csv",
        period: str | None = None,
        vendor: Vendor | None = None,
        **profile: Any,
    ) -> UsageImport:
        """Preview a file."""
        text = rows if isinstance(rows, str) else text_of(rows)
        return imports.preview(
            self.session,
            vendor=vendor or self.vendor,
            profile=FileProfile.from_spec({"columns": COLUMNS} | profile),
            filename=filename,
            content=text.encode(),
            uploads=self.uploads,
            period=period,
            counted_at=counted_at or october(27),
            complete=complete,
            by=by,
            now=self.now,
            zone=ZONE,
        )

    def commit(self, found: UsageImport, by: Actor = BILLER) -> UsageImport:
        return imports.commit(self.session, found.id, by=by, now=self.now, zone=ZONE)

    def take(self, rows: Sequence[Row] | str, **how: Any) -> UsageImport:
        """Preview a file and commit it."""
        found = self.look(rows, **how)
        assert found.state == "ready", found.message
        return self.commit(found)

    def standing(self, period: Period = OCTOBER, vendor: Vendor | None = None) -> dict[str, str]:
        """The counts that hold, as account/service[/term] to a plain number."""
        found = usage_store.standing_usage(self.session, period, ZONE).get((vendor or self.vendor).id, {})
        return {"/".join(part for part in key if part): plain(count.quantity) for key, count in sorted(found.items())}

    def account(self, external_id: str) -> VendorAccount:
        query = sa.select(VendorAccount).where(VendorAccount.external_id == external_id)
        return self.session.scalars(query.execution_options(populate_existing=True)).one()

    def service(self, external_id: str = "S-1", term: str = "") -> VendorService:
        query = sa.select(VendorService).where(VendorService.external_id == external_id, VendorService.term == term)
        return self.session.scalars(query).one()

    def later(self, **by: int) -> None:
        """Let the business clock run on."""
        self.now += timedelta(**by)


def many(number: int, units: object) -> list[Row]:
    """Rows of so many accounts with the same units."""
    return [(f"A-{place:03}", units) for place in range(number)]
