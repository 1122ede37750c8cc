"""Runs the benches: every module `bench_*.py` beside this one, or those that are named.

A bench is a module with a `TITLE` and a function `bench(kit)` that yields rows. Its figures depend on the machine;
its ratios, against a floor measured in the same run, hardly do.
"""

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.bench.kit import Kit, Row  # noqa: E402 - found by the line above


def table(title: str, rows: Iterable[Row]) -> str:
    """Give rows as a table of Markdown."""
    lines = [f"### {title}", "", "| what | figure | ratio | against |", "| --- | ---: | ---: | --- |"]
    lines += [f"| {row.what} | {row.figure} | {row.ratio} | {row.note} |" for row in rows]
    return "\n".join(lines)


def main() -> int:
    """Run what was asked for; print each table when it is done."""
    names = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description="Measure how fast the portal is.")
    parser.add_argument("names", nargs="*", help=f"which benches: {', '.join(names)}; all if left out")
    parser.add_argument("--long", action="store_true", help="also what takes long")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(names):
        parser.error(f"There is no bench {', '.join(sorted(unknown))}.")
    failed = 0
    sys.stdout.write(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}\n\n")
    for name in asked.names or names:
        module = importlib.import_module(f"tests.bench.bench_{name}")
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="countersign-bench-") as folder:
            kit = Kit(Path(folder), asked.long, lambda line: print(f"  {line}", file=sys.stderr, flush=True))  # noqa: T201
            rows: list[Row] = []
            try:
                rows.extend(module.bench(kit))
            except Exception as error:  # noqa: BLE001 - the other benches are run all the same
                failed += 1
                rows.append(Row(what="stopped", figure="", note=f"{type(error).__name__}: {str(error)[:300]}"))
            sys.stdout.write(f"{table(module.TITLE, rows)}\n\n_{time.monotonic() - started:.0f} s_\n\n")
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
