"""Microsoft: what Partner Center gives for invoices, and the licences of all tenants as CIPP lists them."""

from portal.vendors.builtin.shape import Builtin, columns

_CHARGES = {"how": "last_charge", "group": ["SubscriptionId"], "start": "ChargeStartDate", "end": "ChargeEndDate"}
_DAYS = {"from": "ChargeStartDate", "to": "ChargeEndDate"}
_PARTIAL = "A subscription stands in the invoice only in the month in which it is charged: absence is never zero."
_REFUNDS = (
    "A change of seats in mid-cycle is a refund of the old ones and a charge of the new ones. The last charge of each "
    "subscription counts; where the sum of charges and refunds says otherwise, both are shown."
)

NEW_COMMERCE = Builtin(
    name="microsoft-new-commerce",
    vendor="Microsoft",
    title="new commerce invoice reconciliation",
    headers=columns(
        """PartnerId, CustomerId, CustomerName, CustomerDomainName, CustomerCountry, InvoiceNumber, MpnId,
        ResellerMpnId, OrderId, OrderDate, ProductId, SkuId, AvailabilityId, SkuName, ProductName, ChargeType,
        UnitPrice, Quantity, Subtotal, TaxTotal, Total, Currency, PriceAdjustmentDescription,
        PublisherName, PublisherId, SubscriptionDescription, SubscriptionId, ChargeStartDate, ChargeEndDate,
        TermAndBillingCycle, EffectiveUnitPrice, UnitType,
        AlternateId, BillableQuantity, BillingFrequency, PricingCurrency,
        PCToBCExchangeRate, PCToBCExchangeRateDate, MeterDescription, ReservationOrderId, CreditReasonCode,
        SubscriptionStartDate, SubscriptionEndDate, ReferenceId, ProductQualifiers, PromotionId"""
    ),
    spec={
        "columns": {"account_name": "CustomerName", "service_name": "SkuName", "count": "BillableQuantity"},
        "values": {
            "account_id": {"columns": ["CustomerId", "CustomerDomainName", "CustomerName"]},
            "service_id": {"columns": ["ProductId", "SkuId"], "take": "join", "by": ":"},
            "term": {"columns": ["TermAndBillingCycle", "BillingFrequency"], "take": "join", "by": " / "},
        },
        "measure": _CHARGES | {"amount": "Subtotal"},
        "filters": [
            {
                "column": "SubscriptionDescription",
                "test": "starts",
                "keep": ["Azure"],
                "not": True,
                "otherwise": "out",
            },
            {"column": "UnitType", "test": "contains", "keep": ["GB", "hour"], "not": True, "otherwise": "out"},
        ],
        "days": _DAYS,
        "dates": "mdy",
    },
    notes=(_REFUNDS, _PARTIAL, "Azure and other metered lines are left out: they are money, not seats."),
)

LEGACY = Builtin(
    name="microsoft-legacy",
    vendor="Microsoft",
    title="licence-based invoice reconciliation (legacy)",
    headers=columns(
        """PartnerId, CustomerId, CustomerName, MPNID, ResellerMpnId, OrderId, SubscriptionId,
        SyndicationPartnerSubscriptionNumber, OfferId, DurableOfferID, OfferName, SubscriptionStartDate,
        SubscriptionEndDate, ChargeStartDate, ChargeEndDate, ChargeType, UnitPrice, Quantity, Amount,
        TotalOtherDiscount, Subtotal, Tax, TotalForCustomer, Currency, DomainName, SubscriptionName,
        SubscriptionDescription, BillingCycleType"""
    ),
    spec={
        "columns": {
            "account_id": "CustomerId",
            "account_name": "CustomerName",
            "service_name": "OfferName",
            "term": "BillingCycleType",
            "count": "Quantity",
        },
        "values": {"service_id": {"columns": ["DurableOfferID", "OfferId"]}},
        "measure": _CHARGES | {"amount": "Amount"},
        "days": _DAYS,
        "dates": "mdy",
    },
    notes=(_REFUNDS, _PARTIAL),
)

DAILY = Builtin(
    name="microsoft-daily-usage",
    vendor="Microsoft",
    title="daily rated usage",
    headers=columns(
        """PartnerId, PartnerName, CustomerId, CustomerName, CustomerDomainName, CustomerCountry, MPNID, Tier2MpnId,
        InvoiceNumber, ProductId, SkuId, AvailabilityId, SkuName, ProductName, PublisherName, PublisherId,
        SubscriptionDescription, SubscriptionId, ChargeStartDate, ChargeEndDate, UsageDate, MeterType, MeterCategory,
        MeterId, MeterSubCategory, MeterName, MeterRegion, Unit, ResourceLocation, ConsumedService, ResourceGroup,
        ResourceURI, ChargeType, UnitPrice, Quantity, UnitType, BillingPreTaxTotal, BillingCurrency,
        PricingPreTaxTotal, PricingCurrency, ServiceInfo1, ServiceInfo2, Tags, AdditionalInfo, EffectiveUnitPrice,
        PCToBCExchangeRate, PCToBCExchangeRateDate, EntitlementId, EntitlementDescription"""
    ),
    spec={
        "columns": {
            "account_id": "CustomerId",
            "account_name": "CustomerName",
            "service_id": "MeterId",
            "service_name": "MeterName",
            "count": "Quantity",
        },
        "days": {"from": "UsageDate"},
        "dates": "mdy",
    },
    notes=("This file holds Azure consumption, not seats. Import it only where a product is billed by the meter.",),
)

CIPP = Builtin(
    name="cipp-licences",
    vendor="Microsoft 365 (CIPP)",
    title="licences of all tenants",
    headers=columns(
        """Tenant, License, CountUsed, CountAvailable, TotalLicenses, skuId, skuPartNumber, availableUnits,
        TermInfo"""
    ),
    complete=True,
    spec={
        "columns": {
            "account_id": "Tenant",
            "account_status": "TermInfo.Status",
            "service_id": "skuId",
            "service_name": "License",
        },
        "values": {
            "term": {"columns": ["TermInfo.Term"]},
            "count": {"columns": ["TermInfo.TotalLicenses", "TotalLicenses"]},
        },
        "split": {"column": "TermInfo"},
        "not_reported": [
            {
                "column": "License",
                "test": "contains",
                "keep": ["could not", "failed", "error", "unauthorized", "not found"],
            }
        ],
    },
    notes=(
        "Bought licences count, not assigned ones: the bill follows what was bought.",
        "A tenant that could not be read is not zero; it is listed as not reported.",
    ),
)

ALL = (NEW_COMMERCE, LEGACY, DAILY, CIPP)
