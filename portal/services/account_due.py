"""Notes what the lines of the accounts page rest on and has changed, in the same transaction as the change.

Whoever changes a count, a mapping, a status word, a company or a price need not know of the lines: this listens to
all sessions. A mapping's own line follows at once; what needs more work is noted as due (`services.account_lines`).
"""

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction

from portal.db.records import (
    AccountLine,
    AccountLineDue,
    AccountMapping,
    MappingRefusal,
    PsaCompany,
    PsaProduct,
    ServiceMapping,
    ServiceProduct,
    UsageCount,
    UsageImport,
    Vendor,
    VendorAccount,
    VendorWordMeaning,
)
from portal.domain.names import folded

COUNTS = "counts"  # a vendor's lines are to be made anew
SUGGESTIONS = "suggestions"  # companies, mappings or refusals have changed
SUGGESTING = "suggesting"  # a worker is at it
EVERYBODY = 0  # in place of a vendor

_WATCHED: dict[type[Any], frozenset[str]] = {
    UsageImport: frozenset({"state", "period", "counted_at", "complete"}),
    VendorAccount: frozenset({"name", "status", "external_id"}),
    VendorWordMeaning: frozenset({"meaning", "word"}),
    ServiceMapping: frozenset({"state", "every_term", "products", "excluded_until"}),
    ServiceProduct: frozenset({"product", "factor"}),
    PsaProduct: frozenset({"price", "gone_at", "identifier"}),
    PsaCompany: frozenset({"name", "website", "deleted", "gone_at", "in_scope"}),
    AccountMapping: frozenset({"state", "company_id", "reason"}),
    Vendor: frozenset({"title"}),
    MappingRefusal: frozenset(),
    UsageCount: frozenset({"quantity"}),
}  # what of a changed record matters; new and deleted ones always do
_SUGGESTED_BY = (PsaCompany, MappingRefusal)
_BY_HAND = 500  # statements of one kind at a time


@event.listens_for(Session, "after_flush")
def _flushed(session: Session, _context: UOWTransaction) -> None:
    """Note what a flush has changed."""
    gone = list(session.deleted)
    changed = [one for one in (*session.new, *session.dirty, *gone) if type(one) in _WATCHED]
    changed = [one for one in changed if one not in session.dirty or _matters(one)]
    if not changed:
        return
    connection = session.connection()
    mappings = [one for one in changed if isinstance(one, AccountMapping)]
    if mappings:
        _follow(connection, mappings, gone)
    vendors = _vendors(connection, changed)
    due = {(COUNTS, vendor_id) for vendor_id in vendors}
    if mappings or any(isinstance(one, (*_SUGGESTED_BY, VendorAccount)) for one in changed):
        due.add((SUGGESTIONS, EVERYBODY))
    _note(connection, due)


@event.listens_for(Session, "do_orm_execute")
def _executed(state: ORMExecuteState) -> None:
    """Note what one statement changes in many rows."""
    if not (state.is_insert or state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    kind = state.bind_mapper.class_
    if kind not in _WATCHED or (kind is UsageCount and state.is_insert):
        return  # a file's counts count once its import does
    if state.is_update and not _WATCHED[kind] & _named(state):
        return
    connection = state.session.connection()
    due = {(SUGGESTIONS, EVERYBODY)}
    if kind not in _SUGGESTED_BY:
        due |= {(COUNTS, vendor_id) for vendor_id in connection.scalars(sa.select(Vendor.id))}
    _note(connection, due)


def _named(state: ORMExecuteState) -> set[str]:
    """Give the columns that an UPDATE names."""
    names = set(state.statement.compile().params)  # type: ignore[attr-defined]  # an UPDATE has it
    given = state.parameters
    for row in given if isinstance(given, list) else [given or {}]:
        names |= set(row)
        break  # all rows name the same ones
    return names


def _matters(one: object) -> bool:
    """Tell whether a changed record has changed in what the lines rest on."""
    attributes = sa.inspect(one).attrs
    return any(attributes[name].history.has_changes() for name in _WATCHED[type(one)])


def _vendors(connection: sa.Connection, changed: Iterable[object]) -> set[int]:
    """Give the vendors whose lines have to be made anew."""
    found: set[int] = set()
    imports: set[int] = set()
    services: set[int] = set()
    for one in changed:
        if isinstance(one, UsageImport | VendorAccount | VendorWordMeaning | ServiceMapping):
            found.add(one.vendor_id)
        elif isinstance(one, UsageCount):
            imports.add(one.import_id)
        elif isinstance(one, ServiceProduct):
            services.add(one.mapping_id)
        elif isinstance(one, Vendor):
            found.add(one.id)
    if any(isinstance(one, PsaProduct) for one in changed):
        found |= set(connection.scalars(sa.select(ServiceMapping.vendor_id).distinct()))
    for column, vendor, ids in (
        (UsageImport.id, UsageImport.vendor_id, imports),
        (ServiceMapping.id, ServiceMapping.vendor_id, services),
    ):
        for chunk in _chunks(sorted(ids)):
            found |= set(connection.scalars(sa.select(vendor).where(column.in_(chunk)).distinct()))
    return found


def _follow(connection: sa.Connection, mappings: Collection[AccountMapping], gone: Collection[object]) -> None:
    """Let the lines of mapped accounts say at once what they are mapped to."""
    ids = sorted({one.company_id for one in mappings if one.company_id is not None})
    names: dict[int, str] = {}
    for chunk in _chunks(ids):
        names.update(
            connection.execute(sa.select(PsaCompany.id, PsaCompany.name).where(PsaCompany.id.in_(chunk))).all()
        )
    table = AccountLine.__table__
    account = (
        sa.select(VendorAccount.id)
        .where(VendorAccount.vendor_id == sa.bindparam("of"), VendorAccount.external_id == sa.bindparam("named"))
        .scalar_subquery()
    )
    update = (
        sa.update(AccountLine)
        .where(table.c.account_id == account)
        .values(state=sa.bindparam("now"), company_id=sa.bindparam("where"), searched_too=sa.bindparam("told"))
    )
    rows: list[dict[str, Any]] = []
    for one in mappings:
        left = one in gone
        company = None if left else one.company_id
        told = "" if left else names.get(company or 0, "") or one.reason or ""
        rows.append(
            {
                "of": one.vendor_id,
                "named": one.account_external_id,
                "now": "unmapped" if left else one.state,
                "where": company,
                "told": folded(told).strip(),
            }
        )
    for chunk in _chunks(rows):
        connection.execute(update, chunk)


def _note(connection: sa.Connection, due: set[tuple[str, int]]) -> None:
    """Note what is due; what is noted already stays."""
    noted = {(what, vendor_id) for what, vendor_id in connection.execute(_NOTED)}
    rows = [{"what": what, "vendor_id": vendor_id} for what, vendor_id in sorted(due - noted)]
    if rows:
        connection.execute(sa.insert(AccountLineDue), rows)


_NOTED = sa.select(AccountLineDue.what, AccountLineDue.vendor_id)


def _chunks(values: Any) -> Iterable[Any]:  # noqa: ANN401 - a list of anything
    return [values[start : start + _BY_HAND] for start in range(0, len(values), _BY_HAND)]
