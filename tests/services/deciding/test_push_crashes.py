"""A worker killed at any point of a push: after a restart, exactly one change stands in the PSA."""

import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from portal.db.records import Card
from portal.services import audit, decisions, push_leases, pushes
from tests.support.desk import Desk

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.crash


def set_one(desk: Desk) -> tuple[Card, int]:
    """One write: the newest of three lines grows."""
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    return card, 501


def create_and_end(desk: Desk) -> tuple[Card, int]:
    """Two writes: a line with less from a day on, and the end of the old one."""
    card = desk.card(1010)
    desk.do(decisions.adjust, card, quantity="3", day="2026-11-15")
    return card, 510


def shrink_two(desk: Desk) -> tuple[Card, int]:
    """Two writes: two lines shrink."""
    card = desk.card(1002)
    desk.do(decisions.approve, card)
    return card, 502


def add_line(desk: Desk) -> tuple[Card, int]:
    """One write: a line for new revenue."""
    card = desk.card(1028, "SEAT-B")
    desk.do(decisions.add, card, agreement_id=533)
    return card, 533


WANTED: dict[Callable[[Desk], tuple[Card, int]], list[Decimal]] = {
    set_one: [Decimal(5), Decimal(6), Decimal(10)],
    create_and_end: [Decimal(3), Decimal(5)],
    shrink_two: [Decimal(0), Decimal(5), Decimal(7)],
    add_line: [Decimal(1)],
}
EACH_STEP = tuple(point for point in pushes.CRASH_POINTS if point not in {"claimed", "finished", "confirmed"})
CASES = [
    *((plan, point, 1) for plan in WANTED for point in pushes.CRASH_POINTS),
    *((plan, point, 2) for plan in (create_and_end, shrink_two) for point in EACH_STEP),
]


def kill_at(desk: Desk, push_id: int, point: str, times: int) -> None:
    """Run a worker that is killed at a point, as a process of its own."""
    done = subprocess.run(  # noqa: S603 - our own worker
        [
            sys.executable, "-m", "tests.support.dying_worker", str(desk.engine.url), desk.url, str(push_id), point,
            str(times), desk.real.isoformat(), desk.now.isoformat(),
        ],
        cwd=ROOT, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.mark.parametrize(("plan", "point", "times"), CASES, ids=lambda one: getattr(one, "__name__", str(one)))
def test_trap_12_a_worker_killed_at_any_point_leaves_exactly_one_change(
    desk: Desk, plan: Callable[[Desk], tuple[Card, int]], point: str, times: int
) -> None:
    card, agreement_id = plan(desk)
    steps = len(desk.push_of(card).steps)

    kill_at(desk, desk.push_of(card).id, point, times)
    with desk.open_session() as session:
        push_leases.free_the_dead(session)
    push = desk.settle(card)

    assert push.state == "confirmed"
    assert [step.state for step in push.steps] == ["done"] * steps
    assert sorted(desk.quantities(agreement_id, card.product).values()) == WANTED[plan]
    assert len(desk.written()) == steps
    assert desk.again(card).state == "confirmed"
    assert len(desk.events("push.confirmed")) == 1
    with desk.open_session() as session:
        assert audit.verify(session).ok


def test_the_lease_of_a_worker_that_lives_is_not_taken(desk: Desk) -> None:
    card, agreement_id = set_one(desk)
    with desk.open_session() as session:
        assert push_leases.take(session, agreement_id, push_id=1, worker=push_leases.worker_name(), real_now=desk.real)

    with desk.open_session() as session:
        assert push_leases.free_the_dead(session) == []
    assert desk.turn(desk.push_of(card).id) == "queued"
    assert desk.written() == []
