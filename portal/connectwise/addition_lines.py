"""One addition, as it is read: its record, the fields asked for, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from portal.connectwise.errors import UnexpectedPayload
from portal.connectwise.payload import Row
from portal.connectwise.resource import Reading

FIELDS = (
    "id", "agreementId", "product", "quantity", "lessIncluded", "unitPrice", "unitCost", "billCustomer",
    "effectiveDate", "cancelledDate", "description", "uom", "_info",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """One addition, as ConnectWise will bill it. Dates are calendar dates.

    Args:
        id: ConnectWise's id.
        agreement_id: The agreement it stands on.
        product_id: The catalogue item, if ConnectWise tells it.
        product: Its Product ID.
        quantity: Units for a whole period, the included ones among them.
        less_included: Units that are included and not billed.
        unit_price: Of one unit for one whole period, if set on the line.
        unit_cost: The same for its cost.
        bill_customer: ConnectWise's word: Billable, DoNotBill, NoCharge, or another.
        effective_date: The first day it bills; from the agreement's start without one.
        cancelled_date: The last day it bills, if it ends.
        description: What the line says.
        unit: The unit of measure, or "".
        last_updated: When ConnectWise last changed it.
        updated_by: By whom, or "".
        entered_by: Who made it, where ConnectWise tells; or "".
        raw: The whole record, from ``get`` and the writes; ``None`` from lists, which are cut short.
    """

    id: int
    agreement_id: int
    product_id: int | None
    product: str
    quantity: Decimal
    less_included: Decimal
    unit_price: Decimal | None
    unit_cost: Decimal | None
    bill_customer: str
    effective_date: date | None
    cancelled_date: date | None
    description: str
    unit: str
    last_updated: datetime | None
    updated_by: str
    entered_by: str = ""
    raw: Mapping[str, object] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementAdditions:
    """What one agreement's list of additions held.

    Args:
        agreement_id: The agreement.
        additions: Those that could be read.
        skipped: Why others could not.
        gone: Whether the agreement itself was no longer there.
    """

    agreement_id: int
    additions: tuple[Addition, ...]
    skipped: tuple[UnexpectedPayload, ...]
    gone: bool = False


def path_of(agreement_id: int, addition_id: int | None = None) -> str:
    """Give the path of an agreement's additions, or of one of them."""
    path = f"/finance/agreements/{agreement_id:d}/additions"
    return path if addition_id is None else f"{path}/{addition_id:d}"


def read_addition(row: Row, agreement_id: int) -> Addition:
    """Read one addition of an agreement that is known.

    Raises:
        UnexpectedPayload: A field is missing or of another kind, or it is another agreement's.
    """
    said = row.integer_or_none("agreementId")
    if said not in {None, agreement_id}:
        row.fail("agreementId", said)
    return Addition(
        id=row.integer("id"),
        agreement_id=agreement_id,
        product_id=row.integer_or_none("product/id"),
        product=row.text("product/identifier") or row.fail("product/identifier", None),
        quantity=row.number("quantity"),
        less_included=row.number_or_none("lessIncluded") or Decimal(0),
        unit_price=row.number_or_none("unitPrice"),
        unit_cost=row.number_or_none("unitCost"),
        bill_customer=row.text("billCustomer"),
        effective_date=row.day("effectiveDate"),
        cancelled_date=row.day("cancelledDate"),
        description=row.text("description"),
        unit=row.text("uom"),
        last_updated=row.moment("_info/lastUpdated"),
        updated_by=row.text("_info/updatedBy"),
        entered_by=row.text("_info/enteredBy"),
    )


def reading(agreement_id: int) -> Reading[Addition]:
    """Tell how an agreement's list of additions is read."""
    return Reading("addition", FIELDS, lambda row: read_addition(row, agreement_id))
