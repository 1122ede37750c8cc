"""A short storm. The whole one is `make storm`: 400 decisions, 30 kills, five seeds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.sandbox.server import Running, running
from tests.storm.kit import load_month
from tests.storm.made_month import EACH, make_month
from tests.storm.storm import Size, Storm
from tests.storm.verdict import judge

DECISIONS = 32
SEED = 7

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_month(tmp_path_factory.mktemp("storm") / "month", DECISIONS // EACH)


@pytest.fixture(scope="module")
def sandbox(month: Path) -> Iterator[Running]:
    with running(month) as served:
        yield served


@pytest.fixture(scope="module")
def loaded(month: Path, sandbox: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return load_month(month, sandbox.base_url, tmp_path_factory.mktemp("storm") / "loaded")


def test_a_storm_loses_nothing_doubles_nothing_and_overwrites_nobody(
    sandbox: Running, loaded: Path, tmp_path: Path
) -> None:
    storm = Storm(sandbox, loaded, tmp_path / "storm", seed=SEED, size=Size(kills=3, every=1.5, edits=6, most=150))

    result = storm.run()

    verdict = judge(result, storm.pushes())
    assert (verdict.decisions, result.kills) == (DECISIONS, 3)
    assert sum(verdict.faults.values()) > 0
    assert verdict.broken == ()
    assert result.settled_after is not None


def test_without_looking_first_the_same_storm_doubles_writes(sandbox: Running, loaded: Path, tmp_path: Path) -> None:
    control = Storm(
        sandbox,
        loaded,
        tmp_path / "control",
        seed=SEED,
        size=Size(kills=0, every=1, edits=0, most=60, left=8, workers=1),
        blind=True,
    )

    result = control.run()

    assert len(judge(result, control.pushes()).doubled) > 0
