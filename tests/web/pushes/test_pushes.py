"""Pushes and batches on screen: their steps, trying again, giving up, undoing together."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from portal.db.records import Batch, Decision, Push, PushStep
from portal.services import push_overview
from tests.support.database import NOW
from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def test_a_push_lists_its_steps_and_asks_again_until_it_is_settled(
    pushed: Callable[..., Push], signed_in_as: SignIn
) -> None:
    push = pushed("sending", step="intent")
    viewer = signed_in_as("viewer")

    whole = Visitor.page(viewer.get(f"/pushes/{push.id}"))
    part = viewer.get(f"/pushes/{push.id}?asked=1", swapping=f"push-{push.id}")

    assert whole.h1 is not None
    assert "sending" in whole.h1.get_text()
    section = whole.select_one(f"#push-{push.id}")
    assert section is not None
    assert section["hx-trigger"] == "load delay:1s"
    assert "Set line 30001 from 20 to 21." in section.get_text()
    assert "Step 1 of 1 is being sent." in section.get_text()
    assert "load delay:2s" in part.get_data(as_text=True)
    assert "<html" not in part.get_data(as_text=True)


def test_a_settled_push_asks_no_more_and_is_announced(
    pushed: Callable[..., Push], month: "Month", signed_in_as: SignIn
) -> None:
    push = pushed("confirmed", step="done", settled_at=NOW)
    step = month.session.scalars(sa.select(PushStep)).one()
    step.answer, step.sent_at, step.after = "200 OK", NOW, {"quantity": "21"}
    month.session.commit()

    part = signed_in_as("viewer").get(f"/pushes/{push.id}?asked=3", swapping=f"push-{push.id}")

    text = part.get_data(as_text=True)
    assert "hx-trigger" not in text.partition("<template>")[0]
    assert "200 OK" in text
    assert "read back with 21" in text
    assert "Confirmed: EDR-SEAT of" in text


def test_a_failed_push_shows_the_psas_words_and_can_be_tried_again(
    pushed: Callable[..., Push], month: "Month", signed_in_as: SignIn
) -> None:
    cause = "ConnectWise refused: “Agreement is locked.” Nothing was changed."
    push = pushed("failed", step="refused", cause=cause, request_id="4be1-77c2", settled_at=NOW)
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get(f"/pushes/{push.id}")).get_text()
    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{push.card_id}")
    part = biller.post(f"/pushes/{push.id}/retry", swapping=f"push-{push.id}")
    again = biller.post(f"/pushes/{push.id}/retry")

    assert cause in page
    assert page.count("Nothing was changed") == 1
    assert "4be1-77c2" in page
    assert row is not None
    assert "Try again" in row.get_text()
    assert "Failed" in row.get_text()
    assert part.status_code == 200
    assert "It is tried again." in part.get_data(as_text=True)
    assert again.status_code == 409
    assert "only one that failed can be tried again" in again.get_data(as_text=True)
    month.session.expire_all()
    assert month.session.get_one(Push, push.id).state == "queued"


def test_trying_again_from_the_board_answers_with_the_row(pushed: Callable[..., Push], signed_in_as: SignIn) -> None:
    push = pushed("failed", step="refused", cause="ConnectWise refused.")

    answer = signed_in_as("biller").post(f"/pushes/{push.id}/retry?back=show%3Ddecide", swapping=f"card-{push.card_id}")

    assert answer.status_code == 200
    page = Visitor.page(answer)
    assert page.select_one(f"tbody#card-{push.card_id}") is not None
    assert "queued" in page.get_text()


def test_giving_up_brings_the_card_back(pushed: Callable[..., Push], month: "Month", signed_in_as: SignIn) -> None:
    push = pushed("failed", step="refused", cause="ConnectWise refused.")
    biller = signed_in_as("biller")

    answer = biller.post(f"/pushes/{push.id}/give-up")

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/pushes/{push.id}"
    month.session.expire_all()
    assert month.session.get_one(Push, push.id).state == "given_up"
    month.session.commit()
    assert "Given up" in biller.get("/cards").get_data(as_text=True)


def test_a_lost_answer_never_offers_to_send_again(pushed: Callable[..., Push], signed_in_as: SignIn) -> None:
    push = pushed("in_doubt", step="sent", next_try_at=NOW + timedelta(minutes=1))
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get(f"/pushes/{push.id}"))
    refused = biller.post(f"/pushes/{push.id}/give-up")

    assert "No answer yet; looking whether it arrived." in page.get_text()
    assert page.select("main form") == []
    assert refused.status_code == 409


@pytest.mark.parametrize("action", ["retry", "give-up"])
def test_a_viewer_changes_no_push(action: str, pushed: Callable[..., Push], signed_in_as: SignIn) -> None:
    push = pushed("failed", step="refused", cause="ConnectWise refused.")
    viewer = signed_in_as("viewer")

    assert viewer.post(f"/pushes/{push.id}/{action}").status_code == 403
    assert Visitor.page(viewer.get(f"/pushes/{push.id}")).select("main form") == []


@pytest.mark.parametrize("path", ["/pushes/7", "/batches/7", "/batches/7/undo"])
def test_what_is_not_there_is_404(path: str, signed_in_as: SignIn) -> None:
    assert signed_in_as("biller").get(path).status_code == 404


def test_a_stranger_is_asked_to_sign_in(pushed: Callable[..., Push], visitor: Visitor) -> None:
    push = pushed("queued")

    for path in (f"/pushes/{push.id}", "/batches/1"):
        assert "/sign-in" in visitor.get(path).headers["Location"]


def test_a_batch_is_undone_after_a_look_at_what_goes_back(month: "Month", signed_in_as: SignIn) -> None:
    first, second = month.card("20", "30"), month.card("5", "3")
    biller = signed_in_as("biller")
    where = biller.post("/cards/approve", {"card_id": [str(first.id), str(second.id)]}).headers["Location"]
    biller.post(f"/cards/{second.id}/undo")
    biller.post(f"/cards/{second.id}/dismiss", {"reason": "project"})

    before = Visitor.page(biller.get(f"{where}/undo"))
    answer = biller.post(f"{where}/undo")
    after = biller.get(answer.headers["Location"]).get_data(as_text=True)
    twice = Visitor.page(biller.get(f"{answer.headers['Location']}/undo"))

    assert before.h1 is not None
    assert before.h1.get_text() == "Undo 1 decision: nothing is undone yet"
    assert "It was decided anew since." in before.get_text()
    assert answer.status_code == 303
    assert "Undo of 1 card" in after
    assert "1 card was left as it was" in after
    assert month.reload(first).state == "withdrawn"
    assert month.reload(second).state == "dismissed"
    assert twice.h1 is not None
    assert twice.h1.get_text() == "Nothing of this can be undone"
    assert "taken back before anything was sent" in twice.get_text()


def test_a_viewer_undoes_no_batch(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    where = signed_in_as("biller").post("/cards/approve", {"card_id": str(card.id)}).headers["Location"]
    viewer = signed_in_as("viewer")

    assert viewer.post(f"{where}/undo").status_code == 403
    assert "Undo this batch" not in viewer.get(where).get_data(as_text=True)
    assert month.reload(card).state == "queued"


def test_a_batch_asks_again_until_nothing_is_on_its_way(month: "Month", signed_in_as: SignIn) -> None:
    cards = [month.card("20", "30"), month.card("5", "3"), month.card("7", "8")]
    biller = signed_in_as("biller")
    where = biller.post("/cards/approve", {"card_id": [str(card.id) for card in cards]}).headers["Location"]
    batch = month.session.scalars(sa.select(Batch)).one()
    pushes = month.session.scalars(sa.select(Push).order_by(Push.id)).all()
    for push, state in zip(pushes, ("confirmed", "failed", "sending"), strict=True):
        push.state = state
    push_overview.sign_of_life(month.session, real_now=datetime.now(UTC))
    month.session.commit()

    on_its_way = biller.get(f"{where}?asked=1", swapping=f"batch-{batch.id}").get_data(as_text=True)
    pushes[2].state = "confirmed"
    month.session.commit()
    settled = biller.get(f"{where}?asked=2", swapping=f"batch-{batch.id}").get_data(as_text=True)

    assert "1 of 3 confirmed, 1 failed, 1 sending" in on_its_way
    assert "You can leave this page; the work goes on." in on_its_way
    assert "load delay:2s" in on_its_way
    assert "hx-trigger" not in settled.partition("<template>")[0]
    assert '<p id="announce"' in settled
    assert "2 of 3 confirmed, 1 failed." in settled
    assert month.session.scalar(sa.select(sa.func.count()).select_from(Decision)) == 3
