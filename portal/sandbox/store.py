"""What the PSA holds now: the records of the set's step, and over them what callers wrote.

A write is kept field by field, so that it stays when the set moves to another step, and the rest of
the record follows the step. Records are never changed in place: a reader may keep what it was given.
"""

import threading
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus

from portal.sandbox.built_in import BUILT_IN
from portal.sandbox.changes import Change, Watcher
from portal.sandbox.clock import Clock, parse_moment, written
from portal.sandbox.dataset import DataSet, Step
from portal.sandbox.derived import derive_addition, refresh_references, status_of
from portal.sandbox.errors import Refusal
from portal.sandbox.journal import Journal, JournalError
from portal.sandbox.jsontext import JsonValue, Record
from portal.sandbox.members import Roles, identifier
from portal.sandbox.proration import with_prorated
from portal.sandbox.resources import RESOURCES

STATUS_FIELDS = frozenset({"cancelledFlag", "dateCancelled", "startDate", "endDate", "noEndingDateFlag"})


@dataclass(slots=True)
class Overlay:
    """What callers made of one record.

    Args:
        fields: The fields they set; None: they took the field away.
        whole: The record after the last write, for a record that the step does not have.
        gone: It was deleted.
    """

    fields: Record = field(default_factory=dict)
    whole: Record = field(default_factory=dict)
    gone: bool = False


