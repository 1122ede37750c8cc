"""Loads a whole sample set through the same use cases as the screens.

Connection, meanings, mapping and rules come first. Then, for each step of the scenario, the sandbox is put on that
step, everything is read, the step's files are imported, and the cards are made.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise
from portal.db.records import Connection, SyncRun, UsageImport, Vendor
from portal.domain.periods import Period
from portal.services import (
    connections,
    imports,
    mapping,
    mapping_file,
    rules_store,
    settings_store,
    statuses,
    sync,
)
from portal.services.actors import Actor
from portal.services.card_remaking import cards_anew
from portal.services.cards import totals
from portal.services.errors import Refused
from portal.services.rules_store import RuleValues
from portal.services.sealing import Sealer
from portal.vendors.errors import BadProfile
from portal.vendors.profiles import FileProfile

MARK = "sample_set"  # the setting that says which set this database holds
COMPANY = "sandbox"
PUBLIC_KEY = "portal"
QUICK_ENOUGH = 6000  # requests a minute: the sandbox is one's own, and a demo should not wait
PRIVATE_KEY = "portal-secret"  # the sandbox's well-known key, which opens made-up data alone
CLIENT_ID = "3a9d2f60-5c1e-4b7a-9f02-6d8e4c1b7a55"  # the sandbox takes any GUID
_FILES = ("scenario.json", "profiles.json", "mapping.json", "statuses.json", "rules.json")
_DATES = re.compile(r"[-_. ]?20[0-9]{2}-[0-9]{2}(?:-[0-9]{2})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a load needs from its caller.

    Args:
        open_session: Opens one writing transaction and commits it at its end.
        make_client: Builds a client from the stored connection.
        put_on_step: Puts the sandbox on a step (1 is the first); raises `Refused` where it cannot.
        set_clock: Sets the business clock.
        now: The business clock.
        zone: The portal's time zone.
        uploads: The folder where files are kept.
        sealer: Seals the connection's key.
        say: Is told each thing done, as a line.
    """

    open_session: Callable[[], AbstractContextManager[Session]]
    make_client: Callable[[Connection], ConnectWise]
    put_on_step: Callable[[int], None]
    set_clock: Callable[[datetime], None]
    now: Callable[[], datetime]
    zone: ZoneInfo
    uploads: Path
    sealer: Sealer
    say: Callable[[str], None]


def load(directory: Path, *, url: str, around: Surroundings, by: Actor) -> bool:
    """Load a sample set.

    Args:
        directory: The set; its form is that of `samples/README.md`.
        url: Where the sandbox that serves the same set is.
        around: What the caller gives.
        by: Who loads it.

    Returns:
        False where this database holds the set already, and nothing was done.

    Raises:
        Refused: Something is missing or does not answer; the sentence says what. What was done before it stays, and
            another load goes on from there.
    """
    data = {name: _read(directory, name) for name in _FILES}
    scenario = data["scenario.json"]
    if scenario.get("time_zone") != around.zone.key:
        raise Refused(
            f"The set is made for the time zone {scenario.get('time_zone')}, and the portal stands in "
            f"{around.zone.key}. Set COUNTERSIGN_TIME_ZONE, then load it again."
        )
    digest = hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()
    steps = _steps(directory, data)
    around.set_clock(steps[0].at)
    with around.open_session() as session:
        known = settings_store.get(session, MARK, {})
        if known.get("digest") == digest and known.get("done"):
            around.say(f"The set {directory.name} is loaded already. Nothing was done.")
            around.set_clock(steps[-1].at)
            return False
        _refuse_other_data(session, known, digest, url)
        _mark(session, directory.name, digest, done=False, by=by, now=around.now())
        _set_up(session, data, url=url, around=around, by=by)
    for number, step in enumerate(steps, 1):
        _take_step(number, step, around, by)
    with around.open_session() as session:
        _mark(session, directory.name, digest, done=True, by=by, now=around.now())
    around.say(f"Loaded {directory.name}.")
    return True


