"""The settings of a demo as a browser meets it, and its worker."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.config import ROOT

PATIENCE_MS = 30_000  # for a state to come: a bound for a busy machine, which costs nothing where it comes
PASSWORD = "countersign-demo"
SECRET = "a-key-of-a-bare-installation-in-tests"
NOW = "2026-10-28T09:00:00-04:00"


def environment(instance: Path, base_url: str = "http://127.0.0.1:8000") -> dict[str, str]:
    """The settings of a demo in this folder."""
    return {
        "COUNTERSIGN_INSTANCE": str(instance),
        "COUNTERSIGN_DEMO": "1",
        "COUNTERSIGN_NOW": NOW,
        "COUNTERSIGN_TIME_ZONE": "America/New_York",
        "COUNTERSIGN_BASE_URL": base_url,
        "FLASK_SKIP_DOTENV": "1",
    }


def installation(instance: Path) -> dict[str, str]:
    """The settings of an installation in this folder that is no demo."""
    found = environment(instance)
    del found["COUNTERSIGN_DEMO"]
    return found | {"COUNTERSIGN_SECRET_KEY": SECRET}


@contextmanager
def worker(environ: dict[str, str]) -> Iterator[None]:
    """A worker of a portal with these settings."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app", "jobs", "work"],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)
