"""The board: what it shows, how it is filtered, ordered and cut into pages."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def test_the_board_says_how_much_is_to_decide(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21", company="Halyard Freight")

    answer = signed_in_as("biller").get("/cards")
    page = Visitor.page(answer)

    assert answer.status_code == 200
    assert page.h1 is not None
    assert page.h1.get_text() == "1 card to decide"
    row = page.select_one(f"#card-{card.id}")
    assert row is not None
    assert "Approve 21, effective today" in row.get_text()
    assert "line 30001: 20 → 21" in row.get_text()
