"""The triggers that keep the trail as it is: what they refuse, and what happens when they are gone."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.services import audit, audit_guards
from portal.services.actors import COMMAND_LINE
from portal.services.audit_guards import Unguarded
from tests.support.trail import TRIGGERS, grow

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)
EVENT = "(n, at, what, action, person, sentence, details, previous_hash, hash)"


def happens(session: Session, what: str = "setting") -> AuditEvent:
    return audit.record(session, what=what, action="x", by=COMMAND_LINE, now=NOW, sentence="Something.")


def test_a_migrated_store_has_them_all(session: Session) -> None:
    assert audit_guards.missing(session) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET sentence = 'x' WHERE n = 3",
        "UPDATE OR REPLACE audit_event SET n = 2 WHERE n = 3",
        "DELETE FROM audit_event",
        "DELETE FROM audit_event WHERE n = 5",
        f"REPLACE INTO audit_event {EVENT} VALUES (3, '2026-10-28', 'a', 'b', 'c', 'd', '{{}}', '0', '1')",  # noqa: S608 - fixed values
        f"INSERT INTO audit_event {EVENT} VALUES (9, '2026-10-28', 'a', 'b', 'c', 'd', '{{}}', '0', '1')",  # noqa: S608 - fixed values
        f"INSERT INTO audit_event {EVENT} VALUES (0, '2026-10-28', 'a', 'b', 'c', 'd', '{{}}', '0', '1')",  # noqa: S608 - fixed values
        (
            f"REPLACE INTO audit_event {EVENT} SELECT "  # noqa: S608 - fixed values
            "6, at, what, action, person, sentence, details, previous_hash, hash FROM audit_event WHERE n = 3"
        ),
    ],
)
def test_the_database_refuses_all_but_a_new_event_at_the_end(session: Session, statement: str) -> None:
    grow(session, 5)

    with pytest.raises(sa.exc.IntegrityError, match="append-only"):
        session.connection().exec_driver_sql(statement)

    session.rollback()
    assert audit.verify(session).events == 5


@pytest.mark.parametrize("name", TRIGGERS)
def test_without_one_nothing_is_changed_but_people_still_sign_in(session: Session, name: str) -> None:
    happens(session)
    session.commit()
    session.connection().exec_driver_sql(f"DROP TRIGGER {name}")
    session.commit()

    assert audit_guards.missing(session) == [name]
    with pytest.raises(Unguarded, match="repair-guards"):
        happens(session)
    assert happens(session, "sign-in").n == 2


def test_one_that_was_replaced_by_one_that_does_nothing_is_missing(session: Session) -> None:
    session.connection().exec_driver_sql("DROP TRIGGER audit_event_no_delete")
    session.connection().exec_driver_sql(
        "CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event BEGIN SELECT 1; END"
    )

    assert audit_guards.missing(session) == ["audit_event_no_delete"]


def test_repair_puts_all_of_them_back(session: Session) -> None:
    for name in TRIGGERS:
        session.connection().exec_driver_sql(f"DROP TRIGGER {name}")

    assert sorted(audit_guards.repair(session)) == sorted(TRIGGERS)
    assert audit_guards.missing(session) == []
    assert audit_guards.repair(session) == []
    assert happens(session).n == 1


def test_they_are_looked_for_once_a_transaction(session: Session) -> None:
    asked: list[str] = []
    connection = session.connection()
    sa.event.listen(connection, "before_cursor_execute", lambda *args: asked.append(args[2]))

    for _ in range(20):
        happens(session)

    assert sum("sqlite_master" in statement for statement in asked) == 1
