"""The board as CSV: the same cards in the same order whatever the page, with what stands beside the numbers."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.orm import Session

from portal.domain.cards_csv import COLUMNS
from portal.domain.spreadsheets import safe
from portal.services import notes, rules_store, tags
from portal.services.actors import COMMAND_LINE
from portal.services.rules_store import RuleValues
from portal.services.tags import Carriers
from tests.support.database import NOW
from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def rows_of(visitor: Visitor, query: str = "") -> list[dict[str, str]]:
    text = visitor.get(f"/cards.csv{query}").get_data().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def shown(visitor: Visitor, query: str) -> list[str]:
    """The ids of the cards on all pages of the board."""
    found: list[str] = []
    page = 1
    while True:
        part = visitor.page(visitor.get(f"/cards{query}&page={page}", swapping="cards"))
        ids = [str(one["id"]).removeprefix("card-") for one in part.select("tbody[id^=card-]")]
        if not ids or ids[0] in found:
            return found
        found += ids
        page += 1


@pytest.mark.parametrize(
    "query",
    ["?show=decide", "?sort=name", "?group=none&sort=difference", "?group=product", "?group=vendor&sort=name", "?q=1"],
)
def test_the_export_is_the_board_beyond_its_page(month: "Month", signed_in_as: SignIn, query: str) -> None:
    for number in range(60):
        company = month.company(f"Company {number * 7 % 60}")
        product = f"P{number % 3}"
        month.line(month.agreement(company), product, "5")
        month.usage(company, product, str(6 + number % 9), "Zulu" if number % 2 else "alpha")
    month.make()
    viewer = signed_in_as("viewer")

    board = shown(viewer, query)

    assert len(board) > 10
    assert [row["card_id"] for row in rows_of(viewer, query)] == board


def test_what_stands_beside_the_numbers_is_in_it(month: "Month", signed_in_as: SignIn, session: Session) -> None:
    card = month.card("3", "3", company="Alder Dental")
    values = RuleValues(quantity=Decimal(5), reference="contract 114")
    rules_store.add_rule(
        session,
        kind="minimum",
        company_id=card.company_id,
        product="EDR-SEAT",
        values=values,
        by=COMMAND_LINE,
        now=NOW,
    )
    notes.add(session, card.id, text='=cmd "a", b\nsecond line', by=COMMAND_LINE, now=NOW)
    tags.put_on(session, "VIP", Carriers(companies=(card.company_id,)), by=COMMAND_LINE, now=NOW)
    tags.put_on(session, "+seat", Carriers(products=("EDR-SEAT",)), by=COMMAND_LINE, now=NOW)
    month.make()
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/dismiss", {"reason": "-1 for them"})

    (row,) = rows_of(biller, "?show=all")

    assert list(row)[: len(COLUMNS)] == list(COLUMNS)
    assert row["arithmetic"] == "Counted 3, minimum 5 (contract 114): proposes 5"
    assert (row["company_tags"], row["product_tags"]) == ("VIP", "'+seat")
    assert row["notes"] == '2026-10-28 command line: =cmd "a", b\nsecond line'
    assert (row["state"], row["state_words"], row["decision"]) == ("dismissed", "Dismissed", "dismiss")
    assert (row["decided_at"], row["reason"]) == ("2026-10-28 09:00", "'-1 for them")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\n=x", "  =1", "＝1"])  # noqa: RUF001 - read as well
def test_no_text_is_read_as_a_formula(text: str) -> None:
    assert safe(text) == f"'{text}"


def test_a_text_that_is_no_formula_stays_as_it_is() -> None:
    assert [safe(text) for text in ("Alder - Co", "3=3", "", "a@b")] == ["Alder - Co", "3=3", "", "a@b"]


def test_a_mark_for_spreadsheets_is_there_when_asked_for(month: "Month", signed_in_as: SignIn) -> None:
    month.card(company="Åre Fjäll")
    viewer = signed_in_as("viewer")

    assert viewer.get("/cards.csv").get_data().startswith(b"company_id")
    assert viewer.get("/cards.csv?bom=1").get_data().startswith(b"\xef\xbb\xbfcompany_id")
    link = viewer.page(viewer.get("/cards?group=product")).select_one("a[href^='/cards.csv']")
    assert link is not None
    assert {"group=product", "bom=1"} <= set(str(link["href"]).partition("?")[2].split("&"))


def test_more_cards_need_no_more_queries(
    cards_of: Callable[[int], None], signed_in_as: SignIn, queries: Callable[[], int]
) -> None:
    viewer = signed_in_as("viewer")

    def cost() -> int:
        before = queries()
        viewer.get("/cards.csv?show=all")
        return queries() - before

    cards_of(3)
    few = cost()
    cards_of(60)

    assert cost() == few
