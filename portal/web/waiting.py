"""What waits for a person, counted for the rail and for Today: ages of sources, what is unmapped, flagged statuses."""

from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import sqlalchemy as sa
from flask import current_app, g
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.db.session import reading
from portal.domain.periods import Period
from portal.factory import clock
from portal.services import connections, pushes, statuses
from portal.services.connections import SourceAge
from portal.services.mapping_missing import Loud, loud

KEPT = "countersign_waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Counts that change only with an event of the audit trail or with the day.

    Args:
        statuses: Rows and words that need a decision.
        missing: What is on no card this month.
        writes: Writes that need a look, and confirmed lines that somebody changed since.
    """

    statuses: int
    writes: int
    missing: Loud

    @property
    def accounts(self) -> int:
        """Unmapped vendor accounts."""
        return self.missing.accounts.rows

    @property
    def services(self) -> int:
        """Unmapped services."""
        return self.missing.services.rows

    @property
    def units(self) -> Decimal:
        """Units on no card because something is unmapped."""
        return self.missing.units

    @property
    def money(self) -> dict[str, Decimal]:
        """What they are worth a month, by currency."""
        return {self.missing.currency: self.missing.money} if self.missing.money else {}

    @property
    def unmapped(self) -> int:
        """Vendor accounts and services together."""
        return self.accounts + self.services


def ages() -> list[SourceAge]:
    """Give how old each source is, read once an answer."""
    if "source_ages" not in g:
        g.source_ages = connections.source_ages(reading(), clock().now(), clock().zone)
    return cast("list[SourceAge]", g.source_ages)


def waiting() -> Waiting:
    """Give the counts; read anew only when something was changed since, since they stand on every page."""
    session = reading()
    version = (session.scalar(sa.select(sa.func.max(AuditEvent.n))), clock().today())
    kept: dict[object, Waiting] = current_app.extensions.get(KEPT, {})
    found = kept.get(version)
    if found is None:
        found = _read(session)
        current_app.extensions[KEPT] = {version: found}  # replaced as a whole: other threads may be reading
    return found


def _read(session: Session) -> Waiting:
    today = clock().today()
    writes = pushes.overview(session)
    return Waiting(
        statuses=statuses.flag_count(session),
        writes=writes.needs_look + writes.drifted,
        missing=loud(session, Period.holding(today), clock().zone, day=today),
    )


def missing_of(period: Period) -> Loud:
    """Give what is on no card in a month; that of the current one is kept while nothing changes."""
    today = clock().today()
    if period == Period.holding(today):
        return waiting().missing
    return loud(reading(), period, clock().zone, day=period.looked_at(today))
