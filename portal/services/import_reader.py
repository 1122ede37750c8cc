"""A reader's turn on an import: reads the kept file outside any transaction, stages it, and settles what it says.

A reader may be killed at any moment. What it staged counts nothing; the next one clears it and begins anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageImport, Vendor
from portal.domain.periods import Period, local_day
from portal.services.errors import Refused
from portal.services.import_choice import choose_profile, lists_every_account, question_json
from portal.services.import_effects import effects
from portal.services.import_reading import Reading, read_rows
from portal.services.import_receiving import month_question, same_bytes
from portal.services.import_staging import Lost, OpenSession, Stage, Store, clear, quantities
from portal.services.import_uploads import kept_file
from portal.services.import_words import arithmetic, same_words, unusable
from portal.services.push_leases import is_gone, worker_name
from portal.vendors.counting import When, counted_on_of
from portal.vendors.dates import BadDate
from portal.vendors.errors import BadProfile, Unreadable
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import open_table

LEASE = timedelta(seconds=180)  # real time without a sign of life, after which another reader may begin
MOST_TRIES = 3  # readings that begin; a file that ends its reader each time is not tried for ever
_NOON = time(12)
_MANY_TRIES = (
    "Reading it ended before its end {tries} times, so it is not tried again by itself. The file is kept. "
    "Choose how it is read, or choose a smaller file."
)


class Stopped(Exception):
    """The process is to end; another reader begins anew."""


@dataclass(slots=True)
class _Turn:
    """What a reader knows of the import that it reads."""

    import_id: int
    vendor_id: int
    path: Path
    filename: str
    profile: FileProfile | None
    period: Period
    moment: datetime
    guessed: frozenset[str]
    now: datetime
    zone: ZoneInfo
    questions: list[dict[str, Any]]
    how: str = ""

    def when(self) -> When:
        """Give the days that conditions may name."""
        return When(day=local_day(self.moment, self.zone), first=self.period.first, last=self.period.last)

    def notes(self) -> dict[str, Any]:
        """Give what is kept of how it is read: what nobody said, what is still asked, where this comes from."""
        asked = {"questions": self.questions} if self.questions else {}
        return {"guessed": sorted(self.guessed)} | asked | ({"how": self.how} if self.how else {})

    def counted_on(self, stage: Stage, day: Any) -> None:  # noqa: ANN401 - a date, or none
        """Take over the day of counting that the file tells, unless a person said another."""
        if day is None or "counted_at" not in self.guessed:
            return
        moment = min(datetime.combine(day, _NOON, self.zone), self.now)
        if local_day(moment, self.zone) == local_day(self.moment, self.zone):
            return
        self.moment = moment
        if "period" in self.guessed:
            self.period = Period.of(moment, self.zone)
        stage.say(counted_at=self.moment, period=str(self.period))


def read_waiting(
    open_session: OpenSession,
    import_id: int,
    *,
    uploads: Path,
    now: datetime,
    zone: ZoneInfo,
    stopping: Callable[[], bool] | None = None,
    told: Callable[[dict[str, Any]], None] | None = None,
) -> str | None:
    """Read an import that waits, and settle it: `ready`, `failed` or `same`.

    Args:
        open_session: Opens one short writing transaction; none may be open.
        import_id: The import.
        uploads: The folder where files are kept.
        now: By the business clock.
        zone: The portal's time zone.
        stopping: Tells that the process is to end; the import then waits for another reader.
        told: Called with what is noted of the progress: columns of the import.

    Returns:
        The state it has now; none where it does not wait, is another reader's, or goes on waiting.
    """
    store = Store.over(open_session)
    return read_with(store, import_id, uploads=uploads, now=now, zone=zone, stopping=stopping, told=told)


def read_with(
    store: Store,
    import_id: int,
    *,
    uploads: Path,
    now: datetime,
    zone: ZoneInfo,
    stopping: Callable[[], bool] | None = None,
    told: Callable[[dict[str, Any]], None] | None = None,
) -> str | None:
    """Read an import as `read_waiting` does, in whatever transactions a store opens."""
    reader = worker_name()
    with store.writing() as session:
        turn = _claim(session, import_id, reader, uploads, now, zone)
    if turn is None:
        return None
    stage = Stage(store, import_id, turn.vendor_id, reader, told or _untold)

    def going_on() -> None:
        if stopping is not None and stopping():
            raise Stopped

    try:
        return _read(turn, stage, going_on)
    except Lost:
        return None
    except Stopped:
        _let_go(stage, tries=UsageImport.tries - 1)
        return None
    except BaseException:
        _let_go(stage)
        raise


def due_imports(session: Session, real_now: datetime) -> list[int]:
    """List the imports that wait for a reader, or whose reader was silent for too long."""
    silent = sa.or_(UsageImport.reader.is_(None), UsageImport.heartbeat_at <= real_now - LEASE)
    query = sa.select(UsageImport.id).where(UsageImport.state == "reading", silent)
    return list(session.scalars(query.order_by(UsageImport.id)))


def free_the_dead(session: Session, *, starting: bool = False) -> None:
    """Take imports back from readers of this machine that are surely gone, so that nobody waits for their time.

    Args:
        session: A writing session.
        starting: This process has only begun, so a reader of its own process id is a dead one.
    """
    query = sa.select(UsageImport.id, UsageImport.reader).where(
        UsageImport.state == "reading", UsageImport.reader.is_not(None)
    )
    gone = [one for one, reader in session.execute(query) if reader is not None and is_gone(reader, starting=starting)]
    if gone:
        session.execute(
            sa.update(UsageImport)
            .where(UsageImport.id.in_(gone), UsageImport.state == "reading")
            .values(reader=None)
            .execution_options(synchronize_session=False)
        )


def _claim(session: Session, import_id: int, reader: str, uploads: Path, now: datetime, zone: ZoneInfo) -> _Turn | None:
    """Take an import that waits; none where there is nothing to do."""
    real_now = datetime.now(UTC)
    silent = sa.or_(UsageImport.reader.is_(None), UsageImport.heartbeat_at <= real_now - LEASE)
    taking = (
        sa.update(UsageImport)
        .where(UsageImport.id == import_id, UsageImport.state == "reading", silent)
        .values(reader=reader, heartbeat_at=real_now, tries=UsageImport.tries + 1, phase="Opening")
        .returning(UsageImport.id)
        .execution_options(synchronize_session=False)
    )
    if session.execute(taking).scalar_one_or_none() is None:
        return None
    found = session.get_one(UsageImport, import_id, populate_existing=True)
    path = kept_file(uploads, found.sha256)
    why = ""
    profile: FileProfile | None = None
    if found.tries > MOST_TRIES:
        why = _MANY_TRIES.format(tries=MOST_TRIES)
    elif path is None:
        why = "The file is no longer kept. Choose it again."
    elif found.spec:
        try:
            profile = FileProfile.from_spec(found.spec)
        except BadProfile as error:
            why = str(error)
    if why or path is None or found.counted_at is None or found.period is None:
        found.state, found.message, found.reader, found.phase = "failed", why, None, ""
        session.flush()
        return None
    return _Turn(
        import_id=import_id,
        vendor_id=found.vendor_id,
        path=path,
        filename=found.filename,
        profile=profile,
        period=Period.parse(found.period),
        moment=found.counted_at,
        guessed=frozenset(found.notes.get("guessed", [])),
        now=now,
        zone=zone,
        questions=list(found.notes.get("questions", [])),
        how=str(found.notes.get("how", "")),
    )


def _read(turn: _Turn, stage: Stage, going_on: Callable[[], None]) -> str:
    """Read a file from its beginning, and settle it."""
    clear(stage.store, turn.import_id, going_on=stage.note)
    try:
        profile = turn.profile or _chosen(turn, stage)
        if profile.counted_on is not None and "counted_at" in turn.guessed:
            table = open_table(turn.path, profile)
            table.rows.close()
            turn.counted_on(stage, counted_on_of(profile, table, turn.filename))
        reading = read_rows(stage, turn.path, profile, when=turn.when(), going_on=going_on)
    except (Unreadable, BadDate, Refused) as error:
        clear(stage.store, turn.import_id, going_on=stage.note)
        stage.say(state="failed", message=str(error), reader=None, phase="", rows_read=0, notes=turn.notes())
        return "failed"
    turn.counted_on(stage, reading.counted.counted_on)
    return _settle(turn, stage, profile, reading)


def _chosen(turn: _Turn, stage: Stage) -> FileProfile:
    """Choose how a file is read.

    Raises:
        Unreadable: Which column says what could not be told; the guess is kept for a person to complete.
        Refused: The file is of a kind that is never read.
    """
    with stage.store.reading() as session:
        vendor = session.get_one(Vendor, turn.vendor_id)
        choice = choose_profile(session, vendor, turn.path, turn.filename)
        whole = lists_every_account(session, vendor, choice.saved) if choice.complete is None else choice.complete
        profile_id = None if choice.saved is None else choice.saved.id
    turn.questions = [question_json(one) for one in choice.questions]
    turn.how = choice.words
    # kept with the choice: another reader that takes over finds the profile, and must find what is open too
    values: dict[str, Any] = {"spec": choice.spec, "profile_id": profile_id, "notes": turn.notes()}
    if "complete" in turn.guessed:
        values["complete"] = whole
    stage.say(**values)
    if choice.profile is None:
        raise Unreadable(choice.missing)
    return choice.profile


def _settle(turn: _Turn, stage: Stage, profile: FileProfile, reading: Reading) -> str:
    """Stage what was counted, say what committing would do, and let people decide."""
    counted = reading.counted
    notes = dict(reading.notes) | turn.notes()
    numbers: dict[str, Any] = {
        "rows_read": reading.read,
        "rows_counted": reading.rows_counted,
        "rows_left_out": reading.left_out,
        "rows_with_problem": reading.problems,
        "counts": len(counted.counts),
        "reader": None,
        "phase": "",
    }
    if not counted.counts:
        stage.say(**numbers, state="failed", message=unusable(reading), notes=notes)
        return "failed"
    covers = list(counted.covers.values())
    numbers["covers_first"] = min((first for first, _last in covers), default=None)
    numbers["covers_last"] = max((last for _first, last in covers), default=None)
    stage.say(phase="Laying aside what it counts")
    tells_status = "account_status" in {*profile.columns, *profile.constants, *profile.values}
    stage.counted(counted, tells_status=tells_status)
    stage.say(phase="Comparing with what counts now")
    names = {account: name for account, (name, _status) in counted.accounts.items()}
    with stage.store.reading() as session:
        found = session.get_one(UsageImport, turn.import_id, populate_existing=True)
        notes["effects"], fallen = effects(session, found, quantities(counted), names)
    with stage.store.writing() as session:
        found = session.get_one(UsageImport, turn.import_id, populate_existing=True)
        earlier = same_bytes(session, found)
        if earlier is not None:
            stage.note(session, **numbers, state="same", message=same_words(earlier, turn.zone), notes=notes)
            return "same"
        month = month_question(session, found)
        asked = [one for one in notes.pop("questions", []) if one.get("kind") != "month"]
        notes |= {"questions": asked + ([month] if month else [])} if asked or month else {}
        stage.note(session, **numbers, state="ready", notes=notes, fallen=fallen, message="")
        session.refresh(found)
        found.message = f"Checked, not committed: {arithmetic(found)}."
        session.flush()
    return "ready"


def _untold(_values: dict[str, Any]) -> None:
    """Tell nobody."""


def _let_go(stage: Stage, **values: Any) -> None:  # noqa: ANN401 - columns of the import
    """Leave an import to another reader."""
    try:
        stage.say(reader=None, **values)
    except Lost:
        return
