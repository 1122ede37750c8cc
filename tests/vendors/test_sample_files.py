import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from portal.vendors.counting import Outcome
from portal.vendors.detection import detect
from portal.vendors.profiles import OF_ONE_FILE, FileProfile
from tests.vendors.conftest import read

TESTS = Path(__file__).parents[1]
SETS = (TESTS / "samples" / "small", TESTS / "samples" / "traps", TESTS.parent / "portal" / "sandbox" / "month")
TOTALS = "expected/totals-2026-10.json"


def entries() -> list[tuple[Path, dict[str, Any]]]:
    return [(one, entry) for one in SETS for entry in json.loads((one / "profiles.json").read_text())["files"]]


every_file = pytest.mark.parametrize(
    ("folder", "entry"), entries(), ids=lambda value: value["file"] if isinstance(value, dict) else value.name
)


@every_file
def test_every_sample_file_gives_its_rows_and_counts(folder: Path, entry: dict[str, Any]) -> None:
    found = read(folder / entry["file"], FileProfile.from_spec(entry))

    if not (folder / TOTALS).is_file():
        assert found.counts
        return
    expected = {one["file"]: one for one in json.loads((folder / TOTALS).read_text())["imports"]}[entry["file"]]
    assert (len(found.results), len(found.counts), found.problems) == (expected["rows"], expected["counts"], [])


@every_file
def test_a_first_guess_finds_table_columns_and_marks(folder: Path, entry: dict[str, Any]) -> None:
    guess = detect(folder / entry["file"], entry["file"]).guess

    # what a row means for the count is a person's to say, so filters and charge words are never guessed
    said = {name: value for name, value in entry.items() if name not in {*OF_ONE_FILE, "filters", "net", "columns"}}
    assert {name: guess.get(name) for name in said} == said
    columns = guess["columns"]
    assert isinstance(columns, dict)
    assert {role: columns.get(role) for role in entry["columns"]} == entry["columns"]


def test_outcomes_add_up_to_the_rows_read() -> None:
    for folder, entry in entries():
        found = read(folder / entry["file"], FileProfile.from_spec(entry))
        assert Counter(one.outcome for one in found.results).total() == len(found.data())
        assert sum(len(count.lines) for count in found.counted.counts.values()) == sum(
            one.outcome in {Outcome.COUNTED, Outcome.ZERO} for one in found.results
        )
