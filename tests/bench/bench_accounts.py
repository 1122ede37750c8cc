"""How quick the accounts page is with 30,000 accounts, against 30; and what is done beside it."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from portal.db.session import reading, transaction
from portal.extensions import db
from portal.factory import create_app
from portal.services import account_lines, mapping
from portal.services.account_pages import AccountsWanted, account_page, suggested_rows
from portal.services.actors import COMMAND_LINE
from portal.services.suggestions import SURE
from tests.bench.kit import Kit, Row, times
from tests.support.database import NOW, ZONE, migrated, settings_on
from tests.support.many_accounts import pour

TITLE = "Vendor accounts"
TODAY = date(2026, 10, 28)
FEW, MANY = (30, 10), (30_000, 3_000)  # accounts, companies
TOGETHER = 1_000
LOOKS = {
    "the first page": AccountsWanted(),
    "a page far down": AccountsWanted(page=300),
    "surest suggestion first": AccountsWanted(sort="score"),
    "a search": AccountsWanted(q="dental ltd"),
    "all, inactive too": AccountsWanted(state="all", inactive=True),
}


def bench(kit: Kit) -> Iterator[Row]:
    """Measure the same looks at few and at many accounts, then what changes many."""
    few = dict(_measured(kit.folder / "few", *FEW))
    for what, seconds in _measured(kit.folder / "many", *MANY):
        against = few[what]
        looked = what in LOOKS
        yield Row(
            what=f"{MANY[0]:,} accounts: {what}",
            figure=f"{seconds * 1000:.0f} ms" if looked else f"{seconds:.1f} s",
            ratio=f"{seconds / against:.1f}" if looked else "",
            note=f"with {FEW[0]} accounts {against * 1000:.0f} ms",
        )


def _measured(folder: Path, accounts: int, companies: int) -> Iterator[tuple[str, float]]:
    folder.mkdir()
    app = create_app(settings_on(f"sqlite:///{migrated(folder)}", folder))
    with app.app_context():
        with transaction() as session:
            pour(session, accounts=accounts, companies=companies)
        yield "all lines and suggestions made, by a worker", _took(_refresh)
        for what, wanted in LOOKS.items():
            yield what, times(lambda wanted=wanted: _took(lambda: _look(wanted)), 7)  # type: ignore[misc]  # a default
        yield f"{TOGETHER:,} suggestions accepted together", _took(_accept)
        db.engine.dispose()


def _refresh() -> None:
    account_lines.refresh_apart(transaction, reading, today=TODAY, now=NOW)


def _look(wanted: AccountsWanted) -> None:
    session = reading()
    account_page(session, wanted)
    mapping.missing_figures(session, TODAY)
    session.rollback()


def _accept() -> None:
    with transaction() as session:
        rows, _total = suggested_rows(session, AccountsWanted(), score=SURE, limit=TOGETHER)
        pairs = {row.id: row.suggestion.company_id for row in rows if row.suggestion is not None}
        mapping.map_many(session, pairs, by=COMMAND_LINE, now=NOW, zone=ZONE)


def _took(run: Callable[[], None]) -> float:
    started = time.monotonic()
    run()
    return time.monotonic() - started
