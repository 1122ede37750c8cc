"""The audit trail: append-only. Triggers refuse changes and deletions."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import Json, Timestamp


class AuditEvent(Base):
    """One event, sealed by the hash of the one before it. `n` has no gaps."""

    __tablename__ = "audit_event"

    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[Timestamp] = mapped_column(index=True)
    what: Mapped[str] = mapped_column(
        sa.String(16), index=True
    )  # decision, write, mapping, setting, usage, sync, sign-in
    action: Mapped[str] = mapped_column(sa.String(48))  # card.approve, push.confirmed, mapping.account, ...
    person_id: Mapped[int | None] = mapped_column(index=True)
    person: Mapped[str]
    address: Mapped[str | None]  # enters the hash salted, since not everyone may read it
    salt: Mapped[str | None] = mapped_column(sa.String(32))
    sentence: Mapped[str]
    company_id: Mapped[int | None] = mapped_column(index=True)
    company: Mapped[str | None]
    agreement_id: Mapped[int | None] = mapped_column(index=True)
    product: Mapped[str | None]
    card_id: Mapped[int | None] = mapped_column(index=True)
    decision_id: Mapped[int | None]
    push_id: Mapped[int | None]
    before: Mapped[str | None]
    after: Mapped[str | None]
    effective: Mapped[date | None]
    reason: Mapped[str | None]
    details: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # numbers seen, plan, the PSA's answer
    previous_hash: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
