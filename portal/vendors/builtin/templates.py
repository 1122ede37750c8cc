"""Templates: vendors whose real headers nobody has published. A person confirms what each column means."""

from collections.abc import Mapping
from typing import Any

from portal.vendors.builtin.shape import Builtin

_NOTE = "Unverified: no published header of this file is known. Look at what each column means before it counts."


def _template(
    vendor: str,
    title: str,
    account: str,
    service: str,
    count: str = "",
    *more: str,
    constants: Mapping[str, str] | None = None,
    status: str = "",
    notes: tuple[str, ...] = (),
    **spec: Any,  # noqa: ANN401 - fields of the JSON form
) -> Builtin:
    """Make a template; without a count each row counts one."""
    columns = {"account_id": account, "account_status": status, "service_id": service, "count": count}
    found = {role: header for role, header in columns.items() if header}
    name = "-".join("".join(letter if letter.isalnum() else " " for letter in f"{vendor} {title}".lower()).split())
    return Builtin(
        name=name,
        vendor=vendor,
        title=title,
        verified=False,
        headers=tuple(dict.fromkeys([*found.values(), *more, *(one["column"] for one in spec.get("filters", ()))])),
        spec={"columns": found, "constants": dict(constants or {}), "count_rows": not count} | spec,
        notes=(_NOTE, *notes),
    )


def _out(column: str, *words: str) -> dict[str, Any]:
    return {"column": column, "keep": list(words), "not": True, "otherwise": "out"}


ALL = (
    _template(
        "Sherweb", "invoice", "customerName", "sku", "quantity", "productName", "chargeName", "chargeType",
        "billingCycleType", "periodFrom", "periodTo",
        filters=[{"column": "chargeType", "keep": ["Recurring"], "otherwise": "out"}],
        notes=("SentinelOne runs from the 19th to the 18th; Proofpoint is counted on the 19th.",),
    ),
    _template("TD SYNNEX ION", "billing document", "Customer Name", "SKU", "Quantity",
              notes=("Final only 5 to 15 business days after the month's end; earlier copies vary.",)),
    _template("Ingram Micro Cloud", "billing report, short layout", "Customer Account ID", "Plan ID", "Quantity",
              "Reseller ID", "Reseller Company Name", "End Customer Name", "Subscription ID", "Subscription Name"),
    _template("Pax8", "subscriptions", "Company", "SKU", "Quantity", "Product", "Billing Term", "Start", "End",
              status="Status"),
    _template("Bitdefender GravityZone", "monthly license usage", "Company", "Product", "Usage", find_header=True,
              ends_blank=True, notes=("Two tables stand in one file; the first blank line ends the first.",
                                      "Parents include their children: keep leaves only.")),
    _template("SentinelOne", "sites", "Site", "SKU", "Active Licenses", "Account", "Total Licenses", "Expiration",
              status="State"),
    _template("Huntress", "billing detail", "Organization", "Product", "Billable",
              notes=("The billing period starts on the account's own day.",)),
    _template("Webroot", "sites", "Site Name", "Product", "Endpoints", "Keycode", dates="dmy",
              notes=("Endpoints that were seen in the last 30 days.",)),
    _template("Proofpoint Essentials", "licences", "Primary Domain", "Package", "Licensed Users", "Active Users",
              status="Status"),
    _template("Datto RMM", "devices", "Site", "Device Class", "", "Device", filters=[_out("Deleted", "true", "yes")]),
    _template("Datto SaaS Protection", "seats", "Organization", "Service", "", "Seat",
              filters=[{"column": "Status", "keep": ["Active", "Paused", "Archived"]}],
              notes=("Archived seats are billable; unprotected ones are not.",)),
    _template("Datto BCDR", "agents", "Organization", "Appliance Model", "", "Agent"),
    _template("Hornetsecurity", "itemised billing", "Customer", "Backup Plan", "", "Object", "Object Type",
              filters=[{"column": "Invoice", "keep": ["Billable"], "otherwise": "out"}]),
    _template("Veeam", "usage", "Organization", "Workload Type", "Reported Count",
              notes=("A server that was not collected makes the file partial.",)),
    _template("NinjaOne", "devices", "Organization", "Device Class", "", "Display Name", "Location",
              filters=[{"column": "Status", "keep": ["Approved"]}]),
    _template("Duo", "users", "Account", "Edition", "", "Username", "Email",
              filters=[_out("Status", "pending deletion")]),
    _template("AppRiver", "invoice", "Customer", "Product", "Quantity"),
    _template("N-central", "licence usage", "Customer", "Licence Mode", "", "Device",
              notes=("A licence is held for at least 15 days, so removed devices still count.",)),
    _template("Auvik", "billing usage", "(sheet)", "Device Class", "", "Device Name", format="xlsx", all_sheets=True,
              day_columns=["yes", "x", "1", "billable", "true"], measure={"how": "days", "take": "max"},
              notes=("One sheet a client; a day's count is its marked devices, and the largest day counts.",)),
    _template("Securepoint", "usage", "Customer", "Product", "Chargeable Units", "Free Units"),
)  # fmt: skip
