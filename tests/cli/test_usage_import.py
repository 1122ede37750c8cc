"""``flask usage import``: known files without a profile, open questions, and a look that leaves nothing."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.cli import usage as command
from portal.db.records import UsageImport, UsageRow, Vendor
from tests.cli.conftest import MAIL, Shell

FILES = Path(__file__).parents[1] / "vendors" / "files"
ASKED = 'Customer,SKU,Quantity\nA-1,S-1,"1,234"\nA-2,S-1,"2,345"\n'


def written(folder: Path, content: str | bytes, name: str = "file.csv") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def kept(shell: Shell) -> tuple[int, int, int]:
    """How many imports, rows of files, and vendors there are."""
    with Session(shell.desk.engine) as session:
        found = [
            session.scalar(sa.select(sa.func.count()).select_from(record)) or 0
            for record in (UsageImport, UsageRow, Vendor)
        ]
    return found[0], found[1], found[2]


def test_a_look_leaves_nothing_not_even_its_new_vendor(shell: Shell, tmp_path: Path) -> None:
    before = kept(shell)

    said = shell.ok("usage", "import", str(written(tmp_path, ASKED)), "--vendor", "Never Seen")

    assert "Never Seen is a new vendor." in said
    assert "2 lines, 2 counts for 2026-10." in said
    assert "Nothing counts yet. With --commit it does." in said
    assert kept(shell) == before


def test_an_open_question_is_a_sentence_and_refuses_the_commit(shell: Shell, tmp_path: Path) -> None:
    before = kept(shell)
    file = written(tmp_path, ASKED)

    result = shell.run("usage", "import", str(file), "--vendor", "Never Seen", "--commit")

    assert result.exit_code == 1
    assert "question: “1,234” on line 2 can be read as 1234 or as 1.234. Which is it?" in result.stdout
    assert "Error: Nothing was imported, since a question is open." in result.output
    assert kept(shell) == before


def test_a_long_reading_tells_how_far_it_is(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(f"A-{number},S-1,{number}\n" for number in range(2500))
    file = written(tmp_path, "Customer,SKU,Quantity\n" + lines)
    monkeypatch.setattr(command, "PROGRESS_SECONDS", 0.0)

    result = shell.run("usage", "import", str(file), "--vendor", "Never Seen", "--commit", "--by", f"biller@{MAIL}")

    assert "1000 lines so far." in result.stderr
    assert "Committed: 2500 lines, 2500 counts for 2026-10." in result.stdout
    assert "Same content" in shell.ok("usage", "import", str(file), "--vendor", "Never Seen", "--commit")


def test_a_known_file_needs_no_profile(shell: Shell) -> None:
    file = FILES / "cipp-licences.csv"

    said = shell.ok("usage", "import", str(file), "--vendor", "Tenant Licences", "--commit", "--by", f"biller@{MAIL}")

    assert "known as " in said
    assert "question:" not in said
    assert "Committed" in said
