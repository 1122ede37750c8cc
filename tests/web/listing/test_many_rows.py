"""Every list with very many rows: a page at a time, light, and with as many queries as for few."""

import gzip
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.records import RowMeaning
from portal.db.session import reading, transaction
from portal.services import account_lines
from portal.web.paging import PER_PAGE
from tests.support import many_rows
from tests.support.database import NOW
from tests.support.many_accounts import pour
from tests.support.visitor import Visitor
from tests.web.counting import counted_queries
from tests.web.looking import one, words
from tests.web.test_weight import PAGE, PRESSED

SignIn = Callable[[str], Visitor]
Fill = Callable[[Session, range], None]
FEW, MANY = 10, 1_000
QUERIES = 60  # of a page with its frame, at most, whatever it shows
LISTS: dict[str, Fill] = {
    "/people": many_rows.people,
    "/mapping/splits": many_rows.splits,
    "/mapping/merged": lambda session, numbers: many_rows.companies(session, numbers, gone=True),
    "/statuses": many_rows.statuses,
    f"/statuses/status/{many_rows.STATUS}": many_rows.companies,
    "/connections/vaultline/held": many_rows.a_held_feed,
}
EVERY = (
    *LISTS, "/", "/cards", "/cards?show=all&page=10", "/cards?group=company", "/audit", "/audit/summary",
    "/mapping/accounts", "/mapping/accounts?page=40", "/mapping/services", "/mapping/accounts/suggested", "/imports",
    "/connections", "/pushes", "/rules", "/tags", "/views", "/statuses?list=types", "/statuses?list=vendor",
    "/statuses?page=9", "/people?page=101", "/setup/statuses", "/setup/map", "/setup/board", "/activity", "/keys",
)  # fmt: skip


def weighed(visitor: Visitor, address: str) -> tuple[int, int]:
    """Give how many queries a page took, and how many bytes it weighs when pressed."""
    with counted_queries() as queries:
        answer = visitor.client.get(address, headers=PRESSED)
    assert answer.status_code == 200, f"{address}: {answer.status}"
    pressed = answer.headers.get("Content-Encoding") == "gzip"
    return len(queries), len(answer.data if pressed else gzip.compress(answer.data))


@pytest.mark.parametrize("address", LISTS)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(
    address: str, session: Session, signed_in_as: SignIn
) -> None:
    admin = signed_in_as("admin")
    LISTS[address](session, range(FEW))
    session.commit()
    admin.get(address)  # what is read once is read
    few, _ = weighed(admin, address)

    LISTS[address](session, range(FEW, MANY))
    session.commit()
    admin.get(address)  # accounts that were mapped meanwhile are counted anew, once
    many, weight = weighed(admin, address)

    assert many == few
    assert weight < PAGE
    rows = admin.page(admin.get(address)).select("main tbody tr, main ul.list > li")
    assert PER_PAGE <= len(rows) < PER_PAGE + FEW, address


@pytest.mark.parametrize("address", LISTS)
def test_each_row_stands_on_one_page_and_a_page_too_far_is_the_last(
    address: str, session: Session, signed_in_as: SignIn
) -> None:
    viewer = signed_in_as("viewer" if address != "/people" else "admin")
    LISTS[address](session, range(PER_PAGE * 2 + 30))
    session.commit()

    def shown(number: int) -> list[str]:
        page = viewer.page(viewer.get(f"{address}?page={number}"))
        assert f"Page {min(number, 3)} of 3" in words(one(page, "main"))
        return [words(each) for each in page.select("main tbody th, main ul.list > li h3")]

    pages = [shown(number) for number in (1, 2, 3)]
    every = [each for rows in pages for each in rows]

    assert len(every) == len(set(every)) >= PER_PAGE * 2 + 30
    assert shown(9) == pages[-1]


def test_choices_on_one_page_of_statuses_are_kept_while_the_page_is_turned(
    session: Session, signed_in_as: SignIn
) -> None:
    many_rows.statuses(session, range(PER_PAGE + 30))
    session.commit()
    admin = signed_in_as("admin")

    turned = admin.post("/statuses", {"list": "status", "m-1000": "customer", "seen-1000": "", "turn": "2"})
    second = admin.page(admin.get(turned.headers["Location"]))
    fields = {
        str(each["name"]): str(each.get("value", ""))
        for each in second.select("#statuses input")
        if each.get("type") == "hidden" or each.has_attr("checked")
    }
    saved = admin.post("/statuses", fields | {"m-1120": "ignore"})
    asked = admin.page(admin.get(saved.headers["Location"].partition("#")[0]))
    fields |= {"m-1120": "ignore", "shown": str(one(asked, "input[name=shown]")["value"])}
    done = admin.post("/statuses", fields)

    assert "page=2" in turned.headers["Location"]
    assert "Saving changes 1 meaning" in words(one(second, "#effect"))
    assert "Saving changes 2 meanings" in words(one(asked, "#effect"))
    assert done.headers["Location"].endswith("page=2")
    session.rollback()
    meanings = session.execute(sa.select(RowMeaning.psa_id, RowMeaning.meaning)).all()
    assert {tuple(each) for each in meanings} == {(1000, "customer"), (1120, "ignore")}


def test_every_list_of_a_very_full_store_answers_lightly(app: Flask, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    with app.app_context():
        with transaction() as session:
            pour(session, accounts=10_000, companies=2_000)
            many_rows.people(session, range(10_000))
            many_rows.events(session, range(10_000))
            many_rows.companies(session, range(10_000))
            many_rows.companies(session, range(1_000), gone=True)
            many_rows.splits(session, range(10_000))
            many_rows.statuses(session, range(10_000))
            many_rows.a_held_feed(session, range(10_000))
            many_rows.cards(session, range(3_000))
        account_lines.refresh_apart(transaction, reading, today=NOW.date(), now=NOW)

    admin.get("/mapping/services")  # the first who looks has the services counted
    found = {address: weighed(admin, address) for address in EVERY}

    assert {address: of for address, of in found.items() if of[0] > QUERIES or of[1] >= PAGE} == {}
