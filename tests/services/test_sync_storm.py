"""A full sync of the medium size through a storm, and over kills, ends at the picture of an undisturbed one."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
import requests
import sqlalchemy as sa

from portal.connectwise import Patience
from portal.db.engine import watch
from portal.db.records import SyncRun
from portal.sandbox.server import Running, running
from portal.sandbox.sizes import made
from portal.services import sync
from portal.services.actors import COMMAND_LINE
from portal.services.sealing import Sealer
from tests.services.conftest import STEPS, Psa, connect
from tests.support.desk import client_of
from tests.support.pictures import picture

ROOT = Path(__file__).parents[2]
KINDS = ["drop_before", "drop_after", "status_before", "status_after", "throttle", "slow", "truncate", "html"]
STORM = {"rate": 0.2, "seed": 11, "methods": ["GET"], "kinds": KINDS, "seconds": 0.02}
RUNS = 20
KILLS = int(os.environ.get("COUNTERSIGN_TEST_KILLS", "3"))  # `make storm-sync` makes it ten
Picture = dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def medium() -> Iterator[Running]:
    """The medium size, served for all tests of this file."""
    with running(made("medium")) as served:
        yield served


@contextmanager
def a_portal(file: Path, url: str) -> Iterator[Psa]:
    """A portal on a store of its own, whose reads are patient and whose pauses are short."""
    engine = sa.create_engine(f"sqlite:///{file}")
    watch(engine)
    psa = Psa(url, engine)
    psa.client.close()
    patience = Patience(connect=2, read=5, attempts=6, back_off=0.01, longest_wait=1)
    with client_of(url, patience=patience) as client:
        psa.client, psa.now = client, STEPS[1]
        with psa.open_session() as session:
            connect(session, url, Sealer(["a-key-for-tests-only"]))
        yield psa
    engine.dispose()


@pytest.fixture(scope="module")
def undisturbed(medium: Running, migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Picture:
    """What a portal holds after a sync without any fault."""
    file = tmp_path_factory.mktemp("undisturbed") / "portal.sqlite"
    shutil.copyfile(migrated_file, file)
    with a_portal(file, medium.base_url) as psa:
        assert psa.sync().state == "done"
        return picture(psa)


@pytest.fixture
def portal(medium: Running, migrated_file: Path, tmp_path: Path) -> Iterator[Psa]:
    """A portal that never synced; what was set to go wrong is set right at its end."""
    file = tmp_path / "portal.sqlite"
    shutil.copyfile(migrated_file, file)
    with a_portal(file, medium.base_url) as psa:
        yield psa
        psa.faults()


def asked(psa: Psa) -> int:
    """Ask for a full sync, or name the one that waits."""
    try:
        with psa.open_session() as session:
            return sync.request_sync(session, "full", by=COMMAND_LINE, now=psa.now).id
    except sync.SyncActive as active:
        return active.run_id


def run_of(psa: Psa, run_id: int) -> SyncRun:
    with psa.open_session() as session:
        return session.get_one(SyncRun, run_id)


def until_done(psa: Psa) -> SyncRun:
    """Ask for full syncs, each going on where the last one stopped, until one is done."""
    for _ in range(RUNS):
        run = psa.run(asked(psa))
        if run.state == "done" and not run.skipped:
            return run
        assert run.state in {"done", "failed", "queued"}
        assert run.error or run.skipped or run.state == "queued"  # it says plainly what is missing
    raise AssertionError("The storm was never over.")


def test_a_storm_leaves_the_picture_of_an_undisturbed_sync(portal: Psa, undisturbed: Picture) -> None:
    requests.delete(f"{portal.base_url}/_sandbox/requests", timeout=5).raise_for_status()
    portal.faults(STORM)

    until_done(portal)

    journal = requests.get(f"{portal.base_url}/_sandbox/requests", timeout=30).json()
    struck = [one["fault"] for one in journal if one["fault"]]
    assert {*struck} == {*KINDS}
    assert len(struck) > len(journal) / 8
    assert len(undisturbed["psa_addition"]) > 3_000
    assert picture(portal) == undisturbed


def wait_for_calls(psa: Psa, number: int, worker: subprocess.Popen[bytes]) -> None:
    """Wait until a worker made so many calls since this was asked, or ended."""
    until, enough = time.monotonic() + 20, len(psa.asked) + number
    while len(psa.asked) < enough and worker.poll() is None and time.monotonic() < until:
        time.sleep(0.01)  # a state is waited for, with a bound


@pytest.mark.crash
def test_kills_in_the_middle_make_no_difference(portal: Psa, undisturbed: Picture) -> None:
    random, kills = Random(5), 0  # noqa: S311 - to kill at the same moments again
    database = str(portal._engine.url)
    for _ in range(RUNS):
        words = [sys.executable, "-m", "tests.support.syncing_worker", database, portal.base_url, str(asked(portal))]
        with subprocess.Popen([*words, portal.now.isoformat()], cwd=ROOT, stdout=subprocess.PIPE) as worker:  # noqa: S603
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"begins\n"
            wait_for_calls(portal, random.randrange(2, 45), worker)
            kills += worker.poll() is None
            worker.kill()
        if kills == KILLS:
            break
        with portal.open_session() as session:
            done = session.scalar(sa.select(SyncRun.id).where(SyncRun.state == "done"))
        assert done is None or kills, "The sync was over before the first kill."
    assert kills == KILLS

    until_done(portal)

    assert picture(portal) == undisturbed
