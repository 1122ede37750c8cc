"""The day on which the private key of ConnectWise expires: how far away it is, and telling admins in time."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Connection, Notice
from portal.domain.periods import day_text
from portal.services import notices

SOON_DAYS = 30  # from which on it is said on Today
URGENT_DAYS = 7  # from which on it is told once more
KIND = "key.expires"
LINK = "/connections/connectwise"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExpiry:
    """When the key expires.

    Args:
        day: The first day on which it may not work any more.
        days: From today to it; negative: it is over.
    """

    day: date
    days: int

    @property
    def soon(self) -> bool:
        """Whether somebody has to make a new key."""
        return self.days <= SOON_DAYS

    @property
    def over(self) -> bool:
        """Whether that day has come."""
        return self.days <= 0

    @property
    def words(self) -> str:
        """How far away it is."""
        if self.days == 0:
            return "today"
        number = abs(self.days)
        said = f"{number:,} {'day' if number == 1 else 'days'}"
        return f"in {said}" if self.days > 0 else f"{said} ago"

    @property
    def sentence(self) -> str:
        """What happens, and what to do."""
        what = "expired" if self.days < 0 else "expires"
        return (
            f"The private key of ConnectWise {what} {self.words}, on {day_text(self.day)}. Without a new one, syncs "
            "and writes stop; nothing that is stored is lost. Make a new key in ConnectWise and put it in."
        )


def expiry_of(connection: Connection | None, today: date) -> KeyExpiry | None:
    """Give when the key of a connection expires; none where nobody has said."""
    if connection is None or connection.key_expires is None:
        return None
    return KeyExpiry(day=connection.key_expires, days=(connection.key_expires - today).days)


def tell(session: Session, *, today: date, now: datetime) -> None:
    """Tell admins that the key expires: 30 days before, 7 days before, and when it has. Each is told once.

    Once another day stands there, or none, what was told of the one before is taken off their pages.

    Args:
        session: A writing session.
        today: The day in the portal's time zone.
        now: By the business clock.
    """
    expiry = expiry_of(session.get(Connection, "connectwise", populate_existing=True), today)
    about = f"key {expiry.day.isoformat()}" if expiry is not None and expiry.soon else ""
    settled = sa.update(Notice).where(Notice.kind == KIND, Notice.dismissed_at.is_(None))
    if about:
        settled = settled.where(Notice.cause.not_like(f"{about} %"))
    session.execute(settled.values(dismissed_at=now))
    if expiry is None or not expiry.soon:
        return
    stage = "over" if expiry.over else "urgent" if expiry.days <= URGENT_DAYS else "soon"
    notices.tell(
        session,
        kind=KIND,
        sentence=expiry.sentence,
        link=LINK,
        by_name=None,
        now=now,
        cause=f"{about} {stage}",
        tone="bad" if expiry.over else "warn",
    )
