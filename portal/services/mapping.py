"""What vendor accounts and services are: a company, products, or excluded. Every change is audited.

A mapping hangs on the vendor's own ids, so it survives a disconnect and may precede any file.
"""

from portal.services.account_figures import MissingFigures, missing_figures
from portal.services.account_pages import AccountPage, AccountRow, AccountsWanted, account_page
from portal.services.mapping_accounts import (
    end_exclusions,
    exclude_account,
    map_account,
    map_exact_names,
    unmap_account,
)
from portal.services.mapping_bulk import Undone, exclude_many, latest_batch, map_many, undo_batch
from portal.services.mapping_file import (
    MappingDiff,
    apply_mapping_file,
    diff_mapping,
    export_mapping,
    mapping_text,
    read_mapping_text,
)
from portal.services.mapping_lists import (
    AccountResult,
    Missing,
    MissingAccount,
    MissingService,
    inactive,
    inactive_csv,
    missing,
    missing_csv,
)
from portal.services.mapping_services import exclude_service, map_service, service_words, unmap_service

__all__ = [
    "AccountPage",
    "AccountResult",
    "AccountRow",
    "AccountsWanted",
    "MappingDiff",
    "Missing",
    "MissingAccount",
    "MissingFigures",
    "MissingService",
    "Undone",
    "account_page",
    "apply_mapping_file",
    "diff_mapping",
    "end_exclusions",
    "exclude_account",
    "exclude_many",
    "exclude_service",
    "export_mapping",
    "inactive",
    "inactive_csv",
    "latest_batch",
    "map_account",
    "map_exact_names",
    "map_many",
    "map_service",
    "mapping_text",
    "missing",
    "missing_csv",
    "missing_figures",
    "read_mapping_text",
    "service_words",
    "undo_batch",
    "unmap_account",
    "unmap_service",
]
