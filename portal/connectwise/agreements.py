"""Agreements: the recurring contracts whose additions are billed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from portal.connectwise.companies import CurrencySign, currency, currency_sign
from portal.connectwise.payload import Row
from portal.connectwise.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One agreement. Dates are calendar dates, as typed in ConnectWise.

    Args:
        id: ConnectWise's id.
        name: Its name.
        type_id: Its agreement type, if any.
        type_name: That type's name, or "".
        company_id: Whose agreement it is.
        parent_id: The agreement whose invoice and cycle it shares, if any.
        start_date: Its first day.
        end_date: Its last day, if it has one.
        no_ending_date: Whether it goes on whatever ``end_date`` says.
        cancelled: Whether it was cancelled.
        date_cancelled: Since when.
        reason_cancelled: Why, or "".
        status: ConnectWise's word: Active, Cancelled, Expired, Inactive (starts later), or another.
        billing_cycle_id: How often it bills; without one it is no recurring agreement.
        period_type: ConnectWise's word: Current, Future, Both, Undefined, or another; "" if none.
        next_invoice_date: The day of the next invoice.
        bill_start_date: From when it bills.
        prorates: "Prorate Agreement": whether additions may begin and end within a period.
        currency: The ISO code of its currency, or "" for the company's.
        sign: How ConnectWise writes that currency.
        last_updated: When ConnectWise last changed it; a changed addition may not show here.
        updated_by: By whom, or "".
    """

    id: int
    name: str
    type_id: int | None
    type_name: str
    company_id: int
    parent_id: int | None
    start_date: date | None
    end_date: date | None
    no_ending_date: bool
    cancelled: bool
    date_cancelled: date | None
    reason_cancelled: str
    status: str
    billing_cycle_id: int | None
    period_type: str
    next_invoice_date: date | None
    bill_start_date: date | None
    prorates: bool
    currency: str
    sign: CurrencySign
    last_updated: datetime | None
    updated_by: str


class Agreements(Resource[Agreement]):
    """``/finance/agreements``."""

    path = "/finance/agreements"
    kind = "agreement"
    fields = (
        "id", "name", "type", "company/id", "parentAgreement/id", "startDate", "endDate", "noEndingDateFlag",
        "cancelledFlag", "dateCancelled", "reasonCancelled", "agreementStatus", "billingCycle/id",
        "periodType", "nextInvoiceDate", "billStartDate", "prorateFlag",
        "currency", "_info",
    )  # fmt: skip

    @classmethod
    def parse(cls, row: Row) -> Agreement:
        """Read one agreement."""
        return Agreement(
            id=row.integer("id"),
            name=row.text("name"),
            type_id=row.integer_or_none("type/id"),
            type_name=row.text("type/name"),
            company_id=row.integer("company/id"),
            parent_id=row.integer_or_none("parentAgreement/id"),
            start_date=row.day("startDate"),
            end_date=row.day("endDate"),
            no_ending_date=row.flag("noEndingDateFlag"),
            cancelled=row.flag("cancelledFlag"),
            date_cancelled=row.day("dateCancelled"),
            reason_cancelled=row.text("reasonCancelled"),
            status=row.text("agreementStatus"),
            billing_cycle_id=row.integer_or_none("billingCycle/id"),
            period_type=row.text("periodType"),
            next_invoice_date=row.day("nextInvoiceDate"),
            bill_start_date=row.day("billStartDate"),
            prorates=row.flag("prorateFlag"),
            currency=currency(row),
            sign=currency_sign(row),
            last_updated=row.moment("_info/lastUpdated"),
            updated_by=row.text("_info/updatedBy"),
        )
