"""Looking back: what somebody changed since it was confirmed is told once; our own later writes are no drift."""

from datetime import timedelta

import pytest

from portal.db.records import Drift, Setting
from portal.services import decisions, look_back, pushes
from portal.services.errors import Conflict, NotAllowed
from portal.services.look_back import Result
from tests.services.pushing.scenes import create, grow, grow_one_of_three
from tests.support.desk import BILLER, VIEWER, ZONE, Desk


def looked(desk: Desk) -> Result:
    return look_back.run(desk.open_session, desk.client, now=desk.now, zone=ZONE)


def found(desk: Desk) -> list[Drift]:
    with desk.open_session() as session:
        return list(look_back.drifts(session))


def test_what_stands_as_it_was_confirmed_is_no_drift(desk: Desk) -> None:
    desk.settle(grow(desk))
    desk.settle(grow_one_of_three(desk))

    assert looked(desk) == Result(agreements=2, lines=2, drifted=0, over=0)
    assert found(desk) == []


def test_a_quantity_that_somebody_set_since_is_told_once_with_who_and_when(desk: Desk) -> None:
    card = grow(desk)
    push = desk.settle(card)
    line = next(iter(desk.quantities(504)))
    desk.set_by_hand(504, line, 15)

    assert looked(desk).drifted == 1
    assert looked(desk).drifted == 0

    (drift,) = found(desk)
    assert (drift.push_id, drift.addition_id, drift.kind, drift.changed_by) == (push.id, line, "changed", "dhale")
    assert (drift.expected["quantity"], drift.found and drift.found["quantity"]) == ("12", "15")
    assert drift.changed_at is not None
    (event,) = desk.events("drift.found")
    assert (event.before, event.after, event.push_id) == ("12", "15", push.id)
    with desk.open_session() as session:
        assert pushes.overview(session).drifted == 1


def test_a_line_that_is_gone_is_told(desk: Desk) -> None:
    desk.settle(create(desk))
    line = max(desk.quantities(510))
    desk.by_hand("DELETE", f"/finance/agreements/510/additions/{line}")

    assert looked(desk).drifted == 1
    assert [(drift.addition_id, drift.kind, drift.found) for drift in found(desk)] == [(line, "gone", None)]


def test_our_own_later_write_is_no_drift_and_ends_what_was_one(desk: Desk) -> None:
    card = grow(desk)
    desk.settle(card)
    desk.do(decisions.undo, desk.again(card))
    desk.settle(card)
    assert looked(desk) == Result(agreements=1, lines=1, drifted=0, over=0)

    line = next(iter(desk.quantities(504)))
    desk.set_by_hand(504, line, 15)
    assert looked(desk).drifted == 1
    desk.set_by_hand(504, line, 10)
    assert looked(desk) == Result(agreements=1, lines=1, drifted=0, over=1)
    assert found(desk) == []


def test_what_is_acknowledged_is_told_again_only_where_the_line_changes_once_more(desk: Desk) -> None:
    desk.settle(grow(desk))
    line = next(iter(desk.quantities(504)))
    desk.set_by_hand(504, line, 15)
    looked(desk)
    (drift,) = found(desk)

    with desk.open_session() as session, pytest.raises(NotAllowed):
        look_back.acknowledge(session, drift.id, by=VIEWER, now=desk.now)
    with desk.open_session() as session:
        look_back.acknowledge(session, drift.id, by=BILLER, now=desk.now, reason="agreed with the customer")
    with desk.open_session() as session, pytest.raises(Conflict, match="Bo Biller"):
        look_back.acknowledge(session, drift.id, by=BILLER, now=desk.now)

    assert (looked(desk).drifted, found(desk)) == (0, [])
    assert [event.reason for event in desk.events("drift.acknowledged")] == ["agreed with the customer"]
    desk.set_by_hand(504, line, 16)
    assert looked(desk).drifted == 1
    assert [one.found and one.found["quantity"] for one in found(desk)] == ["16"]


def test_it_is_due_once_a_day_and_asks_for_nothing_that_is_older_than_the_setting(desk: Desk) -> None:
    desk.settle(grow(desk))
    with desk.open_session() as session:
        assert look_back.is_due(session, now=desk.now, zone=ZONE)
    looked(desk)
    with desk.open_session() as session:
        assert not look_back.is_due(session, now=desk.now, zone=ZONE)

    desk.now += timedelta(days=8)
    with desk.open_session() as session:
        assert look_back.is_due(session, now=desk.now, zone=ZONE)
    assert looked(desk).agreements == 0
    with desk.open_session() as session:
        session.add(Setting(name="look_back", value={"days": 0}, set_by="test", set_at=desk.now))
        session.flush()
        assert not look_back.is_due(session, now=desk.now + timedelta(days=1), zone=ZONE)
