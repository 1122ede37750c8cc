"""What the services page lists, ready to be sorted and counted."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import JsonList, Units


class ServiceLine(Base):
    """One vendor service as the services page lists it, for one month. Made by `services.service_lines` alone.

    Its counts and its suggestion are kept here; what it is mapped to is always read from the mapping itself.
    """

    __tablename__ = "service_line"
    __table_args__ = (
        sa.Index("ix_service_line_place", "vendor_id", "external_id", "term"),
        sa.Index("ix_service_line_sort_units", "sort_units"),
        sa.Index("ix_service_line_title", "title"),
    )

    service_id: Mapped[int] = mapped_column(
        sa.ForeignKey("vendor_service.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    vendor_id: Mapped[int] = mapped_column(sa.ForeignKey("vendor.id"))
    external_id: Mapped[str]
    term: Mapped[str]
    title: Mapped[str]  # folded, to sort by
    searched: Mapped[str]  # folded: name, id, term, vendor
    sku_key: Mapped[str] = mapped_column(index=True)  # the id as ids are compared
    name_key: Mapped[str] = mapped_column(index=True)  # the name as names are compared
    units: Mapped[Units | None]  # counted now over all accounts; none: not in the month
    accounts: Mapped[int] = mapped_column(default=0)
    sort_units: Mapped[Units]
    score: Mapped[int] = mapped_column(default=0)  # of the suggestion; 0: none
    suggested: Mapped[str] = mapped_column(default="")  # Product ID
    reasons: Mapped[JsonList] = mapped_column(sa.JSON(), default=list)


class ServiceLineMade(Base):
    """What the lines of a vendor were made of (vendor 0: what all suggestions were). Another answer makes them anew."""

    __tablename__ = "service_line_made"

    vendor_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    made_of: Mapped[str]
