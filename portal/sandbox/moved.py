"""Lays a sample set around another day: its month becomes that day's month, and what had happened has happened by then.

Every day that is written in the set moves by the same number of months; the last day of a month stays one. What lay
before the set's own "today" lies before the new one, too. Names, ids, counts and prices stay as they are.
"""

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

_DAY = re.compile(r"(?<![0-9A-Za-z-])(20\d\d)-(0[1-9]|1[0-2])-([0-2]\d|3[01])(?=T\d|[^0-9A-Za-z-]|$)")
_IN_NAME = re.compile(r"(?<=[a-z]-)(20\d\d)-(0[1-9]|1[0-2])(?:-([0-2]\d|3[01]))?(?=\.[a-z]+)")
_MONTH = re.compile(r"(?<![0-9A-Za-z-])(20\d\d)-(0[1-9]|1[0-2])(?![0-9A-Za-z-])")
_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_NAMED = re.compile(rf"\b({'|'.join(_NAMES)}) (20\d\d)\b")
_TEXTS = {".json": "utf-8", ".csv": "latin-1", ".tsv": "latin-1"}  # of files any bytes pass through unchanged


class _Move:
    """Moves days so that one falls on another's month."""

    def __init__(self, today: date, to: date) -> None:
        self._months = (to.year - today.year) * 12 + to.month - today.month
        self._today = today
        self._latest = to - timedelta(days=1)

    def month(self, year: int, month: int) -> tuple[int, int]:
        """Move a month."""
        moved = year * 12 + month - 1 + self._months
        return moved // 12, moved % 12 + 1

    def day(self, day: date) -> date:
        """Move a day; what lay before the set's today, or on it, lies before the new one."""
        moved = self._same_day(day)
        return min(moved, self._latest) if day <= self._today else moved

    def _same_day(self, day: date) -> date:
        year, month = self.month(day.year, day.month)
        last = _last(year, month)
        return date(year, month, last if day.day == _last(day.year, day.month) else min(day.day, last))

    def text(self, text: str) -> str:
        """Move every day and month that a text names."""
        text = _IN_NAME.sub(self._name, text)
        text = _DAY.sub(lambda found: self._iso(found) or found[0], text)
        text = _MONTH.sub(lambda found: "{:04}-{:02}".format(*self.month(int(found[1]), int(found[2]))), text)
        return _NAMED.sub(self._named, text)

    def _iso(self, found: re.Match[str]) -> str:
        try:
            return self.day(date(int(found[1]), int(found[2]), int(found[3]))).isoformat()
        except ValueError:
            return ""

    def _name(self, found: re.Match[str]) -> str:
        if found[3] is not None:  # two files of one month keep two names
            return self._same_day(date(int(found[1]), int(found[2]), int(found[3]))).isoformat()
        return "{:04}-{:02}".format(*self.month(int(found[1]), int(found[2])))

    def _named(self, found: re.Match[str]) -> str:
        year, month = self.month(int(found[2]), _NAMES.index(found[1]) + 1)
        return f"{_NAMES[month - 1]} {year}"


def lay_around(source: Path, target: Path, *, now: datetime, zone: ZoneInfo) -> None:
    """Write a set whose month is that of a moment.

    Args:
        source: The set.
        target: A folder; what it held before is gone.
        now: The moment; aware.
        zone: The time zone in which the new set stands.
    """
    scenario = json.loads((source / "scenario.json").read_text(encoding="utf-8"))
    local = now.astimezone(zone)
    move = _Move(date.fromisoformat(scenario["today"]), local.date())
    shutil.rmtree(target, ignore_errors=True)
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if not path.is_file() or inside.parts[0] == "expected":
            continue
        to = target / move.text(inside.as_posix())
        to.parent.mkdir(parents=True, exist_ok=True)
        _copy(path, to, move.text)
    _stand_at(target, local, zone)


def _copy(path: Path, to: Path, moved: Callable[[str], str]) -> None:
    encoding = _TEXTS.get(path.suffix)
    if encoding is not None:
        to.write_bytes(moved(path.read_bytes().decode(encoding)).encode(encoding))
    elif path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as before, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as after:
            for member in before.infolist():
                content = before.read(member)
                text = member.filename.endswith(".xml")
                kept = zipfile.ZipInfo(member.filename, member.date_time)
                after.writestr(kept, moved(content.decode()).encode() if text else content)
    else:
        shutil.copyfile(path, to)


def _stand_at(target: Path, local: datetime, zone: ZoneInfo) -> None:
    """Let every step be the moment, and nothing be counted after it; the order of counting stays."""

    def scenario(data: dict[str, Any]) -> None:
        data["time_zone"] = zone.key
        for step in data["steps"]:
            step["at"] = local.isoformat()

    def profiles(data: dict[str, Any]) -> None:
        for place, entry in enumerate(data["files"]):
            latest = local - timedelta(minutes=len(data["files"]) - place)
            moved = datetime.fromisoformat(entry["counted_at"])
            entry["counted_at"] = min(moved, latest).isoformat()

    for name, change in (("scenario.json", scenario), ("profiles.json", profiles)):
        path = target / name
        data = json.loads(path.read_text(encoding="utf-8"))
        change(data)
        path.write_text(json.dumps(data, ensure_ascii=False, indent=1), encoding="utf-8")


def _last(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(days=1)).day
