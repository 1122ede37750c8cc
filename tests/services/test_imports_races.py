"""Two people commit at the same moment: one count stands, the other person is told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from portal.db.engine import WRITES
from portal.db.records import AuditEvent, UsageCount, UsageImport, UsageRow
from portal.services import audit, imports
from portal.services.errors import Conflict, Refused
from tests.services.usage_desk import BILLER, NOW, ZONE, Desk


def at_once(engine: sa.Engine, *verbs: Callable[[Session], UsageImport]) -> list[str]:
    """Run each verb in a transaction of its own, all at the same moment; give the states, or the refusals' names."""
    writing = engine.execution_options(**{WRITES: True})
    barrier = Barrier(len(verbs))

    def run(verb: Callable[[Session], UsageImport]) -> str:
        barrier.wait(timeout=10)
        try:
            with Session(writing) as session, session.begin():
                return verb(session).state
        except Refused as error:
            return type(error).__name__

    with ThreadPoolExecutor(len(verbs)) as pool:
        return sorted(pool.map(run, verbs))


@pytest.fixture
def prepared(engine: sa.Engine, tmp_path: Path) -> tuple[int, int]:
    """Two previews of the same bytes."""
    with Session(engine.execution_options(**{WRITES: True})) as session, session.begin():
        desk = Desk(session, tmp_path / "uploads")
        return desk.look([("A-1", 3)]).id, desk.look([("A-1", 3)]).id


def committing(import_id: int) -> Callable[[Session], UsageImport]:
    return lambda session: imports.commit(session, import_id, by=BILLER, now=NOW, zone=ZONE)


def counting(session: Session) -> int:
    """How many counts there are of files that count."""
    query = sa.select(sa.func.count(UsageCount.id)).join(UsageImport, UsageImport.id == UsageCount.import_id)
    return session.scalar(query.where(UsageImport.state == "committed")) or 0


def test_the_same_button_pressed_by_four_people_counts_once(engine: sa.Engine, prepared: tuple[int, int]) -> None:
    first, _second = prepared

    assert at_once(engine, *[committing(first)] * 4) == ["Conflict", "Conflict", "Conflict", "committed"]
    with Session(engine) as session:
        assert counting(session) == 1
        commits = sa.select(sa.func.count()).select_from(AuditEvent).where(AuditEvent.action == "usage.commit")
        assert session.scalar(commits) == 1
        assert audit.verify(session).ok


def test_the_same_bytes_committed_twice_at_once_count_once(engine: sa.Engine, prepared: tuple[int, int]) -> None:
    first, second = prepared

    assert at_once(engine, committing(first), committing(second)) == ["committed", "same"]


def test_commit_and_drop_at_once_leave_one_outcome(engine: sa.Engine, prepared: tuple[int, int]) -> None:
    first, _second = prepared

    def dropping(session: Session) -> UsageImport:
        return imports.drop(session, first, by=BILLER, now=NOW, zone=ZONE)

    outcome = at_once(engine, committing(first), dropping)

    assert outcome in (["Conflict", "committed"], ["Conflict", "dropped"])
    with Session(engine) as session:
        assert counting(session) == (1 if "committed" in outcome else 0)


cells = st.sampled_from(["3", "0", "2.5", "-1", "", "n/a", "1e9", "0.00001", "9999999"])
words = st.sampled_from(["New", "Removed", "Credit", "Gift"])
lines = st.lists(st.tuples(st.sampled_from(["A-1", "A-2", ""]), cells, st.just(""), words), max_size=25)


@given(rows=lines)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_stored_always_adds_up(session: Session, tmp_path: Path, rows: list[tuple[object, ...]]) -> None:
    desk = Desk(session, tmp_path / "uploads")
    net = {"column": "State", "plus": ["New"], "minus": ["Removed"], "ignore": ["Credit"]}

    found = desk.look(rows, net=net)
    if found.state == "ready":
        desk.commit(found)

    stored = session.scalars(sa.select(UsageRow).where(UsageRow.import_id == found.id)).all()
    outcomes = [row.outcome for row in stored]
    assert found.rows_read == len(stored) == len(rows)
    assert found.rows_counted == outcomes.count("counted") + outcomes.count("zero")
    assert found.rows_left_out == outcomes.count("left_out")
    assert found.rows_with_problem == outcomes.count("problem")
    assert found.rows_read == found.rows_counted + found.rows_left_out + found.rows_with_problem
    assert all(row.reason for row in stored if row.outcome == "problem")
    tied = {row.count_id for row in stored} - {None}
    counts = session.scalars(sa.select(UsageCount).where(UsageCount.import_id == found.id)).all()
    assert tied == {one.id for one in counts}
    assert sum(one.rows for one in counts) == (found.rows_counted if counts else 0)
    if found.state == "committed":
        imports.undo(session, found.id, by=BILLER, now=NOW, zone=ZONE)
        with pytest.raises(Conflict):
            desk.commit(found)
    assert desk.standing() == {}