def _mark(session: Session, name: str, digest: str, *, done: bool, by: Actor, now: datetime) -> None:
    """Note which set the database holds."""
    settings_store.put(
        session,
        MARK,
        {"name": name, "digest": digest, "done": done},
        by=by,
        now=now,
        sentence=f"{'Loaded' if done else 'Began to load'} the sample set “{name}”.",
    )


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a step, and what an importer must be told about it."""

    name: str
    path: Path
    vendor: str
    profile: FileProfile
    period: str | None
    counted_at: datetime
    complete: bool


@dataclass(frozen=True, slots=True)
class _Step:
    at: datetime
    files: tuple[_File, ...]


def _read(directory: Path, name: str) -> dict[str, Any]:
    """Read one of the set's JSON files."""
    try:
        text = (directory / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{directory} is no sample set: its {name} cannot be read.") from error
    try:
        found = json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise Refused(f"The set's {name} is not JSON.") from error
    if not isinstance(found, dict):
        raise Refused(f"The set's {name} has to be an object.")
    return found


def _steps(directory: Path, data: Mapping[str, Any]) -> list[_Step]:
    """Read the scenario's steps, each file with its profile."""
    try:
        entries = {entry["file"]: entry for entry in data["profiles.json"]["files"]}
        steps = [
            _Step(
                at=datetime.fromisoformat(step["at"]),
                files=tuple(_file(directory, entries[name]) for name in step["import"]),
            )
            for step in data["scenario.json"]["steps"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(f"The set's scenario.json and profiles.json do not fit together: {error!r}.") from error
    if not steps:
        raise Refused("The set's scenario has no steps.")
    return steps


def _file(directory: Path, entry: Mapping[str, Any]) -> _File:
    path = directory / entry["file"]
    if not path.is_file():
        raise Refused(f"The set names {entry['file']}, which is not there.")
    try:
        profile = FileProfile.from_spec(entry)
    except BadProfile as error:
        raise Refused(f"The profile of {entry['file']} cannot be used: {error}") from error
    return _File(
        name=entry["file"],
        path=path,
        vendor=entry["vendor"],
        profile=profile,
        period=entry["period"],
        counted_at=datetime.fromisoformat(entry["counted_at"]),
        complete=entry["complete"],
    )


def _refuse_other_data(session: Session, known: Mapping[str, Any], digest: str, url: str) -> None:
    """Refuse to pour made-up data over anything else."""
    if known and known.get("digest") != digest:
        raise Refused(
            f"This database holds the set {known.get('name')} already. Load another one into an empty database."
        )
    connection = connections.get_connectwise(session)
    if not known and connection is not None and not connection.url.startswith(url.rstrip("/")):
        raise Refused(
            f"ConnectWise is connected at {connection.url}. Sample sets are loaded into a database of their own."
        )


def _set_up(session: Session, data: Mapping[str, Any], *, url: str, around: Surroundings, by: Actor) -> None:
    """Set the connection, the meanings, the mapping and the rules."""
    now = around.now()
    connections.set_connectwise(
        session,
        url=url,
        company=COMPANY,
        public_key=PUBLIC_KEY,
        private_key=PRIVATE_KEY,
        client_id=CLIENT_ID,
        allow_private=True,
        sealer=around.sealer,
        by=by,
        now=now,
    )
    connections.set_writing(session, True, by=by, now=now)
    session.get_one(Connection, connections.NAME).requests_a_minute = QUICK_ENOUGH
    around.say(f"Connected ConnectWise at {url}; writing is on.")
    currency = data["scenario.json"].get("home_currency", "USD")
    settings_store.put(
        session, "home_currency", {"code": currency}, by=by, now=now, sentence=f"The home currency is {currency}."
    )
    _give_meanings(session, data["statuses.json"], around, by)
    diff = mapping_file.apply_mapping_file(session, data["mapping.json"], by=by, now=now)
    around.say(f"Mapping: {len(diff.changes)} entries set, {diff.equal} as they were.")
    rules, splits = data["rules.json"].get("rules", []), data["rules.json"].get("splits", [])
    for rule in rules:
        rules_store.add_rule(
            session,
            kind=rule["kind"],
            company_id=rule.get("company_id"),
            product=rule.get("product"),
            values=_rule_values(rule),
            by=by,
            now=now,
        )
    for split in splits:
        rules_store.set_split(
            session,
            company_id=split["company_id"],
            product=split["product"],
            all_to=split.get("all_to"),
            fixed={part["agreement_id"]: Decimal(part["quantity"]) for part in split.get("fixed", [])},
            rest_to=split.get("rest_to"),
            by=by,
            now=now,
        )
    around.say(f"Rules: {len(rules)}. Split rules: {len(splits)}.")


def _give_meanings(session: Session, given: Mapping[str, Any], around: Surroundings, by: Actor) -> None:
    """Give statuses, types and vendors' words their meanings; what has its meaning already is left alone."""
    now = around.now()
    lists: Sequence[tuple[statuses.ListName, str]] = (("status", "company_statuses"), ("type", "company_types"))
    for list_name, key in lists:
        for row in given.get(key, []):
            statuses.set_meaning(
                session, list_name, row["id"], row["meaning"], by=by, now=now, name=row["name_last_seen"]
            )
    for word in given.get("vendor_statuses", []):
        vendor = imports.vendor_by_name(session, word["vendor"], create=True, by=by, now=now)
        statuses.set_vendor_word(session, vendor.id, word["word"], word["meaning"], by=by, now=now)
    count = [len(given.get(name, [])) for name in ("company_statuses", "company_types", "vendor_statuses")]
    around.say(f"Meanings: {count[0]} company statuses, {count[1]} company types, {count[2]} words of vendors.")


def _rule_values(rule: Mapping[str, Any]) -> RuleValues:
    def number(name: str) -> Decimal | None:
        value = rule.get(name)
        return None if value is None else Decimal(value)

    until = rule.get("until")
    return RuleValues(
        quantity=number("quantity"),
        until=None if until is None else date.fromisoformat(until),
        mode=rule.get("mode"),
        to=number("to"),
        units=number("units"),
        percent=number("percent"),
        money=number("money"),
        reference=rule.get("reference"),
        reason=rule.get("reason"),
    )


def _take_step(number: int, step: _Step, around: Surroundings, by: Actor) -> None:
    """Put the sandbox and the clock on a step, read everything, import the step's files, make the cards."""
    around.put_on_step(number)
    if number > 1:  # on the first step the clock runs on: what a sync finds comes after what an admin said before it
        around.set_clock(step.at)
    around.say(f"Step {number}, {step.at.isoformat()}.")
    _sync(around, by)
    for file in step.files:
        around.say(_import(file, around, by))
    with around.open_session() as session:
        _all_read(session, around.now())
        cards_anew(session, now=around.now(), zone=around.zone)
        period = Period.of(around.now(), around.zone)
        missing = mapping.missing(session, period, around.zone)
        made = totals(session, period)
        around.say(
            f"Cards of {period}: {made.cards}. Unmapped: {len(missing.accounts)} accounts, "
            f"{len(missing.services)} services."
        )


def _all_read(session: Session, moment: datetime) -> None:
    """Take every vendor as read at a step, so that nothing is too old but a feed that is held."""
    held = sa.select(UsageImport.vendor_id).where(UsageImport.state == "held")
    committed = sa.select(UsageImport.vendor_id).where(UsageImport.state == "committed")
    for vendor in session.scalars(sa.select(Vendor).where(Vendor.id.in_(committed), Vendor.id.not_in(held))):
        vendor.last_commit_at = moment


def _sync(around: Surroundings, by: Actor) -> None:
    """Read everything from the sandbox."""
    with around.open_session() as session:
        run_id = sync.request_sync(session, "full", by=by, now=around.now()).id
        connection = session.get_one(Connection, connections.NAME)
        client = around.make_client(connection)
    with client:
        sync.run_sync(around.open_session, client, run_id, now=around.now, zone=around.zone)
    with around.open_session() as session:
        run = session.get_one(SyncRun, run_id)
        if run.state != "done":
            raise Refused(f"The sync failed: {run.error or 'no reason is known.'}")
        counts = {name: sum(of.get(kind, 0) for kind in ("new", "changed", "same")) for name, of in run.counts.items()}
        around.say("Read " + ", ".join(f"{count} {name}" for name, count in counts.items()) + ".")


def _import(file: _File, around: Surroundings, by: Actor) -> str:
    """Import one file, and say what came of it."""
    with around.open_session() as session:
        now = around.now()
        vendor = imports.vendor_by_name(session, file.vendor, create=True, by=by, now=now)
        name = _DATES.sub("", Path(file.name).stem) or file.vendor
        profile = imports.save_profile(session, vendor=vendor, name=name, profile=file.profile, by=by, now=now)
        found = imports.preview(
            session,
            vendor=vendor,
            profile=file.profile,
            filename=file.name,
            path=file.path,
            uploads=around.uploads,
            period=file.period,
            counted_at=file.counted_at,
            complete=file.complete,
            profile_id=profile.id,
            by=by,
            now=now,
            zone=around.zone,
        )
        if found.state == "ready":
            found = imports.commit(session, found.id, by=by, now=now, zone=around.zone, cards=False)
        if found.state == "failed":
            raise Refused(f"{file.name} cannot be imported: {found.message}")
        return f"{file.name}: {found.message}"
