"""The trail as JSON lines that verify offline, and slice by slice for whatever else writes it out."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.services.audit_seal import sealed_fields

SLICE = 2000  # events read at a time: an export takes the same memory however long the trail is


def slices(session: Session, *where: sa.ColumnElement[bool]) -> Iterator[tuple[sa.Row[Any], bool]]:
    """Give every event in its order, and whether it meets the conditions.

    Args:
        session: For reading. Between slices its transaction may end: what is written is never changed.
        where: Conditions on `AuditEvent`; none: all of them meet them.
    """
    chosen = sa.and_(sa.true(), *where).label("is_chosen")
    last: int | None = None
    while True:
        query = sa.select(*AuditEvent.__table__.columns, chosen).order_by(AuditEvent.n).limit(SLICE)
        if last is not None:
            query = query.where(AuditEvent.n > last)
        rows: list[sa.Row[Any]] = list(session.execute(query))
        for row in rows:
            yield row, bool(row.is_chosen)
        if len(rows) < SLICE:
            return
        last = rows[-1].n


def export_lines(session: Session, *where: sa.ColumnElement[bool], addresses: bool = False) -> Iterator[str]:
    """Write the trail as JSON lines that verify offline.

    An event that a filter leaves out keeps its number and hashes, so that the chain still verifies.

    Args:
        session: For reading.
        where: Conditions on `AuditEvent`; none: everything.
        addresses: Also write addresses with their salts, which not everyone may read.
    """
    for event, chosen in slices(session, *where):
        hashes = {"previous_hash": event.previous_hash, "hash": event.hash}
        if chosen:
            line = sealed_fields(event) | hashes
            if addresses:
                line |= {"address": event.address, "salt": event.salt}
        else:
            line = {"n": event.n, "left_out": True} | hashes
        yield json.dumps(line, ensure_ascii=False, allow_nan=False)
