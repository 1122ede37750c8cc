"""People, their sessions and the links that work once."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import Json, Timestamp

ROLES = ("viewer", "biller", "manager", "admin")


class Person(Base):
    """Somebody who signs in. `email` is kept lower-cased."""

    __tablename__ = "person"
    __table_args__ = (sa.CheckConstraint(f"role IN {ROLES}", "role_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(sa.String(16))
    password_hash: Mapped[str | None]  # argon2; none until the first link was used
    active: Mapped[bool] = mapped_column(default=True)
    # theme, density, letter_keys, ask_above, locale
    preferences: Mapped[Json] = mapped_column(sa.JSON(), default=dict)
    created_at: Mapped[Timestamp]
    last_sign_in_at: Mapped[Timestamp | None]


class SignIn(Base):
    """A session, known by the hash of its token. Real time."""

    __tablename__ = "sign_in"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    address: Mapped[str | None]
    agent: Mapped[str | None]
    created_at: Mapped[Timestamp]
    seen_at: Mapped[Timestamp]
    ended_at: Mapped[Timestamp | None]
    how: Mapped[str | None] = mapped_column(
        sa.String(16)
    )  # password, code, recovery, company; none: before it was kept


class SignInAttempt(Base):
    """A failed sign-in, for throttling. Real time. A known browser is counted apart from its address."""

    __tablename__ = "sign_in_attempt"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(index=True)
    address: Mapped[str | None] = mapped_column(index=True)  # IPv6: its /64, which one visitor has as a whole
    at: Mapped[Timestamp] = mapped_column(index=True)
    browser_id: Mapped[int | None]  # the known browser it came from
    kind: Mapped[str | None] = mapped_column(sa.String(16))  # none: a password; code; mail


class OneTimeLink(Base):
    """A link that works once: the first password, or a reset. Only the token's hash is kept. Real time."""

    __tablename__ = "one_time_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    purpose: Mapped[str] = mapped_column(sa.String(16))
    expires_at: Mapped[Timestamp]
    used_at: Mapped[Timestamp | None]
    made_at: Mapped[Timestamp | None]  # none: before it was kept, as the next ones
    made_by: Mapped[str | None]
    revoked_at: Mapped[Timestamp | None]  # by an admin, or because a newer one took its place
    mailed: Mapped[bool | None]


class Draft(Base):
    """What a person had typed when their session ended: offered again after sign-in, never carried out by itself."""

    __tablename__ = "draft"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    path: Mapped[str]
    fields: Mapped[Json] = mapped_column(sa.JSON())
    kept_at: Mapped[Timestamp]
