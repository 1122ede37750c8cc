"""A worker that was suspended past its lease sends nothing, wherever it stood still; another one goes on."""

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.services import pushes
from portal.services.card_making import IN_FLIGHT
from tests.services.pushing.scenes import create
from tests.support.desk import Desk
from tests.support.dying_worker import Workers

pytestmark = pytest.mark.crash

LEASE = 1.0  # seconds
PACE = pushes.Pace(
    lease=timedelta(seconds=LEASE), margin=timedelta(seconds=LEASE / 4), settle_create=timedelta(seconds=0.2)
)


def stopped(pid: int) -> bool:
    """Tell whether a process stands still."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("point", ["intent", "sending", "leaving"])
def test_a_worker_suspended_past_its_lease_sends_nothing_and_the_line_is_made_once(
    desk: Desk, workers: Workers, point: str
) -> None:
    card = create(desk)
    push_id = desk.push_of(card).id
    job = {
        "database": str(desk.engine.url), "url": desk.url, "pushes": [push_id], "real": datetime.now(UTC).isoformat(),
        "now": desk.now.isoformat(), "point": point, "times": 1, "how": "stop", "lease": LEASE,
    }  # fmt: skip
    pid = workers.start(job)
    deadline = time.monotonic() + 30
    while not stopped(pid) and time.monotonic() < deadline:
        time.sleep(0.01)  # a state is waited for, with a bound
    assert stopped(pid)

    while (state := desk.turn(push_id, real_now=lambda: datetime.now(UTC), pace=PACE)) in IN_FLIGHT:
        assert time.monotonic() < deadline, state
        time.sleep(0.05)  # the lease is waited for, with the same bound
    os.kill(pid, signal.SIGCONT)

    assert workers.ended(pid) == 0
    assert state == "confirmed"
    assert len([one for one in desk.sent() if one["method"] == "POST"]) == 1
    assert sorted(desk.quantities(510).values()) == [2, 5]
    assert [step.state for step in desk.push_of(card).steps] == ["done"]


def test_a_write_whose_lease_is_about_to_end_is_held_back_and_made_in_the_next_turn(desk: Desk) -> None:
    card = create(desk)
    push_id = desk.push_of(card).id

    def late(point: str) -> None:
        if point == "sending" and not desk.sent():
            desk.real += desk.pace.lease - desk.pace.margin

    assert desk.turn(push_id, crash=late) == "queued"
    assert desk.sent() == []
    assert "held back" in (desk.push_of(card).cause or "")
    assert desk.settle(card).state == "confirmed"
    assert len(desk.sent()) == 1
