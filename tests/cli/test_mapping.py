import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy.orm import Session

from portal.db.records import AccountMapping

TRAPS = Path(__file__).parents[1] / "samples" / "traps"


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def test_a_file_is_compared_then_applied_then_exported_to_the_byte(runner: FlaskCliRunner, session: Session) -> None:
    file = str(TRAPS / "mapping.json")

    looked = runner.invoke(args=["mapping", "import", file])
    assert (looked.exit_code, "88 maps, 0 moves, 1 excludes, 0 refused, 0 equal." in looked.output) == (0, True)
    assert "Nothing was changed. With --apply it is." in looked.output
    assert session.scalars(sa.select(AccountMapping)).all() == []
    session.rollback()
    applied = runner.invoke(args=["mapping", "import", file, "--apply"])
    assert (applied.exit_code, applied.output.endswith("Applied.\n")) == (0, True)

    exported = runner.invoke(args=["mapping", "export"])
    again = runner.invoke(args=["mapping", "import", file])

    assert exported.output == (TRAPS / "mapping.json").read_text()
    assert "0 maps, 0 moves, 0 excludes, 0 refused, 89 equal." in again.output


def test_a_refused_entry_is_named_and_nothing_is_applied(
    runner: FlaskCliRunner, session: Session, tmp_path: Path
) -> None:
    data = json.loads((TRAPS / "mapping.json").read_text())
    data["accounts"][3]["company_id"] = "seven"
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps(data))

    result = runner.invoke(args=["mapping", "import", str(file), "--apply"])

    assert result.exit_code == 1
    assert "Refused: line 5: Its “company_id” has to be the company's id" in result.output
    assert session.scalars(sa.select(AccountMapping)).all() == []


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["import", "/nowhere.json"], 2, "does not exist"),
        (["import", str(TRAPS / "README.md")], 1, "The file is not JSON"),
        (["import", str(TRAPS / "usage" / "wideopen-utf16-2026-10.tsv")], 1, "UTF-8"),
        (["unmapped", "--period", "10/2026"], 2, "not a month"),
        (["inactive", "--period", "2026-13"], 2, "month 13"),
    ],
)
def test_misuse_and_refusals_have_their_exit_codes(
    runner: FlaskCliRunner, args: list[str], code: int, words: str
) -> None:
    result = runner.invoke(args=["mapping", *args])

    assert (result.exit_code, words in result.output) == (code, True), result.output


def test_empty_lists_are_headers_alone(runner: FlaskCliRunner) -> None:
    unmapped = runner.invoke(args=["mapping", "unmapped", "--period", "2026-10"])
    inactive = runner.invoke(args=["mapping", "inactive"])

    assert unmapped.output == "what,vendor,id,term,name,units,monthly_money\n"
    assert inactive.output == ("vendor,account_id,account_name,status,result,mapping,units_2026-09,units_2026-10\n")
