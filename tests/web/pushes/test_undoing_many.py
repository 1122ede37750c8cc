"""Undo of more cards than a page holds: sums and what was seen are of all: ticked, of a batch, or of a filter."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from sqlalchemy.orm import Session

from portal.db.records import Batch, Card, PsaAddition, Push
from portal.services import decision_bulk
from portal.web.pushes import undoing
from tests.support.visitor import Visitor
from tests.web.cards.conftest import Month
from tests.web.counting import counted_queries

SignIn = Callable[[str], Visitor]
MINUS = "\u2212"


@pytest.fixture(autouse=True)
def _two_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undoing, "PER_PAGE", 2)


def confirmed(month: Month, biller: Visitor, number: int) -> list[Card]:
    """So many cards of companies of their own, approved from 5 to 6, 7, … and confirmed; one batch."""
    for each in range(number):
        customer = month.company()
        month.line(month.agreement(customer), "EDR-SEAT", "5")
        month.usage(customer, "EDR-SEAT", str(6 + each))
    made = month.make()
    biller.post("/cards/approve", {"card_id": [str(card.id) for card in made]})
    written(month.session)
    return made


def written(session: Session) -> None:
    """Let ConnectWise have what was decided."""
    session.expire_all()
    for push in session.scalars(sa.select(Push)):
        (step,) = push.steps
        push.state, step.state = "confirmed", "done"
        step.addition_id = int(step.plan["addition"])
        session.get_one(PsaAddition, step.addition_id).quantity = push.decision.quantity or Decimal(0)
        session.get_one(Card, push.card_id).state = "confirmed"
    session.commit()


def page_of(visitor: Visitor, path: str, **fields: Any) -> BeautifulSoup:
    return Visitor.page(visitor.get(path, **fields))


def sums_of(page: BeautifulSoup) -> list[str]:
    return [one.get_text() for one in page.select("dl.sums dd")]


def fields_of(page: BeautifulSoup) -> dict[str, str]:
    named = page.select("main form input[type=hidden]")
    return {str(one["name"]): str(one["value"]) for one in named if one["name"] != "csrf_token"}


def test_the_sums_are_of_all_pages(month: Month, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    confirmed(month, biller, 5)
    batch = month.session.scalars(sa.select(Batch.id)).one()

    first, last = (page_of(biller, f"/batches/{batch}/undo?page={number}") for number in (1, 3))

    # 1 + 2 + 3 + 4 + 5 = 15 seats at 9.50 each
    expected = ["5", "0", "5", f"{MINUS}$142.50", "5"]
    assert sums_of(first) == sums_of(last) == expected
    assert [len(page.select("section[aria-labelledby=h-goes] tbody tr")) for page in (first, last)] == [2, 1]
    assert first.h1 is not None
    assert first.h1.get_text() == "Undo 5 decisions: nothing is undone yet"
    assert "All 5 are undone, not only this page" in first.get_text()


@pytest.mark.parametrize("at_once", [True, False])
def test_what_changed_since_the_look_is_left_on_whichever_page_it_stood(
    at_once: bool, month: Month, signed_in_as: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    biller = signed_in_as("biller")
    made = confirmed(month, biller, 5)
    batch = month.session.scalars(sa.select(Batch.id)).one()
    fields = fields_of(page_of(biller, f"/batches/{batch}/undo"))
    if not at_once:
        monkeypatch.setattr(decision_bulk, "AT_ONCE", 1)  # then a worker carries out what was stored

    month.session.execute(sa.update(Card).where(Card.id == made[4].id).values(vendor_quantity=77))
    month.session.commit()
    answer = biller.post(f"/batches/{batch}/undo", fields)

    assert answer.status_code == 303
    if at_once:
        assert "1 card was left as it was" in biller.get(answer.headers["Location"]).get_data(as_text=True)
        assert [month.reload(card).state for card in made] == ["queued"] * 4 + ["confirmed"]
    else:
        stored = month.session.scalars(sa.text("SELECT seen FROM bulk_card ORDER BY ordinal")).all()
        assert len(stored) == 5
        assert all(stored)


def test_all_that_match_a_filter_are_undone_as_they_were_looked_at(month: Month, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    made = confirmed(month, biller, 3)
    other = month.card("20", "30", company="Halyard Freight")
    biller.post(f"/cards/{other.id}/approve")

    board = page_of(biller, "/cards?show=decided&q=Company")
    offer = board.select_one("#bulk button[value=filter]")
    hidden = {str(one["name"]): str(one["value"]) for one in board.select("#bulk input[type=hidden]")}
    look = page_of(
        biller, "/cards/undo?" + "&".join(f"{name}={value}" for name, value in hidden.items()) + "&scope=filter"
    )
    late = month.card("5", "9", company="Company that came late")
    biller.post(f"/cards/{late.id}/approve")
    answer = biller.post("/cards/undo", fields_of(look))

    assert offer is not None
    assert offer.get_text() == "Undo all 3 that match…"
    assert sums_of(look) == ["3", "0", "3", f"{MINUS}$57.00", "3"]
    assert [str(link["href"]).split("?")[0] for link in look.select("nav[aria-label^=Pages] a")] == ["/cards/undo"]
    second = page_of(biller, str(look.select("nav[aria-label^=Pages] a")[0]["href"]))
    assert len(second.select("section[aria-labelledby=h-goes] tbody tr")) == 2
    assert answer.status_code == 303
    batch = month.session.scalars(sa.select(Batch).order_by(Batch.id.desc())).first()
    assert batch is not None
    assert batch.selection.startswith("All that match: ")
    assert [month.reload(card).state for card in made] == ["queued"] * 3
    assert [month.reload(card).state for card in (other, late)] == ["queued", "queued"]
    month.session.rollback()
    undone = month.session.scalars(sa.select(Push.card_id).where(Push.decision.has(batch_id=batch.id))).all()
    assert sorted(undone) == sorted(card.id for card in made)


def test_a_filter_that_matches_nothing_or_too_much_undoes_nothing(
    month: Month, signed_in_as: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    biller = signed_in_as("biller")
    confirmed(month, biller, 3)
    monkeypatch.setattr(undoing, "MOST", 2)

    nothing = biller.post("/cards/undo", {"scope": "filter", "show": "decided", "q": "nobody"})
    much = biller.post("/cards/undo", {"scope": "filter", "show": "decided"})

    assert nothing.status_code == much.status_code == 422
    assert "No card is meant, so nothing was undone." in nothing.get_data(as_text=True)
    assert "3 cards are more than the 2 that are undone at once. Nothing was undone." in much.get_data(as_text=True)
    assert month.session.scalar(sa.select(sa.func.count()).select_from(Batch)) == 1


def test_more_cards_need_no_more_queries(month: Month, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    confirmed(month, biller, 2)
    batch = month.session.scalars(sa.select(Batch.id)).one()
    month.session.commit()
    with counted_queries() as few:
        biller.get(f"/batches/{batch}/undo")
    confirmed(month, biller, 12)
    many_batch = month.session.scalars(sa.select(sa.func.max(Batch.id))).one()
    month.session.commit()
    with counted_queries() as many:
        biller.get(f"/batches/{many_batch}/undo")

    assert len(many) == len(few)
