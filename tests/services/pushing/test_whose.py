"""A person's equal line is never taken for ours, nor ours for theirs; what cannot be told is asked."""

import pytest
import requests

from portal.db.records import Card, Connection
from portal.services import api_member, decisions, pushes
from portal.services.errors import Conflict, NotAllowed
from tests.services.pushing.scenes import create, grow, know_the_member
from tests.services.pushing.stories import fault, keep_the_member_secret
from tests.support.desk import BILLER, VIEWER, Desk


def an_equal_line(desk: Desk) -> int:
    """A person makes the very line that the push is to make."""
    return desk.add_by_hand(510, min(desk.quantities(510)), 2, "2026-11-15")


def doubtful(desk: Desk, card: Card) -> int:
    """Let workers go on until nobody but a person can tell."""
    push_id = desk.push_of(card).id
    for _ in range(6):
        desk.turn(push_id)
        push = desk.push_of(card)
        if push.needs_look_at is not None:
            break
        desk.real = max(desk.real, push.next_try_at or desk.real)
    return push_id


def test_a_persons_equal_line_that_came_while_our_create_went_astray_is_found_not_written(desk: Desk) -> None:
    card = create(desk)
    desk.faults(fault("drop_before", "POST", 1))
    made: list[int] = []
    push_id = desk.push_of(card).id

    def meanwhile(point: str) -> None:
        if point == "doubted":
            made.append(an_equal_line(desk))

    assert desk.turn(push_id, crash=meanwhile) == "in_doubt"  # ours may still arrive
    push = desk.settle(card)

    assert (push.state, [step.state for step in push.steps]) == ("confirmed", ["found"])
    assert push.steps[0].addition_id == made[0]
    assert sorted(desk.quantities(510).values()) == [2, 5]
    with pytest.raises(Conflict):
        desk.do(decisions.undo, desk.again(card))


@pytest.mark.parametrize("first", ["person", "portal"])
def test_of_two_equal_lines_ours_is_known_by_its_author_whoever_came_first(desk: Desk, first: str) -> None:
    card = create(desk)
    made: list[int] = []
    point = "intent" if first == "person" else "doubted"
    desk.faults(fault("drop_after", "POST", 1) | ({"nth": 2} if first == "person" else {}))

    def meanwhile(passed: str) -> None:
        if passed == point and not made:
            made.append(an_equal_line(desk))

    desk.turn(desk.push_of(card).id, crash=meanwhile)
    push = desk.settle(card)

    ours = [line for line in desk.lines(510) if line.entered_by == "apiuser"]
    assert len(ours) == 1
    assert push.state == "changed_in_psa"  # both stand, and a person decides
    assert [step.state for step in push.steps] == ["done"]
    assert push.steps[0].addition_id == ours[0].id != made[0]
    assert push.found["changed_by"] == "dhale"
    assert push.found["changed_at"] is not None
    assert "Step 1 of 1 stands" in (push.cause or "")


def test_an_equal_line_by_nobody_knows_whom_is_neither_doubled_nor_taken_for_ours(desk: Desk) -> None:
    keep_the_member_secret(desk)
    card = create(desk)
    desk.faults(fault("drop_before", "POST", 1))
    made: list[int] = []

    def meanwhile(point: str) -> None:
        if point == "doubted":
            made.append(an_equal_line(desk))

    desk.turn(desk.push_of(card).id, crash=meanwhile)
    push_id = doubtful(desk, card)

    push = desk.push_of(card)
    assert (push.state, [step.state for step in push.steps]) == ("in_doubt", ["intent"])
    assert "by dhale" in (push.cause or "")
    with desk.open_session() as session:
        assert pushes.overview(session).needs_look == 1
        assert [one.id for one in pushes.listed(session, "needs_look")] == [push_id]
    assert len(desk.events("push.needs_look")) == 1
    with desk.open_session() as session:
        pushes.say_whose(session, push_id, ours=False, by=BILLER, now=desk.now)
    assert [step.state for step in desk.settle(card).steps] == ["found"]
    assert sorted(desk.quantities(510).values()) == [2, 5]


def test_what_cannot_be_told_is_settled_by_itself_once_our_member_is_known(desk: Desk) -> None:
    keep_the_member_secret(desk)
    card = grow(desk)
    desk.faults(fault("drop_after", times=1))
    doubtful(desk, card)
    assert desk.push_of(card).state == "in_doubt"

    know_the_member(desk)
    push = desk.settle(card)

    assert (push.state, [step.state for step in push.steps], push.needs_look_at) == ("confirmed", ["done"], None)


def test_only_a_biller_says_whose_a_line_is_and_only_where_nobody_can_tell(desk: Desk) -> None:
    card = grow(desk)
    push_id = desk.push_of(card).id

    with desk.open_session() as session:
        with pytest.raises(Conflict, match="nobody need say"):
            pushes.say_whose(session, push_id, ours=True, by=BILLER, now=desk.now)
        with pytest.raises(NotAllowed):
            pushes.say_whose(session, push_id, ours=True, by=VIEWER, now=desk.now)


def test_who_we_are_is_learned_before_the_first_write_from_our_account(desk: Desk) -> None:
    card = grow(desk)
    desk.faults(fault("drop_after", times=1))

    push = desk.settle(card)

    assert [step.state for step in push.steps] == ["done"]
    with desk.open_session() as session:
        assert session.get_one(Connection, "connectwise").member == "apiuser"
    assert [(event.before, event.after) for event in desk.events("connection.member")] == [(None, "apiuser")]


def test_who_we_are_is_learned_from_a_callback_of_ours_where_the_account_is_closed(desk: Desk) -> None:
    keep_the_member_secret(desk)
    body = {"description": "Countersign", "url": "https://portal.example/x", "objectId": 1, "type": "agreement",
            "level": "owner"}  # fmt: skip
    made = requests.post(
        f"{desk.url}/v4_6_release/apis/3.0/system/callbacks", json=body, auth=("sandbox+portal", "portal-secret"),
        headers={"clientId": "5d1c7f0e-2f0b-4b57-9d4a-0f6f4d1f6c11"}, timeout=5,
    ).json()  # fmt: skip

    assert api_member.find(desk.client, []) == ""
    assert api_member.find(desk.client, [made["id"]]) == "apiuser"


def test_a_quantity_that_a_person_put_back_is_not_written_over(desk: Desk) -> None:
    card = grow(desk)
    line = next(iter(desk.quantities(504)))
    desk.faults(fault("drop_after", times=1))

    def meanwhile(point: str) -> None:
        if point == "doubted":
            desk.set_by_hand(504, line, 10)

    desk.turn(desk.push_of(card).id, crash=meanwhile)
    push = desk.settle(card)

    assert push.state == "changed_in_psa"
    assert desk.quantities(504) == {line: 10}
    assert "was edited" in (push.cause or "")
    assert "it was not sent again" in (push.cause or "")
