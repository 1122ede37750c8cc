"""Undo of ticked cards: a look at what goes back, then a batch like any other."""

from collections.abc import Callable
from datetime import date

import sqlalchemy as sa

from portal.db.records import Card, PsaAddition, Push
from portal.services import settings_store
from portal.services.actors import COMMAND_LINE
from tests.support.database import NOW
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


def test_decided_cards_are_ticked_on_the_board_and_lead_to_the_look(month: Month, signed_in_as: SignIn) -> None:
    card, open_card = month.card("20", "30"), month.card("5", "3")
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/approve")

    decided = Visitor.page(biller.get("/cards?show=decided"))
    to_decide = Visitor.page(biller.get("/cards"))
    form = decided.select_one("#bulk")

    assert form is not None
    assert form["action"] == "/cards/undo"
    assert decided.select_one(f"#tick-{card.id}") is not None
    assert to_decide.select_one(f"#tick-{card.id}") is None
    assert to_decide.select_one(f"#tick-{open_card.id}") is not None
    assert Visitor.page(signed_in_as("viewer").get("/cards?show=decided")).select_one("#bulk") is None


def test_an_undone_card_and_a_shared_one_offer_to_take_that_back(month: Month, signed_in_as: SignIn) -> None:
    card = month.card("20", "30")
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/approve")
    push = month.session.scalars(sa.select(Push).where(Push.card_id == card.id)).one()
    push.state, push.steps[0].state, push.steps[0].addition_id = "confirmed", "done", 30001
    month.session.execute(sa.update(PsaAddition).values(quantity=30))
    month.session.execute(sa.update(Card).where(Card.id == card.id).values(state="confirmed"))
    month.session.commit()

    shown = Visitor.page(biller.get(f"/pushes/{push.id}"))
    plan = biller.get(f"/cards/{card.id}/undo").get_data(as_text=True)
    biller.post(f"/cards/{card.id}/undo")
    month.session.expire_all()
    undo = month.session.scalars(sa.select(Push).order_by(Push.id.desc())).first()
    assert undo is not None
    undo.state, undo.steps[0].state, undo.steps[0].addition_id = "confirmed", "done", 30001
    month.session.execute(sa.update(PsaAddition).values(quantity=20))
    month.session.execute(sa.update(Card).where(Card.id == card.id).values(state="undone"))
    month.session.commit()
    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")

    assert shown.select_one(f"#undo-{push.id}") is not None
    assert "Undo: 30 back to 20" in plan
    assert row is not None
    assert "Undo the undo…" in row.get_text()
    assert "Undo: 20 back to 30" in biller.get(f"/cards/{card.id}/undo").get_data(as_text=True)


def test_the_rail_counts_writes_that_need_a_look(month: Month, signed_in_as: SignIn) -> None:
    card = month.card("20", "30")
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/approve")
    month.session.execute(sa.update(Push).values(state="failed", cause="ConnectWise refused."))
    month.session.execute(sa.update(Card).values(state="failed"))
    month.session.commit()

    link = Visitor.page(biller.get("/audit")).select_one("nav a[href='/pushes']")

    assert link is not None
    assert "1" in link.get_text()


def test_the_form_of_an_undo_says_what_is_held_and_who_has_to_confirm(month: Month, signed_in_as: SignIn) -> None:
    customer = month.company()
    contract = month.agreement(customer)
    month.line(contract, "EDR-SEAT", "10")
    month.line(contract, "EDR-SEAT", "5", effective_date=date(2026, 7, 1))
    month.usage(customer, "EDR-SEAT", "8")
    (card,) = month.make()
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/approve")
    push = month.session.scalars(sa.select(Push)).one()
    push.state = "confirmed"
    for step in push.steps:
        step.state = "done"
    month.session.execute(sa.update(PsaAddition).where(PsaAddition.id == 30001).values(quantity=8))
    month.session.execute(sa.update(PsaAddition).where(PsaAddition.id == 30002).values(quantity=2))
    month.session.execute(sa.update(Card).where(Card.id == card.id).values(state="confirmed"))
    settings_store.put(month.session, "limits", {"amount": {"USD": "10.00"}}, by=COMMAND_LINE, now=NOW)
    month.session.commit()

    form = biller.get(f"/cards/{card.id}/undo").get_data(as_text=True)

    assert "Line 30002 has 2 now, where this decision left 0." in form
    assert "8 → 10" in Visitor.page(biller.get(f"/cards/{card.id}/undo")).get_text()
    assert "A decision above 10.00 USD a month needs a second person." in form
