"""ConnectWise's audit trail beside ours: read through the sandbox, our writes led back to their pushes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from portal.db.records import PsaQuestion
from portal.services import decisions, psa_trail, questions
from portal.services.actors import Actor
from portal.services.errors import NotAllowed
from tests.support.desk import BILLER, NOW, Desk

REAL = datetime(2026, 11, 1, 12, tzinfo=UTC)
AGREEMENT = 501  # of company 1001: lines 8001, 8002, 8003 of SEAT


def asked(desk: Desk, agreement_id: int = AGREEMENT, *, at: datetime = NOW) -> PsaQuestion:
    """Ask, let a worker answer, and give the question."""
    with desk.open_session() as session:
        question_id = psa_trail.ask(session, agreement_id, by=BILLER, now=at).id
    answerers = {psa_trail.KIND: lambda one: psa_trail.read(desk.client, one)}
    questions.run_question(desk.open_session, question_id, answerers, real_now=lambda: REAL)
    with desk.open_session() as session:
        return session.get_one(PsaQuestion, question_id)


def trail(desk: Desk, agreement_id: int = AGREEMENT, *, at: datetime = NOW) -> psa_trail.Trail:
    with desk.open_session() as session:
        return psa_trail.trail_of(session, agreement_id, now=at)


def theirs(found: psa_trail.Trail) -> list[psa_trail.Entry]:
    return [one for one in found.entries if one.source == "connectwise"]


def test_our_write_leads_to_its_push_and_a_persons_edit_is_named(desk: Desk) -> None:
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    push = desk.settle(card)
    desk.set_by_hand(AGREEMENT, 8001, 9)

    assert asked(desk).state == "done"
    found = trail(desk)

    ours = next(one for one in theirs(found) if one.origin == "ours")
    assert (ours.push_id, ours.by) == (push.id, "apiuser")
    assert "quantity changed from" in ours.text
    assert ours.step.startswith("Set line ")
    edit = theirs(found)[0]
    assert (edit.origin, edit.by, edit.push_id) == ("person", "dhale", None)
    assert found.strangers >= 1
    assert {one.text for one in found.entries if one.source == "countersign"} >= {
        event.sentence for event in desk.events("push.confirmed")
    }
    times = [one.at for one in found.entries if one.at is not None]
    assert times == sorted(times, reverse=True)


def test_a_write_of_our_api_member_that_no_push_made_is_not_taken_for_ours(desk: Desk) -> None:
    other = desk.card(1004)  # a verified write, by which the portal learns what its API member is called
    desk.do(decisions.approve, other)
    desk.settle(other)
    path = f"{desk.url}/v4_6_release/apis/3.0/finance/agreements/{AGREEMENT}/additions/8001"
    body = [{"op": "replace", "path": "quantity", "value": 4}]
    headers = {"clientId": "5d1c7f0e-2f0b-4b57-9d4a-0f6f4d1f6c11"}
    requests.patch(path, json=body, auth=("sandbox+portal", "portal-secret"), headers=headers, timeout=5)
    asked(desk)

    newest = theirs(trail(desk))[0]

    assert (newest.origin, newest.push_id) == ("member", None)


def test_two_equal_writes_lead_to_one_push_each(desk: Desk) -> None:
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    first = desk.settle(card)
    desk.do(decisions.undo, desk.again(card))
    second = desk.settle(card)
    asked(desk)

    pushes = [one.push_id or 0 for one in theirs(trail(desk)) if one.origin == "ours"]

    assert sorted(pushes) == sorted({first.id, second.id})


def test_a_role_without_the_audit_trail_is_told_by_its_entry_and_the_last_reading_stays(desk: Desk) -> None:
    asked(desk, at=NOW - timedelta(hours=3))
    before = trail(desk)
    desk.faults({"method": "GET", "path": "audittrail", "nth": 1, "times": 9, "kind": "status_before", "status": 403})

    failed = asked(desk)
    after = trail(desk)

    assert (failed.state, after.waiting) == ("failed", False)
    assert "Give its security role “System / Audit Trail: Inquire All”" in after.error
    assert (after.read_at, after.entries) == (NOW - timedelta(hours=3), before.entries)


def test_a_reading_is_bounded_and_says_that_there_is_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 6):
        desk.set_by_hand(AGREEMENT, 8001, number)
    monkeypatch.setattr(psa_trail, "MOST", 3)

    asked(desk)
    found = trail(desk)

    assert len(theirs(found)) == 3
    assert found.more


def test_while_nobody_answers_the_page_says_so(desk: Desk) -> None:
    with desk.open_session() as session:
        psa_trail.ask(session, AGREEMENT, by=BILLER, now=NOW)
        psa_trail.ask(session, AGREEMENT, by=BILLER, now=NOW)
        assert session.scalar(sa.select(sa.func.count()).select_from(PsaQuestion)) == 1

    at_once, later = trail(desk), trail(desk, at=NOW + timedelta(minutes=2))

    assert (at_once.waiting, at_once.silent, at_once.read_at, list(at_once.entries)) == (True, "", None, [])
    assert "make worker" in later.silent


def test_a_viewer_may_not_ask(desk: Desk) -> None:
    with desk.open_session() as session, pytest.raises(NotAllowed):
        psa_trail.ask(session, AGREEMENT, by=Actor("Vi", None, "viewer"), now=NOW)


@pytest.mark.parametrize("raw", [{}, {"at": None, "by": "", "text": ""}, {"text": "<b>x</b>", "by": "eve"}])
def test_an_entry_that_lacks_something_is_shown_as_it_is(desk: Desk, raw: dict[str, Any]) -> None:
    with desk.open_session() as session:
        session.add(
            PsaQuestion(
                kind="trail", subject="501", state="done", asked_by="Bo", asked_at=NOW, answer={"entries": [raw]}
            )
        )

    entry = theirs(trail(desk))[0]

    assert (entry.text, entry.origin, entry.at) == (raw.get("text", ""), "person", None)
