"""The board cut into groups and pages: every card once, and no more queries for more cards."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from portal.db.records import Card
from portal.domain.periods import Period
from portal.web.cards import queries
from portal.web.cards.filters import BoardFilter
from tests.support.visitor import Visitor
from tests.web.cards.asking import companies, shown
from tests.web.counting import counted_queries

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]
OCTOBER = Period(2026, 10)


def test_fifty_cards_a_page_cut_between_companies(month: "Month", signed_in_as: SignIn) -> None:
    for each in range(9):
        customer = month.company(f"Company {each}")
        contract = month.agreement(customer)
        for product in range(7):
            month.line(contract, f"P{product}", "5")
            month.usage(customer, f"P{product}", str(30 - each))
    month.make()
    biller = signed_in_as("biller")

    first, second = (Visitor.page(biller.get(f"/cards?page={number}")) for number in (1, 2))
    beyond = Visitor.page(biller.get("/cards?page=99"))

    assert len(shown(first)) == 49
    assert len(shown(second)) == 14
    assert not set(companies(first)) & set(companies(second))
    assert "Cards 1 to 49 of 63" in first.get_text()
    assert shown(beyond) == shown(second)


def test_a_company_of_more_than_a_hundred_cards_is_cut_inside_and_says_so(month: "Month", signed_in_as: SignIn) -> None:
    customer = month.company("Otterbourne Schools Trust")
    contract = month.agreement(customer)
    for product in range(105):
        month.line(contract, f"P{product:03}", "5")
        month.usage(customer, f"P{product:03}", "6")
    month.card(company="Small")
    month.make()
    biller = signed_in_as("biller")

    pages = [Visitor.page(biller.get(f"/cards?page={number}")) for number in (1, 2, 3, 4)]

    assert [len(shown(page)) for page in pages] == [50, 50, 5, 1]
    assert len({card for page in pages for card in shown(page)}) == 106
    assert "shown here 51 to 100" in pages[1].get_text()


def test_the_number_of_queries_does_not_grow_with_the_cards(
    month: "Month", cards_of: Callable[[int], None], signed_in_as: SignIn
) -> None:
    biller = signed_in_as("biller")
    numbers: dict[str, list[int]] = {}
    for more in (10, 190):
        cards_of(more)
        biller.get("/cards")  # what the frame counts anew after a change is counted here
        card = month.session.scalars(sa.select(Card.id).order_by(Card.at_stake.desc()).limit(1)).one()
        month.session.commit()
        for path in ("/cards", "/cards?group=none&sort=name", f"/cards?open={card}", "/cards.csv", f"/cards/{card}"):
            with counted_queries() as asked:
                assert biller.get(path).status_code == 200
            numbers.setdefault(path.partition("=")[0] if "open" in path else path.rstrip("0123456789"), []).append(
                len(asked)
            )

    assert all(few == many for few, many in numbers.values()), numbers


@pytest.mark.parametrize("group", ["company", "product", "vendor", "agreement", "none"])
@pytest.mark.parametrize("sort", ["money", "difference", "name", "age"])
def test_every_grouping_and_order_shows_every_card_once(
    group: str, sort: str, month: "Month", signed_in_as: SignIn
) -> None:
    month.card("1", "31", product="AV-SEAT", vendor="Skylark")
    month.card("5", "4")
    month.card("4", None)

    page = Visitor.page(signed_in_as("biller").get(f"/cards?group={group}&sort={sort}"))

    assert sorted(shown(page)) == [1, 2, 3]


def test_pages_hold_every_card_once_in_every_order(
    month: "Month", session: "Session", cards_of: Callable[[int], None]
) -> None:
    cards_of(120)
    month.card("4", None)
    for group in ("company", "product", "vendor", "agreement", "none"):
        for sort in ("money", "difference", "name", "age"):
            found: list[int] = []
            number = 1
            while True:
                board = BoardFilter(period=OCTOBER, current=OCTOBER, group=group, sort=sort, page=number)
                page = queries.page_of_cards(session, board, {})
                found += [card.id for card in page.cards]
                if number >= page.pages:
                    break
                number += 1
            assert sorted(found) == list(range(1, 122)), (group, sort)
            assert found == queries.ordered_ids(session, board), (group, sort)


def test_groups_by_agreement_name_it_with_its_company_and_what_is_on_none_by_itself(
    month: "Month", signed_in_as: SignIn
) -> None:
    both = month.company("Halyard Freight")
    for name, currency in (("Managed Services - Halyard Freight", "USD"), ("Cloud licences", "CAD")):
        contract = month.agreement(both, name, currency=currency)
        month.line(contract, f"P-{currency}", "5")
        month.usage(both, f"P-{currency}", "7")
    month.usage(both, "NEW-SEAT", "3")
    month.make()
    viewer = signed_in_as("viewer")

    page = Visitor.page(viewer.get("/cards?group=agreement&sort=name"))
    rows = [" ".join(row.get_text(" ", strip=True).split()) for row in page.select("tr.company")]
    links = [str(link["href"]) for link in page.select("tr.company h2 a")]

    assert rows == [
        "Cloud licences Halyard Freight, 1 card +CA$19.00",
        "Managed Services Halyard Freight, 1 card +$19.00",
        "On no agreement yet 1 card +$28.50",
    ]
    assert [len(shown(Visitor.page(viewer.get(link)))) for link in links] == [1, 1]


def test_the_next_page_of_a_cut_group_goes_on_where_this_one_ends(month: "Month", signed_in_as: SignIn) -> None:
    for _ in range(120):
        customer = month.company()
        month.line(month.agreement(customer), "EDR-SEAT", "5")
        month.usage(customer, "EDR-SEAT", "6")
    month.make()

    page = Visitor.page(signed_in_as("viewer").get("/cards?group=product&page=2"))

    assert "120 cards, too many for one page: shown here 51 to 100" in page.get_text(" ", strip=True)
