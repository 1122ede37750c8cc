"""Brings the PSA's records of a sample set to the values that the rules read."""

from datetime import date
from decimal import Decimal

from portal.domain.psa import Agreement, Billing, CatalogItem, Company, Line, PeriodType, billing_cycle_months
from portal.domain.scope import StatusMeaning, TypeMeaning, scope_of
from tests.domain.sample_files import Row


def day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text[:10])


def number(value: str | int | Decimal | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def companies(psa: dict[str, list[Row]], meanings: Row) -> list[Company]:
    statuses = {row["id"]: StatusMeaning(row["meaning"]) for row in meanings["company_statuses"]}
    types = {row["id"]: TypeMeaning(row["meaning"]) for row in meanings["company_types"]}
    return [
        Company(
            id=row["id"],
            name=row["name"],
            in_scope=scope_of(
                row.get("deletedFlag") or False,
                statuses.get(row["status"]["id"]),
                [types.get(one["id"]) for one in row.get("types") or []],
                None,
            ).in_scope,
            currency=(row.get("currency") or {}).get("currencyCode"),
        )
        for row in psa["companies"]
    ]


def agreements(psa: dict[str, list[Row]]) -> list[Agreement]:
    cycles = {row["id"]: row for row in psa["billing_cycles"]}
    found = []
    for row in psa["agreements"]:
        cycle = cycles.get((row.get("billingCycle") or {}).get("id"))
        found.append(
            Agreement(
                id=row["id"],
                company_id=row["company"]["id"],
                name=row["name"],
                start=day(row.get("startDate")),
                end=day(row.get("endDate")),
                no_ending=row.get("noEndingDateFlag") or False,
                cancelled=row.get("cancelledFlag") or False,
                cancelled_on=day(row.get("dateCancelled")),
                cycle_months=None if cycle is None else billing_cycle_months(cycle["billingOptions"], cycle["name"]),
                parent_id=(row.get("parentAgreement") or {}).get("id"),
                prorates=row.get("prorateFlag") or False,
                period_type=PeriodType(row["periodType"]) if row.get("periodType") else None,
                next_invoice=day(row.get("nextInvoiceDate")),
                currency=(row.get("currency") or {}).get("currencyCode"),
            )
        )
    return found


def lines(psa: dict[str, list[Row]]) -> list[Line]:
    return [
        Line(
            addition_id=row["id"],
            agreement_id=row["agreementId"],
            product=row["product"]["identifier"],
            description=row.get("description") or "",
            quantity=number(row.get("quantity")) or Decimal(0),
            less_included=number(row.get("lessIncluded")) or Decimal(0),
            unit_price=number(row.get("unitPrice")),
            unit_cost=number(row.get("unitCost")),
            billing=Billing(row["billCustomer"]),
            effective=day(row.get("effectiveDate")),
            cancelled=day(row.get("cancelledDate")),
        )
        for row in psa["additions"]
    ]


def catalog(psa: dict[str, list[Row]]) -> list[CatalogItem]:
    return [
        CatalogItem(
            product=row["identifier"],
            description=row["description"],
            price=number(row.get("price")),
            cost=number(row.get("cost")),
            bundle=row["productClass"] == "Bundle",
            inactive=row.get("inactiveFlag") or False,
        )
        for row in psa["catalog_items"]
    ]
