"""The head noted outside: when, in what form, and what a check makes of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.services import audit_anchors
from portal.services.audit_chain import Anchor
from portal.services.errors import Conflict

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)
HASH = "ab" * 32
OTHER = "cd" * 32


def test_a_head_is_noted_first_then_by_events_or_time() -> None:
    last = Anchor(100, HASH, NOW)

    assert audit_anchors.is_due(None, (1, HASH), real_now=NOW)
    assert not audit_anchors.is_due(None, (0, HASH), real_now=NOW), "an empty trail has no head"
    assert not audit_anchors.is_due(last, (100, HASH), real_now=NOW + timedelta(days=9)), "nothing has happened"
    assert not audit_anchors.is_due(last, (150, OTHER), real_now=NOW + timedelta(minutes=9))
    assert audit_anchors.is_due(last, (200, OTHER), real_now=NOW + timedelta(seconds=1))
    assert audit_anchors.is_due(last, (101, OTHER), real_now=NOW + timedelta(minutes=10))
    assert audit_anchors.is_due(last, (101, OTHER), real_now=NOW - timedelta(minutes=1)), "a clock that was set back"
    assert audit_anchors.is_due(last, (50, OTHER), real_now=NOW), "a trail that got shorter"


def test_notes_are_added_for_the_owner_alone_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    assert audit_anchors.newest(file) is None

    for number in range(1, 40):
        audit_anchors.note(file, (number, HASH), real_now=NOW)

    assert [anchor.n for anchor in audit_anchors.read(file).anchors] == list(range(1, 40))
    assert audit_anchors.newest(file) == Anchor(39, HASH, NOW)
    assert file.stat().st_mode & 0o077 == 0


def test_a_line_that_a_crash_cut_short_is_no_harm_but_a_changed_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    audit_anchors.note(file, (1, HASH), real_now=NOW)
    with file.open("a", encoding="utf-8") as opened:
        opened.write('{"n": 2, "ha')
    assert audit_anchors.read(file).unreadable == []

    audit_anchors.note(file, (3, OTHER), real_now=NOW)

    found = audit_anchors.read(file)
    assert [anchor.n for anchor in found.anchors] == [1, 3]
    assert found.unreadable == [2]


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (f"2026-10-28 INFO portal.audit: Head of the audit trail: event 1200, {HASH}", 1200),
        (f"    event 7, {HASH}", 7),
        (f"event 7, {HASH}.", 7),
        (f'{{"n": 12, "hash": "{HASH}"}}', 12),
        (f"event seven, {HASH}", None),
        ("event 7, abc", None),
        ('{"n": true, "hash": "x"}', None),
        ("", None),
    ],
)
def test_heads_are_read_from_the_log_and_from_mails_too(line: str, number: int | None) -> None:
    found = audit_anchors.from_lines(iter([line]))

    assert [(one.n, one.hash) for one in found] == ([] if number is None else [(number, HASH)])


def test_old_notes_are_kept_aside(tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    with pytest.raises(Conflict, match="nothing to set aside"):
        audit_anchors.set_aside(file, real_now=NOW)
    audit_anchors.note(file, (1, HASH), real_now=NOW)

    kept = audit_anchors.set_aside(file, real_now=NOW)

    assert audit_anchors.read(file).anchors == []
    assert [anchor.n for anchor in audit_anchors.read(kept).anchors] == [1]
