"""The last whole picture of ConnectWise. Primary keys are the PSA's ids; a vanished row has its `gone_at`."""

from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import Price, Timestamp, Units


class PsaListRow(Base):
    """A row of one of the PSA's customisable lists: company statuses (`status`) and company types (`type`)."""

    __tablename__ = "psa_list_row"
    __table_args__ = (sa.CheckConstraint("list IN ('status', 'type')", "list_known"),)

    list: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    inactive: Mapped[bool] = mapped_column(default=False)
    default: Mapped[bool] = mapped_column("is_default", default=False)
    name_since: Mapped[Timestamp | None]  # when a sync first saw this name
    gone_at: Mapped[Timestamp | None]


class PsaCompany(Base):
    """A company, and whether it is in scope.

    `in_scope` is remembered: a company that moves to a status without a decision stays as it was. None: never decided.
    """

    __tablename__ = "psa_company"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    identifier: Mapped[str]
    name: Mapped[str] = mapped_column(index=True)
    status_id: Mapped[int | None] = mapped_column(index=True)
    website: Mapped[str | None]
    currency: Mapped[str | None] = mapped_column(sa.String(8))
    deleted: Mapped[bool] = mapped_column(default=False)
    in_scope: Mapped[bool | None] = mapped_column(index=True)
    scope_reason: Mapped[str] = mapped_column(default="")
    needs_decision: Mapped[bool] = mapped_column(default=False)
    last_updated: Mapped[Timestamp | None]
    gone_at: Mapped[Timestamp | None]


class PsaCurrency(Base):
    """How the PSA writes a currency; an empty symbol: by its code. None places: the PSA does not say."""

    __tablename__ = "psa_currency"

    code: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    symbol: Mapped[str] = mapped_column(sa.String(8), default="")
    places: Mapped[int | None]


class PsaCompanyType(Base):
    """One type of one company (a company has several)."""

    __tablename__ = "psa_company_type"

    company_id: Mapped[int] = mapped_column(sa.ForeignKey("psa_company.id", ondelete="CASCADE"), primary_key=True)
    type_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class PsaAgreementType(Base):
    """An agreement type. Its prorating is only the default for new agreements."""

    __tablename__ = "psa_agreement_type"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    prorates: Mapped[bool] = mapped_column(default=False)
    gone_at: Mapped[Timestamp | None]


class PsaBillingCycle(Base):
    """A billing cycle. `months` is none where it is no whole number of months."""

    __tablename__ = "psa_billing_cycle"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    options: Mapped[str | None]
    months: Mapped[int | None]
    gone_at: Mapped[Timestamp | None]


class PsaAgreement(Base):
    """A recurring contract of a company. Dates are calendar dates, never shifted by a time zone."""

    __tablename__ = "psa_agreement"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    company_id: Mapped[int] = mapped_column(index=True)
    type_id: Mapped[int | None]
    type_name: Mapped[str | None]
    status: Mapped[str | None]
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]
    no_ending: Mapped[bool] = mapped_column(default=False)
    cancelled: Mapped[bool] = mapped_column(default=False)
    cancelled_on: Mapped[date | None]
    cancel_reason: Mapped[str | None]
    billing_cycle_id: Mapped[int | None]
    parent_id: Mapped[int | None]
    prorates: Mapped[bool] = mapped_column(default=False)
    period_type: Mapped[str | None]
    next_invoice_date: Mapped[date | None]
    bill_start_date: Mapped[date | None]
    currency: Mapped[str | None] = mapped_column(sa.String(8))
    last_updated: Mapped[Timestamp | None]
    updated_by: Mapped[str | None]
    additions_read_at: Mapped[Timestamp | None]  # by the business clock
    additions_known_until: Mapped[Timestamp | None]  # PSA time up to which its additions' changes are known
    gone_at: Mapped[Timestamp | None]


class PsaAddition(Base):
    """One billed line of an agreement. Prices are per billing cycle; none means the catalogue's."""

    __tablename__ = "psa_addition"
    __table_args__ = (sa.Index("ix_psa_addition_agreement_product", "agreement_id", "product"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    agreement_id: Mapped[int]
    product_id: Mapped[int | None]
    product: Mapped[str] = mapped_column(index=True)  # the Product ID people know (`product.identifier`)
    description: Mapped[str] = mapped_column(default="")
    quantity: Mapped[Units] = mapped_column(default=Decimal(0))
    less_included: Mapped[Units] = mapped_column(default=Decimal(0))
    unit_price: Mapped[Price | None]
    unit_cost: Mapped[Price | None]
    bill_customer: Mapped[str] = mapped_column(default="Billable")
    effective_date: Mapped[date | None]
    cancelled_date: Mapped[date | None]
    uom: Mapped[str | None]
    last_updated: Mapped[Timestamp | None]
    updated_by: Mapped[str | None]
    gone_at: Mapped[Timestamp | None]


class PsaProduct(Base):
    """A catalogue item, known to people by its Product ID (`identifier`)."""

    __tablename__ = "psa_product"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    identifier: Mapped[str] = mapped_column(index=True)
    description: Mapped[str] = mapped_column(default="")
    price: Mapped[Price | None]
    cost: Mapped[Price | None]
    product_class: Mapped[str | None]
    unit: Mapped[str | None]
    inactive: Mapped[bool] = mapped_column(default=False)
    gone_at: Mapped[Timestamp | None]
