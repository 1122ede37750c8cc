"""What people write beside the numbers: notes that stay over the months, and tags on companies and products."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.db.base import Base
from portal.db.types import Timestamp


class Note(Base):
    """A note on a product of an agreement, or on one of its lines. It hangs on the pair and not on a month's card."""

    __tablename__ = "note"
    __table_args__ = (
        sa.Index("ix_note_pair", "company_id", "product", "agreement_id"),
        sa.CheckConstraint("(deleted_by IS NULL) = (deleted_at IS NULL)", "deletion_whole"),
        sa.CheckConstraint("(edited_by IS NULL) = (edited_at IS NULL)", "edit_whole"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int]
    agreement_id: Mapped[int | None]  # none: the product stood on no agreement yet
    product: Mapped[str]
    addition_id: Mapped[int | None]  # none: on the pair as a whole
    text: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)  # grows with every edit; who edits names the one seen
    made_by: Mapped[str]
    made_by_id: Mapped[int | None]
    made_at: Mapped[Timestamp]
    edited_by: Mapped[str | None]
    edited_at: Mapped[Timestamp | None]
    deleted_by: Mapped[str | None]
    deleted_at: Mapped[Timestamp | None]
    earlier: Mapped[list["NoteText"]] = relationship(cascade="all, delete-orphan", order_by="NoteText.version")


class NoteText(Base):
    """What a note said before an edit."""

    __tablename__ = "note_text"

    note_id: Mapped[int] = mapped_column(sa.ForeignKey("note.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str]
    written_by: Mapped[str]
    written_at: Mapped[Timestamp]


class Tag(Base):
    """A word that people put on companies and products."""

    __tablename__ = "tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)  # the name folded, so that “VIP” and “vip” are one
    made_by: Mapped[str]
    made_at: Mapped[Timestamp]


class Tagged(Base):
    """A tag on a company or on a product."""

    __tablename__ = "tagged"
    __table_args__ = (
        sa.UniqueConstraint("tag_id", "company_id"),
        sa.UniqueConstraint("tag_id", "product"),
        sa.CheckConstraint("(company_id IS NULL) <> (product IS NULL)", "one_target"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tag_id: Mapped[int] = mapped_column(sa.ForeignKey("tag.id", ondelete="CASCADE"))
    company_id: Mapped[int | None] = mapped_column(index=True)
    product: Mapped[str | None] = mapped_column(index=True)
