"""Files that a reader reads in its own time: killed readers, two readers, another profile meanwhile."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.engine import WRITES
from portal.db.records import AuditEvent, UsageAccount, UsageCount, UsageImport, UsageRow, UsageService
from portal.services import import_reader, import_reading, import_staging, imports
from portal.services.errors import Conflict, NotAllowed
from portal.vendors.profiles import FileProfile
from tests.services.usage_desk import BILLER, COLUMNS, NOW, VIEWER, ZONE, Row, many, october, text_of

ROOT = Path(__file__).parents[2]
ROWS: list[Row] = [*many(20, 5), ("A-000", "x"), ("A-001", 2, "Renamed", "closed", "S-2", "Yearly")]


class Reading:
    """A store, the files kept beside it, and what a reader does with them."""

    def __init__(self, engine: sa.Engine, uploads: Path) -> None:
        self.engine = engine
        self.uploads = uploads
        self.opened = 0

    @contextmanager
    def open_session(self) -> Iterator[Session]:
        self.opened += 1
        writing = self.engine.execution_options(**{WRITES: True})
        with Session(writing, expire_on_commit=False) as session, session.begin():
            yield session

    def received(self, content: str | bytes, *, known: bool = True, filename: str = "usage.csv", **how: Any) -> int:
        given = content.encode() if isinstance(content, str) else content
        profile = FileProfile.from_spec({"columns": COLUMNS}) if known else None
        said: dict[str, Any] = {"counted_at": october(27), "complete": True} | how
        with self.open_session() as session:
            vendor = imports.vendor_by_name(session, "Haven Backup", create=True, by=BILLER, now=NOW)
            found = imports.receive(
                session, vendor=vendor, profile=profile, filename=filename, content=given, uploads=self.uploads,
                by=BILLER, now=NOW, zone=ZONE, **said,
            )  # fmt: skip
            return found.id

    def read(self, import_id: int, **how: Any) -> str | None:
        return imports.read_waiting(self.open_session, import_id, uploads=self.uploads, now=NOW, zone=ZONE, **how)

    def commit(self, import_id: int, **how: Any) -> str:
        with self.open_session() as session:
            return imports.commit(session, import_id, by=BILLER, now=NOW, zone=ZONE, **how).state

    def found(self, import_id: int) -> UsageImport:
        with Session(self.engine, expire_on_commit=False) as session:
            return session.get_one(UsageImport, import_id)

    def staged(self, import_id: int) -> dict[str, list[tuple[object, ...]]]:
        """All that is staged for an import, without ids that only tell the order of writing."""
        with Session(self.engine) as session:
            counts = session.execute(
                sa.select(UsageCount.account_id, UsageCount.service_id, UsageCount.quantity, UsageCount.rows)
                .where(UsageCount.import_id == import_id)
                .order_by(UsageCount.account_id, UsageCount.service_id)
            ).all()
            rows = session.execute(
                sa.select(UsageRow.line, UsageRow.outcome, UsageRow.units, UsageCount.account_id)
                .outerjoin(UsageCount, UsageCount.id == UsageRow.count_id)
                .where(UsageRow.import_id == import_id)
                .order_by(UsageRow.line)
            ).all()
            names = session.execute(
                sa.select(UsageAccount.account_id, UsageAccount.name, UsageAccount.status)
                .where(UsageAccount.import_id == import_id)
                .order_by(UsageAccount.account_id)
            ).all()
            sold = session.scalars(sa.select(UsageService.service_id).where(UsageService.import_id == import_id)).all()
        return {
            "counts": [tuple(one) for one in counts],
            "rows": [tuple(one) for one in rows],
            "names": [tuple(one) for one in names],
            "sold": [(one,) for one in sorted(sold)],
        }


@pytest.fixture
def reading(engine: sa.Engine, tmp_path: Path) -> Reading:
    return Reading(engine, tmp_path / "uploads")


@pytest.fixture
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (import_staging, import_reading):
        monkeypatch.setattr(module, "ROWS", 4)


def test_a_file_that_was_received_waits_for_a_reader_and_then_for_a_person(reading: Reading) -> None:
    import_id = reading.received(text_of(ROWS))

    with reading.open_session() as session:
        assert imports.due_imports(session, datetime.now(UTC)) == [import_id]
    assert reading.found(import_id).state == "reading"
    assert reading.read(import_id) == "ready"
    found = reading.found(import_id)
    assert (found.rows_read, found.rows_with_problem, found.counts, found.reader) == (22, 1, 21, None)
    assert (
        found.message == "Checked, not committed: 22 lines - 1 with a problem = 21 that count, 21 counts for 2026-10."
    )
    with reading.open_session() as session:
        assert imports.due_imports(session, datetime.now(UTC)) == []
    assert reading.read(import_id) is None  # nothing is left to do


@pytest.mark.usefixtures("_small_steps")
def test_no_transaction_writes_more_than_a_few_rows(reading: Reading) -> None:
    import_id = reading.received(text_of(many(40, 1)))
    written: list[int] = []
    sa.event.listen(
        reading.engine, "before_cursor_execute", lambda *args: written.append(len(args[3]) if args[5] else 1)
    )

    assert reading.read(import_id) == "ready"

    assert reading.opened > 40  # rows, accounts, counts, names and ties in pieces of four
    assert max(written) <= 8


@pytest.mark.parametrize("transactions", [2, 3, 5, 8, 11, 14, 17, 20, 24])
def test_a_reader_that_is_killed_leaves_nothing_wrong(reading: Reading, transactions: int) -> None:
    whole = reading.received(text_of(ROWS), period="2026-09")
    assert reading.read(whole) == "ready"
    import_id = reading.received(text_of(ROWS))
    words = [str(reading.engine.url), str(reading.uploads), str(import_id), str(transactions), "4", NOW.isoformat()]

    ended = subprocess.run(  # noqa: S603 - our own reader
        [sys.executable, "-m", "tests.support.reading_worker", *words], cwd=ROOT, check=False
    )

    assert ended.returncode == -signal.SIGKILL
    found = reading.found(import_id)
    assert (found.state, found.tries) == ("reading", 1)
    assert reading.read(import_id) is None  # it might still be at work
    with reading.open_session() as session:
        imports.free_the_dead(session)
        assert imports.due_imports(session, datetime.now(UTC)) == [import_id]
    assert reading.read(import_id) == "ready"
    assert reading.staged(import_id) == reading.staged(whole)
    assert reading.commit(import_id) == "committed"


def test_a_reader_of_another_machine_that_is_silent_for_long_is_followed_by_another(reading: Reading) -> None:
    import_id = reading.received(text_of(ROWS))
    with reading.open_session() as session:
        found = session.get_one(UsageImport, import_id)
        found.reader, found.heartbeat_at = "elsewhere/1/abc", datetime.now(UTC)
    with reading.open_session() as session:
        imports.free_the_dead(session, starting=True)
        assert imports.due_imports(session, datetime.now(UTC)) == []
        later = datetime.now(UTC) + import_reader.LEASE + timedelta(seconds=1)
        assert imports.due_imports(session, later) == [import_id]
        session.get_one(UsageImport, import_id).heartbeat_at = datetime.now(UTC) - import_reader.LEASE

    assert reading.read(import_id) == "ready"


def test_a_file_that_ends_every_reader_is_not_tried_for_ever(reading: Reading) -> None:
    import_id = reading.received(text_of(ROWS))
    with reading.open_session() as session:
        session.get_one(UsageImport, import_id).tries = import_reader.MOST_TRIES

    assert reading.read(import_id) is None
    assert "ended before its end 3 times" in reading.found(import_id).message
    assert reading.found(import_id).state == "failed"


@pytest.mark.usefixtures("_small_steps")
def test_a_worker_that_is_told_to_end_leaves_the_file_to_the_next_one(reading: Reading) -> None:
    import_id = reading.received(text_of(ROWS))

    assert reading.read(import_id, stopping=lambda: True) is None

    found = reading.found(import_id)
    assert (found.state, found.reader, found.tries) == ("reading", None, 0)
    assert reading.read(import_id) == "ready"


@pytest.mark.usefixtures("_small_steps")
@pytest.mark.parametrize("verb", ["drop", "read_again"])
def test_a_reader_stops_when_somebody_drops_the_file_or_reads_it_otherwise(
    reading: Reading, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = reading.received(text_of(ROWS))
    left = [3]
    rows = import_staging.Stage.rows

    def meanwhile(stage: import_staging.Stage, *args: Any, **values: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            with reading.open_session() as session:
                if verb == "drop":
                    imports.drop(session, import_id, by=BILLER, now=NOW, zone=ZONE)
                else:
                    other = FileProfile.from_spec({"columns": COLUMNS | {"term": "State"}})
                    imports.read_again(session, import_id, profile=other, by=BILLER, now=NOW, zone=ZONE)
        rows(stage, *args, **values)

    monkeypatch.setattr(import_staging.Stage, "rows", meanwhile)

    assert reading.read(import_id) is None

    if verb == "drop":
        assert reading.found(import_id).state == "dropped"
        with reading.open_session() as session:
            assert session.scalar(sa.select(sa.func.count(UsageRow.id))) == 8
        assert imports.sweep(reading.open_session, now=NOW)
        assert reading.staged(import_id) == {"counts": [], "rows": [], "names": [], "sold": []}
        assert not imports.sweep(reading.open_session, now=NOW)
    else:
        assert reading.read(import_id) == "ready"
        assert reading.found(import_id).spec["columns"]["term"] == "State"
        assert len(reading.staged(import_id)["rows"]) == len(ROWS)


def test_of_two_readers_one_reads(reading: Reading) -> None:
    import_id = reading.received(text_of(ROWS))
    tried: list[str | None] = []

    def meanwhile() -> bool:
        tried.append(reading.read(import_id))
        return False

    assert reading.read(import_id, stopping=meanwhile) == "ready"

    assert tried
    assert set(tried) == {None}


def test_read_again_keeps_the_import_and_never_touches_what_counts(reading: Reading) -> None:
    import_id = reading.received("Account,SKU,Units,Other\nA-1,S-1,2,7\n", known=False)
    assert reading.read(import_id) == "ready"
    other = FileProfile.from_spec({"columns": {"account_id": "Account", "service_id": "SKU", "count": "Other"}})
    with reading.open_session() as session:
        kept = imports.save_profile(
            session, vendor=session.get_one(UsageImport, import_id).vendor, name="usage", profile=other, by=BILLER,
            now=NOW,
        )  # fmt: skip
        imports.read_again(session, import_id, profile=other, profile_id=kept.id, by=BILLER, now=NOW, zone=ZONE)
    assert reading.read(import_id) == "ready"
    assert [count[2:] for count in reading.staged(import_id)["counts"]] == [(7, 1)]
    assert reading.commit(import_id) == "committed"

    found = reading.found(import_id)
    assert (found.profile_id, found.spec["columns"]["count"]) == (kept.id, "Other")
    with reading.open_session() as session, pytest.raises(Conflict, match="was committed, so it is not read again"):
        imports.read_again(session, import_id, profile=None, by=BILLER, now=NOW, zone=ZONE)
    with reading.open_session() as session, pytest.raises(NotAllowed):
        imports.read_again(session, import_id, profile=None, by=VIEWER, now=NOW, zone=ZONE)


def test_a_look_that_is_forgotten_leaves_nothing(reading: Reading) -> None:
    import_id = reading.received(text_of(ROWS))
    reading.read(import_id)
    with reading.open_session() as session:
        before = session.scalar(sa.select(sa.func.count(AuditEvent.n)))

    imports.forget(reading.open_session, import_id)

    with reading.open_session() as session:
        assert session.get(UsageImport, import_id) is None
        assert session.scalar(sa.select(sa.func.count(UsageRow.id))) == 0
        assert session.scalar(sa.select(sa.func.count(AuditEvent.n))) == before
