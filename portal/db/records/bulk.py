"""What is decided on many cards at once: stored first, then carried out in short turns by a worker."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import Json, Timestamp

BULK_STATES = ("queued", "working", "done", "stopped")


class Bulk(Base):
    """One decision on many cards, as a person confirmed it, and how far a worker has come with it.

    How far it is moves in the same transaction as the decisions, so a worker that was killed leaves none half-made,
    and the next one decides none twice.
    """

    __tablename__ = "bulk"
    __table_args__ = (
        sa.CheckConstraint(f"state IN {BULK_STATES}", "state_known"),
        sa.CheckConstraint("progress_done BETWEEN 0 AND progress_total", "progress_within"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(sa.ForeignKey("batch.id"), unique=True)
    action: Mapped[str] = mapped_column(sa.String(16))  # a verb of services.decision_bulk_verbs
    options: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # the one reason, the one date, what was ticked
    by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))  # none: the command line
    by: Mapped[str] = mapped_column("by_name")
    role: Mapped[str] = mapped_column(sa.String(16))  # when it was confirmed; a lower one since counts
    address: Mapped[str | None]
    at: Mapped[Timestamp]
    state: Mapped[str] = mapped_column(sa.String(16), default="queued", index=True)
    progress_done: Mapped[int] = mapped_column(default=0)
    progress_total: Mapped[int]
    worker: Mapped[str | None] = mapped_column(sa.String(80))
    leased_until: Mapped[Timestamp | None]  # real time
    finished_at: Mapped[Timestamp | None]
    stopped_by: Mapped[str | None]
    cause: Mapped[str | None]  # why it stopped, as a sentence


class BulkCard(Base):
    """One card of a bulk decision, in the order in which they are decided."""

    __tablename__ = "bulk_card"

    bulk_id: Mapped[int] = mapped_column(sa.ForeignKey("bulk.id", ondelete="CASCADE"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 1
    card_id: Mapped[int]  # it may go before its turn comes
    seen: Mapped[str | None]  # what the preview showed of it
    decision_id: Mapped[int | None]  # for an undo: the decision that is taken back
