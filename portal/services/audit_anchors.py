"""The head of the chain, noted outside the database: in a file of the instance folder, in the log, and by mail.

Whoever can write to the database can cut its newest events, or change one and seal all later ones anew, and the chain
fits again. What was noted elsewhere tells. The file is a JSON line a note, only ever added to.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from portal.services.audit_chain import Anchor
from portal.services.audit_seal import UNREADABLE
from portal.services.errors import Conflict

FILE = "audit-anchors.jsonl"
EVERY_EVENTS = 100  # a cut of more than so many events is found
EVERY = timedelta(minutes=10)  # ... and any that is older than this
_TAIL = 512  # bytes: longer than any line
log = logging.getLogger("portal.audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What a file of anchors holds.

    Args:
        anchors: In the order in which they were noted.
        unreadable: Numbers of lines that are no anchor; a last line that a crash cut short does not count.
    """

    anchors: list[Anchor]
    unreadable: list[int]


def file_in(instance: Path) -> Path:
    """Give the file of an instance folder."""
    return instance / FILE


def read(file: Path) -> Noted:
    """Read a file of anchors; one that is not there holds none."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return Noted(anchors=[], unreadable=[])
    anchors, unreadable = [], []
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        found = _anchor(line)
        if found is not None:
            anchors.append(found)
        elif number < len(lines):
            unreadable.append(number)
    return Noted(anchors=anchors, unreadable=unreadable)


def newest(file: Path) -> Anchor | None:
    """Give the last anchor of a file, without reading all of it."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, opened.seek(0, os.SEEK_END) - _TAIL))
            lines = opened.read().decode("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return None
    return next((found for line in reversed(lines) if (found := _anchor(line)) is not None), None)


def is_due(last: Anchor | None, head: tuple[int, str], *, real_now: datetime) -> bool:
    """Tell whether a head should be noted: it is new, and far enough from the last one in events or time."""
    number, own = head
    if number == 0 or (last is not None and (last.n, last.hash) == (number, own)):
        return False
    if last is None or last.at is None or number - last.n >= EVERY_EVENTS or number < last.n:
        return True
    return not timedelta() <= real_now - last.at < EVERY


def note(file: Path, head: tuple[int, str], *, real_now: datetime) -> Anchor:
    """Note a head in the file, for good, and in the log.

    Args:
        file: The file; it is made where it is missing, for its owner alone.
        head: Number and hash of an event that is committed.
        real_now: Real time.
    """
    anchor = Anchor(*head, real_now)
    line = json.dumps({"n": anchor.n, "hash": anchor.hash, "at": real_now.isoformat(timespec="seconds")}) + "\n"
    handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        size = opened.seek(0, os.SEEK_END)
        if size:
            opened.seek(size - 1)
            if opened.read(1) != b"\n":
                line = "\n" + line  # a crash cut the last line short
        opened.write(line.encode())
        opened.flush()
        os.fsync(opened.fileno())
    log.info("Head of the audit trail: event %d, %s", anchor.n, anchor.hash)
    return anchor


def set_aside(file: Path, *, real_now: datetime) -> Path:
    """Begin a new file, and keep the old one under another name.

    Raises:
        Conflict: There is none.
    """
    kept = file.with_name(f"{file.stem}-until-{real_now:%Y%m%dT%H%M%S}{file.suffix}")
    try:
        file.rename(kept)
    except FileNotFoundError:
        raise Conflict("Nothing was noted outside the database so far, so there is nothing to set aside.") from None
    return kept


def from_lines(lines: Iterator[str]) -> list[Anchor]:
    """Read anchors from lines of whatever origin, such as a log or mails: number and hash, or a line of the file."""
    found = []
    for line in lines:
        anchor = _anchor(line) or _from_words(line)
        if anchor is not None:
            found.append(anchor)
    return found


def _anchor(line: str) -> Anchor | None:
    try:
        values = json.loads(line)
        number, own, at = values["n"], values["hash"], values.get("at")
        if isinstance(number, bool) or not isinstance(number, int) or number < 1 or not _is_hash(own):
            return None
        return Anchor(number, own, None if at is None else datetime.fromisoformat(at))
    except UNREADABLE:
        return None


def _from_words(line: str) -> Anchor | None:
    """Read "… event 1200, 9f2c…" as the log and the mail say it."""
    before, _, rest = line.rpartition("event ")
    number, _, own = rest.partition(", ")
    own = own.strip().rstrip(".")
    if not before and not line.startswith("event "):
        return None
    return Anchor(int(number), own) if number.isdecimal() and len(number) < 15 and _is_hash(own) else None  # noqa: PLR2004 - no longer number is an event's


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and all(each in "0123456789abcdef" for each in value)  # noqa: PLR2004 - digits of a SHA-256
