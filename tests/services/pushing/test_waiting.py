"""A push that cannot go on waits longer each time, needs a look after a while, and is never lost."""

from datetime import timedelta

from portal.services import push_overview, pushes
from tests.services.pushing.scenes import grow, silence
from tests.services.pushing.stories import fault
from tests.support.desk import BILLER, Desk


def waits(desk: Desk, push_id: int, turns: int) -> list[timedelta]:
    """Take turns, and give how long the push waits after each."""
    found = []
    for _ in range(turns):
        desk.turn(push_id)
        with desk.open_session() as session:
            push = pushes.get(session, push_id)
            assert push.next_try_at is not None
            found.append(push.next_try_at - desk.real)
            desk.real = push.next_try_at
    return found


def test_an_unreachable_connectwise_is_asked_less_and_less_and_then_a_person_is_told(desk: Desk) -> None:
    card = grow(desk)
    push_id = desk.push_of(card).id
    desk.faults(silence("drop_before"))

    found = waits(desk, push_id, 9)

    assert found[0] < timedelta(seconds=2.1)
    assert max(found) <= timedelta(seconds=120)
    assert min(found[6:]) >= timedelta(seconds=60)
    with desk.open_session() as session:
        assert (pushes.overview(session).waiting, pushes.overview(session).needs_look) == (1, 0)
    desk.real += timedelta(minutes=30)
    waits(desk, push_id, 3)
    with desk.open_session() as session:
        assert (pushes.overview(session).waiting, pushes.overview(session).needs_look) == (0, 1)
    assert len(desk.events("push.needs_look")) == 1
    desk.faults()
    push = desk.settle(card)
    assert (push.state, push.needs_look_at, push.troubled_since) == ("confirmed", None, None)


def test_a_person_lets_what_waits_for_long_be_tried_at_once(desk: Desk) -> None:
    card = grow(desk)
    push_id = desk.push_of(card).id
    desk.faults(silence("drop_before"))
    waits(desk, push_id, 1)
    desk.real += timedelta(minutes=31)
    waits(desk, push_id, 1)
    desk.faults()

    with desk.open_session() as session:
        pushes.retry(session, push_id, by=BILLER, now=desk.now)
        assert pushes.due_pushes(session, desk.real) == [push_id]

    assert desk.turn(push_id) == "confirmed"
    assert len(desk.events("push.retry")) == 1


def test_a_write_that_stays_in_doubt_for_long_is_shown_so(desk: Desk) -> None:
    card = grow(desk)
    push_id = desk.push_of(card).id
    desk.faults(fault("drop_after", times=1))
    desk.turn(push_id, crash=lambda point: desk.faults(silence("drop_before")) if point == "doubted" else None)
    desk.real += timedelta(minutes=5)
    waits(desk, push_id, 1)
    with desk.open_session() as session:
        assert (pushes.overview(session).in_doubt, pushes.overview(session).needs_look) == (1, 0)

    desk.real += timedelta(minutes=31)
    waits(desk, push_id, 1)

    with desk.open_session() as session:
        assert (pushes.overview(session).in_doubt, pushes.overview(session).needs_look) == (0, 1)
    desk.faults()
    assert desk.settle(card).state == "confirmed"
    assert len(desk.written()) == 1


def test_a_worker_that_shows_no_sign_of_life_is_told_of(desk: Desk) -> None:
    with desk.open_session() as session:
        assert not pushes.worker_seen(session, desk.real).alive
        assert "No worker has shown a sign of life yet" in pushes.worker_seen(session, desk.real).sentence
        push_overview.sign_of_life(session, real_now=desk.real)
        assert pushes.worker_seen(session, desk.real + timedelta(seconds=59)).sentence == ""
        assert not pushes.worker_seen(session, desk.real + timedelta(seconds=61)).alive
