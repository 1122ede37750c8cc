"""Vendor accounts and services as files name them: the newest file by the moment of counting says how."""

from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageAccount, UsageImport, UsageService, VendorAccount, VendorService
from portal.services.import_staging import NEVER

_ACCOUNTS = cast("sa.Table", VendorAccount.__table__)
_SERVICES = cast("sa.Table", VendorService.__table__)


def take_names(session: Session, found: UsageImport) -> None:
    """Take over names and status words, unless a file that was counted later has said others.

    A new name under an old id is a rename. A file without a status column leaves the status as it is.
    """
    counted_at = _moment(found)
    said = UsageAccount
    session.execute(
        sa.update(_ACCOUNTS)
        .where(said.import_id == found.id, said.account_id == VendorAccount.id, VendorAccount.seen_at <= counted_at)
        .values(
            name=sa.case((said.name != "", said.name), else_=VendorAccount.name),
            status=sa.func.coalesce(said.status, VendorAccount.status),
            seen_at=counted_at,
        )
    )
    sold = UsageService
    session.execute(
        sa.update(_SERVICES)
        .where(sold.import_id == found.id, sold.service_id == VendorService.id, VendorService.seen_at <= counted_at)
        .values(name=sa.case((sold.name != "", sold.name), else_=VendorService.name), seen_at=counted_at)
    )
    _forget_what_was_read(session)


def restore_names(session: Session, undone: UsageImport) -> None:
    """Give accounts and services of an import that was undone the names of the newest file that still counts.

    A status that no file tells any more is unknown again. What no other file names keeps its name: it counts nothing
    and is listed nowhere, and the next file that names it says how it is called.
    """
    named = sa.select(UsageAccount.account_id).where(UsageAccount.import_id == undone.id)
    here = VendorAccount.id.in_(named)
    _update(session, VendorAccount, here, seen_at=NEVER)
    files = _said(UsageAccount, UsageAccount.account_id, named)
    at = _newest(files, UsageAccount.account_id, sa.true(), UsageImport.counted_at)
    _update(session, VendorAccount, VendorAccount.id == at.c.place, seen_at=at.c.said, status="")
    name = _newest(files, UsageAccount.account_id, UsageAccount.name != "", UsageAccount.name)
    _update(session, VendorAccount, VendorAccount.id == name.c.place, name=name.c.said)
    status = _newest(files, UsageAccount.account_id, UsageAccount.status.is_not(None), UsageAccount.status)
    _update(session, VendorAccount, VendorAccount.id == status.c.place, status=status.c.said)

    sold = sa.select(UsageService.service_id).where(UsageService.import_id == undone.id)
    _update(session, VendorService, VendorService.id.in_(sold), seen_at=NEVER)
    files = _said(UsageService, UsageService.service_id, sold)
    at = _newest(files, UsageService.service_id, sa.true(), UsageImport.counted_at)
    _update(session, VendorService, VendorService.id == at.c.place, seen_at=at.c.said)
    name = _newest(files, UsageService.service_id, UsageService.name != "", UsageService.name)
    _update(session, VendorService, VendorService.id == name.c.place, name=name.c.said)
    _forget_what_was_read(session)


def _said(
    record: type[UsageAccount | UsageService], place: sa.SQLColumnExpression[int], named: sa.Select[int]
) -> sa.Select[Any]:
    """Choose what files that count say of some accounts or services."""
    return (
        sa.select()
        .join_from(record, UsageImport, UsageImport.id == record.import_id)
        .where(place.in_(named), UsageImport.state == "committed")
    )


def _newest(
    files: sa.Select[Any],
    place: sa.SQLColumnExpression[int],
    where: sa.ColumnElement[bool],
    what: sa.SQLColumnExpression[Any],
) -> sa.Subquery:
    """Give what the newest of the files says, where it says anything."""
    order = (UsageImport.counted_at.desc(), UsageImport.id.desc())
    rank = sa.func.row_number().over(partition_by=place, order_by=order)
    ranked = files.where(where).add_columns(place.label("place"), what.label("said"), rank.label("rank")).subquery()
    return sa.select(ranked.c.place, ranked.c.said).where(ranked.c.rank == 1).subquery()


def _update(
    session: Session,
    record: type[VendorAccount | VendorService],
    where: sa.ColumnElement[bool],
    **values: object,
) -> None:
    session.execute(sa.update(cast("sa.Table", record.__table__)).where(where).values(**values))


def _forget_what_was_read(session: Session) -> None:
    """Let accounts and services that the session holds be read anew: statements have changed them."""
    for one in list(session.identity_map.values()):
        if isinstance(one, VendorAccount | VendorService):
            session.expire(one)


def _moment(found: UsageImport) -> datetime:
    if found.counted_at is None:
        raise ValueError("An import that was read has the moment of its counting.")
    return found.counted_at
