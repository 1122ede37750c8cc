"""What was confirmed, and is not so any more: found by the daily look back."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.db.base import Base
from portal.db.records.decisions import Push
from portal.db.types import Json, Timestamp

DRIFT_KINDS = ("changed", "gone")


class Drift(Base):
    """A line that a push wrote, and that somebody changed since."""

    __tablename__ = "drift"
    __table_args__ = (
        sa.UniqueConstraint("push_id", "addition_id", "found_key"),
        sa.CheckConstraint(f"kind IN {DRIFT_KINDS}", "kind_known"),
        sa.CheckConstraint("(acknowledged_by IS NULL) = (acknowledged_at IS NULL)", "acknowledgement_whole"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    push_id: Mapped[int] = mapped_column(sa.ForeignKey("push.id"), index=True)
    agreement_id: Mapped[int] = mapped_column(index=True)
    addition_id: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(8))
    expected: Mapped[Json] = mapped_column(sa.JSON())  # quantity, effective, cancelled: as we read it back
    found: Mapped[Json | None] = mapped_column(sa.JSON())  # the same, as it stands; none: the line is gone
    found_key: Mapped[str] = mapped_column(sa.String(80))  # the found facts in one text: seen again, it is the same row
    changed_by: Mapped[str | None]  # as far as ConnectWise says
    changed_at: Mapped[Timestamp | None]
    seen_at: Mapped[Timestamp]  # by the business clock, as are the next two
    over_at: Mapped[Timestamp | None]  # it was as expected again, or a later push of ours settled it
    acknowledged_by: Mapped[str | None]
    acknowledged_at: Mapped[Timestamp | None]
    push: Mapped[Push] = relationship()
