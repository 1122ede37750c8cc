"""Bring the mirrored picture of one agreement to what was just read, so that its cards show what is there."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import Addition, Agreement
from portal.db.records import PsaAddition, PsaAgreement
from portal.services import sync_stage


def mirror_lines(session: Session, agreement_id: int, lines: Iterable[Addition], *, now: datetime) -> None:
    """Keep an agreement's additions as they were just read; those that are not among them are gone.

    Args:
        session: A writing session.
        agreement_id: The agreement.
        lines: All its additions.
        now: By the business clock.
    """
    stored = {
        row.id: row for row in session.scalars(sa.select(PsaAddition).where(PsaAddition.agreement_id == agreement_id))
    }
    for line in lines:
        row = stored.pop(line.id, None)
        if row is None:
            row = PsaAddition(id=line.id, agreement_id=agreement_id)
            session.add(row)
        row.product_id, row.product, row.description = line.product_id, line.product, line.description
        row.quantity, row.less_included = line.quantity, line.less_included
        row.unit_price, row.unit_cost = line.unit_price, line.unit_cost
        row.bill_customer, row.uom = line.bill_customer or "Billable", line.unit or None
        row.effective_date, row.cancelled_date = line.effective_date, line.cancelled_date
        row.last_updated, row.updated_by = line.last_updated, line.updated_by or None
        row.gone_at = None
    for row in stored.values():
        if row.gone_at is None:
            row.gone_at = now
    agreement = session.get(PsaAgreement, agreement_id)
    if agreement is not None:
        agreement.additions_read_at = now
    session.flush()
    sync_stage.note_meanwhile(session, agreement_id, None)  # what a run has read of it is older


def mirror_agreement(session: Session, agreement_id: int, found: Agreement | None, *, now: datetime) -> None:
    """Keep what decides whether an agreement lives, as it was just read; none: ConnectWise does not have it."""
    row = session.get(PsaAgreement, agreement_id)
    if row is None:
        return
    if found is None:
        row.gone_at = row.gone_at or now
    else:
        row.gone_at = None
        row.status, row.cancelled = found.status or None, found.cancelled
        row.cancelled_on, row.cancel_reason = found.date_cancelled, found.reason_cancelled or None
        row.start_date, row.end_date, row.no_ending = found.start_date, found.end_date, found.no_ending_date
        row.prorates = found.prorates
        row.last_updated, row.updated_by = found.last_updated, found.updated_by or None
    session.flush()
