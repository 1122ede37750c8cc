"""Broken files, wrong answers and a store that cannot be used: always a sentence, and nothing is lost."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from portal.config import ROOT, Settings
from portal.factory import create_app
from tests.cli.conftest import MAIL, Shell

USAGE = Path(__file__).parents[1] / "samples" / "traps" / "usage"
HEAD = "Account,Account name,State,SKU,SKU name,Term,Units\r\n"
PLAINFIELD = ("--vendor", "plainfield-cloud")


def usage(shell: Shell, file: Path, *more: str, code: int = 0) -> str:
    args = ("usage", "import", str(file), *(more or PLAINFIELD))
    return shell.ok(*args) if code == 0 else shell.refused(*args, code=code)


def written(folder: Path, content: str | bytes, name: str = "file.csv") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_a_preview_names_each_problem_and_changes_nothing_until_committed(shell: Shell, tmp_path: Path) -> None:
    before = shell.ok("cards", "export", "--period", "2026-10")
    file = written(
        tmp_path,
        HEAD + "TAD-179,x,active,P-1,Seat,,30\r\nTBB-725,x,active,P-1,Seat,,twelve\r\n,,active,P-1,Seat,,5\r\n"
        "TX2,n,active,,,,5\r\nTX3,n,active,P-1,s,,-4\r\nTX4,n,active,P-1,s,,5,more\r\n",
    )

    said = usage(shell, file, *PLAINFIELD, "--partial")

    assert "6 lines - 5 with a problem = 1 that count" in said
    for words in ("line 3, column Units", "line 4, column Account", "line 5, column SKU", "line 6", "line 7"):
        assert f"problem: {words}" in said
    assert "With --commit it does." in said
    assert shell.ok("cards", "export", "--period", "2026-10") == before
    assert "Committed" in usage(shell, file, *PLAINFIELD, "--partial", "--commit", "--by", f"biller@{MAIL}")
    assert "1001,T01 Alder Dental,501,Managed Services,SEAT,increase,20,30,30,10" in shell.ok(
        "cards", "export", "--period", "2026-10"
    )
    assert "Same content" in usage(shell, file, *PLAINFIELD, "--partial", "--commit")


def test_many_accounts_that_fall_are_held_from_the_command_line_too(shell: Shell, tmp_path: Path) -> None:
    before = shell.ok("cards", "export", "--period", "2026-10")
    other = (USAGE / "coldharbour-2026-10-27.csv").read_bytes() + b"\r\n"

    said = usage(shell, written(tmp_path, other), "--vendor", "Coldharbour Vault", "--complete", "--commit")

    assert "Held: 30 accounts" in said
    assert shell.ok("cards", "export", "--period", "2026-10") == before


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "a.csv", "empty"),
        (b"PK\x03\x04garbage", "a.xlsx", "damaged"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "a.xls", "XLS"),
        (b"%PDF-1.7", "a.csv", "PDF"),
        (b"<!doctype html><p>sign in", "a.csv", "web page"),
        (b"a\0b,c\n1,2\n", "a.csv", "NUL"),
        (HEAD.encode(), "a.csv", "no line of data"),
        (HEAD.encode() + b'"TAD-179,x,active,P-1,Seat,,3\n', "a.csv", "."),
        (bytes(range(256)) * 20, "a.csv", "."),
        (b"Account,SKU,Units\na,b," + b"9" * 200_000, "a.csv", "."),
    ],
)
def test_a_broken_file_is_a_sentence(shell: Shell, tmp_path: Path, content: bytes, name: str, words: str) -> None:
    head = shell.ok("audit", "verify")

    said = usage(shell, written(tmp_path, content, name), *PLAINFIELD, "--commit", code=1)

    assert words in said
    assert shell.ok("audit", "verify") == head


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--by", f"viewer@{MAIL}"), 1, "Viewers"),
        (("--by", f"ghost@{MAIL}"), 1, "Nobody"),
        (("--counted-at", "2027-01-01"), 1, "still to come"),
        (("--counted-at", "soon"), 2, "is not a moment"),
        (("--period", "2026-99"), 1, "no month 99"),
        (("--period", "0001-01"), 1, "too far away"),
        (("--profile", "nope"), 1, "no profile"),
        (("--vendor", "Plainfeld Cloud"), 1, "Did you mean Plainfield Cloud?"),
    ],
)
def test_a_wrong_wish_is_a_sentence(shell: Shell, more: tuple[str, ...], code: int, words: str) -> None:
    args = more if "--vendor" in more else (*PLAINFIELD, *more)
    assert words in usage(shell, USAGE / "plainfield-2026-09.csv", *args, "--commit", code=code)


def test_a_mapping_file_with_a_refused_line_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    before = shell.ok("mapping", "export")
    good = '{"vendor": "Plainfield Cloud", "account_id": "TAD-179", "state": "mapped", "company_id": 1002}'
    bad = '{"vendor": "Plainfield Cloud", "account_id": "Q", "state": "mapped", "company_id": "x"}'
    file = written(tmp_path, f'{{"accounts": [\n{good},\n{bad}\n], "services": []}}', "mapping.json")

    for more in ((), ("--apply",)):
        result = shell.run("mapping", "import", str(file), *more)
        assert result.exit_code == 1
        assert "Moves: Plainfield Cloud account TAD-179: company 1001 -> company 1002" in result.output
        assert "Refused: line 3" in result.output
    assert shell.ok("mapping", "export") == before
    file.write_text(f'{{"accounts": [\n{good}\n]}}')
    assert "With --apply it is." in shell.ok("mapping", "import", str(file))
    assert "Viewers" in shell.refused("mapping", "import", str(file), "--apply", "--by", f"viewer@{MAIL}")
    assert shell.ok("mapping", "export") == before
    shell.ok("mapping", "import", str(file), "--apply", "--by", f"biller@{MAIL}")
    assert shell.ok("mapping", "export") != before


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"accounts": 3}', b"NaN", b"\xff", b"[" * 200_000, b'{"x": 1}']
)
def test_what_is_no_mapping_file_is_a_sentence(shell: Shell, tmp_path: Path, content: bytes) -> None:
    said = shell.refused("mapping", "import", str(written(tmp_path, content)), "--apply")
    assert said.endswith("Nothing was changed.")


@pytest.mark.parametrize("command", [("unmapped",), ("inactive",)])
@pytest.mark.parametrize("month", ["x", "2026-13", "0001-01", "9999-12"])
def test_a_month_that_cannot_be_is_misuse(shell: Shell, command: tuple[str, ...], month: str) -> None:
    assert "month" in shell.refused("mapping", *command, "--period", month, code=2).lower()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "html", "path": "/finance", "status": 200}, "web page"),
        ({"kind": "status_before", "status": 401, "path": "/company"}, "refused the key"),
        ({"kind": "drop_before", "path": "/company"}, "cannot be reached"),
    ],
)
def test_a_sync_that_fails_leaves_the_picture(shell: Shell, fault: dict[str, object], words: str) -> None:
    before = shell.ok("cards", "export", "--period", "2026-10")
    shell.desk.faults(fault | {"times": 99})

    said = shell.refused("sync", "run", "--full")

    assert words in said
    assert "stays in use" in said
    assert shell.ok("cards", "export", "--period", "2026-10") == before


def test_no_secret_is_ever_printed(shell: Shell, settings: Settings) -> None:
    texts = [
        shell.run(*command).output
        for command in (
            ("doctor",),
            ("connections", "show"),
            ("audit", "export"),
            ("pushes", "list", "--format", "json"),
        )
    ]

    for secret in ("portal-secret", *settings.secret_keys):
        assert not any(secret in text for text in texts)


def test_an_empty_store_is_a_sentence(settings: Settings, tmp_path: Path) -> None:
    runner = create_app(replace(settings, database_url=f"sqlite:///{tmp_path / 'empty.sqlite'}")).test_cli_runner()

    for command in (
        ("cards", "export", "--period", "2026-10"),
        ("pushes", "list", "--format", "json"),
        ("audit", "verify"),
        ("sync", "run"),
        ("users", "create", "a@b.example", "--role", "admin"),
        ("usage", "import", str(USAGE / "plainfield-2026-09.csv"), "--vendor", "x"),
        ("jobs", "work"),
    ):
        result = runner.invoke(args=list(command))
        assert result.exit_code == 1, command
        assert "flask --app app db upgrade" in result.output, command
        assert "Traceback" not in result.output


def test_what_is_no_store_is_a_sentence(settings: Settings) -> None:
    runner = create_app(settings).test_cli_runner()
    Path(settings.database_url.removeprefix("sqlite:///")).write_bytes(b"garbage" * 1000)

    result = runner.invoke(args=["cards", "export", "--period", "2026-10"])

    assert result.exit_code == 1
    assert "not a database" in result.output


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Let another program write to the store for as long as the block lasts."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_a_store_that_stays_busy_is_a_sentence(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.db.engine.BUSY_MS", 50)

    with held(shell.file):
        said = shell.no(1009, "SEAT", "--approve")

    assert "The store is busy" in said
    assert shell.pushes() == []
    shell.decide(1009, "SEAT", "--approve")


def test_a_queue_that_is_away_loses_no_work(shell: Shell, settings: Settings) -> None:
    for url in ("sqlite:////nowhere/at/all/queue.sqlite", "bogus"):
        away = create_app(replace(settings, database_url=f"sqlite:///{shell.file}", queue_url=url))
        company = "1009" if url == "bogus" else "1012"
        args = ["cards", "decide", "--company", company, "--product", "SEAT", "--approve"]
        result = away.test_cli_runner().invoke(args=args)
        assert result.exit_code == 0, result.output
    shell.work()
    assert [push["state"] for push in shell.pushes()] == ["confirmed", "confirmed"]


@pytest.mark.parametrize(
    ("name", "value"), [("NOW", "yesterday"), ("TIME_ZONE", "Mars"), ("DATABASE_URL", "mysql://x")]
)
def test_a_setting_that_cannot_be_used_is_a_sentence(tmp_path: Path, name: str, value: str) -> None:
    env = {key: text for key, text in os.environ.items() if not key.startswith("COUNTERSIGN_")}
    env |= {"COUNTERSIGN_INSTANCE": str(tmp_path), f"COUNTERSIGN_{name}": value}

    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "cards", "export", "--period", "2026-10"],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: COUNTERSIGN_{name}")
    assert "Traceback" not in done.stderr
