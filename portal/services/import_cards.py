"""Makes the cards anew after a file began to count, or no longer does: those of the companies that it can concern."""

from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AccountMapping, UsageCount, UsageImport, VendorAccount
from portal.domain.periods import Period, local_day
from portal.services import service_lines
from portal.services.card_remaking import cards_anew
from portal.services.remaking import all_made_on

_COMPANIES_A_TIME = 400  # each time costs the same again, and more of them more memory


def cards_of_file(session: Session, found: UsageImport, *, now: datetime, zone: ZoneInfo) -> None:
    """Make the cards anew that a file concerns; where a day began of which not all cards were made yet, all.

    Args:
        session: A writing session: the one in which the file was committed or taken back.
        found: The import.
        now: By the business clock.
        zone: The portal's time zone.
    """
    session.flush()
    today = local_day(now, zone)
    if not all_made_on(session, today):
        cards_anew(session, now=now, zone=zone, period=found.period)
        return
    service_lines.refresh(session, Period.holding(today))
    concerned = companies_of_file(session, found)
    for start in range(0, len(concerned), _COMPANIES_A_TIME):
        some = concerned[start : start + _COMPANIES_A_TIME]
        cards_anew(session, now=now, zone=zone, period=found.period, company_ids=some)


def companies_of_file(session: Session, found: UsageImport) -> list[int]:
    """List the companies whose counts a file can change, by id.

    A complete file takes away what it does not name, so it concerns every company that the vendor's accounts are
    mapped to; a partial one those of the accounts that it names.
    """
    query = sa.select(AccountMapping.company_id).where(
        AccountMapping.vendor_id == found.vendor_id, AccountMapping.company_id.is_not(None)
    )
    if not found.complete:
        named = (
            sa.select(VendorAccount.external_id)
            .join(UsageCount, UsageCount.account_id == VendorAccount.id)
            .where(UsageCount.import_id == found.id)
        )
        query = query.where(AccountMapping.account_external_id.in_(named))
    return sorted({one for one in session.scalars(query) if one is not None})
