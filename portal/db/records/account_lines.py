"""What the accounts page lists, ready to be sorted and counted; and what people thought of suggestions."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import Amount, JsonList, Timestamp, Units


class AccountLine(Base):
    """One vendor account as the accounts page lists it, for one month. Made by `services.account_lines` alone.

    Units, money and visibility follow counts, services and status words; state and company follow the mapping at once.
    """

    __tablename__ = "account_line"
    __table_args__ = (
        sa.Index("ix_account_line_state_units", "state", "hidden", "sort_units", "title"),
        sa.Index("ix_account_line_state_title", "state", "hidden", "title"),
        sa.Index("ix_account_line_state_score", "state", "hidden", "score"),
        sa.Index("ix_account_line_vendor", "vendor_id", "state", "hidden"),
        sa.Index("ix_account_line_visibility", "visibility"),
    )

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("vendor_account.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    vendor_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor.id"))
    period: Mapped[str] = mapped_column(sa.String(7))
    title: Mapped[str]  # folded, to sort by
    name_key: Mapped[str] = mapped_column(index=True)  # the name as names are compared
    visibility: Mapped[str] = mapped_column(sa.String(16))
    hidden: Mapped[bool]
    units: Mapped[Units | None]
    previous: Mapped[Units | None]
    loose_units: Mapped[Units]  # of services without a product, which are on no card even where the account is mapped
    sort_units: Mapped[Units]
    money: Mapped[Amount | None]
    state: Mapped[str] = mapped_column(sa.String(16))
    company_id: Mapped[int | None] = mapped_column(index=True)
    score: Mapped[int] = mapped_column(default=0)  # of the suggestion; 0: none
    suggested_id: Mapped[int | None]
    suggested_name: Mapped[str] = mapped_column(default="")
    reasons: Mapped[JsonList] = mapped_column(sa.JSON(), default=list)
    searched: Mapped[str]  # folded: name, id, status, vendor
    searched_too: Mapped[str] = mapped_column(default="")  # folded: company, reason; or the suggestion with its reasons


class AccountLineDue(Base):
    """What has changed since the lines were made: a vendor's counts, or what suggestions rest on (vendor 0)."""

    __tablename__ = "account_line_due"

    what: Mapped[str] = mapped_column(sa.String(16), primary_key=True)  # counts, suggestions
    vendor_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class MappingRefusal(Base):
    """A company that a person has taken off an account, or passed over by excluding it: never suggested again."""

    __tablename__ = "mapping_refusal"
    __table_args__ = (sa.UniqueConstraint("vendor_id", "account_external_id", "company_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor.id"))
    account_external_id: Mapped[str]
    account_name: Mapped[str] = mapped_column(default="")
    company_id: Mapped[int]
    because: Mapped[str] = mapped_column(sa.String(16))  # undone, moved, excluded
    refused_by: Mapped[str]
    refused_at: Mapped[Timestamp]


class MappingBatch(Base):
    """Several accounts that were mapped or excluded at once, and what each was before: it is undone as a whole."""

    __tablename__ = "mapping_batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    verb: Mapped[str] = mapped_column(sa.String(16))  # mapped, excluded
    entries: Mapped[JsonList] = mapped_column(sa.JSON())  # each: account, was, became
    made_by: Mapped[str]
    made_at: Mapped[Timestamp]
    undone_by: Mapped[str | None]
    undone_at: Mapped[Timestamp | None]
