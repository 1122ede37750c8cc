"""A large file is read in flat memory: what is measured is the process's own peak."""

import subprocess
import sys
from pathlib import Path

import pytest

from portal.vendors import sums
from portal.vendors.errors import Unreadable
from tests.vendors.conftest import HEADER, plain_profile, read

ROWS = 250_000
MOST = 150  # MB, for the whole process
READER = """
import re, sys
from pathlib import Path
from portal.vendors.counting import Tally
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import open_table
from tests.vendors.conftest import COLUMNS
profile = FileProfile.from_spec({"columns": COLUMNS})
table = open_table(Path(sys.argv[1]), profile)
tally = Tally(profile, table)
for row in table.rows:
    tally.take_parts(row)
found = tally.finish()
# the peak of this process alone: what `getrusage` tells includes the one that started it
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(tally.summary().counted, len(found.counts), int(peak[1]) >> 10)
"""


def test_a_quarter_of_a_million_rows_stay_within_the_memory_that_is_promised(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    with path.open("w") as file:
        file.write(HEADER)
        for number in range(ROWS):
            key = number * 7919 % 40_000
            file.write(f"A-{key // 8},Customer {key // 8},active,S-{key % 8},Seat,Monthly,{number % 50}\n")
    done = subprocess.run(  # noqa: S603 - our own reader
        [sys.executable, "-c", READER, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    counted, counts, memory = map(int, done.stdout.split())

    assert (counted, counts) == (ROWS, 40_000)
    assert memory < MOST


def test_more_different_counts_than_are_held_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "MAX_COUNTS", 10)
    path = tmp_path / "usage.csv"
    path.write_text(HEADER + "".join(f"A-{number},,,S-1,,,1\n" for number in range(11)))

    with pytest.raises(Unreadable, match="more than 10 different accounts and services"):
        read(path, plain_profile())
