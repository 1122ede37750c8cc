"""Checks of the chain: each morning, slice by slice, gone on with after a crash; told where it breaks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.engine import WRITES
from portal.db.records import AuditCheck, AuditEvent, Notice
from portal.services import audit_checks
from portal.services.actors import SYSTEM
from portal.services.audit_chain import Anchor
from tests.support.database import ZONE
from tests.support.people import a_person
from tests.support.trail import grow, reseal, unguard

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)  # 09:00 in New York


class Worker:
    """Carries a check on, as a worker does."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.anchors: list[Anchor] = []
        self.real = NOW

    @contextmanager
    def open(self) -> Iterator[Session]:
        with Session(self.engine.execution_options(**{WRITES: True})) as session, session.begin():
            yield session

    def turn(self) -> bool:
        with Session(self.engine) as reading:
            return audit_checks.carry_on(
                self.open, lambda: reading, lambda: self.anchors, now=lambda: NOW, real_now=lambda: self.real
            )

    def finish(self) -> AuditCheck:
        while self.turn():
            pass
        with Session(self.engine, expire_on_commit=False) as reading:
            found = audit_checks.last(reading)
            assert found is not None
            return found


@pytest.fixture
def worker(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(audit_checks, "SLICE", 50)
    return Worker(engine)


def ask(session: Session) -> None:
    audit_checks.ask(session, by=SYSTEM, now=NOW)
    session.commit()


def test_a_long_trail_is_checked_in_slices_and_a_crash_between_two_loses_none(session: Session, worker: Worker) -> None:
    grow(session, 220)
    ask(session)

    assert worker.turn()
    assert worker.turn()
    with Session(worker.engine) as reading:
        half = audit_checks.running(reading)
        assert half is not None
        assert (half.state, half.events, half.total) == ("working", 100, 220)
    found = Worker(worker.engine).finish()

    assert (found.ok, found.events, found.why) == (True, 220, "The chain is whole: 220 events.")


def test_two_workers_do_not_check_the_same_slice(session: Session, worker: Worker) -> None:
    grow(session, 100)
    ask(session)
    session.execute(sa.update(AuditCheck).values(leased_until=NOW + timedelta(minutes=1)))
    session.commit()

    assert not worker.turn()
    worker.real = NOW + timedelta(minutes=2)
    assert worker.turn(), "a worker that died holds it no longer"


def test_events_that_come_meanwhile_are_checked_too(session: Session, worker: Worker) -> None:
    grow(session, 100)
    ask(session)
    worker.turn()
    grow(session, 60, seed=2)

    assert worker.finish().events == 160


def broken_field(connection: sa.Connection) -> None:
    connection.execute(sa.update(AuditEvent).where(AuditEvent.n == 130).values(after="999"))


def sealed_anew(connection: sa.Connection) -> None:
    broken_field(connection)
    reseal(connection, 130)


def cut(connection: sa.Connection) -> None:
    connection.execute(sa.delete(AuditEvent).where(AuditEvent.n > 180))


@pytest.mark.parametrize(("tamper", "at"), [(broken_field, 130), (sealed_anew, 101), (cut, 181)])
def test_a_break_is_told_to_admins_and_in_the_trail(
    session: Session, worker: Worker, tamper: Callable[[sa.Connection], Any], at: int
) -> None:
    a_person(session, "admin")
    grow(session, 200)
    rows = session.execute(sa.select(AuditEvent.n, AuditEvent.hash).where(AuditEvent.n.in_((100, 200)))).all()
    worker.anchors = [Anchor(row.n, row.hash, NOW) for row in rows]
    connection = session.connection()
    triggers = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'trigger'").scalars().all()
    unguard(connection)
    tamper(connection)
    for statement in triggers:
        connection.exec_driver_sql(statement)
    session.commit()
    ask(session)

    found = worker.finish()

    assert (found.ok, found.broken_at) == (False, at)
    with Session(worker.engine) as reading:
        notice = reading.scalars(sa.select(Notice)).one()
        assert f"breaks at event {at}" in notice.sentence
        told = sa.select(AuditEvent.sentence).where(AuditEvent.action == "audit.broken")
        assert reading.scalars(told).all() == [f"Checked the audit trail: it breaks at event {at}."]


def test_it_is_due_each_morning_at_six_in_the_portals_zone(session: Session, worker: Worker) -> None:
    def due(moment: datetime) -> bool:
        found = audit_checks.daily_is_due(session, now=moment, zone=ZONE)
        session.rollback()
        return found

    assert due(NOW), "the first one at once"
    ask(session)
    assert not due(NOW + timedelta(days=3)), "one that waits will do"
    worker.finish()
    assert not due(NOW + timedelta(hours=20, minutes=59))
    assert due(NOW + timedelta(hours=21)), "06:00 of the next day"
    assert due(NOW + timedelta(days=5))
    assert due(NOW - timedelta(days=5)), "after a clock that was set back"


def test_old_results_go(session: Session, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_checks, "KEPT", 3)
    for _ in range(6):
        ask(session)
        worker.finish()
    session.rollback()

    assert session.scalar(sa.select(sa.func.count()).select_from(AuditCheck)) == 3
