"""A storm: two workers that are killed again and again, a ConnectWise that fails, and a person who edits meanwhile."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.engine import WRITES, watch
from portal.db.records import Push
from portal.sandbox.server import Running
from portal.services.card_making import IN_FLIGHT
from tests.storm.effects import Effects
from tests.storm.made_month import Choice, choices
from tests.storm.person import PersonEdits
from tests.storm.worker import READ_SECONDS

ROOT = Path(__file__).parents[2]
WRITES_HIT, READS_HIT = 0.35, 0.17
WRITE_FAULTS = ["drop_before", "drop_after", "status_before", "status_after", "throttle", "slow"]
SETTLE_BOUND = 60.0  # seconds after the faults end


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a storm is.

    Args:
        kills: How often a worker is killed.
        every: Seconds between two kills, on average.
        edits: What the person does in ConnectWise.
        most: Seconds that the faults last at most.
        left: The faults end when no more pushes than this are under way, and all kills are done.
        workers: How many processes work.
    """

    kills: int
    every: float
    edits: int
    most: float
    left: int = 0
    workers: int = 2


@dataclass(slots=True, kw_only=True)
class Result:
    """What a storm left.

    Args:
        effects: Each write that took effect, in its order.
        journal: The sandbox's journal of requests.
        kills: How many there were.
        settled_after: Seconds after the end of the faults; none: not within the bound, or the control's.
        decided: The choices that were decided.
        refused: What the portal said where it let nothing be decided.
    """

    effects: Effects
    journal: list[dict[str, object]]
    kills: int = 0
    settled_after: float | None = None
    decided: list[Choice] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Storm:
    """One storm over a copy of a loaded store.

    Args:
        sandbox: ConnectWise, served by this process; it is set back to the month's start.
        loaded: The store with the month's cards.
        folder: Where the copy and the queue live.
        seed: What decides all that is left to chance.
        size: How large it is.
        blind: As the control.
    """

    def __init__(
        self, sandbox: Running, loaded: Path, folder: Path, *, seed: int, size: Size, blind: bool = False
    ) -> None:
        self.sandbox, self.seed, self.size, self.blind = sandbox, seed, size, blind
        self.random = Random(f"storm:{seed}")  # noqa: S311 - to storm again in the same way
        self.folder = folder
        folder.mkdir(parents=True)
        self.file = folder / "portal.sqlite"
        shutil.copyfile(loaded, self.file)
        self.engine = sa.create_engine(f"sqlite:///{self.file}")
        watch(self.engine)

    def run(self) -> Result:
        """Let it storm, then let it settle."""
        self._steer("reset", {})
        self._steer("step", {"step": 2})
        effects = Effects(self.sandbox.store.identifier("portal"))
        self.sandbox.store.watchers.append(effects)
        result = Result(effects=effects, journal=[])
        try:
            self._weather()
            with ExitStack() as stack:
                stack.callback(self.engine.dispose)
                workers = [stack.enter_context(self._worker()) for _ in range(self.size.workers)]
                person = PersonEdits(self.sandbox.base_url, Random(f"person:{self.seed}"), result.decided)  # noqa: S311 - as above
                self._through(workers, person, result)
                self._steer("faults", [])
                result.settled_after = None if self.blind else self._settled_within(SETTLE_BOUND)
        finally:
            self.sandbox.store.watchers.remove(effects)
            self._steer("faults", [])
        result.journal = requests.get(f"{self.sandbox.base_url}/_sandbox/requests", timeout=30).json()
        return result

    @contextmanager
    def open_session(self) -> Iterator[Session]:
        """Open one writing transaction."""
        engine = self.engine.execution_options(**{WRITES: True})
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def pushes(self) -> list[Push]:
        """Read every push with its steps and its decision."""
        with Session(self.engine, expire_on_commit=False) as session:
            found = list(session.scalars(sa.select(Push).order_by(Push.id)))
            for push in found:
                _ = push.steps, push.decision, push.card
            return found

    def _through(self, workers: list["Victim"], person: PersonEdits, result: Result) -> None:
        """Decide, kill and edit side by side, until all of it is done."""
        over = threading.Event()
        tasks: list[Callable[[], None]] = [
            lambda: self._decide(result, over),
            lambda: self._kill(workers, result, over),
            lambda: person.work(self.size.edits, self.size.kills * self.size.every, over),
        ]
        failed: list[BaseException] = []

        def guarded(task: Callable[[], None]) -> None:
            try:
                task()
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
                failed.append(error)
                over.set()

        threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
        for each in threads:
            each.start()
        until = time.monotonic() + self.size.most
        for each in threads:
            each.join(max(0.0, until - time.monotonic()))
        self._left_at_most(self.size.left, until)
        over.set()
        for each in threads:
            each.join()
        if failed:
            raise failed[0]

    def _decide(self, result: Result, over: threading.Event) -> None:
        """Decide every card, in an order of this seed, while workers write."""
        with Session(self.engine) as session:
            chosen = list(choices(session))
        self.random.shuffle(chosen)
        for choice in chosen:
            with self.open_session() as session:
                choice.decide(session)
            result.decided.append(choice)
            if over.wait(0.005):
                return

    def _kill(self, workers: list["Victim"], result: Result, over: threading.Event) -> None:
        """Kill a worker at a moment of this seed, and start it again at once."""
        random = Random(f"kills:{self.seed}")  # noqa: S311 - as above
        for _ in range(self.size.kills):
            if over.wait(random.uniform(0.2, 1.8) * self.size.every):
                return
            random.choice(workers).kill()
            result.kills += 1

    def _settled_within(self, seconds: float) -> float | None:
        """Wait until no push is under way; give how long it took."""
        began = time.monotonic()
        return time.monotonic() - began if self._left_at_most(0, began + seconds) else None

    def _left_at_most(self, number: int, until: float) -> bool:
        """Wait until so few pushes are under way, but no longer than until a moment; tell whether they are."""
        query = sa.select(sa.func.count()).where(Push.state.in_(sorted(IN_FLIGHT)))
        while time.monotonic() < until:
            with Session(self.engine) as session:
                if (session.scalar(query) or 0) <= number:
                    return True
            time.sleep(0.1)  # a state is waited for, with a bound
        return False

    def _weather(self) -> None:
        self._steer(
            "faults",
            [
                {
                    "rate": WRITES_HIT, "seed": self.seed, "methods": ["POST", "PATCH"], "kinds": WRITE_FAULTS,
                    "status": 500, "seconds": READ_SECONDS * 2,
                },
                {"rate": READS_HIT, "seed": self.seed, "methods": ["GET"], "kinds": ["drop_before", "drop_after"]},
            ],
        )  # fmt: skip

    def _steer(self, path: str, body: object) -> None:
        requests.post(f"{self.sandbox.base_url}/_sandbox/{path}", json=body, timeout=30).raise_for_status()

    @contextmanager
    def _worker(self) -> Iterator["Victim"]:
        words = [sys.executable, "-m", "tests.storm.worker", f"sqlite:///{self.file}", str(self.folder)]
        victim = Victim([*words, *(["--blind"] if self.blind else [])], self.folder / "workers.log")
        try:
            yield victim
        finally:
            victim.end()


class Victim:
    """A worker that is killed and started again.

    Args:
        words: Its command.
        log: Where it writes what it has to say.
    """

    def __init__(self, words: list[str], log: Path) -> None:
        self._words, self._log = words, log
        self._start()

    def kill(self) -> None:
        """End it by SIGKILL once it works, and start another one in its place."""
        assert self._process.stdout is not None
        self._process.stdout.readline()
        self.end()
        self._start()

    def end(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()
        self._process.communicate()

    def _start(self) -> None:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(self._words, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)  # noqa: S603 - our own worker
