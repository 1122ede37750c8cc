"""Vendor accounts and services as files name them: the newest file by the moment of counting says how."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageCount, UsageImport, UsageRow, VendorAccount, VendorService
from portal.vendors.errors import Unreadable
from portal.vendors.profiles import FileProfile
from portal.vendors.row_values import BadValue, RowValues, When

_CHUNK = 500


def make_missing(session: Session, found: UsageImport, pending: dict[str, Any]) -> None:
    """Make the accounts and services that are not known yet; leave the others as they are."""
    counted_at = _moment(found)
    known = set(session.scalars(sa.select(VendorAccount.external_id).where(VendorAccount.vendor_id == found.vendor_id)))
    accounts = [
        {"vendor_id": found.vendor_id, "external_id": account, "name": name, "status": status, "seen_at": counted_at}
        for account, name, status in pending["accounts"]
        if account not in known
    ]
    sold = {
        (external, term)
        for external, term in session.execute(
            sa.select(VendorService.external_id, VendorService.term).where(VendorService.vendor_id == found.vendor_id)
        )
    }
    services = [
        {"vendor_id": found.vendor_id, "external_id": service, "term": term, "name": name, "seen_at": counted_at}
        for service, term, name in pending["services"]
        if (service, term) not in sold
    ]
    if accounts:
        session.execute(sa.insert(VendorAccount), accounts)
    if services:
        session.execute(sa.insert(VendorService), services)


def take_names(session: Session, found: UsageImport, pending: dict[str, Any]) -> None:
    """Take over names and status words, unless a file that was counted later has said others.

    A new name under an old id is a rename. A file without a status column leaves the status as it is.
    """
    counted_at = _moment(found)
    profile = FileProfile.from_spec(found.spec)
    tells_status = "account_status" in {*profile.columns, *profile.constants, *profile.values}
    accounts = {
        account.external_id: account
        for account in session.scalars(sa.select(VendorAccount).where(VendorAccount.vendor_id == found.vendor_id))
    }
    for external, name, status in pending["accounts"]:
        account = accounts[external]
        if account.seen_at <= counted_at:
            account.name = name or account.name
            account.status = status if tells_status else account.status
            account.seen_at = counted_at
    services = {
        (service.external_id, service.term): service
        for service in session.scalars(sa.select(VendorService).where(VendorService.vendor_id == found.vendor_id))
    }
    for external, term, name in pending["services"]:
        service = services[external, term]
        if service.seen_at <= counted_at:
            service.name = name or service.name
            service.seen_at = counted_at
    session.flush()


def restore_names(session: Session, undone: UsageImport) -> None:
    """Give the accounts of an import that was undone the names of the newest file that still counts.

    Accounts that no other file names keep their name; they count nothing and are listed nowhere.
    """
    accounts = sa.select(UsageCount.account_id).where(UsageCount.import_id == undone.id)
    rows = session.execute(
        sa.select(UsageCount.account_id, UsageCount.import_id, UsageImport.counted_at, sa.func.max(UsageRow.id))
        .join(UsageImport, UsageImport.id == UsageCount.import_id)
        .join(UsageRow, UsageRow.count_id == UsageCount.id)
        .where(UsageCount.account_id.in_(accounts), UsageImport.state == "committed")
        .group_by(UsageCount.account_id, UsageCount.import_id, UsageImport.counted_at)
        .order_by(UsageImport.counted_at, UsageCount.import_id)
    ).all()
    newest = {
        account_id: (import_id, counted_at, row_id)
        for account_id, import_id, counted_at, row_id in rows
        if counted_at is not None
    }
    specs = {
        one.id: FileProfile.from_spec(one.spec)
        for one in session.scalars(
            sa.select(UsageImport).where(UsageImport.id.in_({import_id for import_id, _at, _row in newest.values()}))
        )
    }
    cells = _cells(session, [row_id for _import, _at, row_id in newest.values()])
    for chunk in _chunks(sorted(newest)):
        for account in session.scalars(sa.select(VendorAccount).where(VendorAccount.id.in_(chunk))):
            import_id, counted_at, row_id = newest[account.id]
            profile, values = specs[import_id], cells[row_id]
            account.name = _value(profile, values, "account_name") or account.name
            if "account_status" in {*profile.columns, *profile.constants, *profile.values}:
                account.status = _value(profile, values, "account_status")
            account.seen_at = counted_at
    session.flush()


def store_counts(session: Session, found: UsageImport, pending: dict[str, Any]) -> None:
    """Store the counts of an import, and tie its rows to them."""
    accounts = {
        external: account_id
        for account_id, external in session.execute(
            sa.select(VendorAccount.id, VendorAccount.external_id).where(VendorAccount.vendor_id == found.vendor_id)
        )
    }
    services = {
        (external, term): service_id
        for service_id, external, term in session.execute(
            sa.select(VendorService.id, VendorService.external_id, VendorService.term).where(
                VendorService.vendor_id == found.vendor_id
            )
        )
    }
    lines = {}
    values = []
    for account, service, term, quantity, rows in pending["counts"]:
        place = (accounts[account], services[service, term])
        lines[place] = rows
        values.append(
            {
                "import_id": found.id,
                "account_id": place[0],
                "service_id": place[1],
                "quantity": quantity,
                "rows": len(rows),
            }
        )
    for start in range(0, len(values), _CHUNK):
        session.execute(sa.insert(UsageCount), values[start : start + _CHUNK])
    made = session.execute(
        sa.select(UsageCount.id, UsageCount.account_id, UsageCount.service_id).where(UsageCount.import_id == found.id)
    ).all()
    table = UsageRow.__table__
    tie = (
        sa.update(UsageRow)
        .where(table.c.import_id == found.id, table.c.line == sa.bindparam("at_line"))
        .values(count_id=sa.bindparam("tied_to"))
        .execution_options(synchronize_session=False)
    )
    ties: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for one in made:
        for place in lines[one.account_id, one.service_id]:
            if isinstance(place, int):
                ties.append({"at_line": place, "tied_to": one.id})
            else:  # a row of several services: the part is its column
                parts.append({"at_line": place[0], "at_part": place[1], "tied_to": one.id})
    if ties:
        session.connection().execute(tie, ties)
    if parts:
        session.connection().execute(tie.where(table.c.column_name == sa.bindparam("at_part")), parts)


def _value(profile: FileProfile, cells: dict[str, str], role: str) -> str:
    """Read a role from the cells that were kept with a row; headers are compared as when the file was read."""
    wanted = [*profile.columns.values(), *(header for one in profile.values.values() for header in one.columns)]
    named = {
        header: next((name for name in cells if name == header or _loose(name) == _loose(header)), header)
        for header in wanted
    }
    try:
        return RowValues(profile, named, When()).text(cells, role)
    except (BadValue, Unreadable):
        return ""


def _loose(header: str) -> str:
    return "".join(letter for letter in header.casefold() if not letter.isspace() and letter != "_")


def _cells(session: Session, row_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for chunk in _chunks(row_ids):
        rows = session.execute(sa.select(UsageRow.id, UsageRow.cells).where(UsageRow.id.in_(chunk)))
        found |= {row_id: dict(cells) for row_id, cells in rows}
    return found


def _chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def _moment(found: UsageImport) -> datetime:
    if found.counted_at is None:
        raise ValueError("An import that was read has the moment of its counting.")
    return found.counted_at
