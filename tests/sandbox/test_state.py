import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
import requests

from portal.sandbox.jsontext import Record
from portal.sandbox.server import Running, ServeError, running
from portal.sandbox.sizes import made
from tests.sandbox.caller import CLIENT, Caller

LINES = "/finance/agreements/40/additions"
ROOT = Path(__file__).parents[2]


@contextmanager
def a_process(data: Path | None, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command line's sandbox in a process of its own, and the address that it prints."""
    command = "from portal.cli.sandbox import group; group()"
    arguments = [sys.executable, "-u", "-c", command, "serve", "--port", "0", *options]
    if data is not None:
        arguments += ["--data", str(data)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("ConnectWise sandbox on http://127.0.0.1:"), line
            yield process, line.split()[3]
        finally:
            process.kill()


class Elsewhere(Caller):
    """A caller of a sandbox in another process."""

    def __init__(self, base_url: str, store: Running) -> None:
        super().__init__(Running(base_url=base_url, store=store.store, faults=store.faults))


@pytest.mark.crash
def test_what_was_answered_is_there_after_a_kill(made_up_set: Path, tmp_path: Path, sandbox: Running) -> None:
    state = tmp_path / "state" / "sandbox.jsonl"
    answered: list[int] = []
    with a_process(made_up_set, "--state", str(state)) as (process, url):
        caller = Elsewhere(url, sandbox)
        caller.steer("step", {"step": 2})
        made = caller.created(LINES, product={"id": 71}, billCustomer="Billable")

        def write_until_killed() -> None:
            for quantity in range(1, 10_000):
                try:
                    caller.changed(f"{LINES}/900", quantity=quantity)
                except requests.ConnectionError:
                    return
                answered.append(quantity)

        writer = threading.Thread(target=write_until_killed)
        writer.start()
        deadline = time.monotonic() + 20
        while len(answered) < 20 and time.monotonic() < deadline:
            time.sleep(0.005)  # a state is waited for, with a bound
        os.kill(process.pid, signal.SIGKILL)
        writer.join()
        process.wait()
    assert len(answered) >= 20

    with a_process(made_up_set, "--state", str(state)) as (process, url):
        caller = Elsewhere(url, sandbox)
        line = caller.get(f"{LINES}/900")
        assert line["quantity"] in {answered[-1], answered[-1] + 1}  # the one in flight may have been kept
        assert caller.get(f"{LINES}/{made['id']}") == made
        assert requests.get(f"{url}/_sandbox/step", timeout=5).json()["step"] == 2
        later = caller.changed(f"{LINES}/900", quantity=0)
        assert later["_info"]["lastUpdated"] > line["_info"]["lastUpdated"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.crash
def test_kills_in_mid_write_never_cost_what_was_answered_nor_the_file(tmp_path: Path) -> None:
    state, random = tmp_path / "state.jsonl", Random(3)  # noqa: S311 - to kill at the same counts again
    line = next(line for line in made("small").steps[0].records["additions"].values() if is_open(line))
    path = f"/v4_6_release/apis/3.0/finance/agreements/{line['agreementId']}/additions/{line['id']}"
    answered, sent = -1, 0
    for _ in range(5):
        with a_process(None, "--size", "small", "--state", str(state)) as (process, url), requests.Session() as person:
            person.auth, person.headers["clientId"] = ("sandbox+human", "human-secret"), CLIENT
            kept = person.get(url + path, timeout=10).json()["quantity"]
            assert answered == -1 or answered <= kept <= sent
            last = sent + random.randrange(5, 40)
            killer = threading.Timer(random.random() / 4, process.kill)
            while True:
                sent += 1
                if sent == last:
                    killer.start()  # it strikes while the next writes are under way
                body = [{"op": "replace", "path": "quantity", "value": sent}]
                try:
                    answer = person.patch(url + path, json=body, timeout=10)
                except requests.ConnectionError:
                    break
                assert answer.status_code == 200, answer.text
                answered = sent
            killer.join()
            process.wait(10)
    assert answered > 25
    with a_process(None, "--size", "small", "--state", str(state)) as (_, url):
        kept = requests.get(
            url + path, auth=("sandbox+human", "human-secret"), headers={"clientId": CLIENT}, timeout=10
        )
        assert answered <= kept.json()["quantity"] <= sent


def is_open(line: Record) -> bool:
    return line["agreementStatus"] == "Active" and "cancelledDate" not in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(made_up_set: Path, number: int) -> None:
    with a_process(made_up_set) as (process, url):
        assert requests.get(f"{url}/login/companyinfo/sandbox", timeout=5).status_code == 200
        process.send_signal(number)
        assert process.wait(10) == 0


def test_a_taken_port_ends_the_command_with_a_sentence(made_up_set: Path) -> None:
    command = "from portal.cli.sandbox import group; group()"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        arguments = [sys.executable, "-c", command, "serve", "--data", str(made_up_set), "--port", port]
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"port {port}" in done.stderr
    assert "in use" in done.stderr


def test_state_stays_over_a_restart_and_goes_with_a_reset(made_up_set: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    with running(made_up_set, state=state) as sandbox:
        human = Caller(sandbox, "human")
        human.changed("/finance/agreements/40", cancelledFlag=True)
        human.send("DELETE", "/company/companies/statuses/9")
        trail = human.get("/system/audittrail", type="Agreement", id=40)
    with running(made_up_set, state=state) as sandbox:
        human = Caller(sandbox, "human")
        assert human.get("/finance/agreements/40")["agreementStatus"] == "Cancelled"
        assert human.get(f"{LINES}/900")["agreementStatus"] == "Cancelled"
        assert human.ids("/company/companies/statuses") == [8]
        assert human.get("/system/audittrail", type="Agreement", id=40) == trail
        human.steer("reset")
    with running(made_up_set, state=state) as sandbox:
        assert Caller(sandbox).get("/finance/agreements/40")["agreementStatus"] == "Active"


def test_a_torn_last_line_is_cut_off(made_up_set: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    with running(made_up_set, state=state) as sandbox:
        Caller(sandbox).changed(f"{LINES}/900", quantity=30)
        Caller(sandbox).changed(f"{LINES}/900", quantity=31)
    whole = state.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    for length in (1, len(last) // 2, len(last) - 1):
        state.write_bytes(whole.removesuffix(last) + last[:length])
        with running(made_up_set, state=state) as sandbox:
            assert Caller(sandbox).get(f"{LINES}/900")["quantity"] == 30
            Caller(sandbox).changed(f"{LINES}/900", quantity=32)
        with running(made_up_set, state=state) as sandbox:
            assert Caller(sandbox).get(f"{LINES}/900")["quantity"] == 32


@pytest.mark.parametrize("text", ['{"kind"\n{"kind": "step", "step": 2}\n', "[]\n[]\n", '{"kind": "other"}\n'])
def test_a_damaged_state_file_is_a_sentence(made_up_set: Path, tmp_path: Path, text: str) -> None:
    state = tmp_path / "state.jsonl"
    state.write_text(text)

    with pytest.raises(ServeError, match="state file"), running(made_up_set, state=state):
        pass


def test_faults_and_latency_may_be_set_from_the_start(made_up_set: Path, tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text('[{"kind": "status_before", "status": 500}]')
    with running(made_up_set, faults=faults, latency=0.05) as sandbox:
        caller = Caller(sandbox)
        started = time.monotonic()
        assert caller.send("GET", LINES).status_code == 500
        assert caller.send("GET", LINES).status_code == 200
        assert time.monotonic() - started >= 0.1
    faults.write_text("{")
    with pytest.raises(ServeError, match="faults"), running(made_up_set, faults=faults):
        pass


def test_many_callers_at_once_lose_nothing(sandbox: Running) -> None:
    def write(start: int) -> None:
        caller = Caller(sandbox)
        for _ in range(10):
            caller.created(LINES, product={"id": 71}, billCustomer="Billable", quantity=start)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    rows = [row for row in Caller(sandbox).get(LINES, pageSize=1000) if row["id"] > 904]
    assert sorted(int(row["quantity"]) for row in rows) == sorted(list(range(8)) * 10)
    assert len({row["_info"]["lastUpdated"] for row in rows}) == 80
