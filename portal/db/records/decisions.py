"""Decisions, the pushes that carry them to the PSA, and the steps of a push."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.db.base import Base
from portal.db.records.cards import Card
from portal.db.types import Json, JsonList, Timestamp, Units

ACTIONS = ("approve", "adjust", "dismiss", "add", "split", "undo")
PUSH_STATES = (
    "waiting", "planned", "queued", "sending", "in_doubt", "confirmed", "failed", "given_up", "changed_in_psa",
    "withdrawn", "undone", "stale",
)  # fmt: skip
STEP_STATES = ("waiting", "intent", "sent", "done", "found", "refused", "changed")


class Batch(Base):
    """Decisions taken together."""

    __tablename__ = "batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    action: Mapped[str] = mapped_column(sa.String(16))
    by: Mapped[str] = mapped_column("by_name")
    at: Mapped[Timestamp]
    selection: Mapped[str] = mapped_column(default="")  # in words
    undoes_id: Mapped[int | None] = mapped_column(sa.ForeignKey("batch.id"))
    left_out: Mapped[JsonList] = mapped_column(sa.JSON(), default=list)  # [{card_id, sentence}]: not decided, and why


class Decision(Base):
    """What a person did with a card, what they saw, and the plan they confirmed."""

    __tablename__ = "decision"
    __table_args__ = (
        sa.CheckConstraint(f"action IN {ACTIONS}", "action_known"),
        sa.Index("ix_decision_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    card_id: Mapped[int] = mapped_column(sa.ForeignKey("card.id"), index=True)
    batch_id: Mapped[int | None] = mapped_column(sa.ForeignKey("batch.id"), index=True)
    action: Mapped[str] = mapped_column(sa.String(16))
    by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))  # none: the command line
    by: Mapped[str] = mapped_column("by_name")
    at: Mapped[Timestamp]
    quantity: Mapped[Units | None]
    effective: Mapped[date | None]  # none: immediately
    agreement_id: Mapped[int | None]  # where it is written; for Add the one chosen
    reason: Mapped[str | None]
    seen: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # the numbers the person saw
    plan: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # as `cards plan` prints it
    undoes_id: Mapped[int | None] = mapped_column(sa.ForeignKey("decision.id"))
    second_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    second: Mapped[str | None]
    second_at: Mapped[Timestamp | None]
    confirm_batch_id: Mapped[int | None] = mapped_column(index=True)  # in which it was confirmed or sent with others
    card: Mapped[Card] = relationship()
    push: Mapped["Push | None"] = relationship(back_populates="decision")


class Push(Base):
    """The planned writes of one decision. A queue message only wakes a worker; what is to be done stands here."""

    __tablename__ = "push"
    __table_args__ = (
        sa.CheckConstraint(f"state IN {PUSH_STATES}", "state_known"),
        sa.Index("ix_push_state_next_try", "state", "next_try_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    decision_id: Mapped[int] = mapped_column(sa.ForeignKey("decision.id"), unique=True)
    card_id: Mapped[int] = mapped_column(sa.ForeignKey("card.id"), index=True)
    agreement_id: Mapped[int] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(sa.String(16))
    cause: Mapped[str | None]  # why it failed, waits or stopped, as a sentence
    found: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # changed in PSA: what is there now
    request_id: Mapped[str | None]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[Timestamp | None]  # real time
    worker: Mapped[str | None]
    leased_until: Mapped[Timestamp | None]  # real time
    queued_at: Mapped[Timestamp]
    settled_at: Mapped[Timestamp | None]
    troubled_since: Mapped[Timestamp | None]  # real time: since when it cannot go on; none: it goes on, or is settled
    needs_look_at: Mapped[Timestamp | None]  # real time: it lasted, so somebody is to look; tried all the same
    decision: Mapped[Decision] = relationship(back_populates="push")
    card: Mapped[Card] = relationship()
    steps: Mapped[list["PushStep"]] = relationship(cascade="all, delete-orphan", order_by="PushStep.ordinal")


class PushStep(Base):
    """One PSA write: planned, its intent recorded, sent, verified."""

    __tablename__ = "push_step"
    __table_args__ = (
        sa.UniqueConstraint("push_id", "ordinal"),
        sa.CheckConstraint(f"state IN {STEP_STATES}", "state_known"),
        sa.CheckConstraint("action IN ('set', 'create', 'end', 'reopen')", "action_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    push_id: Mapped[int] = mapped_column(sa.ForeignKey("push.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    action: Mapped[str] = mapped_column(sa.String(8))
    plan: Mapped[Json] = mapped_column(sa.JSON())  # the step as `cards plan` prints it, and for a new line its product
    state: Mapped[str] = mapped_column(sa.String(16), default="waiting")
    known_ids: Mapped[JsonList | None] = mapped_column(sa.JSON())  # additions of the agreement before a create
    before: Mapped[Json | None] = mapped_column(sa.JSON())  # the line as read before the write
    after: Mapped[Json | None] = mapped_column(sa.JSON())  # the line as read back
    addition_id: Mapped[int | None]  # the line written or created
    answer: Mapped[str | None]  # the PSA's answer in words
    request_id: Mapped[str | None]
    intent_at: Mapped[Timestamp | None]
    sent_at: Mapped[Timestamp | None]
    settled_at: Mapped[Timestamp | None]


class AgreementLease(Base):
    """Which worker writes to an agreement: one at a time, until a moment of real time, after which another may."""

    __tablename__ = "agreement_lease"

    agreement_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    push_id: Mapped[int]
    worker: Mapped[str]
    until: Mapped[Timestamp]
