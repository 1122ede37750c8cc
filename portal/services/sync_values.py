"""From ConnectWise's records to the columns of the mirrored ones, and which cannot be kept exactly."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, getcontext
from typing import Any

from portal.connectwise import (
    Addition,
    Agreement,
    AgreementType,
    BillingCycle,
    CatalogItem,
    Company,
    CompanyStatus,
    CompanyType,
)
from portal.db.types import LIMIT
from portal.domain.psa import billing_cycle_months

QUANTITY_PLACES = 4
PRICE_PLACES = 6

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Skip:
    """One record that could not be read or kept. Its last known state stays."""

    what: str
    id: int | None
    reason: str


def list_row(row: CompanyStatus | CompanyType) -> Values:
    """Give the columns of a company status or type, but since when it has its name."""
    inactive = isinstance(row, CompanyStatus) and row.inactive
    return {"name": row.name, "inactive": inactive, "default": row.default}


def agreement_type(row: AgreementType) -> Values:
    """Give the columns of an agreement type."""
    return {"name": row.name, "prorates": row.prorates}


def cycle(row: BillingCycle) -> Values:
    """Give the columns of a billing cycle."""
    return {
        "name": row.name,
        "options": row.billing_options or None,
        "months": billing_cycle_months(row.billing_options, row.name),
    }


def carried(row: Company) -> Values:
    """Give the status and the types that a company carries, with the names it shows them by."""
    return {
        "status": None if row.status is None else [row.status.id, row.status.name],
        "types": [[each.id, each.name] for each in row.types],
    }


def sign(row: Company | Agreement) -> Values | None:
    """Give how a record's currency is written; none where it has no currency."""
    if not row.currency:
        return None
    return {"code": row.currency[:8], "symbol": row.sign.symbol[:8], "places": row.sign.places}


def company(row: Company) -> Values:
    """Give the columns of a company."""
    return {
        "identifier": row.identifier,
        "name": row.name,
        "status_id": None if row.status is None else row.status.id,
        "website": row.website or None,
        "currency": row.currency[:8] or None,
        "deleted": row.deleted,
        "last_updated": row.last_updated,
    }


def agreement(row: Agreement) -> Values:
    """Give the columns of an agreement."""
    return {
        "name": row.name,
        "company_id": row.company_id,
        "type_id": row.type_id,
        "type_name": row.type_name or None,
        "status": row.status or None,
        "start_date": row.start_date,
        "end_date": row.end_date,
        "no_ending": row.no_ending_date,
        "cancelled": row.cancelled,
        "cancelled_on": row.date_cancelled,
        "cancel_reason": row.reason_cancelled or None,
        "billing_cycle_id": row.billing_cycle_id,
        "parent_id": row.parent_id,
        "prorates": row.prorates,
        "period_type": row.period_type or None,
        "next_invoice_date": row.next_invoice_date,
        "bill_start_date": row.bill_start_date,
        "currency": row.currency[:8] or None,
        "last_updated": row.last_updated,
        "updated_by": row.updated_by or None,
    }


def addition(row: Addition) -> Values:
    """Give the columns of an addition."""
    return {
        "agreement_id": row.agreement_id,
        "product_id": row.product_id,
        "product": row.product,
        "description": row.description,
        "quantity": row.quantity,
        "less_included": row.less_included,
        "unit_price": row.unit_price,
        "unit_cost": row.unit_cost,
        "bill_customer": row.bill_customer or "Billable",
        "effective_date": row.effective_date,
        "cancelled_date": row.cancelled_date,
        "uom": row.unit or None,
        "last_updated": row.last_updated,
        "updated_by": row.updated_by or None,
    }


def product(row: CatalogItem) -> Values:
    """Give the columns of a catalogue item."""
    return {
        "identifier": row.identifier,
        "description": row.description,
        "price": row.price,
        "cost": row.cost,
        "product_class": row.product_class or None,
        "unit": row.unit or None,
        "inactive": row.inactive,
    }


def unfit_addition(row: Addition) -> Skip | None:
    """Say why an addition cannot be kept exactly; none where it can."""
    figures = {"quantity": row.quantity, "included quantity": row.less_included}
    prices = {"unit price": row.unit_price, "unit cost": row.unit_cost}
    return _unfit("addition", row.id, figures, prices)


def unfit_product(row: CatalogItem) -> Skip | None:
    """Say why a catalogue item cannot be kept exactly; none where it can."""
    return _unfit("product", row.id, {}, {"price": row.price, "cost": row.cost})


def _unfit(
    what: str,
    row_id: int,
    quantities: Mapping[str, Decimal | None],
    prices: Mapping[str, Decimal | None],
) -> Skip | None:
    """Say which figure cannot be kept exactly; a record with one is skipped, never rounded."""
    for figures, places in ((quantities, QUANTITY_PLACES), (prices, PRICE_PLACES)):
        for name, figure in figures.items():
            if figure is None:
                continue
            too_long = len(figure.as_tuple().digits) > getcontext().prec
            scaled = figure.scaleb(places)
            if too_long or scaled != scaled.to_integral_value() or abs(scaled) >= LIMIT:
                reason = (
                    f"ConnectWise's {what} {row_id} has a {name} of {figure}, which has more than {places} decimals."
                )
                return Skip(what, row_id, reason)
    return None
