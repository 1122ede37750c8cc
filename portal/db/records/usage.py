"""Imported usage. A later count supersedes an earlier one; nothing is overwritten."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.db.base import Base
from portal.db.records.vendors import Vendor, VendorAccount, VendorProfile, VendorService
from portal.db.types import Json, Timestamp, Units

IMPORT_STATES = ("reading", "ready", "failed", "committed", "held", "same", "rejected", "undone", "dropped")


class UsageImport(Base):
    """One file of one vendor: how it was read, what it says, and whether it counts.

    States: reading, ready (previewed, counts nothing), failed (cannot be read), committed (counts), held (waits for
    a person), same (the same bytes were read before), rejected (a held one thrown away), undone, dropped (never
    committed).
    """

    __tablename__ = "usage_import"
    __table_args__ = (
        sa.CheckConstraint(f"state IN {IMPORT_STATES}", "state_known"),
        sa.Index("ix_usage_import_vendor_period", "vendor_id", "period"),
        # the same bytes of a vendor count once
        sa.Index(
            "one_committed_file",
            "vendor_id",
            "sha256",
            "period",
            unique=True,
            sqlite_where=sa.text("state IN ('committed', 'held')"),
            postgresql_where=sa.text("state IN ('committed', 'held')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor.id"))
    profile_id: Mapped[int | None] = mapped_column(sa.ForeignKey("vendor_profile.id"))
    spec: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # the profile as used for this file
    filename: Mapped[str]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    size: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(16))
    period: Mapped[str | None] = mapped_column(sa.String(7))
    counted_at: Mapped[Timestamp | None]
    complete: Mapped[bool] = mapped_column(default=False)
    rows_read: Mapped[int] = mapped_column(default=0)
    rows_counted: Mapped[int] = mapped_column(default=0)
    rows_left_out: Mapped[int] = mapped_column(default=0)
    rows_with_problem: Mapped[int] = mapped_column(default=0)
    counts: Mapped[int] = mapped_column(default=0)
    fallen: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # a hold's list: account -> [last, now]
    notes: Mapped[Json] = mapped_column(
        sa.JSON(), default=dict
    )  # how it was read and what it changes: services.imports
    phase: Mapped[str] = mapped_column(default="")  # while it is read: what is done, in words
    progress_done: Mapped[int] = mapped_column(sa.BigInteger(), default=0)  # bytes, roughly
    progress_total: Mapped[int | None] = mapped_column(sa.BigInteger())  # none: a packed file tells only its rows
    reader: Mapped[str | None] = mapped_column(sa.String(80))  # whose turn it is to read it
    heartbeat_at: Mapped[Timestamp | None]  # the reader's last sign of life, in real time
    tries: Mapped[int] = mapped_column(default=0)  # readings that began
    covers_first: Mapped[date | None]  # the days that its counts cover, where the file says so
    covers_last: Mapped[date | None]
    message: Mapped[str] = mapped_column(default="")  # what became of it, as a sentence
    imported_by: Mapped[str]
    imported_at: Mapped[Timestamp]
    committed_at: Mapped[Timestamp | None]
    vendor: Mapped[Vendor] = relationship()
    profile: Mapped[VendorProfile | None] = relationship()


class UsageCount(Base):
    """One count of one vendor service for one vendor account. Zero is a count."""

    __tablename__ = "usage_count"
    __table_args__ = (sa.UniqueConstraint("import_id", "account_id", "service_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(sa.ForeignKey("usage_import.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor_account.id"), index=True)
    service_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor_service.id"), index=True)
    quantity: Mapped[Units]
    rows: Mapped[int]
    covers_first: Mapped[date | None]  # the days it covers, where the file says so; both or none
    covers_last: Mapped[date | None]
    account: Mapped[VendorAccount] = relationship()
    service: Mapped[VendorService] = relationship()
    usage_import: Mapped[UsageImport] = relationship()


class UsageRow(Base):
    """One row of the file, and what became of it: the rows behind a count, and the problems of a preview."""

    __tablename__ = "usage_row"
    __table_args__ = (
        sa.CheckConstraint("outcome IN ('counted', 'zero', 'left_out', 'problem')", "outcome_known"),
        sa.Index("ix_usage_row_import_line", "import_id", "line"),
        sa.Index("ix_usage_row_count", "count_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(sa.ForeignKey("usage_import.id", ondelete="CASCADE"))
    line: Mapped[int]  # 1 is the file's first line
    outcome: Mapped[str] = mapped_column(sa.String(16))
    count_id: Mapped[int | None] = mapped_column(sa.ForeignKey("usage_count.id", ondelete="CASCADE"))
    units: Mapped[Units | None]
    column: Mapped[str | None] = mapped_column("column_name")
    reason: Mapped[str | None]
    cells: Mapped[Json] = mapped_column(sa.JSON())  # header -> text


class UsageAccount(Base):
    """How one file names an account. The newest file that counts says what the account is called."""

    __tablename__ = "usage_account"

    import_id: Mapped[int] = mapped_column(sa.ForeignKey("usage_import.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor_account.id"), primary_key=True, index=True)
    name: Mapped[str] = mapped_column(default="")
    status: Mapped[str | None]  # none: the file has no word for it


class UsageService(Base):
    """How one file names a service."""

    __tablename__ = "usage_service"

    import_id: Mapped[int] = mapped_column(sa.ForeignKey("usage_import.id", ondelete="CASCADE"), primary_key=True)
    service_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor_service.id"), primary_key=True, index=True)
    name: Mapped[str] = mapped_column(default="")
