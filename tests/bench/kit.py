"""What benches are made of: a sandbox, a portal, a worker, each a process of its own, and rows of the table."""

import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import requests

from portal.sandbox.sizes_tables import STATUSES, TYPES

ROOT = Path(__file__).parents[2]
BASE = "/v4_6_release/apis/3.0"
GUID = "5d1c7f0e-2f0b-4b57-9d4a-0f6f4d1f6c11"
NOW = "2026-10-28T09:00:00-04:00"  # where the clock of made data starts
STARTING = 60  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table.

    Args:
        what: What was measured.
        figure: With its unit.
        ratio: Against a floor of the same run; empty: none makes sense.
        note: The floor, the aim, or that the figure is computed.
    """

    what: str
    figure: str
    ratio: str = ""
    note: str = ""


def times(run: Callable[[], float], number: int) -> float:
    """Give the median of so many runs, each of which gives its seconds."""
    return statistics.median(run() for _ in range(number))


def p95(values: Sequence[float]) -> float:
    """Give the value below which 95 of 100 lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that is served by a process of its own."""

    url: str
    started: float
    process: subprocess.Popen[str]

    def calls(self) -> list[dict[str, Any]]:
        """Give the journal of requests, and forget it."""
        found: list[dict[str, Any]] = requests.get(f"{self.url}/_sandbox/requests", timeout=60).json()
        requests.delete(f"{self.url}/_sandbox/requests", timeout=60).raise_for_status()
        return found

    def steer(self, path: str, body: object) -> None:
        """Post to ``/_sandbox``."""
        requests.post(f"{self.url}/_sandbox/{path}", json=body, timeout=60).raise_for_status()

    def memory(self) -> float:
        """Give its highest memory so far, in MB."""
        return memory(self.process.pid)

    def edit(self, lines: int) -> None:
        """Change the quantity of so many lines, as people at work in the PSA do."""
        with caller("human") as person:
            listed = person.get(
                f"{self.url}{BASE}/finance/agreements",
                params={"conditions": 'agreementStatus = "Active"', "pageSize": "1000", "fields": "id"},
                timeout=60,
            ).json()
            changed = 0
            for agreement in listed:
                path = f"{self.url}{BASE}/finance/agreements/{agreement['id']}/additions"
                for line in person.get(path, params={"pageSize": "1", "fields": "id"}, timeout=60).json():
                    body = [{"op": "replace", "path": "quantity", "value": 7 + changed}]
                    changed += person.patch(f"{path}/{line['id']}", json=body, timeout=60).ok
                if changed >= lines:
                    return


@contextmanager
def caller(key: str = "portal") -> Iterator[requests.Session]:
    """Open a session with one of the sandbox's keys."""
    with requests.Session() as session:
        session.auth = (f"sandbox+{key}", f"{key}-secret")
        session.headers["clientId"] = GUID
        yield session


