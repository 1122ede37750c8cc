"""The schedule: by the business clock, in the portal's time zone."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from portal.db.records import Connection, SyncRun
from portal.jobs import schedule
from tests.support.desk import ZONE, Desk


def follow(desk: Desk, moment: datetime) -> list[str]:
    """Follow the schedule at a moment; what it queues is done at once."""
    with desk.open_session() as session:
        queued = schedule.follow(session, now=moment, zone=ZONE)
        runs = list(session.scalars(sa.select(SyncRun).where(SyncRun.id.in_(queued))))
        connection = session.get_one(Connection, "connectwise")
        for run in runs:
            run.state, run.running_mark = "done", None
            connection.last_read_at = moment
            if run.kind == "full":
                connection.last_full_at = moment
        return [run.kind for run in runs]


def at(day: int, hour: int, minute: int = 0, *, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE)


def test_quick_syncs_come_every_quarter_of_an_hour(desk: Desk) -> None:
    assert follow(desk, at(28, 9, 5)) == []
    assert follow(desk, at(28, 9, 16)) == ["quick"]
    assert follow(desk, at(28, 9, 17)) == []
    assert follow(desk, at(28, 9, 32)) == ["quick"]


def test_a_quick_sync_that_fails_is_not_asked_for_again_at_once(desk: Desk) -> None:
    assert follow(desk, at(28, 9, 16)) == ["quick"]
    with desk.open_session() as session:
        session.get_one(Connection, "connectwise").last_read_at = at(28, 9, 0)

    assert follow(desk, at(28, 9, 18)) == []
    assert follow(desk, at(28, 9, 31)) == ["quick"]


def test_a_full_sync_comes_once_a_night_from_two_o_clock_on(desk: Desk) -> None:
    assert follow(desk, at(29, 1, 59)) == ["quick"]
    assert follow(desk, at(29, 2, 0)) == ["full"]
    assert follow(desk, at(29, 2, 1)) == []
    assert follow(desk, at(29, 23, 0)) == ["quick"]
    assert follow(desk, at(30, 6, 0)) == ["full"]  # nobody worked at two


def test_trap_16_two_o_clock_is_the_portals_also_on_the_night_the_clocks_change(desk: Desk) -> None:
    follow(desk, at(31, 12))
    assert follow(desk, at(1, 1, 59, month=11)) == ["quick"]
    assert follow(desk, at(1, 1, 59, month=11).replace(fold=1)) == ["quick"]
    assert follow(desk, at(1, 2, 0, month=11)) == ["full"]


def test_nothing_is_read_before_the_first_full_sync(desk: Desk) -> None:
    with desk.open_session() as session:
        connection = session.get_one(Connection, "connectwise")
        connection.last_full_at = connection.last_read_at = None

    assert follow(desk, at(28, 12)) == []


def test_a_run_that_is_active_is_not_doubled(desk: Desk) -> None:
    with desk.open_session() as session:
        assert len(schedule.follow(session, now=at(28, 10), zone=ZONE)) == 1
    with desk.open_session() as session:
        assert schedule.follow(session, now=at(28, 11), zone=ZONE) == []


def test_a_clock_that_was_set_back_does_not_stop_the_schedule(desk: Desk) -> None:
    follow(desk, at(28, 20))

    assert follow(desk, at(28, 9, 1)) == ["quick"]


def test_at_midnight_cards_are_made_anew_without_a_sync(desk: Desk) -> None:
    follow(desk, at(28, 23, 59))
    assert desk.card(1041, agreement_id=547).state == "open"

    follow(desk, at(28, 23, 59) + timedelta(minutes=2))

    assert desk.card(1041, agreement_id=547).state == "stale"


def test_the_nights_full_sync_comes_after_a_run_that_was_active_at_two(desk: Desk) -> None:
    with desk.open_session() as session:
        (active,) = schedule.follow(session, now=at(29, 1, 59), zone=ZONE)
    with desk.open_session() as session:
        assert schedule.follow(session, now=at(29, 2, 0), zone=ZONE) == []
        run = session.get_one(SyncRun, active)
        run.state, run.running_mark = "done", None

    assert follow(desk, at(29, 2, 1)) == ["full"]
