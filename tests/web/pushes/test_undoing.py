"""Undo of ticked cards: a look at what goes back, then a batch like any other."""

from collections.abc import Callable

from tests.support.visitor import Visitor
from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def test_ticked_cards_are_undone_after_a_look(month: Month, signed_in_as: SignIn) -> None:
    queued, dismissed, untouched = month.card("20", "30"), month.card("5", "3"), month.card("7", "8")
    biller = signed_in_as("biller")
    biller.post(f"/cards/{queued.id}/approve")
    biller.post(f"/cards/{dismissed.id}/dismiss", {"reason": "project"})
    ids = [str(card.id) for card in (queued, dismissed, untouched)]

    page = Visitor.page(biller.get("/cards/undo?" + "&".join(f"card_id={one}" for one in ids)))
    form = page.select_one("main form")
    assert form is not None
    seen = form.select_one("[name=seen]")
    assert seen is not None
    answer = biller.post("/cards/undo", {"card_id": ids, "seen": str(seen["value"]), "reason": "by mistake"})
    batch = biller.get(answer.headers["Location"]).get_data(as_text=True)

    assert page.h1 is not None
    assert page.h1.get_text() == "Undo 2 decisions: nothing is undone yet"
    assert "Taken back; nothing was sent yet." in page.get_text()
    assert "There is nothing to undo on this card." in page.get_text()
    assert answer.status_code == 303
    assert "Undo of 2 cards" in batch
    assert "1 card was left as it was" in batch
    states = [month.reload(card).state for card in (queued, dismissed, untouched)]
    assert states == ["withdrawn", "open", "open"]


def test_what_changed_after_the_look_is_left(month: Month, signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/approve")

    answer = biller.post("/cards/undo", {"card_id": str(card.id), "seen": f"{card.id}=20:21:21:0123456789ab"})

    assert "1 card was left as it was" in biller.get(answer.headers["Location"]).get_data(as_text=True)
    assert month.reload(card).state == "queued"


def test_without_a_tick_or_the_right_nothing_is_undone(month: Month, signed_in_as: SignIn) -> None:
    card = month.card()
    signed_in_as("biller").post(f"/cards/{card.id}/approve")

    assert signed_in_as("biller").post("/cards/undo", {}).status_code == 422
    assert signed_in_as("biller").get("/cards/undo").status_code == 422
    assert signed_in_as("viewer").post("/cards/undo", {"card_id": str(card.id)}).status_code == 403
    assert month.reload(card).state == "queued"
