"""Deciding on the board: each button, what it answers with htmx and without, and what it refuses."""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from portal.db.records import Card, Decision, Push
from portal.services import decisions, settings_store
from portal.services.actors import Actor
from tests.support.database import NOW
from tests.support.visitor import Visitor
from tests.web.cards.asking import BACK, on, opened

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def test_approving_answers_with_the_row_the_count_and_an_announcement(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21")
    month.card("5", "9")
    biller = signed_in_as("biller")
    seen = decisions.seen_token(card)

    answer = biller.post(on(card, "approve"), {"seen": seen}, swapping=f"card-{card.id}")

    page = opened(answer)
    assert answer.status_code == 200
    assert page.select_one("html") is None
    row = page.select_one(f"tbody#card-{card.id}")
    assert row is not None
    assert "Approved 21, queued" in row.get_text()
    assert str(row["hx-trigger"]) == "load delay:1s"
    assert "Undo" in row.get_text()
    assert "Approved 21. 1 to decide." in page.select("#announce")[0].get_text()
    beside = {str(one["id"]) for one in page.select("[data-beside] [hx-swap-oob]")}
    assert {"announce", "board-count", "board-tabs", "nav-counts"} <= beside
    assert month.reload(card).state == "queued"


def test_without_htmx_approving_goes_back_to_the_list_at_the_next_card(month: "Month", signed_in_as: SignIn) -> None:
    first = month.card("20", "41")
    second = month.card("5", "9")
    biller = signed_in_as("biller")

    answer = biller.post(on(first, "approve"), {"seen": decisions.seen_token(first)})

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/cards#card-{second.id}"
    assert "Approved 41. 1 to decide." in biller.get("/cards").get_data(as_text=True)


def test_a_row_asks_again_more_and_more_slowly_until_it_is_settled(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")
    biller.post(on(card, "approve"), swapping=f"card-{card.id}")

    delays = []
    for asked in range(1, 6):
        answer = biller.get(f"/cards/{card.id}?fold=1&asked={asked}&back={BACK}", swapping=f"card-{card.id}")
        delays.append(str(Visitor.page(answer).tbody["hx-trigger"]))  # type: ignore[index]
    month.session.execute(sa.update(Card).values(state="confirmed"))
    month.session.commit()
    settled = biller.get(f"/cards/{card.id}?fold=1&asked=6&back={BACK}", swapping=f"card-{card.id}")

    assert delays == [f"load delay:{seconds}s" for seconds in (2, 5, 10, 10, 10)]
    page = opened(settled)
    assert page.tbody is not None
    assert "hx-trigger" not in page.tbody.attrs
    assert "Confirmed" in page.tbody.get_text()
    assert page.select("#nav-counts")


def test_a_change_in_the_psa_meanwhile_is_answered_with_409_and_both_numbers(
    month: "Month", signed_in_as: SignIn
) -> None:
    card = month.card("20", "25")
    seen = decisions.seen_token(card)
    month.session.execute(sa.text("UPDATE psa_addition SET quantity = 220000"))
    month.make()
    biller = signed_in_as("biller")

    part = biller.post(on(card, "approve"), {"seen": seen}, swapping=f"card-{card.id}")
    whole = biller.post(on(card, "approve"), {"seen": seen})

    assert part.status_code == whole.status_code == 409
    for answer in (part, whole):
        assert "ConnectWise changed from 20 to 22 while you looked. Nothing was sent; decide again." in (
            answer.get_data(as_text=True)
        )
    assert not Visitor.page(part).select("html")
    assert Visitor.page(whole).h1 is not None
    assert month.reload(card).state == "open"


def test_the_second_of_two_people_is_told_who_decided(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    seen = decisions.seen_token(card)
    signed_in_as("biller").post(on(card, "approve"), {"seen": seen})

    answer = signed_in_as("manager").post(on(card, "approve"), {"seen": seen}, swapping=f"card-{card.id}")

    assert answer.status_code == 409
    assert "Dana approved 21" in answer.get_data(as_text=True)
    assert month.session.scalar(sa.select(sa.func.count()).select_from(Push)) == 1


@pytest.mark.parametrize("action", ["approve", "adjust", "dismiss", "add", "split", "undo", "confirm"])
def test_a_viewer_decides_nothing(action: str, month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    viewer = signed_in_as("viewer")

    answer = viewer.post(on(card, action), {"quantity": "21", "reason": "no"})

    assert answer.status_code == 403
    assert "Viewers can read this, not change it." in answer.get_data(as_text=True)
    assert month.session.scalar(sa.select(sa.func.count()).select_from(Decision)) == 0


@pytest.mark.parametrize("action", ["approve", "adjust", "dismiss", "add", "split", "undo", "confirm"])
def test_deciding_on_no_card_is_404(action: str, signed_in_as: SignIn) -> None:
    answer = signed_in_as("biller").post(f"/cards/77/{action}", {"quantity": "1", "reason": "x", "agreement": "1"})

    assert answer.status_code == 404 if action != "split" else answer.status_code in {404, 422}
    assert "no card 77" in answer.get_data(as_text=True)


def test_a_stranger_is_asked_to_sign_in(month: "Month", visitor: Visitor) -> None:
    card = month.card()

    for path in ("/cards", f"/cards/{card.id}", f"/cards/{card.id}/adjust", "/cards/preview", "/cards.csv"):
        answer = visitor.get(path)
        assert answer.status_code == 303
        assert "/sign-in" in answer.headers["Location"]


def test_approve_takes_two_steps_where_several_lines_change(month: "Month", signed_in_as: SignIn) -> None:
    customer = month.company()
    contract = month.agreement(customer)
    month.line(contract, "EDR-SEAT", "5", effective_date=date(2025, 1, 1))
    month.line(contract, "EDR-SEAT", "5")
    month.usage(customer, "EDR-SEAT", "3")
    card = month.make()[0]
    biller = signed_in_as("biller")

    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")
    step = biller.get(on(card, "approve"), swapping=f"card-{card.id}")

    assert row is not None
    button = row.select_one("[data-key=a]")
    assert button is not None
    assert button.name == "a"
    assert "Approve 3, effective today…" in button.get_text()
    plan = Visitor.page(step).select_one(f"#plan-{card.id}")
    assert plan is not None
    assert "2 writes to ConnectWise" in plan.get_text()
    assert "Less on the next invoice" in plan.get_text()


def test_a_large_change_waits_for_a_second_person_who_is_another(month: "Month", signed_in_as: SignIn) -> None:
    settings_store.put(month.session, "limits", {"amount": {"USD": "100.00"}}, by=Actor("Priya", role="admin"), now=NOW)
    card = month.card("20", "60")
    biller, manager = signed_in_as("biller"), signed_in_as("manager")

    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")
    biller.post(on(card, "approve"), {"seen": decisions.seen_token(card)})
    for_first = biller.get(on(card), swapping=f"card-{card.id}").get_data(as_text=True)
    for_other = biller_page(manager, card)
    by_biller = biller.post(on(card, "confirm"))
    by_manager = manager.post(on(card, "confirm"), swapping=f"card-{card.id}")

    assert row is not None
    assert "Second person" in row.get_text()
    assert "effective today…" in row.get_text()
    assert "Waits for a second person" in for_first
    assert "Take back" in for_first
    assert "You decided it; somebody else must confirm." in for_first
    assert "Approve 60 as second person" in for_other
    assert by_biller.status_code == 403
    assert by_manager.status_code == 200
    assert "queued" in by_manager.get_data(as_text=True)


def biller_page(visitor: Visitor, card: Card) -> str:
    return visitor.get(on(card), swapping=f"card-{card.id}").get_data(as_text=True)
