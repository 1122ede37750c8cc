"""The ConnectWise PSA client: requests in, typed records out, errors that say what to do next.

It knows nothing of the portal. What the API is known to do, and what is assumed, stands beside the
code that relies on it; assumptions are marked as such.
"""

from portal.connectwise.addition_lines import Addition, AgreementAdditions
from portal.connectwise.additions import NewLine
from portal.connectwise.address import Address, normalise, with_codebase
from portal.connectwise.agreement_types import AgreementType
from portal.connectwise.agreements import Agreement
from portal.connectwise.audit_trail import AuditEntry
from portal.connectwise.billing_cycles import BillingCycle
from portal.connectwise.callbacks import Callback
from portal.connectwise.catalog import CatalogItem
from portal.connectwise.client import ConnectWise
from portal.connectwise.companies import Company, NamedId
from portal.connectwise.company_statuses import CompanyStatus
from portal.connectwise.company_types import CompanyType
from portal.connectwise.errors import (
    AddressRefused,
    ConnectWiseError,
    OutcomeUnknown,
    Rejected,
    Throttled,
    UnexpectedPayload,
    Unreachable,
    Withheld,
)
from portal.connectwise.pace import Pace
from portal.connectwise.patience import Patience
from portal.connectwise.permissions import Permission
from portal.connectwise.system import CompanyInfo, SystemInfo

__all__ = [
    "Addition",
    "Address",
    "AddressRefused",
    "Agreement",
    "AgreementAdditions",
    "AgreementType",
    "AuditEntry",
    "BillingCycle",
    "Callback",
    "CatalogItem",
    "Company",
    "CompanyInfo",
    "CompanyStatus",
    "CompanyType",
    "ConnectWise",
    "ConnectWiseError",
    "NamedId",
    "NewLine",
    "OutcomeUnknown",
    "Pace",
    "Patience",
    "Permission",
    "Rejected",
    "SystemInfo",
    "Throttled",
    "UnexpectedPayload",
    "Unreachable",
    "Withheld",
    "normalise",
    "with_codebase",
]
