"""Company types: a table that every MSP edits freely; a company may have several."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.connectwise.payload import Row
from portal.connectwise.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyType:
    """One company type.

    Args:
        id: ConnectWise's id, which outlives its name.
        name: Its name now.
        default: Whether new companies get it.
        vendor: Whether companies of this type are vendors.
        last_updated: When ConnectWise last changed it.
    """

    id: int
    name: str
    default: bool
    vendor: bool
    last_updated: datetime | None


class CompanyTypes(Resource[CompanyType]):
    """``/company/companies/types``."""

    path = "/company/companies/types"
    kind = "company type"
    fields = ("id", "name", "defaultFlag", "vendorFlag", "_info")

    @classmethod
    def parse(cls, row: Row) -> CompanyType:
        """Read one company type."""
        return CompanyType(
            id=row.integer("id"),
            name=row.text("name"),
            default=row.flag("defaultFlag"),
            vendor=row.flag("vendorFlag"),
            last_updated=row.moment("_info/lastUpdated"),
        )
