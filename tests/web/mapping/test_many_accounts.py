"""The accounts page at any size: the same queries, the same rows fetched, the same figures as when all is counted."""

import sqlite3
from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.records import AccountLine, AccountLineDue, PsaCompany, UsageImport, VendorAccount
from portal.db.session import reading, transaction
from portal.domain.periods import Period
from portal.services import account_lines, mapping
from portal.services.account_pages import PER_PAGE, STATES, WARNINGS, AccountsWanted, account_page
from tests.support.database import NOW, ZONE
from tests.support.many_accounts import pour
from tests.support.visitor import Visitor
from tests.web.counting import counted_queries
from tests.web.looking import one, words

SignIn = Callable[[str], Visitor]
TODAY = date(2026, 10, 28)
QUERIES = 20  # of a page with its heading, at most, whatever it shows
LARGE = 2_400  # accounts: more than a page brings up to date itself


def poured(app: Flask, accounts: int, vendors: int = 3) -> None:
    with app.app_context():
        with transaction() as session:
            pour(session, accounts=accounts, companies=120, vendors=vendors)
        account_lines.refresh_apart(transaction, reading, today=TODAY, now=NOW)


def looked_at(app: Flask, wanted: AccountsWanted) -> tuple[int, int]:
    """Give how many queries a page and its heading take, and how many lines and accounts they load."""
    loaded: list[object] = []

    def note(target: object, *_other: object) -> None:
        loaded.append(target)

    with app.app_context():
        session = reading()
        session.rollback()
        session.expunge_all()
        for kind in (AccountLine, VendorAccount):
            sa.event.listen(kind, "load", note)
        try:
            with counted_queries() as queries:
                account_page(session, wanted)
                mapping.missing_figures(session, TODAY)
        finally:
            for kind in (AccountLine, VendorAccount):
                sa.event.remove(kind, "load", note)
        return len(queries), len(loaded)


def test_a_page_takes_no_more_queries_and_rows_for_many_accounts_than_for_one_page(app: Flask) -> None:
    poured(app, LARGE, vendors=1)

    looks = [looked_at(app, AccountsWanted(state=state, page=page)) for state in STATES for page in (1, 9)]

    assert max(queries for queries, _loaded in looks) <= QUERIES
    assert max(loaded for _queries, loaded in looks) <= 2 * (PER_PAGE + WARNINGS)


def test_the_heading_counts_what_the_whole_list_counts(app: Flask) -> None:
    poured(app, 500)
    with app.app_context():
        session = reading()
        figures = mapping.missing_figures(session, TODAY)
        whole = mapping.missing(session, Period.holding(TODAY), ZONE)

    assert (len(figures.accounts), len(figures.services)) == (len(whole.accounts), len(whole.services))
    assert (figures.units, figures.money) == (whole.units, whole.money)


def test_every_page_together_lists_every_account_once(app: Flask) -> None:
    poured(app, 500)
    with app.app_context():
        session = reading()
        for sort in ("units", "score", "name"):
            first = account_page(session, AccountsWanted(state="all", inactive=True, sort=sort))
            pages = [
                account_page(session, AccountsWanted(state="all", inactive=True, sort=sort, page=page))
                for page in range(1, first.pages + 1)
            ]
            ids = [row.id for page in pages for row in page.rows]

            assert len(ids) == len(set(ids)) == first.total == 500


def test_a_change_of_many_accounts_is_left_to_a_worker_and_said(app: Flask, signed_in_as: SignIn) -> None:
    poured(app, LARGE, vendors=1)
    with app.app_context(), transaction() as session:
        file = session.scalars(sa.select(UsageImport).where(UsageImport.period == "2026-10").limit(1)).one()
        file.state = "undone"
    biller = signed_in_as("biller")

    assert "The figures are being brought up to date." in Visitor.page(biller.get("/mapping/accounts")).text
    with app.app_context():
        assert account_lines.refresh_apart(transaction, reading, today=TODAY, now=NOW)
    page = Visitor.page(biller.get("/mapping/accounts"))

    assert "being brought up to date" not in page.text
    assert f"{PER_PAGE} of" in words(one(page, ".pager"))


def test_lines_are_made_anew_only_where_something_they_rest_on_has_changed(app: Flask, session: Session) -> None:
    poured(app, 60)
    company = session.scalars(sa.select(PsaCompany).limit(1)).one()
    company.identifier = "another"
    session.commit()
    assert session.scalars(sa.select(AccountLineDue)).all() == []

    company.name = "Another Name Altogether"
    session.commit()

    assert [row.what for row in session.scalars(sa.select(AccountLineDue))] == ["suggestions"]


def test_while_somebody_else_writes_for_long_what_was_is_shown_and_said(
    app: Flask, session: Session, signed_in_as: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    poured(app, 60)
    biller = signed_in_as("biller")
    company = session.scalars(sa.select(PsaCompany).limit(1)).one()
    company.name = "Another Name Altogether"
    session.commit()
    monkeypatch.setattr("portal.web.mapping.accounts.PATIENCE_MS", 1)
    other = sqlite3.connect(str(session.get_bind().engine.url.database), timeout=0)
    other.execute("BEGIN IMMEDIATE")
    try:
        answer = biller.get("/mapping/accounts")
    finally:
        other.rollback()
        other.close()

    assert answer.status_code == 200
    assert "being brought up to date" in Visitor.page(answer).text
