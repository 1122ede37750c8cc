"""Random walks through the portal; COUNTERSIGN_TEST_STEPS says how many steps in all, and makes them new each time."""

import os
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from portal.sandbox.server import running
from portal.services import decision_bulk
from tests.stateful.small_month import make_small_month
from tests.stateful.walk import Walk
from tests.stateful.walking import Place
from tests.storm.kit import load_month

STEPS = int(os.environ.get("COUNTERSIGN_TEST_STEPS", "0"))
SHORT, A_WALK = 480, 40


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("walk")
    month = make_small_month(folder / "month")
    with running(month) as sandbox:
        yield Place(sandbox=sandbox, loaded=load_month(month, sandbox.base_url, folder / "loaded"))


@pytest.mark.crash
@pytest.mark.timeout(max(300, STEPS))
def test_whatever_people_and_workers_do_each_decision_takes_effect_once_or_says_why_not(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_bulk, "TURN_CARDS", 2)
    monkeypatch.setattr(decision_bulk, "TURN_SECONDS", 60.0)  # how long a turn takes says nothing here
    run_state_machine_as_test(
        partial(Walk, place),  # type: ignore[arg-type]  # it takes whatever makes a machine
        settings=settings(
            max_examples=max(1, (STEPS or SHORT) // A_WALK),
            stateful_step_count=A_WALK,
            derandomize=not STEPS,
            database=None,
            deadline=None,
            print_blob=True,
            phases=(Phase.generate, Phase.shrink) if STEPS else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert {"confirmed", "changed_in_psa", "undone"} <= {*place.ends}, place.ends
    words = ("confirm_second", "confirm_planned", "carried out", "by a worker")
    assert all(place.did[word] for word in words), place.did
