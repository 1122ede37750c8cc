"""`audit verify` and `export`: whoever changes the store behind the portal's back is found out."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.conftest import Shell


@pytest.mark.parametrize(
    ("statement", "at"),
    [
        ("UPDATE audit_event SET sentence = 'x' WHERE n = 5", 5),
        ("UPDATE audit_event SET person = 'somebody' WHERE n = 9", 9),
        ("UPDATE audit_event SET person_id = 7 WHERE n = 9", 9),
        ("UPDATE audit_event SET reason = '' WHERE n = 9", 9),
        ("UPDATE audit_event SET at = '2026-10-20 13:00:00.000001' WHERE n = 9", 9),
        ("UPDATE audit_event SET details = '{\"a\": 1.5}' WHERE n = 9", 9),
        ("UPDATE audit_event SET details = '{\"a\": NaN}' WHERE n = 9", 9),
        ("UPDATE audit_event SET details = 'no json' WHERE n = 9", 9),
        ("UPDATE audit_event SET at = 'no time' WHERE n = 9", 9),
        ("UPDATE audit_event SET effective = 'soon' WHERE n = 9", 9),
        ("UPDATE audit_event SET person = x'ff' WHERE n = 9", 9),
        ("UPDATE audit_event SET previous_hash = '0' WHERE n = 9", 9),
        ("UPDATE audit_event SET hash = 'f' WHERE n = 9", 9),
        ("DELETE FROM audit_event WHERE n = 1", 1),
        ("DELETE FROM audit_event WHERE n = 9", 9),
        ("UPDATE audit_event SET n = n + 1000 WHERE n > 20", 21),
        ("UPDATE audit_event SET n = CASE n WHEN 9 THEN -9 ELSE 9 END WHERE n IN (9, -9)", 1),
        (
            (
                "INSERT INTO audit_event (n, at, what, action, person, sentence, details, previous_hash, hash) "
                "SELECT max(n) + 1, max(at), 'write', 'a', 'b', 'c', '{}', max(hash), 'abc' FROM audit_event"
            ),
            None,
        ),
    ],
)
def test_a_change_behind_our_back_is_found_and_its_event_named(shell: Shell, statement: str, at: int | None) -> None:
    events = len(shell.ok("audit", "export").splitlines())

    shell.tamper(statement)

    said = shell.refused("audit", "verify")
    assert said.startswith(f"The chain breaks at event {events + 1 if at is None else at}: ")
    assert "\n" not in said


def test_two_events_that_changed_places_are_found(shell: Shell) -> None:
    shell.tamper(
        "UPDATE audit_event SET n = -1 WHERE n = 9",
        "UPDATE audit_event SET n = 9 WHERE n = 10",
        "UPDATE audit_event SET n = 10 WHERE n = -1",
    )

    assert "breaks at event 9" in shell.refused("audit", "verify")


def test_a_cut_end_is_found_by_the_head_that_was_noted(shell: Shell) -> None:
    head = shell.ok("audit", "verify").split("Head: ")[1].strip()

    shell.tamper("DELETE FROM audit_event WHERE n = (SELECT max(n) FROM audit_event)")

    assert shell.run("audit", "verify").exit_code == 0
    assert "before the hash that was noted" in shell.refused("audit", "verify", "--head", head)


def test_the_database_itself_refuses_changes(shell: Shell) -> None:
    engine = sa.create_engine(f"sqlite:///{shell.file}")
    for statement in ("UPDATE audit_event SET sentence = 'x'", "DELETE FROM audit_event"):
        with pytest.raises(sa.exc.IntegrityError, match="append-only"), engine.begin() as connection:
            connection.exec_driver_sql(statement)
    engine.dispose()
    assert shell.run("audit", "verify").exit_code == 0


def test_an_export_verifies_without_a_database_whole_or_in_part(shell: Shell, lines_file: Path, tmp_path: Path) -> None:
    whole = shell.ok("audit", "verify")
    part = tmp_path / "part.jsonl"
    part.write_text(shell.ok("audit", "export", "--what", "usage"), encoding="utf-8")

    assert shell.ok("audit", "verify", "--file", str(lines_file)) == whole
    assert shell.ok("audit", "verify", "--file", str(part)) == whole
    left_out = [json.loads(line).get("left_out", False) for line in part.read_text(encoding="utf-8").splitlines()]
    assert set(left_out) == {True, False}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"person": "command line"', '"person": "somebody else"'),
        ('"details": {', '"details": {"x": NaN, "y": {}, '),
        ('"n": 3,', '"n": 4,'),
        ('{"n": 3,', "nonsense"),
        ('{"n": 3,', "[" * 100_000),
        ('{"n": 3,', '{"left_out": true, "n": 2,'),
        ("e", "\udcff"),  # a byte that is no UTF-8
    ],
)
def test_an_export_that_was_changed_does_not_verify(shell: Shell, lines_file: Path, old: str, new: str) -> None:
    lines = lines_file.read_text(encoding="utf-8").splitlines()
    assert old in lines[2]
    lines[2] = lines[2].replace(old, new, 1)
    lines_file.write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")

    assert "breaks at event 3" in shell.refused("audit", "verify", "--file", str(lines_file))


def test_an_export_with_a_line_less_or_lines_exchanged_does_not_verify(shell: Shell, lines_file: Path) -> None:
    lines = lines_file.read_text(encoding="utf-8").splitlines()

    lines_file.write_text("\n".join(lines[:4] + lines[5:]), encoding="utf-8")
    assert "Event 5 is missing" in shell.refused("audit", "verify", "--file", str(lines_file))
    lines_file.write_text("\n".join([*lines[:4], lines[5], lines[4]]), encoding="utf-8")
    assert "Event 5 is missing" in shell.refused("audit", "verify", "--file", str(lines_file))
