"""Agreement types: the templates of agreements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.connectwise.payload import Row
from portal.connectwise.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementType:
    """One agreement type.

    Args:
        id: ConnectWise's id.
        name: Its name.
        inactive: Whether it is no longer offered.
        prorates: The default for new agreements; an agreement's own flag is what counts.
        last_updated: When ConnectWise last changed it.
    """

    id: int
    name: str
    inactive: bool
    prorates: bool
    last_updated: datetime | None


class AgreementTypes(Resource[AgreementType]):
    """``/finance/agreements/types``."""

    path = "/finance/agreements/types"
    kind = "agreement type"
    fields = ("id", "name", "inactiveFlag", "prorateFlag", "_info")

    @classmethod
    def parse(cls, row: Row) -> AgreementType:
        """Read one agreement type."""
        return AgreementType(
            id=row.integer("id"),
            name=row.text("name"),
            inactive=row.flag("inactiveFlag"),
            prorates=row.flag("prorateFlag"),
            last_updated=row.moment("_info/lastUpdated"),
        )
