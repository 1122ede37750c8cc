"""Views of the board that people keep under a name."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import Timestamp


class SavedView(Base):
    """A filter of the board under a name. It is its owner's alone, or a shared one that everybody sees."""

    __tablename__ = "saved_view"
    __table_args__ = (sa.UniqueConstraint("owner_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    name: Mapped[str]
    key: Mapped[str]  # the name as it is compared: one name once a person
    query: Mapped[str]  # the board's parameters, without a page and an open card
    shared: Mapped[bool] = mapped_column(index=True)
    made_at: Mapped[Timestamp]
    changed_at: Mapped[Timestamp]
