import csv
import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal.sandbox.server import running
from tests.support.other_sets import make_other

TESTS = Path(__file__).parents[1]
SETS = {
    "small": TESTS / "samples" / "small",
    "traps": TESTS / "samples" / "traps",
    "month": TESTS.parent / "portal" / "sandbox" / "month",
}
EXPORTS = {
    "cards-2026-10.csv": ("cards", "export", "--period", "2026-10"),
    "unmapped-2026-10.csv": ("mapping", "unmapped", "--period", "2026-10"),
    "hidden-accounts-2026-10.csv": ("mapping", "inactive", "--period", "2026-10"),
}


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def loaded(app: Flask, folder: Path) -> dict[str, str]:
    """Load a set from the command line, and give what the exports say."""
    runner = app.test_cli_runner()
    with running(folder) as sandbox:
        result = runner.invoke(args=["samples", "load", str(folder), "--connectwise", sandbox.base_url])
    assert result.exit_code == 0, result.output
    return {name: runner.invoke(args=list(command)).stdout for name, command in EXPORTS.items()}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", SETS)
def test_a_set_in_which_everything_is_named_otherwise_comes_out_alike(
    app: Flask, tmp_path: Path, name: str, seed: int
) -> None:
    folder = tmp_path / "set"
    make_other(SETS[name], folder, seed)

    found = loaded(app, folder)

    for file in EXPORTS:
        expected: list[Any] = rows((folder / "expected" / file).read_text(encoding="utf-8"))
        assert rows(found[file]) == expected, file


def test_loading_a_set_again_changes_nothing(app: Flask, tmp_path: Path) -> None:
    folder = shutil.copytree(SETS["traps"], tmp_path / "set")

    first = loaded(app, folder)
    second = loaded(app, folder)

    assert first == second
