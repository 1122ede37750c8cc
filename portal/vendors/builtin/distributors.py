"""Distributors: Pax8, Ingram Micro, ALSO."""

from portal.vendors.builtin.shape import Builtin, columns

_PAX8 = columns(
    """company_name, company_id, sku, description, details, quantity, price, subtotal, cost, cost_total, start_period,
    end_period, term"""
)
_PAX8_SPEC = {
    "columns": {
        "account_name": "company_name",
        "service_id": "sku",
        "service_name": "description",
        "term": "term",
        "count": "quantity",
    },
    "values": {"account_id": {"columns": ["company_id", "company_name"]}},
    "filters": [
        {"column": "sku", "test": "starts", "keep": ["MST-AZR", "AZR-ARR"], "not": True, "otherwise": "out"},
    ],
}
_PAX8_NOTES = (
    "An invoice shows only what was billed: absence is never zero.",
    "Of resold products the end customer may stand inside the description.",
    "A credited invoice and the one that replaces it must not both be imported.",
)

PAX8_TYPED = Builtin(
    name="pax8-invoice-types",
    vendor="Pax8",
    title="invoice with line types",
    headers=(*_PAX8, "type"),
    spec=_PAX8_SPEC
    | {
        "net": {
            "column": "type",
            "plus": ["subscription"],
            "minus": [],
            "ignore": [
                "prorate", "rebate", "payment-credit", "one-time", "service-charge", "service-credit", "invoice-credit",
            ],
        }
    },
    notes=(*_PAX8_NOTES, "Lines of type prorate carry the changed seats for part of a month and are left out."),
)  # fmt: skip

PAX8 = Builtin(
    name="pax8-invoice",
    vendor="Pax8",
    title="invoice",
    headers=_PAX8,
    spec=_PAX8_SPEC | {"part_month": {"from": "start_period", "to": "end_period"}},
    notes=(*_PAX8_NOTES, "The file has no line types: lines that cover less than a month are left out."),
)

INGRAM = Builtin(
    name="ingram-full",
    vendor="Ingram Micro Cloud",
    title="billing report, full layout",
    headers=columns(
        """RESELLER_ACCOUNT_ID, RESELLER_NAME, CUSTOMER_ACCOUNT_ID, CUSTOMER_NAME, SUBSCRIPTION_ID, SUBSCRIPTION_NAME,
        VENDOR_SUBSCRIPTION_NUMBER, CUSTOMER_PLAN_ID, CUSTOMER_RESOURCE_NAME, CUSTOMER_RESOURCE_MPN,
        RESELLER_RESOURCE_MPN, RESELLER_DETAIL_SKU, RESELLER_DETAIL_TYPE, CUSTOMER_DETAIL_DESCRIPTION,
        CUSTOMER_DETAIL_QTY, RESELLER_DETAIL_QTY, CUSTOMER_DETAIL_UNIT_PRICE, CUSTOMER_DETAIL_TOTAL,
        CUSTOMER_DETAIL_START_DATE, CUSTOMER_DETAIL_END_DATE, RESELLER_INVOICE_NUMBER, RESELLER_INVOICE_DATE"""
    ),
    spec={
        "columns": {
            "account_id": "CUSTOMER_ACCOUNT_ID",
            "account_name": "CUSTOMER_NAME",
            "service_name": "CUSTOMER_RESOURCE_NAME",
            "term": "SUBSCRIPTION_NAME",
            "count": "CUSTOMER_DETAIL_QTY",
        },
        "values": {"service_id": {"columns": ["CUSTOMER_RESOURCE_MPN", "RESELLER_DETAIL_SKU"]}},
        "duplicates": "report",
    },
    notes=(
        "Rows that are equal cell for cell occur; they are shown, and count until somebody drops them.",
        "The term stands in the plan's name.",
    ),
)

ALSO = Builtin(
    name="also-raw-charges",
    vendor="ALSO Cloud Marketplace",
    title="Raw Charges",
    headers=columns(
        """Reseller, Company, Department, Product name, Vendor, VendorReference, Attributes, Account,
        BillingStartDate, Priceable item, Charge, Interval, Contract Id, SecondVendorReference"""
    ),
    spec={
        "format": "xlsx",
        "sheet": "Raw Charges",
        "columns": {"account_id": "Company", "service_id": "VendorReference", "service_name": "Product name"},
        "values": {
            "term": {"columns": ["Attributes"], "pattern": "Billing Type={text} Quantity="},
            "count": {"columns": ["Attributes"], "pattern": "Quantity={number}"},
        },
        "measure": {"how": "latest", "column": "Interval"},
        "dates": "dmy",
    },
    notes=(
        "A change of seats cuts the month into intervals; the latest one counts, and the largest is the alternative.",
        "Prepaid rows stand only in the month of payment: the file is partial.",
    ),
)

ALL = (PAX8_TYPED, PAX8, INGRAM, ALSO)
