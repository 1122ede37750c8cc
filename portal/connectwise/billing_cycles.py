"""Billing cycles: how often agreements bill."""

from __future__ import annotations

from dataclasses import dataclass

from portal.connectwise.payload import Row
from portal.connectwise.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingCycle:
    """One billing cycle.

    Args:
        id: ConnectWise's id.
        identifier: Its short name.
        name: Its name, which an MSP may change.
        billing_options: ConnectWise's word for its length: Monthly, Quarterly, SemiAnnual, Yearly,
            BiMonthly, Weekly, BiWeekly, NotRecurring, or another.
    """

    id: int
    identifier: str
    name: str
    billing_options: str


class BillingCycles(Resource[BillingCycle]):
    """``/finance/billingCycles``."""

    path = "/finance/billingCycles"
    kind = "billing cycle"
    fields = ("id", "identifier", "name", "billingOptions")

    @classmethod
    def parse(cls, row: Row) -> BillingCycle:
        """Read one billing cycle."""
        return BillingCycle(
            id=row.integer("id"),
            identifier=row.text("identifier"),
            name=row.text("name"),
            billing_options=row.text("billingOptions"),
        )
