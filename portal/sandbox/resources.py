"""The resources: where each is found, what its records look like, and which part of a role guards it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind of record.

    Args:
        name: As the set's files are called.
        path: Below the API's base; ``<int:parent>`` stands for the agreement.
        schema: Its name in the definition, and in ``fields.json``.
        word: What refusals call one record.
        area: The part of a role that guards it.
        fixed: Whether callers can only read it; the extract of the definition has no writes for it.
    """

    name: str
    path: str
    schema: str
    word: str
    area: str
    fixed: bool = False

    @property
    def list_methods(self) -> list[str]:
        """The methods of its list."""
        return ["GET"] if self.fixed else ["GET", "POST"]

    @property
    def methods(self) -> list[str]:
        """The methods of one record."""
        return ["GET"] if self.fixed else ["GET", "PATCH", "PUT", "DELETE"]


ADDITIONS = Resource(
    name="additions",
    path="/finance/agreements/<int:parent>/additions",
    schema="Addition",
    word="addition",
    area="agreements",
)
AGREEMENTS = Resource(
    name="agreements", path="/finance/agreements", schema="Agreement", word="agreement", area="agreements"
)
COMPANIES = Resource(name="companies", path="/company/companies", schema="Company", word="company", area="companies")
CATALOG = Resource(
    name="catalog_items", path="/procurement/catalog", schema="CatalogItem", word="catalogItem", area="catalog"
)
CALLBACKS = Resource(
    name="callbacks", path="/system/callbacks", schema="CallbackEntry", word="callback", area="callbacks"
)
TICKETS = Resource(name="tickets", path="/service/tickets", schema="Ticket", word="ticket", area="service")

RESOURCES = (
    ADDITIONS,
    AGREEMENTS,
    COMPANIES,
    CATALOG,
    Resource(
        name="agreement_types",
        path="/finance/agreements/types",
        schema="AgreementType",
        word="agreementType",
        area="tables",
    ),
    Resource(
        name="billing_cycles", path="/finance/billingCycles", schema="BillingCycle", word="billingCycle", area="tables"
    ),
    Resource(
        name="company_statuses",
        path="/company/companies/statuses",
        schema="CompanyStatus",
        word="companyStatus",
        area="tables",
    ),
    Resource(
        name="company_types", path="/company/companies/types", schema="CompanyType", word="companyType", area="tables"
    ),
    Resource(name="members", path="/system/members", schema="Member", word="member", area="members"),
    CALLBACKS,
    TICKETS,
    Resource(name="boards", path="/service/boards", schema="Board", word="board", area="service", fixed=True),
    Resource(name="invoices", path="/finance/invoices", schema="Invoice", word="invoice", area="invoices", fixed=True),
)

BY_NAME = {resource.name: resource for resource in RESOURCES}

REFERENCES = {
    ("additions", "product"): ("catalog_items", ("identifier",)),
    ("agreements", "company"): ("companies", ("identifier", "name")),
    ("agreements", "type"): ("agreement_types", ("name",)),
    ("agreements", "billingCycle"): ("billing_cycles", ("name",)),
    ("agreements", "parentAgreement"): ("agreements", ("name",)),
    ("companies", "status"): ("company_statuses", ("name",)),
    ("companies", "types"): ("company_types", ("name",)),
    ("tickets", "company"): ("companies", ("identifier", "name")),
    ("tickets", "board"): ("boards", ("name",)),
    ("tickets", "agreement"): ("agreements", ("name",)),
}
"""The fields that point at records of the sandbox: where to, and what they show beside the id. Other
references are kept as they were sent."""
