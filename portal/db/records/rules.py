"""Rules that bend a proposed quantity, and split rules. A changed rule ends and a new one begins, so history stays."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.db.base import Base
from portal.db.types import Amount, Json, Timestamp, Units


class Rule(Base):
    """One rule on a product, a company or the pair."""

    __tablename__ = "rule"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('rounding', 'minimum', 'floor', 'tolerance', 'ignore')", "kind_known"),
        sa.CheckConstraint("company_id IS NOT NULL OR product IS NOT NULL", "aimed"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16))
    company_id: Mapped[int | None] = mapped_column(index=True)
    product: Mapped[str | None]
    quantity: Mapped[Units | None]  # minimum, floor
    until: Mapped[date | None]  # includes its day
    mode: Mapped[str | None] = mapped_column(sa.String(8))  # rounding: up, down, nearest
    to: Mapped[Units | None]  # rounding: to a multiple of this
    units: Mapped[Units | None]  # tolerance, one of these three
    percent: Mapped[Units | None]
    money: Mapped[Amount | None]
    vendor_quantity: Mapped[Units | None]  # ignore: the count it was set for, of a pair
    numbers: Mapped[Json | None]  # ignore: the numbers it was set for, see services.rule_numbers
    reference: Mapped[str | None]
    reason: Mapped[str | None]
    set_by: Mapped[str]
    set_at: Mapped[Timestamp]
    ended_by: Mapped[str | None]
    ended_at: Mapped[Timestamp | None]


class SplitRule(Base):
    """How one vendor quantity is shared by several agreements: all to one, or fixed parts and the rest to one."""

    __tablename__ = "split_rule"
    __table_args__ = (
        sa.Index(
            "one_split_rule",
            "company_id",
            "product",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.CheckConstraint("(all_to IS NULL) <> (rest_to IS NULL)", "one_form"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int]
    product: Mapped[str]
    all_to: Mapped[int | None]
    rest_to: Mapped[int | None]
    set_by: Mapped[str]
    set_at: Mapped[Timestamp]
    ended_by: Mapped[str | None]
    ended_at: Mapped[Timestamp | None]
    parts: Mapped[list["SplitPart"]] = relationship(cascade="all, delete-orphan", order_by="SplitPart.agreement_id")


class SplitPart(Base):
    """The fixed quantity of one agreement."""

    __tablename__ = "split_part"

    rule_id: Mapped[int] = mapped_column(sa.ForeignKey("split_rule.id", ondelete="CASCADE"), primary_key=True)
    agreement_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    quantity: Mapped[Units]
