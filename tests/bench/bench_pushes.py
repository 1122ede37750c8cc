"""How many decisions are recorded and how many pushes are carried out in a second, against what the wire allows."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import requests

from portal.jobs.worker import THREADS
from tests.bench.kit import BASE, ROOT, Kit, Portal, Row, Sandbox, caller, wait_until

TITLE = "Decisions and pushes"
PUSHES = 150
BUNDLES = 25  # reads in one, as it is unless it was changed
LIMIT = 600.0  # seconds


def bench(kit: Kit) -> Iterator[Row]:
    """Measure both, unthrottled, with one worker of as many threads as it has unless told otherwise."""
    for latency in (0, 50, 300) if kit.long else (0, 50):
        for bundle_size in (BUNDLES, 0) if latency else (BUNDLES,):
            with kit.sandbox("medium", latency=latency) as sandbox:
                portal = kit.portal(sandbox.url, bundle_size=bundle_size)
                portal.sync(full=True)
                portal.do("connections", "writing", "on")
                yield from _measured(portal, sandbox, latency, bundle_size)


def _measured(portal: Portal, sandbox: Sandbox, latency: int, bundle_size: int) -> Iterator[Row]:
    how = f"{latency} ms" + ("" if bundle_size else ", no bundles")
    said = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "tests.bench.deciding", str(PUSHES)],
        cwd=ROOT, env=portal.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(said.stdout)
    decided = told["decided"]
    if bundle_size and not latency:
        yield Row(
            what="decisions recorded, one at a time",
            figure=f"{decided / told['seconds']:.0f}/s",
            ratio=f"{told['seconds'] / told['floor']:.1f}",
            note=f"as many empty commits: {decided / told['floor']:.0f}/s",
        )
    wire = _wire(sandbox, decided)
    sandbox.calls()
    seconds = _pushed(portal, decided)
    calls = len(sandbox.calls())
    reached = f"{wire / seconds:.0%}"
    yield Row(
        what=f"pushes, {how}",
        figure=f"{decided / seconds:.1f}/s",
        ratio=f"{seconds / wire:.2f}",
        note=f"three calls a push by a bare loop of {THREADS}: {decided / wire:.1f}/s; {reached} of it"
        + ("; aim 70 %" if latency == 50 and bundle_size else ""),
    )
    yield Row(what=f"pushes, {how}: calls a push", figure=f"{calls / decided:.2f}", note="at best 3")


def _pushed(portal: Portal, number: int) -> float:
    """Let a worker carry all out; give the seconds from the first claim to the last confirmation, by its own clock."""
    with portal.process(sys.executable, "-u", "-m", "flask", "--app", "app", "jobs", "work"):
        wait_until(lambda: portal.store("SELECT count(*) FROM push WHERE tries > 0") != (0,))
        started = time.monotonic()
        before = portal.store("SELECT count(*) FROM push WHERE state = 'confirmed'")[0]
        wait_until(lambda: portal.store("SELECT count(*) FROM push WHERE state = 'confirmed'") == (number,), LIMIT)
        seconds = time.monotonic() - started
    settled = [datetime.fromisoformat(str(one)) for one in portal.store(
        "SELECT min(settled_at), max(settled_at) FROM push WHERE state = 'confirmed'"
    )]  # fmt: skip
    spread = (settled[1] - settled[0]).total_seconds()
    left = number - int(str(before))
    return spread * number / max(1, number - 1) if spread else seconds * number / max(1, left)


def _wire(sandbox: Sandbox, number: int) -> float:
    """Make three calls a push by a bare loop: read the lines, change one, read them again; give the seconds."""
    with caller("human") as person:
        rows = person.get(
            f"{sandbox.url}{BASE}/finance/agreements",
            params={
                "conditions": 'agreementStatus = "Active"',
                "pageSize": "1000",
                "fields": "id",
                "orderBy": "id desc",
            },
            timeout=60,
        ).json()
    ids = iter([row["id"] for row in rows] * 10)
    done = [0]
    lock = threading.Lock()

    def work() -> None:
        with caller("human") as session:
            while _one(session, sandbox, ids, done, lock, number):
                pass

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - started


def _one(
    session: requests.Session, sandbox: Sandbox, ids: Iterator[int], done: list[int], lock: threading.Lock, number: int
) -> bool:
    with lock:
        if done[0] >= number:
            return False
        agreement = next(ids)
    path = f"{sandbox.url}{BASE}/finance/agreements/{agreement}/additions"
    lines = session.get(path, params={"pageSize": "1000"}, timeout=60).json()
    if not lines:
        return True
    # the same quantity again: what a push expects stays as it is
    body = [{"op": "replace", "path": "description", "value": lines[0].get("description", "")}]
    session.patch(f"{path}/{lines[0]['id']}", json=body, timeout=60)
    session.get(path, params={"pageSize": "1000"}, timeout=60).json()
    with lock:
        done[0] += 1
    return True
