"""What a portal's mirror of the PSA holds, read by tests."""

from typing import Any, TypeVar

import sqlalchemy as sa

from portal.db.base import Base
from portal.db.records import (
    PsaAddition,
    PsaAgreement,
    PsaBillingCycle,
    PsaCompany,
    PsaCompanyType,
    PsaListRow,
    PsaProduct,
)

Kind = TypeVar("Kind", bound=Base)


def rows(portal: Any, kind: type[Kind], *where: sa.ColumnElement[bool]) -> list[Kind]:
    """Give the records of a table."""
    with portal.open_session() as session:
        return list(session.scalars(sa.select(kind).where(*where)))


def one(portal: Any, kind: type[Kind], row_id: Any) -> Kind:
    """Give one record, which is there."""
    with portal.open_session() as session:
        found: Kind = session.get_one(kind, row_id)
        return found


def picture(portal: Any) -> dict[str, list[tuple[object, ...]]]:
    """Give everything that mirrors the PSA, but when it was read."""
    tables = (PsaCompany, PsaCompanyType, PsaAgreement, PsaAddition, PsaProduct, PsaListRow, PsaBillingCycle)
    with portal.open_session() as session:
        return {
            table.__tablename__: sorted(
                (
                    tuple(
                        getattr(row, column.key)
                        for column in sa.orm.class_mapper(table).column_attrs
                        if not column.key.startswith("additions_")
                    )
                    for row in session.scalars(sa.select(table))
                ),
                key=str,
            )
            for table in tables
        }
