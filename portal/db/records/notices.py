"""What people are told: notices on their screens, and the mails that wait for a worker."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import Timestamp


class Notice(Base):
    """A sentence for one person, on every page until they dismiss it. One cause is told to one person once."""

    __tablename__ = "notice"
    __table_args__ = (
        sa.UniqueConstraint("person_id", "cause"),
        sa.CheckConstraint("tone IN ('ok', 'warn', 'bad')", "tone_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(32))  # a newer one of a kind takes the place of an older one
    cause: Mapped[str] = mapped_column(sa.String(64))  # what it is about, such as "run 12"
    tone: Mapped[str] = mapped_column(sa.String(8))
    sentence: Mapped[str]
    link: Mapped[str]  # a path of the portal
    made_at: Mapped[Timestamp]  # by the business clock, as is the next
    dismissed_at: Mapped[Timestamp | None]


class Mail(Base):
    """A mail on its way. Real time.

    `sending` is committed before the mail is handed over and `sent` after, so a crash between the two leaves a doubt:
    it is sent once more, and never a third time.
    """

    __tablename__ = "mail"
    __table_args__ = (
        sa.UniqueConstraint("recipient", "cause"),
        sa.CheckConstraint("state IN ('queued', 'sending', 'sent', 'failed')", "state_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    cause: Mapped[str] = mapped_column(sa.String(64))
    subject: Mapped[str]
    body: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(16), default="queued", index=True)
    tries: Mapped[int] = mapped_column(default=0)
    doubts: Mapped[int] = mapped_column(default=0)  # times it was handed over and no answer is known
    worker: Mapped[str | None] = mapped_column(sa.String(80))
    leased_until: Mapped[Timestamp | None]
    next_try_at: Mapped[Timestamp | None]
    made_at: Mapped[Timestamp]
    over_at: Mapped[Timestamp | None]
    error: Mapped[str | None]  # a sentence
