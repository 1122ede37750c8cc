"""A push that somebody was quicker than: what was seen, what is there, by whom, and what can still be decided."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from portal.db.records import Card, PsaAddition, Push
from tests.support.database import NOW
from tests.support.visitor import Visitor
from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


@pytest.fixture
def clashed(month: Month, signed_in_as: SignIn) -> Callable[..., Push]:
    """Makes a push that stopped, since ConnectWise has another quantity by now, and its card as it is then."""

    def make(has: str, *, by: str | None = "dhale", counted: str = "30", step: str = "changed") -> Push:
        card = month.card("20", counted)
        signed_in_as("biller").post(f"/cards/{card.id}/approve")
        push = month.session.scalars(sa.select(Push).where(Push.card_id == card.id)).one()
        line: dict[str, Any] = {"id": 30001, "quantity": "20", "effective": "2026-06-01", "cancelled": None}
        push.state, push.settled_at = "changed_in_psa", NOW
        push.cause = f"You saw 20; ConnectWise has {has}. Nothing was sent."
        push.steps[0].state = step
        push.found = {
            "saw": "20",
            "has": has,
            "vendor": counted,
            "changed_by": by,
            "changed_at": NOW.isoformat() if by else None,
            "lines": [{"id": 30001, "saw": line, "has": {**line, "quantity": has}}],
        }
        month.session.execute(sa.update(PsaAddition).values(quantity=has))
        month.session.execute(sa.update(Card).where(Card.id == card.id).values(state="changed_in_psa"))
        month.make()
        return push

    return make


def test_the_three_numbers_who_did_it_and_what_can_be_decided(
    clashed: Callable[..., Push], month: Month, signed_in_as: SignIn
) -> None:
    push = clashed("25")
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get(f"/pushes/{push.id}"))
    clash = page.select_one("section[aria-labelledby=h-clash]")
    assert clash is not None
    text = clash.get_text(" ", strip=True)
    assert "You saw 20 ConnectWise has 25 The vendors count 30" in text
    assert "Changed by dhale" in text
    assert [str(one["id"]) for one in clash.select(".buttons [id]")] == ["approve-here", "adjust-here", "dismiss-here"]
    assert "Approve 30, effective today" in clash.get_text()
    board = biller.get("/cards").get_data(as_text=True)
    assert f'id="card-{push.card_id}"' in board
    assert "Changed in PSA" in board

    seen = clash.select_one("[name=seen]")
    assert seen is not None
    biller.post(f"/cards/{push.card_id}/approve", {"seen": str(seen["value"])})
    month.session.expire_all()
    newest = month.session.scalars(sa.select(Push).order_by(Push.id.desc())).first()
    month.session.commit()
    assert newest is not None
    assert newest.steps[0].plan["expected"] == "25"
    assert "The card was decided anew since." in biller.get(f"/pushes/{push.id}").get_data(as_text=True)


def test_where_connectwise_has_the_vendors_number_nothing_is_left_to_do(
    clashed: Callable[..., Push], signed_in_as: SignIn
) -> None:
    push = clashed("30")

    clash = Visitor.page(signed_in_as("biller").get(f"/pushes/{push.id}")).select_one(
        "section[aria-labelledby=h-clash]"
    )

    assert clash is not None
    assert "Nothing is left to do:" in clash.get_text()
    assert [str(one["id"]) for one in clash.select(".buttons [id]")] == ["dismiss-here", "adjust-here"]


def test_what_stands_of_several_steps_can_be_undone_and_an_unknown_author_is_said(
    clashed: Callable[..., Push], month: Month, signed_in_as: SignIn
) -> None:
    push = clashed("25", by=None)
    push.steps[0].state, push.steps[0].addition_id = "done", 30001
    month.session.commit()

    clash = Visitor.page(signed_in_as("biller").get(f"/pushes/{push.id}")).select_one(
        "section[aria-labelledby=h-clash]"
    )

    assert clash is not None
    assert clash.select_one("#undo-here") is not None
    assert "ConnectWise does not say who changed it." in clash.get_text()
    assert clash.select_one(f"a[href='/audit/agreements/{push.agreement_id}/psa']") is not None


def test_a_viewer_reads_it_without_buttons(clashed: Callable[..., Push], signed_in_as: SignIn) -> None:
    push = clashed("25")

    clash = Visitor.page(signed_in_as("viewer").get(f"/pushes/{push.id}")).select_one(
        "section[aria-labelledby=h-clash]"
    )

    assert clash is not None
    assert clash.select(".buttons") == []


def test_a_person_says_whose_a_line_is(clashed: Callable[..., Push], month: Month, signed_in_as: SignIn) -> None:
    push = clashed("25")
    push.state, push.needs_look_at, push.settled_at = "in_doubt", NOW, None
    month.session.commit()
    biller = signed_in_as("biller")

    page = biller.get(f"/pushes/{push.id}").get_data(as_text=True)
    wrong = biller.post(f"/pushes/{push.id}/whose", {"ours": "perhaps"})
    done = biller.post(f"/pushes/{push.id}/whose", {"ours": "0"})

    assert "ConnectWise does not say who made the line" in page
    assert wrong.status_code == 422
    assert done.status_code == 303
    month.session.expire_all()
    assert month.session.get_one(Push, push.id).found["ours"] is False
