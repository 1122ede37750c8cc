"""Builds a small sample set by hand: what the PSA holds, what vendors' files say, what an admin said."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Spec = dict[str, Any]
STEPS = ("2026-10-20T09:00:00-04:00", "2026-10-28T09:00:00-04:00")
CYCLES = {
    "Monthly": 21, "BiMonthly": 22, "Quarterly": 23, "SemiAnnual": 26, "Yearly": 32, "Weekly": 9, "NotRecurring": 10,
}  # fmt: skip


class MadeSet:
    """A set that grows by calls; `write` writes it."""

    def __init__(self) -> None:
        self.psa: dict[str, list[Spec]] = {
            name: []
            for name in (
                *("additions", "agreement_types", "agreements", "audittrail", "billing_cycles", "catalog_items"),
                *("companies", "company_statuses", "company_types", "members"),
            )
        }
        self.earlier: dict[str, list[Spec]] = {"additions": [], "agreements": [], "companies": []}
        self.statuses: dict[str, list[Spec]] = {"company_statuses": [], "company_types": [], "vendor_statuses": []}
        self.mapping: dict[str, list[Spec]] = {"accounts": [], "services": []}
        self.rules: dict[str, list[Spec]] = {"rules": [], "splits": []}
        self.files: list[tuple[int, Spec, bytes]] = []
        self.psa["agreement_types"] = [{"id": 1, "name": "Any", "prorateFlag": True}]
        self.psa["billing_cycles"] = [
            # Names that say nothing: the length stands in billingOptions.
            {"id": number, "identifier": f"C{number}", "name": f"Cycle {number}", "billingOptions": options}
            for options, number in CYCLES.items()
        ]

    def status(self, status_id: int, name: str, meaning: str | None) -> None:
        self.psa["company_statuses"].append({"id": status_id, "name": name, "inactiveFlag": False})
        if meaning:
            self.statuses["company_statuses"].append({"id": status_id, "name_last_seen": name, "meaning": meaning})

    def type(self, type_id: int, name: str, meaning: str | None) -> None:
        self.psa["company_types"].append({"id": type_id, "name": name})
        if meaning:
            self.statuses["company_types"].append({"id": type_id, "name_last_seen": name, "meaning": meaning})

    def company(
        self,
        company_id: int,
        *,
        status: int,
        types: Sequence[int] = (),
        currency: str = "USD",
        before: int | None = None,
    ) -> None:
        """Add a company; `before` is the status that it had at the first step."""
        row = {
            "id": company_id,
            "identifier": f"c{company_id}",
            "name": f"Company {company_id}",
            "status": {"id": status, "name": "as it is"},
            "types": [{"id": one, "name": "t"} for one in types],
            "deletedFlag": False,
            "currency": {"id": 1, "currencyCode": currency},
            "_info": {"lastUpdated": "2026-10-25T10:00:00Z" if before else "2026-05-01T10:00:00Z", "updatedBy": "x"},
        }
        self.psa["companies"].append(row)
        if before is not None:
            old = {"lastUpdated": "2026-05-01T10:00:00Z", "updatedBy": "x"}
            self.earlier["companies"].append(row | {"status": {"id": before, "name": "as it was"}, "_info": old})

    def agreement(
        self,
        agreement_id: int,
        company_id: int,
        *,
        cycle: str | None = "Monthly",
        before: Spec | None = None,
        **more: Any,
    ) -> None:
        """Add an agreement; `before` is what stood differently at the first step, `more` goes into the record."""
        row = {
            "id": agreement_id,
            "name": f"Agreement {agreement_id}",
            "type": {"id": 1, "name": "Any"},
            "company": {"id": company_id, "name": f"Company {company_id}"},
            "startDate": "2024-01-01T00:00:00Z",
            "noEndingDateFlag": True,
            "cancelledFlag": False,
            "prorateFlag": False,
            "periodType": "Current",
            "nextInvoiceDate": "2026-11-01T00:00:00Z",
            "agreementStatus": "Active",
            "_info": {"lastUpdated": "2026-10-26T10:00:00Z", "updatedBy": "x"},
        }
        if cycle is not None:
            row["billingCycle"] = {"id": CYCLES[cycle], "name": "any"}
        self.psa["agreements"].append(row | more)
        if before is not None:
            self.earlier["agreements"].append(row | more | before)

    def line(self, line_id: int, agreement_id: int, product: str, quantity: float, **more: Any) -> None:
        item = next(one for one in self.psa["catalog_items"] if one["identifier"] == product)
        self.psa["additions"].append(
            {
                "id": line_id,
                "agreementId": agreement_id,
                "product": {"id": item["id"], "identifier": product},
                "quantity": quantity,
                "lessIncluded": 0,
                "billCustomer": "Billable",
                "effectiveDate": "2024-01-01T00:00:00Z",
                "_info": {"lastUpdated": "2026-05-01T10:00:00Z", "updatedBy": "x"},
            }
            | more
        )

    def item(self, product: str, price: float | None, cost: float | None, kind: str = "Agreement") -> None:
        row = {"id": 900 + len(self.psa["catalog_items"]), "identifier": product, "description": product.lower()}
        row |= {"productClass": kind, "inactiveFlag": False}
        row |= {name: value for name, value in (("price", price), ("cost", cost)) if value is not None}
        self.psa["catalog_items"].append(row)

    def account(self, vendor: str, account: str, company_id: int | None, reason: str = "") -> None:
        row: Spec = {"vendor": vendor, "account_id": account, "account_name": ""}
        row |= {"state": "excluded", "reason": reason} if company_id is None else {"state": "mapped"}
        self.mapping["accounts"].append(row if company_id is None else row | {"company_id": company_id})

    def service(self, vendor: str, service: str, term: str, *products: tuple[str, str], reason: str = "") -> None:
        row: Spec = {"vendor": vendor, "service_id": service, "service_name": "", "term": term}
        if not products:
            row |= {"state": "excluded", "reason": reason}
        else:
            made = [{"product": product, "factor": factor} for product, factor in products]
            row |= {"state": "mapped", "products": made}
        self.mapping["services"].append(row)

    def rule(self, kind: str, company_id: int | None, product: str | None, **values: Any) -> None:
        row: Spec = {"kind": kind} | ({} if company_id is None else {"company_id": company_id})
        self.rules["rules"].append(row | ({} if product is None else {"product": product}) | values)

    def split(self, company_id: int, product: str, **how: Any) -> None:
        self.rules["splits"].append({"company_id": company_id, "product": product} | how)

    def file(self, step: int, name: str, vendor: str, text: str, *, counted_at: str, **profile: Any) -> None:
        """Add a vendor's file that is imported at a step; `text` is what it holds."""
        spec: Spec = {
            "file": f"usage/{name}", "vendor": vendor, "format": "csv", "encoding": "utf-8", "delimiter": ",",
            "header_row": 1, "columns": {}, "constants": {}, "count_rows": False, "filters": [], "net": None,
            "skip_rows": [], "decimal": ".", "thousands": "", "period": None, "counted_at": counted_at,
            "complete": True, "import_step": step,
        }  # fmt: skip
        spec |= profile
        self.files.append((step, spec, text.encode(spec["encoding"])))

    def write(self, folder: Path) -> Path:
        """Write the set, and give its folder."""
        for part in ("psa", "psa-earlier", "usage"):
            (folder / part).mkdir(parents=True)
        steps = [
            {"at": at, "import": [spec["file"] for step, spec, _ in self.files if step == number]}
            for number, at in enumerate(STEPS, 1)
        ]
        scenario = {"today": "2026-10-28", "time_zone": "America/New_York", "period": "2026-10", "steps": steps}
        parts: dict[str, object] = {
            "scenario": scenario,
            "profiles": {"files": [spec for _, spec, _ in self.files]},
            "mapping": self.mapping,
            "statuses": self.statuses,
            "rules": self.rules,
        }
        parts |= {f"psa/{name}": rows for name, rows in self.psa.items()}
        parts |= {f"psa-earlier/{name}": rows for name, rows in self.earlier.items()}
        for name, data in parts.items():
            (folder / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
        for _, spec, content in self.files:
            (folder / spec["file"]).write_bytes(content)
        return folder
