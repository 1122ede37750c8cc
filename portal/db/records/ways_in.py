"""Ways to sign in beside the password: codes of an app, the company's own sign-in, and browsers that are known."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import Json, Timestamp


class HalfSignIn(Base):
    """A sign-in that still waits for its second step, known by the hash of its token. Real time."""

    __tablename__ = "half_sign_in"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    started_at: Mapped[Timestamp]
    tries: Mapped[int] = mapped_column(default=0)
    over_at: Mapped[Timestamp | None]


class TwoStep(Base):
    """The secret that a person shares with their app. Real time."""

    __tablename__ = "two_step"

    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), primary_key=True)
    secret: Mapped[str]  # sealed
    made_at: Mapped[Timestamp]
    confirmed_at: Mapped[Timestamp | None]  # none: the app has not shown a code yet, so none is asked for
    last_step: Mapped[int] = mapped_column(sa.BigInteger(), default=0)  # of the last code taken; earlier ones are over


class RecoveryCode(Base):
    """A code that takes the place of the app once. Only its hash is kept."""

    __tablename__ = "recovery_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    code_hash: Mapped[str] = mapped_column(sa.String(64))
    used_at: Mapped[Timestamp | None]


class KnownBrowser(Base):
    """A browser in which a person has signed in before: strangers' wrong passwords do not hold it up. Real time."""

    __tablename__ = "known_browser"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    used_at: Mapped[Timestamp]


class CompanyProvider(Base):
    """The company's own sign-in (OpenID Connect); at most one."""

    __tablename__ = "company_provider"
    __table_args__ = (sa.CheckConstraint("id = 1", "only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(40))  # as the button says it
    issuer: Mapped[str]
    client_id: Mapped[str]
    client_secret: Mapped[str | None]  # sealed; none: a public client
    allow_private: Mapped[bool] = mapped_column(default=False)
    link_by_email: Mapped[bool] = mapped_column(default=False)
    role_claim: Mapped[str] = mapped_column(default="")  # empty: roles are given here alone
    role_map: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # value of the claim -> role
    active: Mapped[bool] = mapped_column(default=True)
    facts: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # addresses that its discovery told
    facts_at: Mapped[Timestamp]
    keys: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # its public keys, as a JWK set
    keys_at: Mapped[Timestamp | None]


class CompanyIdentity(Base):
    """Who a person is at the company's own sign-in."""

    __tablename__ = "company_identity"
    __table_args__ = (sa.UniqueConstraint("issuer", "subject"), sa.UniqueConstraint("issuer", "person_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    issuer: Mapped[str]
    subject: Mapped[str] = mapped_column(sa.String(255))
    linked_at: Mapped[Timestamp]
    used_at: Mapped[Timestamp]


class CompanyReturn(Base):
    """A way back from the company's sign-in that was taken: none is taken twice."""

    __tablename__ = "company_return"

    state_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    at: Mapped[Timestamp] = mapped_column(index=True)
