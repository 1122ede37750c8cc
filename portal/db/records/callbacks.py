"""Callbacks: where ConnectWise posts to, what it posted, and what was refused. Real time throughout."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import JsonList, Timestamp


class CallbackHook(Base):
    """Where ConnectWise posts to (`name` = connectwise): an address that holds a token, and what became of asking."""

    __tablename__ = "callback_hook"
    __table_args__ = (
        sa.CheckConstraint("state IN ('off', 'wanted', 'registered', 'failed')", "state_known"),
        sa.CheckConstraint("(token_hash IS NULL) = (sealed_token IS NULL)", "token_whole"),
    )

    name: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    state: Mapped[str] = mapped_column(sa.String(16))
    token_hash: Mapped[str | None] = mapped_column(sa.String(64))  # none while it is off
    sealed_token: Mapped[str | None]
    registered: Mapped[JsonList] = mapped_column(
        sa.JSON(), default=list
    )  # [{id, type}] in ConnectWise, at this address
    left: Mapped[JsonList] = mapped_column(sa.JSON(), default=list)  # [{id, type}] to be deleted there by a person
    error: Mapped[str | None]  # a sentence
    worker: Mapped[str | None] = mapped_column(sa.String(80))
    leased_until: Mapped[Timestamp | None]
    next_try_at: Mapped[Timestamp | None]
    registered_at: Mapped[Timestamp | None]
    accepted_at: Mapped[Timestamp | None]  # the last callback that was believed
    accepted: Mapped[int] = mapped_column(default=0)  # how many were, since callbacks were switched on
    set_by: Mapped[str]
    set_at: Mapped[Timestamp]


class CallbackPost(Base):
    """A post that came to the right address, by the digest of its body. The body is kept only until it is verified."""

    __tablename__ = "callback_post"
    __table_args__ = (
        sa.UniqueConstraint("digest"),
        sa.CheckConstraint("state IN ('waiting', 'accepted', 'refused')", "state_known"),
        sa.CheckConstraint("(body IS NOT NULL) = (state = 'waiting')", "body_until_verified"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64))
    action: Mapped[str] = mapped_column(sa.String(16))
    type: Mapped[str] = mapped_column(sa.String(16))
    record_id: Mapped[int]
    key_url: Mapped[str]
    signature: Mapped[str]
    body: Mapped[bytes | None]
    state: Mapped[str] = mapped_column(sa.String(16), index=True)
    reason: Mapped[str | None]
    received_at: Mapped[Timestamp] = mapped_column(index=True)
    verified_at: Mapped[Timestamp | None]


class CallbackKey(Base):
    """A key that ConnectWise signs with, by its address; sealed."""

    __tablename__ = "callback_key"

    url: Mapped[str] = mapped_column(primary_key=True)
    sealed_key: Mapped[str]
    fetched_at: Mapped[Timestamp]
    doubted: Mapped[bool] = mapped_column(default=False)  # a signature did not match: it is fetched anew


class CallbackRefusal(Base):
    """How many posts were refused on a day (UTC), by reason."""

    __tablename__ = "callback_refusal"

    day: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    times: Mapped[int]
    last_at: Mapped[Timestamp]
