from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, Person, UsageCount, UsageImport, Vendor
from portal.domain.quantities import plain
from tests.support.database import NOW

TRAPS = Path(__file__).parents[1] / "samples" / "traps" / "usage"
ROWS = "Account,Account name,State,SKU,SKU name,Term,Units\nA-1,Alder,active,S-1,Seat,,12\nA-2,Birch,active,S-1,Seat,,"


class Console:
    def __init__(self, app: Flask, folder: Path) -> None:
        self._runner = app.test_cli_runner()
        self.folder = folder

    def file(self, text: str, name: str = "usage.csv") -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def usage(self, file: str | Path, *more: str, vendor: str = "Haven Backup") -> Result:
        counted = ("--counted-at", "2026-10-27T06:10:00-04:00")
        return self._runner.invoke(args=["usage", "import", str(file), "--vendor", vendor, *counted, *more])


@pytest.fixture
def console(app: Flask, tmp_path: Path) -> Console:
    return Console(app, tmp_path)


def test_without_commit_a_file_is_only_looked_at(console: Console, session: Session) -> None:
    result = console.usage(console.file(f"{ROWS}n/a\n"))

    assert result.exit_code == 0, result.output
    assert "2 lines - 1 with a problem = 1 that count, 1 count for 2026-10." in result.output
    assert "problem: line 3, column Units: “n/a” is not a number. [n/a]" in result.output
    assert "New accounts: 1. New services: 1. Newer counts: 1." in result.output
    assert "Nothing counts yet." in result.output
    assert session.scalars(sa.select(UsageImport)).all() == []
    assert session.scalars(sa.select(Vendor)).all() == []


def test_a_file_is_committed_once(console: Console, session: Session) -> None:
    file = console.file(f"{ROWS}3\n")

    first, again = console.usage(file, "--complete", "--commit"), console.usage(file, "--commit", vendor="haven-backup")

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "Committed: 2 lines, 2 counts for 2026-10." in first.output
    assert "Same content as usage.csv, read on 28 Oct 2026: nothing changed." in again.output
    assert [plain(one) for one in session.scalars(sa.select(UsageCount.quantity))] == ["12", "3"]
    assert session.scalars(sa.select(UsageImport.complete)).all() == [True, False]


def test_a_period_may_be_named(console: Console, session: Session) -> None:
    assert console.usage(console.file(f"{ROWS}3\n"), "--period", "2026-09", "--commit").exit_code == 0

    assert session.scalars(sa.select(UsageImport.period)).all() == ["2026-09"]


@pytest.mark.parametrize(
    ("more", "vendor", "code", "words"),
    [
        (["--counted-at", "yesterday"], "Haven", 2, "not a moment"),
        (["--counted-at", "2026-12-24T00:00:00Z"], "Haven", 1, "still to come"),
        (["--period", "October"], "Haven", 1, "not a month"),
        (["--profile", "monthly"], "Haven", 1, "has no profile “monthly”"),
        (["--by", "nobody@example.com"], "Haven", 1, "Nobody has the e-mail address"),
        ([], " ", 1, "1 to 80 characters"),
        (["--whole"], "Haven", 2, "No such option"),
    ],
)
def test_what_cannot_be_done_is_said_and_told_by_the_exit_code(
    console: Console, session: Session, more: list[str], vendor: str, code: int, words: str
) -> None:
    result = console.usage(console.file(f"{ROWS}3\n"), "--commit", *more, vendor=vendor)

    assert (result.exit_code, words in result.output) == (code, True), result.output
    assert session.scalars(sa.select(UsageImport)).all() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The file is empty."),
        ("hello world\n", "No line of the file looks like the headers"),
        ("Colour,Shape,Weight\nred,round,3\n", "which column holds the account and the service"),
        ("Customer,SKU,Host\nAlder,EDR,pc-1\n", "cannot be told which column holds the count"),
        ("%PDF-1.7", "a PDF"),
    ],
)
def test_an_unreadable_file_is_refused_with_a_sentence(console: Console, text: str, words: str) -> None:
    result = console.usage(console.file(text), "--commit")

    assert (result.exit_code, words in result.output) == (1, True), result.output


def test_a_file_that_is_not_there_is_misuse(console: Console) -> None:
    assert console.usage("/nowhere/usage.csv").exit_code == 2


def test_a_slip_in_a_vendors_name_makes_no_new_vendor(console: Console, session: Session) -> None:
    console.usage(console.file(f"{ROWS}3\n"), "--commit")

    result = console.usage(console.file(f"{ROWS}4\n"), "--commit", vendor="Haven Bakcup")

    assert (result.exit_code, "Did you mean Haven Backup?" in result.output) == (1, True)
    assert session.scalars(sa.select(Vendor.title)).all() == ["Haven Backup"]


def test_a_held_feed_is_announced_and_said(console: Console) -> None:
    console.usage(
        TRAPS / "coldharbour-2026-10-19.csv", "--complete", "--commit", "--counted-at", "2026-10-19T06:00:00-04:00"
    )

    looked = console.usage(TRAPS / "coldharbour-2026-10-27.csv", "--complete")
    taken = console.usage(TRAPS / "coldharbour-2026-10-27.csv", "--complete", "--commit")

    assert "It will be held: 30 of 32 accounts" in looked.output
    assert (taken.exit_code, "Held: 30 accounts at zero" in taken.output) == (0, True)


def test_a_person_may_be_named_and_a_viewer_may_not_import(console: Console, session: Session) -> None:
    for email, name, role in (("bea@example.com", "Bea", "biller"), ("vic@example.com", "Vic", "viewer")):
        session.add(Person(email=email, name=name, role=role, created_at=NOW))
    session.commit()
    file = console.file(f"{ROWS}3\n")

    refused = console.usage(file, "--commit", "--by", "vic@example.com")
    done = console.usage(file, "--commit", "--by", "Bea@example.com")

    assert (refused.exit_code, "Viewers can read this" in refused.output) == (1, True)
    assert done.exit_code == 0, done.output
    kept = sa.select(AuditEvent.person).where(AuditEvent.what != "refusal")
    assert set(session.scalars(kept)) == {"Bea"}
