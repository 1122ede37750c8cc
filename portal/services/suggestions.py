"""Which company a vendor account may be: read from the store and judged by `domain.likeness`, never applied by itself.

Companies that are deleted or out of scope are never suggested, nor one that a person took off the account.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AccountMapping, MappingRefusal, PsaCompany, Vendor, VendorAccount
from portal.domain.likeness import SURE, Candidate, Choice, Likely, Likeness, by_account
from portal.domain.names import domains, name_of

__all__ = ["SURE", "Suggestion", "domains", "exact_names", "likeness", "normal", "refusals", "suggest"]

Suggestion = Likely


def suggest(session: Session, accounts: Iterable[VendorAccount]) -> dict[int, Suggestion]:
    """Suggest a company for each account that one comes close to.

    Args:
        session: For reading.
        accounts: Vendor accounts, mapped or not.

    Returns:
        By our id of the account; accounts without a suggestion are not among them.
    """
    refused = refusals(session)
    wanted = {
        account.id: (account.name, account.external_id, refused.get((account.vendor_id, account.external_id), ()))
        for account in accounts
    }
    return by_account(likeness(session), wanted)


def exact_names(session: Session, accounts: Iterable[VendorAccount]) -> dict[int, int]:
    """Give the accounts whose name is that of exactly one company, which is in scope, apart from case and legal forms.

    Returns:
        Company id by our id of the account.
    """
    index = likeness(session)
    found = {account.id: index.exact(account.name) for account in accounts if account.name}
    return {account_id: company_id for account_id, company_id in found.items() if company_id is not None}


def normal(name: str) -> str:
    """Bring a name to the form in which names are compared."""
    return name_of(name).key


def likeness(session: Session) -> Likeness:
    """Read the companies, what accounts are mapped to, and what people refused, in three queries."""
    alive = sa.and_(PsaCompany.deleted.is_(False), PsaCompany.gone_at.is_(None))
    companies = session.execute(
        sa.select(PsaCompany.id, PsaCompany.name, PsaCompany.website, PsaCompany.in_scope)
        .where(alive)
        .order_by(PsaCompany.id)
    )
    mapped = session.execute(
        sa.select(VendorAccount.name, Vendor.title, AccountMapping.company_id)
        .join(
            AccountMapping,
            sa.and_(
                AccountMapping.vendor_id == VendorAccount.vendor_id,
                AccountMapping.account_external_id == VendorAccount.external_id,
            ),
        )
        .join(Vendor, Vendor.id == VendorAccount.vendor_id)
        .where(AccountMapping.company_id.is_not(None))
        .order_by(Vendor.title, VendorAccount.id)
    )
    refused = session.execute(
        sa.select(MappingRefusal.account_name, Vendor.title, MappingRefusal.company_id)
        .join(Vendor, Vendor.id == MappingRefusal.vendor_id)
        .order_by(MappingRefusal.id)
    )
    choices = [Choice(name, title, company_id) for name, title, company_id in mapped if company_id is not None]
    choices += [Choice(name, title, company_id, refused=True) for name, title, company_id in refused]
    return Likeness.over(
        (Candidate(row.id, row.name, row.website or "", allowed=row.in_scope is True) for row in companies), choices
    )


def refusals(session: Session) -> dict[tuple[int, str], frozenset[int]]:
    """Give the companies that people refused, by vendor and its id of the account."""
    found: dict[tuple[int, str], set[int]] = {}
    query = sa.select(MappingRefusal.vendor_id, MappingRefusal.account_external_id, MappingRefusal.company_id)
    for vendor_id, external_id, company_id in session.execute(query):
        found.setdefault((vendor_id, external_id), set()).add(company_id)
    return {key: frozenset(ids) for key, ids in found.items()}
