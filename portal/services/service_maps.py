"""Which mapping speaks for each vendor service: its own, or one that speaks for every term of it."""

from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from portal.db.records import ServiceMapping, VendorService

ServicePlace = tuple[int, str, str]
"""Vendor id, service id and term."""


def service_mappings(session: Session, day: date | None = None) -> Mapping[ServicePlace, ServiceMapping]:
    """Give what each service is mapped to, in a fixed number of queries.

    A mapping of one term that speaks for every term holds for all terms of that service that have none of their own,
    also for those that a file names later.

    Args:
        session: For reading.
        day: Exclusions that ended before it are left out; none: all are given.
    """
    rows = session.scalars(sa.select(ServiceMapping).options(selectinload(ServiceMapping.products))).all()
    own = {(row.vendor_id, row.service_external_id, row.term): row for row in rows}
    found = {place: row for place, row in own.items() if _holds(row, day)}
    wide = {(row.vendor_id, row.service_external_id): row for row in rows if row.every_term and _holds(row, day)}
    if wide:
        columns = sa.select(VendorService.vendor_id, VendorService.external_id, VendorService.term).join(
            ServiceMapping,
            sa.and_(
                ServiceMapping.vendor_id == VendorService.vendor_id,
                ServiceMapping.service_external_id == VendorService.external_id,
                ServiceMapping.every_term.is_(True),
            ),
        )
        for vendor_id, external_id, term in session.execute(columns):
            row = wide.get((vendor_id, external_id))
            if row is not None and (vendor_id, external_id, term) not in own:
                found[vendor_id, external_id, term] = row
    return found


def _holds(row: ServiceMapping, day: date | None) -> bool:
    """Tell whether a mapping holds on a day."""
    return day is None or row.excluded_until is None or row.excluded_until >= day
