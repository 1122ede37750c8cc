"""Which companies are in scope, computed anew from meanings, and remembered where a decision is missing."""

from collections.abc import Mapping
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
    types: dict[int, list[TypeMeaning | None]] = {}
    for company_id, type_id in session.execute(sa.select(PsaCompanyType.company_id, PsaCompanyType.type_id)):
        meaning = known.get(("type", type_id))
        types.setdefault(company_id, []).append(None if meaning is None else TypeMeaning(meaning))
    return {
        company.id: (company, _scope(company, types.get(company.id, []), known))
        for company in session.scalars(sa.select(PsaCompany))
    }


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


def _scope(company: PsaCompany, types: list[TypeMeaning | None], known: Meanings) -> Scope:
    if company.gone_at is not None:
        return _GONE
    status = None if company.status_id is None else known.get(("status", company.status_id))
    return scope_of(company.deleted, None if status is None else StatusMeaning(status), types, company.in_scope)