def replay(url: str, calls: Sequence[Mapping[str, Any]], parallel: int) -> float:
    """Make the same reads again by a bare loop, so many at a time, and give the seconds: what no client can beat."""
    left = iter(calls)
    lock = threading.Lock()

    def work() -> None:
        with caller() as session:
            while True:
                with lock:
                    call = next(left, None)
                if call is None:
                    return
                forward = {"pagination-type": "forward-only"}
                if call["method"] == "GET":
                    session.get(f"{url}{call['path']}?{call['query']}", headers=forward, timeout=120).json()

    threads = [threading.Thread(target=work) for _ in range(parallel)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - started


def memory(pid: int) -> float:
    """Give the highest memory of a process so far, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def free_port() -> int:
    """Give a loopback port that nothing uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(slots=True)
class Portal:
    """A portal with an instance folder of its own.

    Args:
        folder: Its instance folder.
        environment: What its processes are started with.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def on(cls, folder: Path, url: str, *, bundle_size: int = 0, requests_a_minute: int = 1_000_000) -> Self:
        """Make one that is connected to a sandbox.

        Args:
            folder: An empty folder.
            url: The sandbox.
            bundle_size: Reads in one bundle; 0: no bundles.
            requests_a_minute: At most; by default as many as come.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
        made = cls(folder, kept | {"COUNTERSIGN_INSTANCE": str(folder), "COUNTERSIGN_NOW": NOW})
        made.do("db", "upgrade")
        made.do(
            "connections", "set", "connectwise", "--url", url, "--company", "sandbox", "--public-key", "portal",
            "--private-key", "-", "--client-id", GUID, "--allow-private", told="portal-secret\n",
        )  # fmt: skip
        made.decide()
        made.limits(bundle_size=bundle_size, requests_a_minute=requests_a_minute)
        return made

    def decide(self) -> None:
        """Give statuses and types their meanings, so that companies are in scope as they would be."""
        said = [
            ("status", row["id"], "not_customer" if row["id"] in {2, 3, 22} else "customer", row) for row in STATUSES
        ]
        said += [("type", row["id"], "in" if row["id"] in {1, 8} else "out", row) for row in TYPES]
        for list_name, key, meaning, row in said:
            self.store(
                "INSERT INTO row_meaning (list, psa_id, meaning, name_last_seen, decided_by, decided_at)"
                " VALUES (?, ?, ?, ?, 'bench', '2026-10-01 00:00:00.000000')",
                list_name, key, meaning, row["name"],
            )  # fmt: skip

    def limits(self, **columns: int) -> None:
        """Set columns of the connection's row."""
        for name, value in columns.items():
            self.store(f"UPDATE connection SET {name} = ?", value)  # noqa: S608 - names of our own

    def do(self, *words: str, told: str = "") -> str:
        """Run a command and give what it printed."""
        done = subprocess.run(  # noqa: S603 - our own
            _flask(*words), cwd=ROOT, env=self.environment, input=told, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"flask {' '.join(words[:2])}: {done.stdout}{done.stderr}")
        return done.stdout

    def sync(self, *, full: bool) -> tuple[float, float]:
        """Sync in a process of its own.

        Returns:
            Seconds of the run itself, as its row tells, and the process's highest memory in MB.
        """
        words = _flask("sync", "run", *(["--full"] if full else []))
        with (self.folder / "sync.log").open("w+b") as said:
            process = subprocess.Popen(words, cwd=ROOT, env=self.environment, stdout=said, stderr=said)  # noqa: S603
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                said.seek(0)
                raise RuntimeError(said.read().decode(errors="replace")[-2000:])
        asked = "SELECT started_at, finished_at FROM sync_run ORDER BY id DESC LIMIT 1"
        started, finished = (datetime.fromisoformat(str(moment)) for moment in self.store(asked))
        return (finished - started).total_seconds(), used.ru_maxrss / 1024

    def store(self, statement: str, *values: object) -> tuple[object, ...]:
        """Ask or tell the store directly, in a transaction of its own; give the first row."""
        with closing(sqlite3.connect(self.folder / "countersign.sqlite")) as store, store:
            found: tuple[object, ...] | None = store.execute(statement, values).fetchone()
        return found or ()

    @contextmanager
    def process(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command beside, until the block ends."""
        with (self.folder / "process.log").open("ab") as said:
            process = subprocess.Popen(words, cwd=ROOT, env=self.environment, stdout=said, stderr=said)  # noqa: S603
            try:
                yield process
            finally:
                end(process)

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve its pages by the production server, with a worker beside; give its address."""
        port = free_port()
        url = self.environment["COUNTERSIGN_BASE_URL"] = f"http://127.0.0.1:{port}"
        server = (sys.executable, "-m", "waitress", "--host=127.0.0.1", f"--port={port}", "--threads=8", "app:app")
        with self.process(*server), self.process(*_flask("jobs", "work")):
            wait_until(lambda: _answers(f"{url}/health/live"))
            yield url


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def wait_until(holds: Callable[[], bool], seconds: float = STARTING) -> None:
    """Wait for a state, with a bound."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise RuntimeError("What a bench waits for did not come.")
        time.sleep(0.1)  # a state is waited for, with a bound


def _flask(*words: str) -> list[str]:
    return [sys.executable, "-u", "-m", "flask", "--app", "app", *words]


def end(process: subprocess.Popen[Any]) -> None:
    """End a process that a bench started."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(slots=True)
class Kit:
    """What a bench is given.

    Args:
        folder: For its files; it goes when the run ends.
        long: Whether to measure also what takes long.
    """

    folder: Path
    long: bool
    _made: int = 0

    @contextmanager
    def sandbox(self, size: str, *, latency: int = 0, seed: int = 1) -> Iterator[Sandbox]:
        """Serve made data.

        Args:
            size: small, medium, large or stress.
            latency: Milliseconds that each answer takes longer.
            seed: Of the data.
        """
        words = ("sandbox", "serve", "--size", size, "--seed", str(seed), "--port", "0", "--latency", str(latency))
        started = time.monotonic()
        with subprocess.Popen(_flask(*words), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
            try:
                line = process.stdout.readline() if process.stdout else ""
                yield Sandbox(line.split()[3], time.monotonic() - started, process)
            finally:
                end(process)

    def portal(self, url: str, **limits: int) -> Portal:
        """Make a portal that is connected to a sandbox."""
        self._made += 1
        folder = self.folder / f"portal-{self._made}"
        folder.mkdir()
        return Portal.on(folder, url, **limits)
