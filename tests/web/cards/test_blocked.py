"""What keeps a card from being decided, and the way out that it shows."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from portal.db.records import SyncRun, UsageImport
from tests.support.database import NOW
from tests.support.visitor import Visitor
from tests.web.cards.asking import on

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def test_numbers_that_are_too_old_block_approval_and_show_the_way_out(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    month.connection.last_read_at = NOW - timedelta(hours=29)
    month.session.commit()
    biller, manager = signed_in_as("biller"), signed_in_as("manager")

    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")
    by_biller = biller.post(on(card, "approve"), swapping=f"card-{card.id}")
    anyway = Visitor.page(manager.get(on(card), swapping=f"card-{card.id}"))
    form = Visitor.page(manager.get(on(card, "approve"), swapping=f"card-{card.id}"))
    no_reason = manager.post(on(card, "approve"), {"too_old_ok": "1"}, swapping=f"card-{card.id}")
    done = manager.post(on(card, "approve"), {"too_old_ok": "1", "reason": "month end"}, swapping=f"card-{card.id}")

    assert row is not None
    assert "ConnectWise is 29 h old" in row.get_text()
    assert "Limit 24 h." in row.get_text()
    assert row.select_one("button.go") is None
    assert by_biller.status_code == 422
    assert "Approve anyway…" in anyway.get_text()
    assert form.select_one("input[name=too_old_ok]") is not None
    assert no_reason.status_code == 422
    assert "Give the reason for going on." in no_reason.get_data(as_text=True)
    assert done.status_code == 200


def test_a_held_file_of_the_month_blocks_approval_though_the_numbers_are_fresh(
    month: "Month", signed_in_as: SignIn
) -> None:
    card = month.card()
    stands = month.session.scalars(sa.select(UsageImport)).one()
    held = UsageImport(
        vendor_id=stands.vendor_id,
        filename="second.csv",
        sha256="f" * 64,
        size=1,
        state="held",
        period=card.period,
        imported_by="Dana",
        imported_at=NOW,
    )
    month.session.add(held)
    month.session.commit()
    biller = signed_in_as("biller")

    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")
    by_hand = biller.post(on(card, "approve"), swapping=f"card-{card.id}")
    held.period = "2026-09"
    month.session.commit()
    after = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")

    assert row is not None
    assert "is held" in row.get_text()
    assert row.select_one("button.go") is None
    assert by_hand.status_code == 422
    assert after is not None
    assert after.select_one("button.go") is not None


def test_in_read_only_mode_buttons_say_plan(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    month.connection.writing = False
    month.session.commit()
    biller = signed_in_as("biller")

    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")
    answer = biller.post(on(card, "approve"), swapping=f"card-{card.id}")
    month.connection.writing = True
    month.session.commit()
    later = biller.get(on(card), swapping=f"card-{card.id}")
    sent = biller.post(on(card, "confirm"), swapping=f"card-{card.id}")

    assert row is not None
    assert "Plan 21, effective today" in row.get_text()
    assert "Planned, not sent" in answer.get_data(as_text=True)
    assert "Send 21" in later.get_data(as_text=True)
    assert sent.status_code == 200
    assert month.reload(card).state == "queued"


def test_a_stale_card_says_why_and_can_only_be_dismissed(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    month.session.execute(sa.text("UPDATE psa_agreement SET cancelled = 1"))
    month.make()
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get(on(card)))
    approved = biller.post(on(card, "approve"), swapping=f"card-{card.id}")
    gone = biller.post(on(card, "dismiss"), swapping=f"card-{card.id}")

    row = page.select_one(f"#card-{card.id} .act")
    assert row is not None
    assert row.get_text(" ", strip=True).startswith("Open in ConnectWise")
    assert "Dismiss for good" in row.get_text()
    assert "cancelled" in page.get_text()
    assert approved.status_code == 409
    assert "can only be dismissed" in approved.get_data(as_text=True)
    assert gone.status_code == 200
    assert month.reload(card).state == "dismissed"


def test_reading_the_agreement_again_asks_for_a_run_and_shows_it(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")

    answer = biller.post(on(card, "read-again"), swapping=f"card-{card.id}")
    again = biller.post(on(card, "read-again"), swapping=f"card-{card.id}")

    run = month.session.scalars(sa.select(SyncRun)).one()
    assert (run.kind, run.agreement_id) == ("agreement", card.agreement_id)
    assert answer.status_code == 200
    assert f"/activity/{run.id}" in answer.get_data(as_text=True)
    assert again.status_code == 200  # both are led to the one run
    assert f"/activity/{run.id}" in again.get_data(as_text=True)
    assert signed_in_as("viewer").post(on(card, "read-again")).status_code == 403
