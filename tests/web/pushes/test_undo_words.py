"""What is said of an undo: who went back to which number, on the card and on the write."""

from collections.abc import Callable
from datetime import date

import sqlalchemy as sa

from portal.db.records import Card, PsaAddition, PsaAgreement, Push
from tests.support.database import NOW
from tests.support.visitor import Visitor
from tests.web.cards.conftest import Month
from tests.web.pushes.test_undoing_many import fields_of

SignIn = Callable[[str], Visitor]


def text_of(visitor: Visitor, path: str, selector: str = "main") -> str:
    """The words of a part of a page."""
    found = Visitor.page(visitor.get(path)).select_one(selector)
    assert found is not None
    return " ".join(found.get_text(" ", strip=True).split())


def written(month: Month, card: Card, state: str) -> Push:
    """Let ConnectWise have what was decided last."""
    month.session.expire_all()
    push = month.session.scalars(sa.select(Push).order_by(Push.id.desc())).all()[0]
    push.settled_at = NOW
    push.state, push.steps[0].state, push.steps[0].addition_id = "confirmed", "done", 30001
    month.session.execute(sa.update(PsaAddition).values(quantity=push.decision.quantity))
    month.session.execute(sa.update(Card).where(Card.id == card.id).values(state=state))
    month.session.commit()
    return push


def test_an_undo_says_what_holds_after_it(month: Month, signed_in_as: SignIn) -> None:
    card = month.card("20", "24")
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/approve")
    written(month, card, "confirmed")
    biller.post(f"/cards/{card.id}/undo")
    back = written(month, card, "undone")
    after_undo = text_of(biller, f"/cards/{card.id}", f"#card-{card.id} th")
    biller.post(f"/cards/{card.id}/undo")
    again = written(month, card, "confirmed")

    earlier = text_of(biller, f"/cards/{card.id}", ".why-these")
    row = text_of(biller, f"/cards/{card.id}", f"#card-{card.id} th")

    assert "undid this at 09:00, back to 20" in after_undo
    assert "undid this at 09:00, back to 24" in row
    assert "undid this, back to 24. Confirmed" in earlier
    assert "undid this, back to 20." in earlier
    assert "approved 24." in earlier
    assert "undid 2" not in earlier
    assert "undid this, back to 24, " in text_of(biller, f"/pushes/{again.id}")
    assert "undid this, back to 20, " in text_of(biller, f"/pushes/{back.id}")
    assert "undid this, back to 24, " in text_of(biller, "/pushes?show=settled")


def test_a_dismissal_that_is_taken_back_has_no_number(month: Month, signed_in_as: SignIn) -> None:
    card = month.card("20", "24")
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/dismiss", {"reason": "agreed"})
    biller.post(f"/cards/{card.id}/undo")

    earlier = text_of(biller, f"/cards/{card.id}", ".why-these")

    assert "undid this" in earlier
    assert "back to" not in earlier


def test_the_plan_of_taking_an_added_line_back_names_no_day_from_which_it_is_empty(
    month: Month, signed_in_as: SignIn
) -> None:
    card = month.card("18", "24", prorates=True)
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/adjust", {"quantity": "24", "date": "2026-10-20"})
    push = month.session.scalars(sa.select(Push)).one()
    agreement = month.session.get_one(PsaAgreement, push.agreement_id)
    created = month.line(agreement, card.product, "6", effective_date=date(2026, 10, 20))
    push.state, push.settled_at = "confirmed", NOW
    push.steps[0].state, push.steps[0].addition_id = "done", created.id
    month.session.execute(sa.update(Card).where(Card.id == card.id).values(state="confirmed"))
    month.session.commit()

    plan = text_of(biller, f"/cards/{card.id}/undo", "ol.plan")

    assert "quantity 6 → 0 ." in plan
    assert "effective" not in plan
    assert "ends 20 Oct" in plan


def test_a_batch_of_undone_dismissals_is_dismissed_again(month: Month, signed_in_as: SignIn) -> None:
    cards = [month.card("20", "24"), month.card("5", "9")]
    biller = signed_in_as("biller")
    ids = [str(card.id) for card in cards]
    batch = biller.post("/cards/dismiss", {"card_id": ids, "reason": ["agreed"], "scope": ["ticked"]})
    undone = biller.post(
        f"{batch.headers['Location']}/undo", fields_of(Visitor.page(biller.get(f"{batch.headers['Location']}/undo")))
    )
    path = f"{undone.headers['Location']}/undo"
    before = {month.reload(card).state for card in cards}

    look = text_of(biller, path)
    done = biller.post(path, fields_of(Visitor.page(biller.get(path))))

    assert before == {"open"}
    assert look.count("Dismissed again; nothing is written.") == len(cards)
    assert done.status_code == 303
    assert {month.reload(card).state for card in cards} == {"dismissed"}
