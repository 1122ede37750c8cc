"""Company statuses: a table that every MSP edits freely, so nothing may depend on a name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.connectwise.payload import Row
from portal.connectwise.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyStatus:
    """One company status.

    Args:
        id: ConnectWise's id, which outlives its name.
        name: Its name now.
        default: Whether new companies get it.
        inactive: Whether it is no longer offered.
        last_updated: When ConnectWise last changed it.
    """

    id: int
    name: str
    default: bool
    inactive: bool
    last_updated: datetime | None


class CompanyStatuses(Resource[CompanyStatus]):
    """``/company/companies/statuses``."""

    path = "/company/companies/statuses"
    kind = "company status"
    fields = ("id", "name", "defaultFlag", "inactiveFlag", "_info")

    @classmethod
    def parse(cls, row: Row) -> CompanyStatus:
        """Read one company status."""
        return CompanyStatus(
            id=row.integer("id"),
            name=row.text("name"),
            default=row.flag("defaultFlag"),
            inactive=row.flag("inactiveFlag"),
            last_updated=row.moment("_info/lastUpdated"),
        )