class Store:
    """The state of the sandbox. Every method may be called from any thread.

    Args:
        data: The sample set.
        journal: Where writes are kept across restarts; None: in memory alone.
    """

    def __init__(self, data: DataSet, journal: Journal | None = None) -> None:
        self.data = data
        self.lock = threading.RLock()
        self.clock = Clock(data.steps[0].at)
        self.roles = Roles()
        self.watchers: list[Watcher] = []
        self._journal = journal
        self._view: dict[str, dict[int, Record]] = {}
        self._children: dict[int, list[int]] = {}
        self._start()
        entries = journal.entries if journal else []
        if data.mark and journal and not entries:
            journal.append(self._mark())
        for entry in entries:
            self._replay(entry)
        self._build()

    def _mark(self) -> Record:
        """The first line of a state file that belongs to made data."""
        return {"kind": "data", "mark": self.data.mark}

    def _start(self) -> None:
        self.step = 1
        self._overlays: dict[str, dict[int, Overlay]] = {resource.name: {} for resource in RESOURCES}
        self._entries: dict[tuple[str, int], list[Record]] = {}
        self._highest: dict[str, int] = {
            resource.name: max(
                (
                    key
                    for step in self.data.steps
                    for key in step.records.get(resource.name) or BUILT_IN.get(resource.name, {})
                ),
                default=0,
            )
            for resource in RESOURCES
        }

    @property
    def _now(self) -> Step:
        return self.data.steps[self.step - 1]

    # Reading

    def all(self, resource: str, parent: int | None = None) -> list[Record]:
        """The records of a resource by id; with a parent, the additions of that agreement."""
        with self.lock:
            if parent is None:
                return list(self._view[resource].values())
            return [self._view[resource][key] for key in self._children.get(parent, [])]

    def get(self, resource: str, key: int, parent: int | None = None) -> Record | None:
        """One record, or None."""
        with self.lock:
            record = self._view[resource].get(key)
        if record is not None and parent is not None and record.get("agreementId") != parent:
            return None
        return record

    def tables(self) -> dict[str, dict[int, Record]]:
        """Every record, by resource and id; not to be changed."""
        with self.lock:
            return self._view

    def trail(self, kind: str, key: int) -> list[Record]:
        """The audit trail of a record up to now, newest first."""
        with self.lock:
            kind = kind.lower()  # ConnectWise does not mind the case
            ours = self._entries.get((kind, key), [])
            sample = self._now.trails.get(key, []) if kind == "agreement" else []
            now = written(self.clock.now())
            past = [entry for entry in sample if str(entry.get("enteredDate", "")) <= now]
            entries = [*reversed(ours), *past]
        return sorted(entries, key=lambda entry: str(entry.get("enteredDate", "")), reverse=True)

    def today(self) -> date:
        """The day it is in the set's time zone."""
        return self.clock.now().astimezone(self.data.zone).date()

    def identifier(self, key: str) -> str:
        """The member behind a key, as records name it."""
        return identifier(self.all("members"), key)

    # Writing

    def next_id(self, resource: str) -> int:
        """An id that no record has or had."""
        with self.lock:
            return self._highest[resource] + 1

    def write(self, resource: str, before: Record | None, after: Record | None, by: str, texts: list[Record]) -> Record:
        """Keep a new, changed or deleted record.

        Args:
            resource: Its kind.
            before: As it stood; None: it is new.
            after: As it is to be; None: it is deleted.
            by: The identifier of the member who wrote.
            texts: Entries for the audit trail, ``{"kind", "id", "text", "sub"}``, oldest first.

        Returns:
            The record as it stands now, or as it was.

        Raises:
            Refusal: 500, the disk did not take the write; nothing was changed.
        """
        with self.lock:
            record = before if after is None else after
            key = record["id"] if record else None
            if not isinstance(key, int):
                raise TypeError("A record to write has an id.")
            info = before.get("_info") if before else None
            last = parse_moment(str(info.get("lastUpdated"))) if isinstance(info, dict) else None
            stamp = written(self.clock.stamp(after=last))
            entry: Record = {
                "kind": "write",
                "resource": resource,
                "id": key,
                "at": stamp,
                "trail": list(texts),
                "by": by,
            }
            if after is None:
                entry["gone"] = True
            else:
                whole = after | {"_info": _info(after, stamp, by, new=before is None)}
                entry |= {"fields": _changes(before or {}, whole), "whole": whole}
            self._keep(entry)
            self._apply(entry)
            self._refresh(resource, key)
            now = self._view[resource].get(key)
            change = Change(resource=resource, key=key, before=before, after=now, by=by)
            for watcher in self.watchers:
                watcher.wrote(change, self._view)
            return now or before or {}

    def move_to(self, step: int) -> None:
        """Put the records and the clock on a step; what callers wrote stays.

        Raises:
            ValueError: The set has no such step.
        """
        if not 1 <= step <= len(self.data.steps):
            raise ValueError(f"The set has the steps 1 to {len(self.data.steps)}.")
        with self.lock:
            entry: Record = {"kind": "step", "step": step}
            self._keep(entry)
            before = {name: dict(rows) for name, rows in self._view.items()} if self.watchers else {}
            self._replay(entry)
            self._build()
            for watcher in self.watchers:
                watcher.moved(before, self._view)

    def reset(self) -> None:
        """Back to the first step, with nothing written and every role as at the start."""
        with self.lock:
            if self._journal:
                self._journal.clear()
                if self.data.mark:
                    self._keep(self._mark())
            self._start()
            self.clock.forget()
            self.clock.put(self._now.at)
            self.roles.reset()
            self._build()

    def _keep(self, entry: Record) -> None:
        if self._journal is None:
            return
        try:
            self._journal.append(entry)
        except OSError as error:
            raise Refusal(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "ConnectWiseApi",
                f"The sandbox cannot keep its state: {error.strerror}.",
            ) from error

    def _replay(self, entry: Record) -> None:
        step, kind = entry.get("step"), entry.get("kind")
        if kind == "data" and entry.get("mark") != self.data.mark:
            raise JournalError(
                f"The state file was written for other data ({entry.get('mark')}). Name another file, or remove it."
            )
        if kind == "data":
            return
        if entry.get("kind") == "step" and isinstance(step, int):
            self.step = min(step, len(self.data.steps))
            self.clock.put(self._now.at)
        elif entry.get("kind") == "write" and entry.get("resource") in self._overlays:
            self._apply(entry)
            moment = parse_moment(str(entry.get("at")))
            if moment:
                self.clock.written_at(moment)
        else:
            raise JournalError("The state file holds a line that this sandbox does not know. Remove it to start anew.")

    def _apply(self, entry: Record) -> None:
        resource, key = str(entry["resource"]), entry["id"]
        if not isinstance(key, int):
            raise JournalError("The state file holds a write without an id. Remove it to start anew.")
        overlay = self._overlays[resource].setdefault(key, Overlay())
        fields, whole, trail = entry.get("fields"), entry.get("whole"), entry.get("trail")
        if entry.get("gone"):
            overlay.gone = True
        if isinstance(fields, dict) and isinstance(whole, dict):
            overlay.fields = overlay.fields | fields
            overlay.whole = whole
        self._highest[resource] = max(self._highest[resource], key)
        for text in trail if isinstance(trail, list) else []:
            if isinstance(text, dict) and isinstance(about := text.get("id"), int):
                kind = str(text.get("kind"))
                self._entries.setdefault((kind.lower(), about), []).append(
                    {
                        "text": text.get("text"),
                        "enteredDate": entry.get("at"),
                        "enteredBy": entry.get("by"),
                        "auditType": kind,
                        "auditSubType": text.get("sub"),
                        "auditSource": "Application",
                    }
                )

    # The view: what readers see; never changed in place, since a reader may still hold it

    def _refresh(self, resource: str, key: int) -> None:
        """Bring the view up to date after a write; of one addition, without building all the others anew."""
        if resource != "additions":
            self._build()
            return
        view = self._view | {resource: dict(self._view[resource])}
        rows = view[resource]
        before = rows.get(key)
        record = _merged(self._now.records.get(resource, {}).get(key), self._overlays[resource].get(key))
        found = record if record is not None else before
        parent = found.get("agreementId") if found else None
        if record is not None:
            alone = view | {resource: {key: record}}
            refresh_references(alone, {"catalog_items": frozenset(self._overlays["catalog_items"])})
            rows[key] = self._billed(alone[resource][key], view)
        else:
            rows.pop(key, None)
        if isinstance(parent, int):
            keys = [each for each in self._children.get(parent, []) if each != key] + ([key] if record else [])
            self._children = self._children | {parent: sorted(keys)}
        self._view = view

    def _build(self) -> None:
        view: dict[str, dict[int, Record]] = {}
        for resource in RESOURCES:
            base = self._now.records.get(resource.name) or BUILT_IN.get(resource.name, {})
            overlays = self._overlays[resource.name]
            if not overlays:
                view[resource.name] = {key: base[key] for key in sorted(base)}
                continue
            merged = {key: _merged(base.get(key), overlays.get(key)) for key in sorted(base.keys() | overlays.keys())}
            view[resource.name] = {key: record for key, record in merged.items() if record is not None}
        changed = {name: frozenset(overlays) for name, overlays in self._overlays.items() if overlays}
        if changed:
            refresh_references(view, changed)
            self._derive(view)
        self._view = view
        self._children = {}
        for key, addition in view["additions"].items():
            parent = addition.get("agreementId")
            if isinstance(parent, int):
                self._children.setdefault(parent, []).append(key)

    def _derive(self, view: dict[str, dict[int, Record]]) -> None:
        """Work out anew what the PSA computes, for records that callers touched; the others are the set's."""
        today = self.today()
        moved = {key for key, overlay in self._overlays["agreements"].items() if STATUS_FIELDS & overlay.fields.keys()}
        for key in moved & view["agreements"].keys():
            agreement = view["agreements"][key]
            view["agreements"][key] = agreement | {"agreementStatus": status_of(agreement, today)}
        written_to = self._overlays["additions"]
        for key, addition in view["additions"].items():
            parent = addition.get("agreementId")
            if key in written_to:
                view["additions"][key] = self._billed(addition, view)
            elif parent in moved and isinstance(parent, int):
                status = view["agreements"].get(parent, {}).get("agreementStatus")
                view["additions"][key] = addition | {"agreementStatus": status}

    def _billed(self, addition: Record, view: dict[str, dict[int, Record]]) -> Record:
        """An addition that a caller wrote, with what the PSA computes of it and of its agreement."""
        parent = addition.get("agreementId")
        agreement = view["agreements"].get(parent, {}) if isinstance(parent, int) else {}
        found = with_prorated(derive_addition(addition, view["catalog_items"]), agreement, view, self.today())
        return found | {"agreementStatus": agreement.get("agreementStatus")} if isinstance(parent, int) else found


def _changes(before: Record, after: Record) -> Record:
    """The fields that differ; None: the field is gone."""
    names = before.keys() | after.keys()
    return {name: after.get(name) for name in sorted(names) if before.get(name) != after.get(name)}


def _merged(base: Record | None, overlay: Overlay | None) -> Record | None:
    if overlay is None:
        return base
    if overlay.gone:
        return None
    if base is None:
        return overlay.whole
    info = _later(base.get("_info"), overlay.fields.get("_info"))
    merged = base | overlay.fields | {"_info": info}
    return {name: value for name, value in merged.items() if value is not None}


def _later(one: JsonValue, other: JsonValue) -> JsonValue:
    return max((one, other), key=_updated)


def _updated(info: JsonValue) -> str:
    return str(info.get("lastUpdated", "")) if isinstance(info, dict) else ""


def _info(record: Record, stamp: str, by: str, *, new: bool) -> Record:
    info = record.get("_info")
    entered: Record = {"dateEntered": stamp, "enteredBy": by} if new else {}
    return (info if isinstance(info, dict) else {}) | entered | {"lastUpdated": stamp, "updatedBy": by}
