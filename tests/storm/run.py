"""`make storm`: five storms and their controls, as a table; exit code 1 where a rule broke."""

import sys
import tempfile
import time
from pathlib import Path

from portal.sandbox.server import Running, running
from tests.storm.kit import load_month
from tests.storm.made_month import EACH, make_month
from tests.storm.storm import WRITE_FAULTS, Result, Size, Storm
from tests.storm.verdict import Verdict, judge

DECISIONS = 400
SEEDS = (1, 2, 3, 4, 5)
SIZE = Size(kills=30, every=2.0, edits=80, most=600, left=10)
CONTROL = Size(kills=10, every=2.0, edits=30, most=150, left=200)
_HEAD = (
    ("seed", 5), ("decisions", 10), ("writes", 7), *((kind, 15) for kind in WRITE_FAULTS), ("kills", 6),
    ("confirmed", 10), ("held", 5), ("lost", 5), ("doubled", 8), ("overwritten", 12), ("untrue", 7),
    ("settled after", 14), ("control doubles", 16), ("took", 6),
)  # fmt: skip


def main() -> int:
    """Storm with every seed."""
    seeds = [int(word) for word in sys.argv[1:]] or list(SEEDS)
    broken: list[str] = []
    print("".join(word.rjust(width) for word, width in _HEAD), flush=True)  # noqa: T201 - a command prints
    with tempfile.TemporaryDirectory(prefix="storm-") as name:
        folder = Path(name)
        month = make_month(folder / "month", DECISIONS // EACH)
        with running(month) as sandbox:
            loaded = load_month(month, sandbox.base_url, folder / "loaded")
            for seed in seeds:
                broken += _one(seed, sandbox, loaded, folder / str(seed))
    for sentence in broken:
        print(f"Broken: {sentence}")  # noqa: T201 - as above
    print("A rule broke." if broken else "No rule broke.")  # noqa: T201 - as above
    return 1 if broken else 0


def _one(seed: int, sandbox: Running, loaded: Path, folder: Path) -> list[str]:
    """Storm once, and once as the control; give what broke."""
    began = time.monotonic()
    storm = Storm(sandbox, loaded, folder / "storm", seed=seed, size=SIZE)
    result = storm.run()
    verdict = judge(result, storm.pushes())
    control = Storm(sandbox, loaded, folder / "control", seed=seed, size=CONTROL, blind=True)
    left = control.run()
    doubles = len(judge(left, control.pushes()).doubled)
    _print(seed, result, verdict, doubles, time.monotonic() - began)
    broken = [f"seed {seed}: {sentence}" for sentence in verdict.broken]
    if len(result.decided) != DECISIONS:
        broken.append(f"seed {seed}: {len(result.decided)} decisions were made in place of {DECISIONS}.")
    if result.kills != SIZE.kills:
        broken.append(f"seed {seed}: {result.kills} kills in place of {SIZE.kills}.")
    if result.settled_after is None:
        broken.append(f"seed {seed}: not settled within a minute after the faults ended.")
    if not doubles:
        broken.append(f"seed {seed}: the control, which sends unseen, doubled nothing. The test proves nothing.")
    return broken


def _print(seed: int, result: Result, verdict: Verdict, doubles: int, took: float) -> None:
    after = "never" if result.settled_after is None else f"{result.settled_after:.1f} s"
    cells = (
        seed, verdict.decisions, verdict.sent, *(verdict.faults[kind] for kind in WRITE_FAULTS), result.kills,
        verdict.confirmed, verdict.held, len(verdict.lost), len(verdict.doubled), len(verdict.overwritten),
        len(verdict.untrue), after, doubles, f"{took:.0f} s",
    )  # fmt: skip
    print("".join(str(cell).rjust(width) for cell, (_, width) in zip(cells, _HEAD, strict=True)), flush=True)  # noqa: T201 - a command prints


if __name__ == "__main__":
    sys.exit(main())
