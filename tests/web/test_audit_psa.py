"""ConnectWise's audit trail on screen: asked for, waited for, shown beside ours, never by waiting on ConnectWise."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Connection, PsaQuestion
from portal.services import audit
from portal.services.actors import Actor
from tests.support.visitor import Visitor
from tests.web.looking import one

SignedInAs = Callable[[str], Visitor]
AT = datetime(2026, 10, 28, 12, tzinfo=UTC)
PSA = "/audit/agreements/412/psa"


@pytest.fixture
def connected(session: Session) -> Session:
    session.add(
        Connection(
            name="connectwise", url="https://api-na.myconnectwise.example/v4_6_release/apis/3.0", company="c",
            public_key="portal", sealed_private_key="s", key_tail="cret", client_id="id", member="portal",
            set_by="Priya", set_at=AT,
        )
    )  # fmt: skip
    session.commit()
    return session


def answered(session: Session, *entries: dict[str, Any], **more: Any) -> None:
    values: dict[str, Any] = {"state": "done", "answer": {"entries": list(entries)}} | more
    session.add(PsaQuestion(kind="trail", subject="412", asked_by="Dana", asked_at=AT, **values))
    session.commit()


def entry(text: str = "Addition EDR quantity changed from 5 to 6", by: str = "rvoss") -> dict[str, Any]:
    return {"at": "2026-10-28T10:00:00+00:00", "by": by, "text": text}


def happens(session: Session, **values: Any) -> int:
    event = audit.record(
        session, what="write", action="push.confirmed", by=Actor("Countersign"), now=AT, sentence="Written.", **values
    )
    session.commit()
    return event.n


def words(visitor: Visitor, address: str, selector: str = ".psa-trail") -> str:
    return " ".join(one(Visitor.page(visitor.get(address)), selector).get_text(" ").split())


def test_a_biller_asks_and_the_part_waits_for_the_answer(connected: Session, signed_in_as: SignedInAs) -> None:
    biller = signed_in_as("biller")
    assert "It was not read yet" in words(biller, "/audit?agreement=412")

    part = biller.post(PSA, swapping="psa-trail-a412")

    waiting = one(Visitor.page(part), "#psa-trail-a412")
    assert waiting["hx-trigger"] == "load delay:1s"
    assert "A worker asks ConnectWise" in waiting.get_text()
    assert connected.scalars(sa.select(PsaQuestion.subject)).all() == ["412"]
    connected.rollback()
    answered(connected, entry())
    connected.execute(sa.update(PsaQuestion).values(state="done"))
    connected.commit()
    done = biller.get(f"{PSA}?for=a412&times=1", swapping="psa-trail-a412")
    assert "The audit trail of ConnectWise is read." in done.get_data(as_text=True)


def test_both_trails_stand_together_each_marked_as_whose_it_is(connected: Session, signed_in_as: SignedInAs) -> None:
    n = happens(connected, agreement_id=412)
    answered(connected, entry(), entry(by="portal"))
    viewer = signed_in_as("viewer")

    page = Visitor.page(viewer.get("/audit?agreement=412"))
    rows = [" ".join(row.get_text(" ").split()) for row in page.select(".trail li")]

    assert len(rows) == 3
    assert "Countersign Written. by Countersign" in rows[0]
    assert "by rvoss · not ours" in rows[1]
    assert "by portal · our API member; no push of this portal fits" in rows[2]
    assert "1 entry is not ours" in words(viewer, PSA)
    assert "by rvoss" in words(viewer, f"/audit/{n}/psa")
    assert page.select(".psa-trail form") == []


def test_text_of_connectwise_is_shown_as_text(connected: Session, signed_in_as: SignedInAs) -> None:
    answered(connected, entry("<script>alert(1)</script>", "<img src=x>"))

    page = Visitor.page(signed_in_as("viewer").get(PSA))

    assert page.select(".psa-trail script, .psa-trail img") == []
    assert "<script>alert(1)</script>" in one(page, ".trail").text


def test_a_failure_is_told_and_can_be_tried_again(connected: Session, signed_in_as: SignedInAs) -> None:
    answered(connected, state="failed", error="ConnectWise refused.", answer={})

    text = words(signed_in_as("biller"), PSA)

    assert "It could not be read. ConnectWise refused." in text
    assert "Read again" in text


def test_many_entries_come_page_by_page(connected: Session, signed_in_as: SignedInAs) -> None:
    answered(connected, *(entry(f"Change {number}") for number in range(120)))
    viewer = signed_in_as("viewer")

    first, last = words(viewer, PSA), words(viewer, f"{PSA}?page=99")

    assert "Page 1 of 3." in first
    assert "Page 3 of 3." in last
    assert "Change 0 " in first
    assert "Change 119 " in last
    assert "Change 119 " not in first


@pytest.mark.parametrize(
    "query", ["?page=0", "?page=-3", "?page=x", "?times=x", "?for=%3Cb%3E", "?for=" + "a" * 300, "?page=9" + "9" * 40]
)
def test_odd_parameters_do_no_harm(connected: Session, signed_in_as: SignedInAs, query: str) -> None:
    answered(connected, entry())

    assert "by rvoss" in words(signed_in_as("viewer"), PSA + query, "#psa-trail-a412")


def test_an_event_without_an_agreement_has_none_and_viewers_may_not_ask(
    connected: Session, signed_in_as: SignedInAs
) -> None:
    n = happens(connected)
    viewer = signed_in_as("viewer")

    assert viewer.get(f"/audit/{n}/psa").status_code == 404
    assert viewer.get("/audit/9999/psa").status_code == 404
    assert viewer.post(PSA).status_code == 403
    assert signed_in_as("biller").post(f"/audit/{n}/psa").status_code == 404


def test_without_script_asking_goes_back_to_the_page(connected: Session, signed_in_as: SignedInAs) -> None:
    n = happens(connected, agreement_id=412)
    biller = signed_in_as("biller")

    asked, by_event = biller.post(PSA), biller.post(f"/audit/{n}/psa")

    assert asked.headers["Location"].endswith(PSA)
    assert by_event.headers["Location"].endswith(f"/audit/{n}/psa")
    assert connected.scalar(sa.select(sa.func.count()).select_from(PsaQuestion)) == 1
    assert "Asking" in words(biller, by_event.headers["Location"])
