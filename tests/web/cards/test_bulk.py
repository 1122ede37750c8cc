"""Deciding on many cards: the preview, its sums and outliers, and what is decided from it."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from portal.db.records import Batch, Card, Decision
from tests.support.database import NOW
from tests.support.visitor import Visitor
from tests.web.counting import counted_queries

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def fields_of(page: "BeautifulSoup", form: str = "#go") -> dict[str, list[str]]:
    """The fields that a browser would send with a form, ticked boxes outside of it included."""
    found: dict[str, list[str]] = {}
    boxes = page.select(f"input[form={form.removeprefix('#')}][checked]")
    for field in [*page.select(f"{form} input[name]"), *boxes]:
        if field.get("type") == "checkbox" and "checked" not in field.attrs:
            continue
        found.setdefault(str(field["name"]), []).append(str(field.get("value", "")))
    return found


def test_the_preview_decides_nothing_and_adds_up(month: "Month", signed_in_as: SignIn) -> None:
    for billed, counted in (("20", "30"), ("5", "3"), ("9", "9")):
        month.card(billed, counted)
    missing = month.card("4", None, company="Quillfeather Press")
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get("/cards/preview?scope=filter"))

    assert page.h1 is not None
    assert page.h1.get_text() == "Approve 3 cards: nothing is decided yet"
    assert "All that match: to decide" in page.get_text()
    sums = page.get_text(" ", strip=True)
    assert "Decided when you confirm 2" in sums
    assert "Revenue a month +$76.00" in sums
    assert "Writes to ConnectWise 2" in sums
    assert "Agreements touched 2" in sums
    assert "Quillfeather Press" in sums
    assert "No count arrived, so there is no quantity to take over." in sums
    assert page.select_one(f"#goes-{missing.id}") is None
    assert "Approve 2, effective today" in sums
    assert month.session.scalar(sa.select(sa.func.count()).select_from(Decision)) == 0


def test_confirming_the_preview_decides_once_and_leads_to_the_batch(month: "Month", signed_in_as: SignIn) -> None:
    first, second = month.card("20", "30"), month.card("5", "3")
    biller = signed_in_as("biller")
    fields = fields_of(Visitor.page(biller.get("/cards/preview?scope=filter")))

    answer = biller.post("/cards/approve", fields)
    shown = Visitor.page(biller.get(answer.headers["Location"]))

    assert answer.status_code == 303
    batch = month.session.scalars(sa.select(Batch)).one()
    assert answer.headers["Location"] == f"/batches/{batch.id}"
    assert batch.selection == "All that match: to decide"
    assert "Approved 2 cards" in shown.get_text()
    assert "0 of 2 confirmed, 2 queued" in shown.get_text()
    assert {month.reload(card).state for card in (first, second)} == {"queued"}


def test_a_card_that_is_unticked_in_the_preview_stays(month: "Month", signed_in_as: SignIn) -> None:
    first, second = month.card("20", "30"), month.card("5", "3")
    biller = signed_in_as("biller")
    fields = fields_of(Visitor.page(biller.get("/cards/preview?scope=filter")))
    fields["card_id"] = [one for one in fields["card_id"] if one != str(first.id)]

    drawn = biller.get(
        f"/cards/preview?scope=filter&shown={first.id}+{second.id}&card_id={second.id}", swapping="preview"
    )
    biller.post("/cards/approve", fields)

    assert "Left out by you" in drawn.get_data(as_text=True)
    assert "Approve 1, effective today" in drawn.get_data(as_text=True)
    assert not Visitor.page(drawn).select("html")
    assert month.reload(first).state == "open"
    assert month.reload(second).state == "queued"


def test_a_card_that_changed_since_the_preview_is_left_and_listed(month: "Month", signed_in_as: SignIn) -> None:
    first, second = month.card("20", "30"), month.card("5", "3")
    biller = signed_in_as("biller")
    fields = fields_of(Visitor.page(biller.get("/cards/preview?scope=filter")))
    month.session.execute(sa.text("UPDATE psa_addition SET quantity = 220000 WHERE quantity = 200000"))
    month.make()

    answer = biller.post("/cards/approve", fields)
    page = biller.get(answer.headers["Location"]).get_data(as_text=True)

    assert "1 card was left as it was" in page
    assert "ConnectWise changed from 20 to 22 while you looked." in page
    assert month.reload(first).state == "open"
    assert month.reload(second).state == "queued"


def test_a_card_that_came_after_the_preview_is_not_decided_unseen(month: "Month", signed_in_as: SignIn) -> None:
    month.card("20", "30")
    biller = signed_in_as("biller")
    fields = fields_of(Visitor.page(biller.get("/cards/preview?scope=filter")))
    later = month.card("1", "9")

    biller.post("/cards/approve", fields)

    assert month.reload(later).state == "open"


def test_ticked_cards_alone_are_previewed(month: "Month", signed_in_as: SignIn) -> None:
    first, second = month.card("20", "30"), month.card("5", "3")
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get(f"/cards/preview?scope=ticked&card_id={first.id}"))
    biller.post("/cards/approve", fields_of(page))

    assert "1 ticked" in page.get_text()
    assert month.reload(first).state == "queued"
    assert month.reload(second).state == "open"


def test_plain_ids_are_enough_for_a_hand_made_form(month: "Month", signed_in_as: SignIn) -> None:
    first, second = month.card("20", "30"), month.card("5", "3")

    answer = signed_in_as("biller").post("/cards/approve", {"card_id": [str(first.id), str(second.id), "x", "-1"]})

    assert answer.status_code == 303
    assert {month.reload(card).state for card in (first, second)} == {"queued"}


def test_all_that_match_a_filter_can_be_posted_without_a_preview(month: "Month", signed_in_as: SignIn) -> None:
    increase, decrease = month.card("20", "30"), month.card("5", "3")

    answer = signed_in_as("biller").post("/cards/approve", {"scope": "filter", "kind": "decrease"})

    assert answer.status_code == 303
    assert month.reload(increase).state == "open"
    assert month.reload(decrease).state == "queued"


@pytest.mark.parametrize("action", ["approve", "adjust", "dismiss", "confirm"])
def test_nothing_ticked_is_422(action: str, month: "Month", signed_in_as: SignIn) -> None:
    month.card()
    fields = {"scope": "ticked", "date": "2026-10-28", "reason": "why"}

    answer = signed_in_as("biller").post(f"/cards/{action}", fields)

    assert answer.status_code == 422
    assert "No card is ticked." in answer.get_data(as_text=True)


@pytest.mark.parametrize("action", ["approve", "adjust", "dismiss", "confirm"])
def test_a_viewer_decides_nothing_in_bulk(action: str, month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    viewer = signed_in_as("viewer")

    assert viewer.post(f"/cards/{action}", {"card_id": str(card.id)}).status_code == 403
    assert viewer.get("/cards/preview?scope=filter").status_code == 403
    assert month.reload(card).state == "open"


def test_one_date_is_taken_for_the_agreements_that_prorate(month: "Month", signed_in_as: SignIn) -> None:
    dated, other = month.card("5", "9", prorates=True), month.card("5", "9")
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get("/cards/preview?scope=adjust"))
    fields = fields_of(page)
    wrong = biller.post("/cards/adjust", fields | {"date": ["2026-13-40"]})
    none = biller.post("/cards/adjust", fields)
    done = biller.post("/cards/adjust", fields | {"date": ["2026-10-16"]})

    assert "does not prorate, so no date can be picked" in page.get_text()
    assert wrong.status_code == none.status_code == 422
    assert "“2026-13-40” is not a date." in wrong.get_data(as_text=True)
    assert "A date is missing." in none.get_data(as_text=True)
    assert done.status_code == 303
    assert month.reload(dated).state == "queued"
    assert month.reload(other).state == "open"


def test_dismissing_many_needs_one_reason(month: "Month", signed_in_as: SignIn) -> None:
    card, missing = month.card(), month.card("4", None)
    biller = signed_in_as("biller")

    fields = fields_of(Visitor.page(biller.get("/cards/preview?scope=dismiss")))
    none = biller.post("/cards/dismiss", fields)
    done = biller.post("/cards/dismiss", fields | {"reason": ["project"]})

    assert none.status_code == 422
    assert "A reason is missing." in none.get_data(as_text=True)
    assert done.status_code == 303
    assert {month.reload(one).state for one in (card, missing)} == {"dismissed"}


def test_cards_of_a_source_that_is_too_old_stay_behind(month: "Month", signed_in_as: SignIn) -> None:
    month.card()
    month.connection.last_read_at = NOW - timedelta(hours=30)
    month.session.commit()

    page = Visitor.page(signed_in_as("biller").get("/cards/preview?scope=filter"))

    assert "ConnectWise is 30 h old. Limit 24 h." in page.get_text()
    assert page.select_one("#go button[type=submit]") is None


def test_what_was_planned_is_sent_together_once_writing_is_on(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    month.connection.writing = False
    month.session.commit()
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/approve")
    month.connection.writing = True
    month.session.commit()

    page = Visitor.page(biller.get("/cards/preview?scope=filter&action=confirm&show=decided&state=planned"))
    answer = biller.post("/cards/confirm", fields_of(page))

    assert answer.status_code == 303
    assert month.reload(card).state == "queued"


def test_a_preview_of_many_needs_no_more_queries(
    month: "Month", cards_of: Callable[[int], None], signed_in_as: SignIn
) -> None:
    biller = signed_in_as("biller")
    numbers = []
    for more in (10, 190):
        cards_of(more)
        biller.get("/cards")  # what the frame counts anew after a change is counted here
        with counted_queries() as asked:
            assert biller.get("/cards/preview?scope=filter").status_code == 200
        numbers.append(len(asked))

    assert numbers[0] == numbers[1]
    assert month.session.scalar(sa.select(sa.func.count()).select_from(Card)) == 200
