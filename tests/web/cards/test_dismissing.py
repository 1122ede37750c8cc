"""Dismissing, and taking back what was not sent."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.support.visitor import Visitor
from tests.web.cards.asking import on

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def test_dismissing_needs_a_reason_and_can_be_taken_back(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")

    form = biller.get(on(card, "dismiss"), swapping=f"card-{card.id}")
    empty = biller.post(on(card, "dismiss"), {"reason": " "}, swapping=f"card-{card.id}")
    done = biller.post(on(card, "dismiss"), {"reason": "mailbox closes"}, swapping=f"card-{card.id}")
    back = biller.post(on(card, "undo"), swapping=f"card-{card.id}")

    assert "It returns in November, or at once if its numbers change." in form.get_data(as_text=True)
    assert empty.status_code == 422
    assert "Give a reason" in empty.get_data(as_text=True)
    assert "mailbox closes" in done.get_data(as_text=True)
    assert "Taken back, nothing was sent." in back.get_data(as_text=True)
    assert month.reload(card).state == "open"


def test_dismissing_offers_the_last_reasons(month: "Month", signed_in_as: SignIn) -> None:
    first, second = month.card(), month.card()
    biller = signed_in_as("biller")
    biller.post(on(first, "dismiss"), {"reason": "mailbox closes"})

    form = Visitor.page(biller.get(on(second, "dismiss"), swapping=f"card-{second.id}"))

    assert [str(one["value"]) for one in form.select("datalist option")] == ["mailbox closes"]


def test_a_queued_approval_is_taken_back_before_anything_is_sent(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")
    biller.post(on(card, "approve"))

    answer = biller.post(on(card, "undo"), swapping=f"card-{card.id}")

    assert "Taken back, nothing was sent. 1 to decide." in answer.get_data(as_text=True)
    assert month.reload(card).state == "withdrawn"
