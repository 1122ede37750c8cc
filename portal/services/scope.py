"""Which companies are in scope, computed anew from meanings, and remembered where a decision is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaCompany, PsaCompanyType, RowMeaning
from portal.domain.scope import Scope, StatusMeaning, TypeMeaning, scope_of

Meanings = Mapping[tuple[str, int], str]
"""(`status` or `type`, the PSA's id) to the meaning that an admin gave."""

_GONE = Scope(in_scope=False, needs_decision=False, reason="The company was deleted in ConnectWise.")


@dataclass(frozen=True, slots=True)
class ScopeChanges:
    """Which companies joined and left the scope, by id."""

    joined: tuple[int, ...]
    left: tuple[int, ...]


def meanings(session: Session) -> dict[tuple[str, int], str]:
    """Read what the admin said that statuses and types mean."""
    rows = session.execute(sa.select(RowMeaning.list, RowMeaning.psa_id, RowMeaning.meaning))
    return {(list_name, psa_id): meaning for list_name, psa_id, meaning in rows}


def scopes(session: Session, known: Meanings) -> dict[int, tuple[PsaCompany, Scope]]:
    """Tell of every company whether it would be in scope with these meanings; nothing is changed.

    Returns:
        By company id. A company without a decision stays as it was.
    """
    return {company.id: (company, scope_with(company, types, known)) for company, types in carriers(session)}


def carriers(session: Session) -> list[tuple[PsaCompany, Sequence[int]]]:
    """Give every company with the ids of its types."""
    types: dict[int, list[int]] = {}
    for company_id, type_id in session.execute(sa.select(PsaCompanyType.company_id, PsaCompanyType.type_id)):
        types.setdefault(company_id, []).append(type_id)
    return [(company, types.get(company.id, ())) for company in session.scalars(sa.select(PsaCompany))]


def refresh(session: Session) -> ScopeChanges:
    """Compute every company's scope anew and remember it.

    Where a decision is missing, what was remembered stays, so that no company drops out of scope unseen.
    """
    session.flush()
    joined: list[int] = []
    left: list[int] = []
    for company, scope in scopes(session, meanings(session)).values():
        if bool(company.in_scope) != scope.in_scope:
            (joined if scope.in_scope else left).append(company.id)
        if not (scope.needs_decision and company.in_scope is None):
            company.in_scope = scope.in_scope
        company.needs_decision = scope.needs_decision
        company.scope_reason = scope.reason
    session.flush()
    return ScopeChanges(tuple(sorted(joined)), tuple(sorted(left)))


def scope_with(company: PsaCompany, types: Sequence[int], known: Meanings) -> Scope:
    """Tell whether a company of these types would be in scope with these meanings."""
    if company.gone_at is not None:
        return _GONE
    status = None if company.status_id is None else known.get(("status", company.status_id))
    given = [known.get(("type", one)) for one in types]
    return scope_of(
        company.deleted,
        None if status is None else StatusMeaning(status),
        [None if one is None else TypeMeaning(one) for one in given],
        company.in_scope,
    )
