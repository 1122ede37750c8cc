"""All pushes: what needs a look and why, trying again and giving up together, and what was changed after it stood."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal.db.records import AuditEvent, Drift, Push
from portal.services import push_overview
from tests.support.database import NOW
from tests.support.visitor import Visitor
from tests.web.cards.conftest import Month
from tests.web.counting import counted_queries

SignIn = Callable[[str], Visitor]


def test_what_needs_a_look_stands_first_with_why_and_since_when(
    pushed: Callable[..., Push], signed_in_as: SignIn
) -> None:
    failed = pushed("failed", step="refused", cause="ConnectWise refused: “Agreement is locked.” Nothing was changed.")
    long = datetime.now(UTC) - timedelta(hours=2)
    stuck = pushed("queued", cause="ConnectWise does not answer.", troubled_since=long, needs_look_at=long)
    waits = pushed("queued")

    page = Visitor.page(signed_in_as("biller").get("/pushes"))
    rows = {str(row["id"]): row.get_text() for row in page.select("#pushes tbody tr")}

    assert page.h1 is not None
    assert page.h1.get_text() == "2 writes need a look"
    assert set(rows) == {f"row-{failed.id}", f"row-{stuck.id}"}
    assert "Agreement is locked." in rows[f"row-{failed.id}"]
    assert "Set line 30001 from 20 to 21." in rows[f"row-{failed.id}"]
    assert "2 h" in rows[f"row-{stuck.id}"]
    assert "No worker runs." in page.get_text()
    waiting = Visitor.page(signed_in_as("viewer").get("/pushes?show=waiting"))
    assert [str(row["id"]) for row in waiting.select("#pushes tbody tr")] == [f"row-{waits.id}"]
    assert waiting.select("main form[method=post]") == []


def test_what_moves_asks_again_by_itself_and_holds_no_fields(pushed: Callable[..., Push], signed_in_as: SignIn) -> None:
    pushed("sending", step="intent", worker="host/1/abc")
    biller = signed_in_as("biller")

    part = biller.get("/pushes?show=sending", swapping="pushes").get_data(as_text=True)

    assert "<html" not in part
    assert 'hx-trigger="load delay:5s"' in part
    assert "host/1/abc" in part
    assert 'type="checkbox"' not in part
    assert 'hx-trigger="load delay:5s"' not in biller.get("/pushes?show=needs_look").get_data(as_text=True)


def test_a_batch_leads_to_what_was_written_of_it_alone(
    month: Month, pushed: Callable[..., Push], signed_in_as: SignIn
) -> None:
    other = pushed("confirmed", step="done", settled_at=NOW)
    card = month.card("5", "9")
    biller = signed_in_as("biller")
    decided = biller.post("/cards/approve", {"card_id": str(card.id)})
    push = month.session.scalars(sa.select(Push).where(Push.card_id == card.id)).one()
    push.state, push.steps[0].state, push.settled_at = "confirmed", "done", NOW
    month.session.commit()

    batch = Visitor.page(biller.get(decided.headers["Location"]))
    (link,) = (one for one in batch.select("main a") if one.get_text() == "See what was written")
    page = Visitor.page(biller.get(str(link["href"])))
    every = Visitor.page(biller.get("/pushes?show=settled"))

    assert [str(row["id"]) for row in page.select("#pushes tbody tr")] == [f"row-{push.id}"]
    assert {str(row["id"]) for row in every.select("#pushes tbody tr")} == {f"row-{push.id}", f"row-{other.id}"}
    assert "Only writes of batch" in page.get_text()


def test_a_worker_that_lives_is_not_missed(pushed: Callable[..., Push], month: Month, signed_in_as: SignIn) -> None:
    pushed("queued")
    push_overview.sign_of_life(month.session, real_now=datetime.now(UTC))
    month.session.commit()

    assert "No worker runs." not in signed_in_as("viewer").get("/pushes").get_data(as_text=True)


def test_a_batch_on_its_way_says_that_no_worker_runs_until_one_does(month: Month, signed_in_as: SignIn) -> None:
    card = month.card("5", "9")
    month.session.commit()
    biller = signed_in_as("biller")
    batch = biller.post("/cards/approve", {"card_id": str(card.id)}).headers["Location"]
    push = month.session.scalars(sa.select(Push).where(Push.card_id == card.id)).one()
    push.state = "queued"
    month.session.commit()

    without = biller.get(batch).get_data(as_text=True)
    push_overview.sign_of_life(month.session, real_now=datetime.now(UTC))
    month.session.commit()
    with_one = biller.get(batch).get_data(as_text=True)

    assert "No worker runs." in without
    assert "No worker runs." not in with_one
    assert with_one.count("the work goes on") == without.count("the work goes on") + 1


def test_the_ticked_are_tried_again_or_given_up_and_what_cannot_be_is_named(
    pushed: Callable[..., Push], month: Month, signed_in_as: SignIn
) -> None:
    one, other = (pushed("failed", step="refused", cause="ConnectWise refused.") for _ in range(2))
    sent = pushed("in_doubt", step="sent")
    biller = signed_in_as("biller")

    tried = biller.post("/pushes/retry", {"push_id": [str(one.id), str(sent.id)]})
    told = biller.get(tried.headers["Location"]).get_data(as_text=True)
    biller.post("/pushes/give-up", {"push_id": str(other.id), "reason": "billed by hand"})

    assert "1 write tried again. 1 was left." in told
    assert "only one that failed can be tried again" in told
    month.session.expire_all()
    assert [month.session.get_one(Push, push.id).state for push in (one, other)] == ["queued", "given_up"]
    events = month.session.scalars(sa.select(AuditEvent).where(AuditEvent.action.like("push.%"))).all()
    assert {(event.action, event.person, event.reason) for event in events} == {
        ("push.retry", "Dana", None),
        ("push.given_up", "Dana", "billed by hand"),
    }


def test_nothing_ticked_or_no_right_changes_nothing(pushed: Callable[..., Push], signed_in_as: SignIn) -> None:
    push = pushed("failed", step="refused", cause="ConnectWise refused.")

    refused = signed_in_as("biller").post("/pushes/retry", {})

    assert refused.status_code == 422
    assert "No write is ticked." in refused.get_data(as_text=True)
    for action in ("retry", "give-up"):
        assert signed_in_as("viewer").post(f"/pushes/{action}", {"push_id": str(push.id)}).status_code == 403


def test_a_search_narrows_and_pages_follow(
    pushed: Callable[..., Push], signed_in_as: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pushed("queued"), pushed("queued", cause="ConnectWise asks us to wait.")
    monkeypatch.setattr("portal.web.pushes.queries.PER_PAGE", 1)
    viewer = signed_in_as("viewer")

    found = viewer.get("/pushes?show=waiting&q=asks+us").get_data(as_text=True)
    last = viewer.get("/pushes?show=waiting&page=99").get_data(as_text=True)

    assert f"row-{second.id}" in found
    assert f"row-{first.id}" not in found
    assert f"row-{second.id}" in last
    assert "Page 2 of 2" in last
    assert "No write matches" in viewer.get("/pushes?show=waiting&q=zzz").get_data(as_text=True)
    assert "is no list of writes" in viewer.get("/pushes?show=nonsense").get_data(as_text=True)


def test_more_pushes_need_no_more_queries(pushed: Callable[..., Push], signed_in_as: SignIn) -> None:
    viewer = signed_in_as("viewer")
    counts = []
    for _ in range(2):
        pushed("queued")
        viewer.get("/pushes?show=waiting")  # what is kept between pages is read
        with counted_queries() as queries:
            viewer.get("/pushes?show=waiting")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_what_was_changed_after_it_was_confirmed_is_shown_and_acknowledged(
    pushed: Callable[..., Push], month: Month, signed_in_as: SignIn
) -> None:
    push = pushed("confirmed", step="done", settled_at=NOW)
    facts = {"id": 30001, "quantity": "21", "effective": "2026-06-01", "cancelled": None}
    month.session.add(
        Drift(
            push_id=push.id, agreement_id=push.agreement_id, addition_id=30001, kind="changed", expected=facts,
            found={**facts, "quantity": "25"}, found_key="25", changed_by="dhale", changed_at=NOW, seen_at=NOW,
        )
    )  # fmt: skip
    month.session.commit()
    drift = month.session.scalars(sa.select(Drift)).one()
    month.session.commit()
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get("/pushes?show=drift"))
    done = biller.post(f"/pushes/drift/{drift.id}/acknowledge", {"reason": "agreed with them"})
    twice = biller.post(f"/pushes/drift/{drift.id}/acknowledge")
    after = biller.get("/pushes?show=drift").get_data(as_text=True)

    assert page.h1 is not None
    assert page.h1.get_text() == "1 confirmed line was changed since"
    assert "21 → 25" in page.get_text()
    assert "dhale" in page.get_text()
    assert done.status_code == 303
    assert twice.status_code == 409
    assert "stands in ConnectWise as we left it" in after
    assert "Dana knows" in biller.get("/pushes?show=drift&known=1").get_data(as_text=True)
    assert signed_in_as("viewer").post(f"/pushes/drift/{drift.id}/acknowledge").status_code == 403
