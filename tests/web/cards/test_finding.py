"""Finding one's place on the board: an open card, the density of rows, what a shared count does to its other cards."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from portal.db.records import Card
from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def words(answer: str) -> str:
    return " ".join(answer.split())


def test_an_open_card_of_another_page_leads_to_its_page(
    month: "Month", cards_of: Callable[[int], None], signed_in_as: SignIn
) -> None:
    cards_of(60)
    last = month.session.query(Card).order_by(Card.at_stake).first()
    assert last is not None
    biller = signed_in_as("biller")

    sent = biller.get(f"/cards?open={last.id}")
    page = Visitor.page(biller.get(sent.location))

    assert (sent.status_code, sent.location) == (302, f"/cards?page=2&open={last.id}")
    title = page.select_one(f"#card-{last.id} a[data-card]")
    assert title is not None
    assert title["aria-expanded"] == "true"
    assert "autofocus" in title.attrs


def test_an_open_card_that_the_list_leaves_out_is_named_with_a_link(month: "Month", signed_in_as: SignIn) -> None:
    equal = month.card("7", "7", company="Birchwood")
    month.card("20", "21")

    page = Visitor.page(signed_in_as("viewer").get(f"/cards?open={equal.id}"))
    nobody = signed_in_as("viewer").get("/cards?open=999999")

    assert "Birchwood, is not in this list" in words(page.get_text(" "))
    assert page.select_one(f"main .notice a[href='/cards/{equal.id}']") is not None
    assert nobody.status_code == 200


@pytest.mark.parametrize(("density", "address", "compact"), [
    ("comfortable", "/cards", False), ("compact", "/cards", True), ("comfortable", "/cards?rows=compact", True),
    ("compact", "/cards?rows=comfortable", False),
])  # fmt: skip
def test_the_profile_or_the_address_makes_rows_compact(
    month: "Month", signed_in_as: SignIn, density: str, address: str, compact: bool
) -> None:
    month.card("20", "21")
    biller = signed_in_as("biller")

    biller.post("/profile", {"theme": "system", "density": density})

    assert (Visitor.page(biller.get(address)).select_one("table.cards.compact") is not None) is compact


def test_all_to_one_needs_no_empty_fields_and_shows_the_other_card_anew(month: "Month", signed_in_as: SignIn) -> None:
    customer = month.company("Tidewater Legal")
    main, annex = month.agreement(customer, "Main office"), month.agreement(customer, "Harbour annex")
    month.line(main, "EDR-SEAT", "18")
    month.line(annex, "EDR-SEAT", "9")
    month.usage(customer, "EDR-SEAT", "30")
    card, other = month.make()
    biller = signed_in_as("biller")
    where = f"/cards/{card.id}/split?back=show%3Ddecide"

    as_the_form_begins = {"all_to": str(main.id), f"fixed-{main.id}": "18", "rest_to": str(annex.id)}
    done = biller.post(where, as_the_form_begins, swapping=f"card-{card.id}").get_data(as_text=True)
    again = biller.get(f"/cards/{other.id}/split?back=show%3Ddecide", swapping=f"card-{other.id}")
    twice = biller.post(f"/cards/{other.id}/split", {"all_to": str(annex.id)}, swapping=f"card-{other.id}")

    assert "Approve 30" in done
    assert f'<tbody id="card-{other.id}" role="rowgroup" hx-swap-oob="true"' in done
    assert "This count is shared already." in again.get_data(as_text=True)
    assert twice.status_code == 409
    assert (month.reload(card).proposed_quantity, month.reload(other).proposed_quantity) == (Decimal(30), Decimal(0))


def test_the_decided_are_told_by_what_became_of_them(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21")
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/dismiss", {"reason": "agreed"})

    page = Visitor.page(biller.get("/cards?show=decided"))

    assert words(page.select("#board-count")[0].get_text(" ")) == "1 card decided 1 dismissed"


def test_what_cannot_go_along_stands_folded_below_what_needs_a_look(month: "Month", signed_in_as: SignIn) -> None:
    month.card("20", "12", company="Birchwood")
    month.card("7", None, company="Cedar")

    page = Visitor.page(signed_in_as("biller").get("/cards/preview?scope=filter"))

    first, folded = page.select("#preview .panel")[0], page.select("#preview details")[0]
    assert "Birchwood" in first.get_text()
    assert "Cedar" not in first.get_text()
    assert words(folded.get_text(" ")).startswith("1 card stays behind")
    assert "Cedar" in folded.get_text()


def test_a_card_without_a_count_says_what_can_be_done(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("7", None)

    text = words(Visitor.page(signed_in_as("biller").get(f"/cards/{card.id}")).get_text(" "))

    assert "7 are billed, $66.50 a month, and no count says how many were used." in text


def test_a_plan_puts_the_focus_on_its_first_field(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21")

    page = Visitor.page(signed_in_as("biller").get(f"/cards/{card.id}/approve", swapping=f"card-{card.id}"))

    assert [one["name"] for one in page.select("[autofocus]")] == ["reason"]
