"""The numbers of the board's choices: what the list would show, also after a decision whose card stays where it is."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from bs4 import BeautifulSoup

from tests.support.visitor import Visitor
from tests.web.counting import counted_queries

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def choices(page: BeautifulSoup) -> list[str]:
    """The choices of kind and vendor that the filter offers."""
    found = page.select("#f-kind option[value]:not([value='']), #f-vendor option[value]:not([value=''])")
    return [one.get_text() for one in found if "hidden" not in one.attrs]


def sent_along(answer: str) -> dict[str, str]:
    """What an answer puts into elements that stay, by their ids."""
    found = BeautifulSoup(answer, "html.parser").find_all(True, {"hx-swap-oob": "innerHTML"})
    return {str(one["id"]): "".join(one.find_all(string=True)) for one in found}


@pytest.fixture
def mixed(month: "Month") -> "Month":
    month.card("20", "21", company="Alder Dental")
    month.card("5", "9")
    month.card("9", "4")
    month.card("3", "8", vendor="Skylark", product="MAIL")
    month.card("7", "7")
    return month


@pytest.mark.parametrize(("address", "expected"), [
    ("/cards", ["Increase (3)", "Decrease (1)", "Sentrybox (3)", "Skylark (1)"]),
    ("/cards?company=201", ["Increase (1)", "Decrease (0)", "Sentrybox (1)", "Skylark (0)"]),
    ("/cards?kind=increase", ["Increase (3)", "Decrease (1)", "Sentrybox (2)", "Skylark (1)"]),
    ("/cards?vendor=skylark", ["Increase (1)", "Decrease (0)", "Sentrybox (3)", "Skylark (1)"]),
    ("/cards?min=1000&kind=to_split", ["Increase (0)", "Decrease (0)", "To split (0)", "Sentrybox (0)", "Skylark (0)"]),
    ("/cards?show=equal", ["No change (1)", "Sentrybox (1)", "Skylark (0)"]),
])  # fmt: skip
def test_a_choice_says_what_the_list_shows_with_the_other_filters_kept(
    mixed: "Month", signed_in_as: SignIn, address: str, expected: list[str]
) -> None:
    assert mixed.companies == 5

    assert choices(Visitor.page(signed_in_as("viewer").get(address))) == expected


def test_a_choice_that_is_made_updates_the_numbers_of_the_others(mixed: "Month", signed_in_as: SignIn) -> None:
    swapped = signed_in_as("viewer").get("/cards?vendor=skylark", swapping="cards").get_data(as_text=True)

    told = sent_along(swapped)
    assert mixed.companies == 5
    assert (told["f-kind-increase"], told["f-kind-decrease"]) == ("Increase (1)", "Decrease (0)")
    assert told["f-vendor-sentrybox"] == "Sentrybox (3)"


def test_a_decision_updates_every_number_of_its_list(month: "Month", signed_in_as: SignIn) -> None:
    cards = [month.card("20", "21"), month.card("5", "9"), month.card("5", "8")]
    biller = signed_in_as("biller")
    page = Visitor.page(biller.get("/cards?kind=increase"))

    def approved(place: int) -> dict[str, str]:
        url = f"/cards/{cards[place].id}/approve?back=kind%3Dincrease"
        return sent_along(biller.post(url, swapping=f"card-{cards[place].id}").get_data(as_text=True))

    offered = page.select_one("#bulk-all")
    assert offered is not None
    assert offered.get_text() == "Preview all 3 that match"
    first, second, third = approved(0), approved(1), approved(2)
    assert (first["f-kind-increase"], first["f-vendor-sentrybox"]) == ("Increase (2)", "Sentrybox (2)")
    assert [one["bulk-all"] for one in (first, second, third)] == [
        "Preview all 2 that match",
        "Preview the one that matches",
        "Preview all that match",
    ]
    # each has its place on the page, or the browser would complain
    assert all(page.select(f"#{one}") for one in first if one != "announce")


def test_the_chosen_kind_stays_a_choice_when_none_is_left(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21")
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/approve")

    page = Visitor.page(biller.get("/cards?kind=increase&show=decide"))

    chosen = page.select_one("#f-kind option[selected]")
    assert chosen is not None
    assert chosen.get_text() == "Increase (0)"
    assert page.select_one("button#bulk-all[hidden]") is not None


def test_a_decision_on_a_long_list_needs_no_more_queries(
    month: "Month", cards_of: Callable[[int], None], signed_in_as: SignIn
) -> None:
    biller = signed_in_as("biller")
    numbers = []
    for more in (5, 60):
        cards_of(more)
        card = month.make()[-1]
        biller.get("/cards")  # what the frame counts anew after a change is counted here
        with counted_queries() as asked:
            url = f"/cards/{card.id}?back=kind%3Dincrease&asked=1"
            assert biller.get(url, swapping=f"card-{card.id}").status_code == 200
        numbers.append(len(asked))

    assert numbers[0] == numbers[1]
