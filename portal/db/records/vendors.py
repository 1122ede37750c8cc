"""Vendors, their accounts and services as they name them, and what those are mapped to."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.db.base import Base
from portal.db.types import Factor, Json, Timestamp


class Vendor(Base):
    """Who supplies a service and reports usage."""

    __tablename__ = "vendor"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str] = mapped_column(unique=True)
    age_limit_hours: Mapped[int] = mapped_column(default=168)  # files: 7 days
    last_commit_at: Mapped[Timestamp | None]  # age runs from here, not from when the vendor counted
    created_at: Mapped[Timestamp]


class VendorProfile(Base):
    """How a vendor's file is read. A changed profile is a new version; imports keep the one they were read with."""

    __tablename__ = "vendor_profile"
    __table_args__ = (sa.UniqueConstraint("vendor_id", "name", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor.id"))
    name: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    spec: Mapped[Json] = mapped_column(sa.JSON())
    created_by: Mapped[str]
    created_at: Mapped[Timestamp]

    vendor: Mapped[Vendor] = relationship()


class VendorAccount(Base):
    """A customer as the vendor names it, with the vendor's own status word."""

    __tablename__ = "vendor_account"
    __table_args__ = (sa.UniqueConstraint("vendor_id", "external_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor.id"))
    external_id: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(default="")  # the vendor's word, as last reported
    seen_at: Mapped[Timestamp]  # counted_at of the newest file that named it
    vendor: Mapped[Vendor] = relationship()


class VendorService(Base):
    """A SKU as the vendor names it, with its term where it has one."""

    __tablename__ = "vendor_service"
    __table_args__ = (sa.UniqueConstraint("vendor_id", "external_id", "term"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor.id"))
    external_id: Mapped[str]
    term: Mapped[str] = mapped_column(default="")
    name: Mapped[str] = mapped_column(default="")
    seen_at: Mapped[Timestamp]
    vendor: Mapped[Vendor] = relationship()


class AccountMapping(Base):
    """What a vendor account is: a company, or excluded. It hangs on the vendor's id, so it may precede any file."""

    __tablename__ = "account_mapping"
    __table_args__ = (
        sa.UniqueConstraint("vendor_id", "account_external_id"),
        sa.CheckConstraint("state IN ('mapped', 'excluded')", "state_known"),
        sa.CheckConstraint("(state = 'mapped') = (company_id IS NOT NULL)", "mapped_whole"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor.id"))
    account_external_id: Mapped[str]
    account_name: Mapped[str] = mapped_column(default="")  # as last seen or as the mapping file had it
    state: Mapped[str] = mapped_column(sa.String(16))
    company_id: Mapped[int | None] = mapped_column(index=True)  # the PSA's id; may never have been synced
    reason: Mapped[str | None]
    excluded_as: Mapped[str | None] = mapped_column(sa.String(24))  # a named exclusion; none: the reason alone
    excluded_until: Mapped[date | None]  # the last day on which it is left out; none: for good
    how: Mapped[str] = mapped_column(sa.String(16), default="person")  # person, exact_name, file
    decided_by: Mapped[str]
    decided_at: Mapped[Timestamp]
    vendor: Mapped[Vendor] = relationship()


class ServiceMapping(Base):
    """What a vendor service is: one or several products, or excluded."""

    __tablename__ = "service_mapping"
    __table_args__ = (
        sa.UniqueConstraint("vendor_id", "service_external_id", "term"),
        sa.CheckConstraint("state IN ('mapped', 'excluded')", "state_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor.id"))
    service_external_id: Mapped[str]
    term: Mapped[str] = mapped_column(default="")
    service_name: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(sa.String(16))
    every_term: Mapped[bool] = mapped_column(default=False)  # it speaks for all terms without a row of their own
    reason: Mapped[str | None]
    excluded_as: Mapped[str | None] = mapped_column(sa.String(24))  # as for accounts
    excluded_until: Mapped[date | None]
    decided_by: Mapped[str]
    decided_at: Mapped[Timestamp]
    vendor: Mapped[Vendor] = relationship()
    products: Mapped[list["ServiceProduct"]] = relationship(
        cascade="all, delete-orphan", order_by="ServiceProduct.position"
    )


class ServiceProduct(Base):
    """One product that a vendor service feeds: products = units * factor."""

    __tablename__ = "service_product"
    __table_args__ = (sa.UniqueConstraint("mapping_id", "product"), sa.CheckConstraint("factor > 0", "factor_positive"))

    id: Mapped[int] = mapped_column(primary_key=True)
    mapping_id: Mapped[int] = mapped_column(sa.ForeignKey("service_mapping.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(default=0)
    product: Mapped[str] = mapped_column(index=True)
    catalog_id: Mapped[int | None]  # the PSA's id of the item that had this Product ID: it may be renamed there
    factor: Mapped[Factor]
