"""Runs the benches: every module `bench_*.py` beside this one, or those that are named.

A bench is a module with a `TITLE` and a function `bench(kit)` that yields rows. Its figures depend on the machine;
its ratios, against a floor measured in the same run, hardly do.
"""

import argparse
import importlib
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.bench.kit import Kit, Row  # noqa: E402 - found by the line above


def head(title: str) -> str:
    """Give the beginning of a table of Markdown."""
    return f"### {title}\n\n| what | figure | ratio | against |\n| --- | ---: | ---: | --- |\n"


def line(row: Row) -> str:
    """Give a row of it."""
    return f"| {row.what} | {row.figure} | {row.ratio} | {row.note} |\n"


def write(text: str) -> None:
    """Print at once, so that a run that is cut short still tells what it measured."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _ended(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(143)  # by way of every "finally", which end the processes


def main() -> int:
    """Run what was asked for; print each row as it comes."""
    names = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description="Measure how fast the portal is.")
    parser.add_argument("names", nargs="*", help=f"which benches: {', '.join(names)}; all if left out")
    parser.add_argument("--long", action="store_true", help="also what takes long")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(names):
        parser.error(f"There is no bench {', '.join(sorted(unknown))}.")
    signal.signal(signal.SIGTERM, _ended)
    failed = 0
    write(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}\n\n")
    for name in asked.names or names:
        module = importlib.import_module(f"tests.bench.bench_{name}")
        started = time.monotonic()
        write(head(module.TITLE))
        with tempfile.TemporaryDirectory(prefix="countersign-bench-", ignore_cleanup_errors=True) as folder:
            try:
                for row in module.bench(Kit(Path(folder), asked.long)):
                    write(line(row))
            except Exception as error:  # noqa: BLE001 - the other benches are run all the same
                failed += 1
                write(line(Row(what="stopped", figure="", note=f"{type(error).__name__}: {str(error)[:300]}")))
        write(f"\n_{time.monotonic() - started:.0f} s_\n\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
