"""A sample set as the PSA sees it: what it holds at each step of the scenario.

``psa/*.json`` is what the PSA holds from the second step on. ``psa-earlier/*.json`` holds the records
that stood differently at the first step; they are laid over by id, and a record that is only there
was deleted since. A file that a set does not have is an empty list.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portal.sandbox import jsontext
from portal.sandbox.clock import parse_moment
from portal.sandbox.jsontext import JsonValue, Record

RECORDS = (
    "additions",
    "agreement_types",
    "agreements",
    "billing_cycles",
    "boards",
    "catalog_items",
    "companies",
    "company_statuses",
    "company_types",
    "invoices",
    "members",
    "tickets",
)


class SetError(Exception):
    """A set that cannot be served; the text says which file and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the PSA holds at one step.

    Args:
        at: The moment that the PSA's clock shows then, with an offset.
        records: Resource to id to record.
        trails: Agreement id to its audit-trail entries, newest first.
    """

    at: datetime
    records: dict[str, dict[int, Record]]
    trails: dict[int, list[Record]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A sample set.

    Args:
        title: What it is, in words.
        zone: The time zone that decides what "today" is.
        steps: At least one.
        mark: What a state file of it says that it belongs to; empty: nothing.
    """

    title: str
    zone: tzinfo
    steps: tuple[Step, ...]
    mark: str = ""


def load(folder: Path) -> DataSet:
    """Read a set.

    Raises:
        SetError: The folder is missing, or a file in it cannot be read.
    """
    if not folder.is_dir():
        raise SetError(f"There is no folder {folder}.")
    if not any((folder / part).exists() for part in ("psa", "scenario.json")):
        raise SetError(f"{folder} holds no sample set: it has neither scenario.json nor a folder psa.")
    moments, zone = _scenario(folder)
    final = {name: _records(folder / "psa", name) for name in RECORDS}
    earlier = {name: _records(folder / "psa-earlier", name) for name in RECORDS}
    first = {name: final[name] | earlier[name] for name in RECORDS}
    trails = _trails(folder / "psa")
    first_trails = trails | _trails(folder / "psa-earlier")
    return DataSet(
        title=f"the set in {folder}",
        zone=zone,
        steps=tuple(
            Step(at=at, records=first if number == 0 else final, trails=first_trails if number == 0 else trails)
            for number, at in enumerate(moments)
        ),
    )


def _scenario(folder: Path) -> tuple[list[datetime], tzinfo]:
    path = folder / "scenario.json"
    if not path.exists():
        return [datetime.now(UTC)], UTC
    scenario = _read(path)
    if not isinstance(scenario, dict):
        raise SetError(f"{path}: an object is expected.")
    steps = scenario.get("steps")
    moments = []
    for step in steps if isinstance(steps, list) else []:
        at = step.get("at") if isinstance(step, dict) else None
        moment = parse_moment(at) if isinstance(at, str) else None
        if moment is None:
            raise SetError(f"{path}: each step needs a moment, 'at'.")
        moments.append(moment)
    if not moments:
        raise SetError(f"{path}: there are no steps.")
    name = scenario.get("time_zone", "UTC")
    try:
        return moments, ZoneInfo(str(name))
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise SetError(f"{path}: there is no time zone {name}.") from error


def _read(path: Path) -> JsonValue:
    try:
        return jsontext.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SetError(f"{path} cannot be read: {error}") from error


def _list(path: Path) -> list[Record]:
    if not path.exists():
        return []
    rows = _read(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SetError(f"{path}: a list of records is expected.")
    return [row for row in rows if isinstance(row, dict)]


def _records(folder: Path, name: str) -> dict[int, Record]:
    path = folder / f"{name}.json"
    records: dict[int, Record] = {}
    for row in _list(path):
        key = row.get("id")
        if not isinstance(key, int) or isinstance(key, bool):
            raise SetError(f"{path}: a record has no id.")
        if key in records:
            raise SetError(f"{path}: two records have the id {key}.")
        records[key] = row
    return records


def _trails(folder: Path) -> dict[int, list[Record]]:
    path = folder / "audittrail.json"
    trails: dict[int, list[Record]] = {}
    for row in _list(path):
        key, entries = row.get("agreementId"), row.get("entries")
        if not isinstance(key, int) or not isinstance(entries, list):
            raise SetError(f"{path}: each row needs agreementId and entries.")
        trails[key] = [entry for entry in entries if isinstance(entry, dict)]
    return trails
