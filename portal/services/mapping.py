"""What vendor accounts and services are: a company, products, or excluded. Every change is audited.

A mapping hangs on the vendor's own ids, so it survives a disconnect and may precede any file.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    PsaCompany,
    VendorAccount,
)
from portal.services.actors import Actor, require
from portal.services.errors import Invalid, NotFound
from portal.services.mapping_common import anew, reason_of, record
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
from portal.services.suggestions import exact_names

__all__ = [
    "AccountResult",
    "MappingDiff",
    "Missing",
    "MissingAccount",
    "MissingService",
    "apply_mapping_file",
    "diff_mapping",
    "exclude_account",
    "exclude_service",
    "export_mapping",
    "inactive",
    "inactive_csv",
    "map_account",
    "map_exact_names",
    "map_service",
    "mapping_text",
    "missing",
    "missing_csv",
    "read_mapping_text",
    "service_words",
    "unmap_account",
    "unmap_service",
]


def map_account(
    session: Session,
    account_id: int,
    company_id: int,
    *,
    by: Actor,
    now: datetime,
    zone: ZoneInfo | None = None,
    how: str = "person",
) -> AccountMapping:
    """Say which company a vendor account is; or move it to another one.

    Args:
        session: A writing session.
        account_id: Our id of the vendor account.
        company_id: The PSA's id of the company, which may never have been synced.
        by: Who says so.
        now: By the business clock.
        zone: The portal's time zone; given, the cards are made anew at once.
        how: `person`, `exact_name` or `file`.

    Raises:
        NotFound: There is no such account.
        Invalid: The company lies in the recycle bin.
    """
    account = _account(session, account_id, by)
    company = session.get(PsaCompany, company_id)
    if company is not None and (company.deleted or company.gone_at is not None):
        raise Invalid(f"{company.name} was deleted in ConnectWise. Choose another company.")
    name = f"company {company_id}" if company is None else company.name
    row = _mapping_of(session, account)
    before = None if row is None else _account_words(session, row)
    if row is None:
        row = AccountMapping(vendor_id=account.vendor_id, account_external_id=account.external_id)
        session.add(row)
    elif row.company_id == company_id and row.how == how:
        return row
    row.state, row.company_id, row.reason, row.how = "mapped", company_id, None, how
    row.account_name, row.decided_by, row.decided_at = account.name, by.name, now
    session.flush()
    record(
        session,
        "mapping.account",
        f"Mapped {_title(account)} to {name}.",
        by=by,
        now=now,
        before=before,
        after=name,
        company=company,
        company_id=company_id,
    )
    anew(session, now, zone)
    return row


def map_exact_names(
    session: Session, *, by: Actor, now: datetime, zone: ZoneInfo | None = None
) -> list[AccountMapping]:
    """Map every unmapped account whose name is that of exactly one company in scope. For the first set-up alone.

    The mappings are marked (`how` is `exact_name`), so that a person can confirm or undo them. Arguments as for
    `map_account`.
    """
    known = sa.and_(
        AccountMapping.vendor_id == VendorAccount.vendor_id,
        AccountMapping.account_external_id == VendorAccount.external_id,
    )
    unmapped = session.scalars(
        sa.select(VendorAccount).where(~sa.exists().where(known)).order_by(VendorAccount.id)
    ).all()
    fitting = exact_names(session, unmapped)
    made = [
        map_account(session, account_id, company_id, by=by, now=now, how="exact_name")
        for account_id, company_id in sorted(fitting.items())
    ]
    if made:
        anew(session, now, zone)
    return made


def exclude_account(
    session: Session, account_id: int, *, reason: str, by: Actor, now: datetime, zone: ZoneInfo | None = None
) -> AccountMapping:
    """Leave a vendor account out, with a reason. Arguments as for `map_account`.

    Raises:
        NotFound: There is no such account.
        Invalid: The reason is missing or too long.
    """
    account = _account(session, account_id, by)
    said = reason_of(reason)
    row = _mapping_of(session, account)
    before = None if row is None else _account_words(session, row)
    if row is None:
        row = AccountMapping(vendor_id=account.vendor_id, account_external_id=account.external_id)
        session.add(row)
    row.state, row.company_id, row.reason, row.how = "excluded", None, said, "person"
    row.account_name, row.decided_by, row.decided_at = account.name, by.name, now
    session.flush()
    record(
        session,
        "mapping.account",
        f"Excluded {_title(account)}.",
        by=by,
        now=now,
        before=before,
        after="excluded",
        reason=said,
    )
    anew(session, now, zone)
    return row


def unmap_account(session: Session, account_id: int, *, by: Actor, now: datetime, zone: ZoneInfo | None = None) -> None:
    """Take back what was said about a vendor account; it is unmapped again. Arguments as for `map_account`.

    Raises:
        NotFound: There is no such account.
    """
    account = _account(session, account_id, by)
    row = _mapping_of(session, account)
    if row is None:
        return
    before = _account_words(session, row)
    session.delete(row)
    session.flush()
    record(
        session,
        "mapping.account",
        f"Took back the mapping of {_title(account)}.",
        by=by,
        now=now,
        before=before,
        after="unmapped",
    )
    anew(session, now, zone)


def _account(session: Session, account_id: int, by: Actor) -> VendorAccount:
    require(by, "biller", "map accounts and services")
    found = session.get(VendorAccount, account_id)
    if found is None:
        raise NotFound(f"There is no vendor account {account_id}.")
    return found


def _mapping_of(session: Session, account: VendorAccount) -> AccountMapping | None:
    return session.scalars(
        sa.select(AccountMapping).where(
            AccountMapping.vendor_id == account.vendor_id, AccountMapping.account_external_id == account.external_id
        )
    ).one_or_none()


def _account_words(session: Session, row: AccountMapping) -> str:
    if row.company_id is None:
        return f"excluded ({row.reason})"
    company = session.get(PsaCompany, row.company_id)
    return f"company {row.company_id}" if company is None else company.name


def _title(account: VendorAccount) -> str:
    return f"the account “{account.name or account.external_id}” of {account.vendor.title}"
