"""A worker killed at any point of a push, at any of its first three passings: exactly one change each stands then.

In the short form the workers of a story are killed one after the other, each at the next point, and the next one goes
on from there. `make crash-points` kills at each point's first, second and third passing, each on a desk of its own.
"""

import os
import signal

import pytest

from portal.services import push_leases
from portal.services.push_points import CRASH_POINTS
from tests.services.pushing.stories import STORIES, Play
from tests.support.desk import Desk
from tests.support.dying_worker import Workers

pytestmark = pytest.mark.crash

PASSINGS = (1, 2, 3) if os.environ.get("COUNTERSIGN_TEST_CRASH_POINTS") == "all" else ()
EACH = [(name, point, times) for name, story in STORIES.items() for point in story.points for times in PASSINGS]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take the long form's cases, or the first of them alone."""
    if "times" in metafunc.fixturenames:
        metafunc.parametrize(("name", "point", "times"), EACH or [("all goes well", "answered", 3)])


@pytest.mark.parametrize("name", STORIES)
def test_trap_12_workers_killed_one_after_the_other_at_each_point_leave_exactly_one_change_each(
    desk: Desk, workers: Workers, name: str
) -> None:
    play = Play(desk, STORIES[name])
    play.begin()

    for point in play.story.points:
        assert workers.run(play.job(point, 1)) == -signal.SIGKILL, point
        play.go_on()
    play.end()

    play.verdict()


def test_a_worker_killed_at_any_passing_of_a_point_leaves_exactly_one_change_each(
    desk: Desk, workers: Workers, name: str, point: str, times: int
) -> None:
    play = Play(desk, STORIES[name])
    play.begin()

    assert workers.run(play.job(point, times)) == -signal.SIGKILL
    play.go_on()
    play.end()

    play.verdict()


def test_there_are_at_least_twenty_points_and_each_is_in_a_story() -> None:
    told = {point for story in STORIES.values() for point in story.points}

    assert told == set(CRASH_POINTS)
    assert len(told) >= 20


def test_the_lease_of_a_worker_that_lives_is_not_taken(desk: Desk) -> None:
    play = Play(desk, STORIES["all goes well"])
    play.begin()
    with desk.open_session() as session:
        assert push_leases.take(session, 501, push_id=1, worker=push_leases.worker_name(), real_now=desk.real)

    with desk.open_session() as session:
        assert push_leases.free_the_dead(session) == []
    assert desk.turn(play.pushes[0]) == "queued"
    assert desk.written() == []
