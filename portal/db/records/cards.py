"""Service cards."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import Amount, Json, Price, Timestamp, Units

CARD_STATES = (
    "open", "waiting", "planned", "queued", "sending", "in_doubt", "confirmed", "failed", "given_up",
    "changed_in_psa", "dismissed", "withdrawn", "undone", "stale",
)  # fmt: skip
CARD_KINDS = (
    "increase", "decrease", "no_change", "new_revenue", "not_reported", "psa_only", "to_split", "stale",
)  # fmt: skip


class Card(Base):
    """One product on one agreement in one period: what the PSA bills against what the vendors count.

    Money is per month, exact to 8 places, in `currency`. `version` grows with every change of a number or of the state;
    who decides names the version seen, so of two people, workers or clicks one wins and the other is told.
    """

    __tablename__ = "card"
    __table_args__ = (
        sa.UniqueConstraint("period", "company_id", "agreement_id", "product", postgresql_nulls_not_distinct=True),
        # SQLite takes NULLs as distinct, so new revenue (no agreement yet) has a partial index of its own
        sa.Index(
            "one_new_revenue",
            "period",
            "company_id",
            "product",
            unique=True,
            sqlite_where=sa.text("agreement_id IS NULL"),
            postgresql_where=sa.text("agreement_id IS NULL"),
        ),
        sa.Index("ix_card_period_state", "period", "state"),
        sa.CheckConstraint(f"state IN {CARD_STATES}", "state_known"),
        sa.CheckConstraint(f"kind IN {CARD_KINDS}", "kind_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(sa.String(7))
    company_id: Mapped[int] = mapped_column(index=True)
    company: Mapped[str]  # the name when the card was made
    agreement_id: Mapped[int | None] = mapped_column(index=True)  # none: new revenue
    agreement: Mapped[str] = mapped_column(default="")
    product: Mapped[str] = mapped_column(index=True)
    product_name: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(sa.String(16))
    state: Mapped[str] = mapped_column(sa.String(16), default="open")
    version: Mapped[int] = mapped_column(default=1)
    psa_quantity: Mapped[Units | None]
    vendor_quantity: Mapped[Units | None]
    proposed_quantity: Mapped[Units | None]
    difference: Mapped[Units | None]
    unit_price: Mapped[Price | None]
    unit_cost: Mapped[Price | None]
    revenue_change: Mapped[Amount | None]
    profit_change: Mapped[Amount | None]
    at_stake: Mapped[Amount | None]  # absolute money a month that the board sorts by
    currency: Mapped[str] = mapped_column(sa.String(8), default="")
    prorates: Mapped[bool | None]  # none: no agreement yet
    vendors: Mapped[str] = mapped_column(default="")  # slugs between bars, "|sentrybox|", for the filter
    oldest_count_at: Mapped[Timestamp | None]
    facts: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # what the row shows besides: see services.cards
    stale_reason: Mapped[str | None]
    stale_at: Mapped[Timestamp | None]
    decision_id: Mapped[int | None]  # the latest decision, if any
    made_at: Mapped[Timestamp]
    changed_at: Mapped[Timestamp]
    gone_at: Mapped[Timestamp | None]  # nothing stands behind it any more; kept for the decisions that name it
