"""The audit trail: append-only, which triggers see to; how its chain was checked, and refusals beyond the first few."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import Json, Timestamp

CHECK_STATES = ("queued", "working", "done")


class AuditEvent(Base):
    """One event, sealed by the hash of the one before it. `n` has no gaps.

    Each index ends with the order in which the trail is shown, so that a page of any filter is read from its end.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        sa.Index("ix_audit_event_at_n", "at", "n"),
        sa.Index("ix_audit_event_what_at", "what", "at", "n"),
        sa.Index("ix_audit_event_person_at", "person", "at", "n"),
        sa.Index("ix_audit_event_company_id_at", "company_id", "at", "n"),
        sa.Index("ix_audit_event_company_at", "company", "at", "n"),
        sa.Index("ix_audit_event_agreement_id_at", "agreement_id", "at", "n"),
        sa.Index("ix_audit_event_product_at", "product", "at", "n"),
        sa.Index("ix_audit_event_card_id_at", "card_id", "at", "n"),
        sa.Index("ix_audit_event_push_id_at", "push_id", "at", "n"),
    )

    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[Timestamp]
    what: Mapped[str] = mapped_column(sa.String(16))  # decision, write, mapping, setting, usage, sync, sign-in, refusal
    action: Mapped[str] = mapped_column(sa.String(48))  # card.approve, push.confirmed, mapping.account, ...
    person_id: Mapped[int | None]
    person: Mapped[str]
    address: Mapped[str | None]  # enters the hash salted, since not everyone may read it
    salt: Mapped[str | None] = mapped_column(sa.String(32))
    sentence: Mapped[str]
    company_id: Mapped[int | None]
    company: Mapped[str | None]
    agreement_id: Mapped[int | None]
    product: Mapped[str | None]
    card_id: Mapped[int | None]
    decision_id: Mapped[int | None]
    push_id: Mapped[int | None]
    before: Mapped[str | None]
    after: Mapped[str | None]
    effective: Mapped[date | None]
    reason: Mapped[str | None]
    details: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # numbers seen, plan, the PSA's answer
    previous_hash: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64), unique=True)


class AuditCheck(Base):
    """One check of the whole chain: asked for, carried on slice by slice by a worker, and what came of it."""

    __tablename__ = "audit_check"
    __table_args__ = (sa.CheckConstraint(f"state IN {CHECK_STATES}", "state_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    asked_by: Mapped[str]
    asked_at: Mapped[Timestamp]  # by the business clock, as are the next two
    done_at: Mapped[Timestamp | None]
    broken_moment: Mapped[Timestamp | None]  # when the broken event says that it happened
    state: Mapped[str] = mapped_column(sa.String(16), default="queued")
    total: Mapped[int] = mapped_column(default=0)  # events when it began
    events: Mapped[int] = mapped_column(default=0)  # how many were found sound so far
    head: Mapped[str] = mapped_column(sa.String(64), default="")  # the hash of the last of them
    ok: Mapped[bool | None]
    broken_at: Mapped[int | None]
    why: Mapped[str] = mapped_column(default="")
    leased_until: Mapped[Timestamp | None]  # real time


class AuditRefusal(Base):
    """Refusals of one kind to one person within an hour: the first few are events, the others are counted here."""

    __tablename__ = "audit_refusal"

    id: Mapped[int] = mapped_column(primary_key=True)
    about: Mapped[str] = mapped_column(sa.String(200), unique=True)  # who and what; the rest in one row of all others
    since: Mapped[Timestamp]  # by the business clock, as is the next
    last_at: Mapped[Timestamp]
    told: Mapped[int] = mapped_column(default=0)
    untold: Mapped[int] = mapped_column(default=0)
    person_id: Mapped[int | None]
    person: Mapped[str]
    address: Mapped[str | None]
    what: Mapped[str]  # what was asked, in words for machines
    sentence: Mapped[str]  # what they were told last
