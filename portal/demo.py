"""The demo: the ConnectWise sandbox, the portal and its worker on a made-up month, in the foreground.

It lives in `instance/demo/`, apart from real data. A second start keeps what was done; `reset` forgets it.
"""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from types import FrameType
from typing import NoReturn

from portal.config import ROOT

FOLDER = ROOT / "instance" / "demo"
MONTH = ROOT / "portal" / "sandbox" / "month"
START = "2026-10-28T09:00:00-04:00"  # the month's last step
PASSWORD = "countersign-demo"  # noqa: S105 - the demo's well-known password, refused elsewhere
ROLES = ("biller", "manager", "admin", "viewer")
STARTING_SECONDS = 60


class CannotStart(Exception):
    """The demo cannot start. The text says what to do."""


def main() -> int:
    """Run the demo, or with `reset` forget it."""
    try:
        if sys.argv[1:] == ["reset"]:
            forget()
            print(f"The demo in {FOLDER.relative_to(ROOT)} is gone. “make demo” starts anew.")
            return 0
        return run(port=_port("PORT", 8000), sandbox_port=_port("SANDBOX_PORT", 8091))
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1


def forget() -> None:
    """Delete the demo's folder.

    Raises:
        CannotStart: The demo is running.
    """
    if _is_taken(_port("SANDBOX_PORT", 8091)) and _is_taken(_port("PORT", 8000)) and FOLDER.exists():
        raise CannotStart("The demo is still running. End it with Ctrl-C, then reset it.")
    shutil.rmtree(FOLDER, ignore_errors=True)


def run(*, port: int, sandbox_port: int) -> int:
    """Start all three parts, print where to go, and wait for Ctrl-C or for one of them to end.

    Raises:
        CannotStart: A port is taken, or a part does not come up.
    """
    for number, name, purpose in ((port, "PORT", "portal"), (sandbox_port, "SANDBOX_PORT", "sandbox")):
        if _is_taken(number):
            raise CannotStart(
                f"Port {number}, meant for the {purpose}, is taken by another program. "
                f"End that one, or choose another port: make demo {name}={number + 100}"
            )
    FOLDER.mkdir(parents=True, exist_ok=True)
    environment = _environment(port)
    parts: list[subprocess.Popen[bytes]] = []
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        print("Starting the ConnectWise sandbox …", flush=True)
        parts.append(_flask(environment, "sandbox", "serve", "--data", str(MONTH), "--port", str(sandbox_port),
                            "--state", str(FOLDER / "sandbox.state")))  # fmt: skip
        _wait_for(sandbox_port, parts)
        _prepare(environment, f"http://127.0.0.1:{sandbox_port}")
        parts.append(_portal(environment, port))
        parts.append(_flask(environment, "jobs", "work"))
        _wait_for(port, parts)
        print(_welcome(port), flush=True)
        while all(part.poll() is None for part in parts):
            time.sleep(0.5)  # not bounded on purpose: in the foreground until Ctrl-C, or until a part ends
    except KeyboardInterrupt:
        print("\nEnding the demo. What was done is kept; “make demo-reset” forgets it.")
        return 0
    else:
        print("A part of the demo ended by itself; the lines above say why. What was done is kept.", file=sys.stderr)
        return 1
    finally:
        _end(parts)


def _prepare(environment: Mapping[str, str], sandbox: str) -> None:
    """Migrate, make the four people, and load the month on the first start."""
    _do(environment, "db", "upgrade")
    if (FOLDER / "loaded").exists():
        return
    print("Loading October 2026 of a made-up MSP …", flush=True)
    _do(environment, "demo", "people")
    _do(environment, "samples", "load", str(MONTH), "--connectwise", sandbox)
    (FOLDER / "loaded").touch()


def _welcome(port: int) -> str:
    people = "\n".join(f"    {role}@demo.example" for role in ROLES)
    return (
        f"\n  Countersign is ready:  http://127.0.0.1:{port}\n\n  Sign in as one of\n{people}\n"
        f"  each with the password  {PASSWORD}\n\n  The clock was set to 28 October 2026. Ctrl-C ends the demo.\n"
    )


def _environment(port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    return kept | {
        "COUNTERSIGN_INSTANCE": str(FOLDER),
        "COUNTERSIGN_DEMO": "1",
        "COUNTERSIGN_TIME_ZONE": "America/New_York",
        "COUNTERSIGN_NOW": _now(),
        "COUNTERSIGN_BASE_URL": f"http://127.0.0.1:{port}",
        "FLASK_SKIP_DOTENV": "1",
    }


def _now() -> str:
    """Where the clock starts: at the month's last step, or where an earlier start of the demo left it."""
    start = datetime.fromisoformat(START)
    file = FOLDER / "countersign.sqlite"
    if not file.exists():
        return START
    with closing(sqlite3.connect(file)) as connection:
        try:
            found = connection.execute("SELECT max(at) FROM audit_event").fetchone()[0]
        except sqlite3.OperationalError:
            return START
    last = datetime.fromisoformat(f"{found}+00:00") if found else start
    return max(start, last).isoformat()


def _flask(environment: Mapping[str, str], *words: str) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own, so that Ctrl-C reaches us alone and we end it in order."""
    command = [sys.executable, "-m", "flask", "--app", "app", *words]
    return subprocess.Popen(command, cwd=ROOT, env=dict(environment), start_new_session=True)  # noqa: S603 - our own


def _portal(environment: Mapping[str, str], port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "waitress", "--host=127.0.0.1", f"--port={port}", "--threads=8",
               "--ident=Countersign", "app:app"]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, env=dict(environment), start_new_session=True)  # noqa: S603 - our own


def _do(environment: Mapping[str, str], *words: str) -> None:
    command = [sys.executable, "-m", "flask", "--app", "app", *words]
    done = subprocess.run(command, cwd=ROOT, env=dict(environment), check=False)  # noqa: S603 - our own
    if done.returncode:
        raise CannotStart(
            f"“flask {' '.join(words[:2])}” failed; the lines above say why. “make demo-reset” starts anew."
        )


def _wait_for(port: int, parts: list[subprocess.Popen[bytes]]) -> None:
    """Wait until something listens on the port (a bounded wait for a state)."""
    for _ in range(STARTING_SECONDS * 10):
        if _is_taken(port):
            return
        if any(part.poll() is not None for part in parts):
            break
        time.sleep(0.1)  # a state is waited for, with a bound
    raise CannotStart(f"Nothing came up on port {port}. The lines above say why.")


def _end(parts: list[subprocess.Popen[bytes]]) -> None:
    """End what was started, the worker first, so that it finishes the step in hand."""
    for part in reversed(parts):
        if part.poll() is None:
            part.terminate()
            try:
                part.wait(timeout=20)
            except subprocess.TimeoutExpired:
                part.kill()


def _as_interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _is_taken(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _port(name: str, default: int) -> int:
    text = os.environ.get(name, "") or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:  # noqa: PLR2004 - the largest port there is
        raise CannotStart(f"{name}={text} is not a port. Choose a number from 1024 to 65535.")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
