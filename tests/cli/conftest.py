"""A portal with the traps loaded, its commands, a worker's turn, and a sandbox of its own."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from click.testing import Result
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.factory import create_app
from tests.support.desk import Desk, desk_on
from tests.support.people import a_person

MAIL = "fennimore.example"


class Shell:
    """What somebody at a command line does, beside a sandbox.

    Args:
        app: The portal.
        desk: Its store, the sandbox and a worker's turns.
        file: The store's file.
    """

    def __init__(self, app: Flask, desk: Desk, file: Path) -> None:
        self.app = app
        self.desk = desk
        self.file = file

    def run(self, *args: str, stdin: str | None = None) -> Result:
        """Run a command. No failure may be a traceback."""
        result = self.app.test_cli_runner().invoke(args=list(args), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def ok(self, *args: str) -> str:
        """Run a command that has to succeed, and give what it prints."""
        result = self.run(*args)
        assert result.exit_code == 0, result.output
        return result.stdout

    def refused(self, *args: str, code: int = 1) -> str:
        """Run a command that has to end with a code, and give its sentence."""
        result = self.run(*args)
        assert (result.exit_code, "Error: " in result.output) == (code, True), result.output
        return result.output.partition("Error: ")[2].strip()

    def decide(self, company: int, product: str, *how: str, by: str = "biller") -> str:
        return self.ok("cards", "decide", "--company", str(company), "--product", product, "--by", f"{by}@{MAIL}", *how)

    def no(self, company: int, product: str, *how: str, by: str = "biller", code: int = 1) -> str:
        who = ("--by", f"{by}@{MAIL}")
        return self.refused("cards", "decide", "--company", str(company), "--product", product, *who, *how, code=code)

    def plan(self, agreement: int, product: str, quantity: str, day: str | None = None) -> dict[str, Any]:
        more = () if day is None else ("--date", day)
        args = ("--agreement", str(agreement), "--product", product, f"--quantity={quantity}", *more)
        found: dict[str, Any] = json.loads(self.ok("cards", "plan", *args))
        return found

    def pushes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.ok("pushes", "list", "--format", "json"))
        return found

    def state(self, company: int, product: str = "SEAT") -> str:
        return self.desk.card(company, product).state

    def work(self) -> None:
        """Let a worker do what waits."""
        for push in self.pushes():
            if push["state"] in {"queued", "sending", "in_doubt"}:
                self.desk.turn(push["id"])

    def tamper(self, *statements: str) -> None:
        """Change the store behind the portal's back, with the triggers taken out."""
        engine = sa.create_engine(f"sqlite:///{self.file}")
        with engine.begin() as connection:
            for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()

    def asked(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = requests.get(f"{self.desk.url}/_sandbox/requests", timeout=5).json()
        return found


@pytest.fixture
def shell(loaded_file: Path, settings: Settings, tmp_path: Path) -> Iterator[Shell]:
    with desk_on(loaded_file, tmp_path) as desk:
        file = tmp_path / "desk.sqlite"
        with Session(desk.engine) as session:
            for role in ("viewer", "biller", "manager", "admin"):
                a_person(session, role)
        app = create_app(replace(settings, database_url=f"sqlite:///{file}"))
        app.testing = True
        yield Shell(app, desk, file)


@pytest.fixture
def lines_file(tmp_path: Path, shell: Shell) -> Path:
    """The audit trail as exported."""
    file = tmp_path / "audit.jsonl"
    file.write_text(shell.ok("audit", "export"), encoding="utf-8")
    return file
