from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from portal.sandbox.server import running

TRAPS = Path(__file__).parents[1] / "samples" / "traps"


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def test_a_whole_set_is_loaded_line_by_line_and_the_commands_agree_with_it(runner: FlaskCliRunner) -> None:
    with running(TRAPS) as sandbox:
        loaded = runner.invoke(args=["samples", "load", str(TRAPS), "--connectwise", sandbox.base_url])
        again = runner.invoke(args=["samples", "load", str(TRAPS), "--connectwise", f"{sandbox.base_url}/"])

    assert loaded.exit_code == 0, loaded.output
    assert "Step 2, 2026-10-28T09:00:00-04:00." in loaded.output
    assert loaded.output.endswith("Loaded traps.\n")
    assert (again.exit_code, "is loaded already" in again.output) == (0, True)
    for command, file in (("unmapped", "unmapped"), ("inactive", "hidden-accounts")):
        result = runner.invoke(args=["mapping", command, "--period", "2026-10"])
        assert result.output == (TRAPS / "expected" / f"{file}-2026-10.csv").read_text()


def test_a_sandbox_that_does_not_answer_is_said(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=["samples", "load", str(TRAPS), "--connectwise", "http://127.0.0.1:9"])

    assert result.exit_code == 1
    assert "No sandbox answers at http://127.0.0.1:9." in result.output


def test_a_failed_load_goes_on_from_there(runner: FlaskCliRunner) -> None:
    runner.invoke(args=["samples", "load", str(TRAPS), "--connectwise", "http://127.0.0.1:9"])

    with running(TRAPS) as sandbox:
        result = runner.invoke(args=["samples", "load", str(TRAPS), "--connectwise", sandbox.base_url])

    assert result.exit_code == 0, result.output
    assert "Mapping: 0 entries set, 89 as they were." in result.output


def test_a_folder_that_is_not_there_is_misuse(runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=["samples", "load", "/nowhere"]).exit_code == 2
