"""What waits for a person, counted for the rail and for Today: ages of sources, what is unmapped, flagged statuses."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast

import sqlalchemy as sa
from flask import current_app, g
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.db.session import reading
from portal.domain.periods import Period
from portal.factory import clock
from portal.services import connections, statuses
from portal.services.connections import SourceAge
from portal.services.mapping_lists import missing

KEPT = "countersign_waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Counts that change only with an event of the audit trail or with the day.

    Args:
        units: Of vendors, on no card because something is unmapped.
        money: What they are worth a month, by currency.
    """

    accounts: int
    services: int
    units: Decimal
    statuses: int
    money: dict[str, Decimal] = field(default_factory=dict)

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
    found = missing(session, Period.holding(clock().today()), clock().zone)
    return Waiting(
        accounts=len(found.accounts),
        services=len(found.services),
        units=found.units,
        money=dict(found.money),
        statuses=statuses.flag_count(session),
    )
