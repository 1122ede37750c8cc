"""What an admin said the PSA's and the vendors' words mean. They hang on ids and words, not on synced rows."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import Timestamp


class RowMeaning(Base):
    """The meaning of a company status (customer, not_customer, ignore) or company type (in, out), by the PSA's id."""

    __tablename__ = "row_meaning"
    __table_args__ = (
        sa.CheckConstraint(
            "(list = 'status' AND meaning IN ('customer', 'not_customer', 'ignore'))"
            " OR (list = 'type' AND meaning IN ('in', 'out'))",
            "meaning_known",
        ),
    )

    list: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    psa_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    meaning: Mapped[str] = mapped_column(sa.String(16))
    name_last_seen: Mapped[str]  # the name a person last acknowledged; another one in the PSA means renamed
    decided_by: Mapped[str]
    decided_at: Mapped[Timestamp]


class VendorWordMeaning(Base):
    """What a vendor's status word means (active, inactive), per vendor; case and surrounding blanks do not count."""

    __tablename__ = "vendor_word_meaning"
    __table_args__ = (sa.CheckConstraint("meaning IN ('active', 'inactive')", "meaning_known"),)

    vendor_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor.id"), primary_key=True)
    word: Mapped[str] = mapped_column(primary_key=True)  # folded: stripped and lower-cased
    shown: Mapped[str]  # as it was written
    meaning: Mapped[str] = mapped_column(sa.String(16))
    decided_by: Mapped[str]
    decided_at: Mapped[Timestamp]
