"""What the accounts page shows: lines that are kept ready, brought up to date where little has changed."""

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal.db.records import AccountLine
from portal.db.session import reading, transaction
from portal.domain.periods import Period
from portal.factory import clock
from portal.services import account_lines
from portal.services.account_pages import (
    LEAST_SCORE,
    AccountPage,
    AccountRow,
    AccountsWanted,
    CompanyName,
    account_page,
    account_row,
    company_names,
)
from portal.services.account_pages import account_rows as _rows_of
from portal.web.mapping.filters import GridFilter

__all__ = [
    "LEAST_SCORE",
    "AccountRow",
    "CompanyName",
    "account_grid",
    "account_row",
    "account_rows",
    "bring_up_to_date",
    "company_names",
    "rows_of",
    "wanted_of",
]

PATIENCE_MS = 2_000  # that a look waits for another writer


def bring_up_to_date() -> bool:
    """Make the lines anew that something has changed, where they are few; many are left to a worker.

    Returns:
        Whether the page shows what was, since a worker is still at it.
    """
    session = reading()
    due = account_lines.due(session, clock().today())
    if not due:
        return False
    if not due.few:
        return bool(due.vendors) or due.ended
    session.rollback()
    try:
        with transaction(patience_ms=PATIENCE_MS) as store:
            account_lines.refresh(store, today=clock().today(), now=clock().now())
    except OperationalError:  # somebody else writes for long: what was is shown, and said to be that
        return True
    return False


def account_grid(session: Session, wanted: GridFilter) -> AccountPage:
    """Give the page of accounts that is asked for."""
    return account_page(session, wanted_of(wanted))


def wanted_of(wanted: GridFilter) -> AccountsWanted:
    """Give the parameters of a page as the service takes them."""
    return AccountsWanted(
        state=wanted.state,
        vendor=wanted.vendor,
        q=wanted.q,
        inactive=wanted.inactive,
        sort=wanted.sort,
        page=wanted.page,
    )


def rows_of(session: Session, ids: Sequence[int]) -> list[AccountRow]:
    """Read several accounts, by name."""
    return _rows_of(session, ids)


def account_rows(session: Session, period: Period, zone: ZoneInfo, *, only: int | None = None) -> Iterable[AccountRow]:
    """Read every vendor account that a file has counted, or one."""
    del period, zone
    if only is not None:
        found = account_row(session, only)
        return [] if found is None else [found]
    return _rows_of(session, session.scalars(sa.select(AccountLine.account_id)).all())
