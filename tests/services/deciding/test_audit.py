"""The audit trail: sealed event by event, exported so that it verifies offline."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.services import audit
from portal.services.actors import COMMAND_LINE, Actor
from portal.services.audit import FIRST

NOW = datetime(2026, 10, 28, 13, 0, tzinfo=UTC)


def write(session: Session, count: int = 5) -> None:
    for number in range(count):
        audit.record(
            session,
            what="decision" if number % 2 == 0 else "setting",
            action="card.approve",
            by=Actor("Jo Vale", None, "biller", "192.0.2.7"),
            now=NOW,
            sentence=f"Approved {number} for “Café”.",
            company_id=number,
            before=Decimal("10.0000"),
            after=Decimal(12),
            details={"seen": {"psa": Decimal("10.50")}, "day": NOW.date(), "list": [Decimal(1), None, True]},
        )
    session.commit()


def forge(session: Session, statement: str) -> None:
    """Change the store behind the portal's back, as somebody with the file could."""
    connection = session.connection()
    for verb in ("update", "delete"):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS audit_event_no_{verb}")
    connection.exec_driver_sql(statement)
    session.commit()
    session.expire_all()


def test_an_empty_trail_is_whole(session: Session) -> None:
    assert audit.verify(session) == audit.Verdict(
        ok=True, events=0, head=FIRST, broken_at=None, why="The chain is whole: 0 events."
    )


def test_each_event_names_the_hash_of_the_one_before_it(session: Session) -> None:
    write(session)
    events = list(session.scalars(sa.select(AuditEvent).order_by(AuditEvent.n)))

    assert [event.n for event in events] == [1, 2, 3, 4, 5]
    assert [event.previous_hash for event in events] == [FIRST, *(event.hash for event in events[:-1])]
    assert audit.verify(session).ok
    assert (events[0].before, events[0].details["seen"]) == ("10", {"psa": "10.5"})


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit_event SET after = '13' WHERE n = 3", 3),
        ("UPDATE audit_event SET person = 'Somebody else' WHERE n = 1", 1),
        ("UPDATE audit_event SET address = '192.0.2.8' WHERE n = 2", 2),
        ("UPDATE audit_event SET at = '2026-10-28 13:00:01.000000' WHERE n = 4", 4),
        ("DELETE FROM audit_event WHERE n = 2", 2),
        ("UPDATE audit_event SET n = 9 WHERE n = 5", 5),
        ("UPDATE audit_event SET details = '{}' WHERE n = 5", 5),
    ],
)
def test_a_change_behind_the_portals_back_is_found_where_it_is(
    session: Session, statement: str, broken_at: int
) -> None:
    write(session)
    forge(session, statement)

    verdict = audit.verify(session)

    assert (verdict.ok, verdict.broken_at) == (False, broken_at)
    assert str(broken_at) in verdict.why


def test_a_tail_that_was_cut_off_is_found_by_a_noted_head(session: Session) -> None:
    write(session)
    head = audit.verify(session).head
    forge(session, "DELETE FROM audit_event WHERE n = 5")

    assert audit.verify(session).ok
    verdict = audit.verify(session, head=head)
    assert (verdict.ok, verdict.broken_at) == (False, 5)


def test_an_older_head_still_stands_in_a_chain_that_grew(session: Session) -> None:
    write(session, 2)
    head = audit.verify(session).head
    write(session, 2)

    assert audit.verify(session, head=head).ok


def test_an_export_verifies_offline_and_hides_addresses(session: Session) -> None:
    write(session)
    lines = list(audit.export_lines(session))

    assert audit.verify_lines(lines) == audit.verify(session)
    assert "192.0.2.7" not in "".join(lines)
    whole = list(audit.export_lines(session, addresses=True))
    assert "192.0.2.7" in whole[0]
    assert audit.verify_lines(whole).ok


def test_a_part_keeps_number_and_hashes_of_what_it_leaves_out(session: Session) -> None:
    write(session)
    lines = list(audit.export_lines(session, AuditEvent.what == "setting"))

    assert [json.loads(line).get("left_out", False) for line in lines] == [True, False, True, False, True]
    assert audit.verify_lines(lines).ok


def changed(lines: Iterable[str], number: int, **values: object) -> list[str]:
    return [
        json.dumps(json.loads(line) | values, ensure_ascii=False) if place == number else line
        for place, line in enumerate(lines, start=1)
    ]


@pytest.mark.parametrize("values", [{"after": "13"}, {"hash": "0" * 64}, {"previous_hash": "0" * 64}, {"n": 7}])
def test_an_export_that_was_changed_does_not_verify(session: Session, values: dict[str, object]) -> None:
    write(session)
    lines = changed(audit.export_lines(session), 3, **values)

    assert audit.verify_lines(lines).broken_at == 3


def test_an_address_that_was_changed_in_an_export_does_not_verify(session: Session) -> None:
    write(session)
    lines = changed(audit.export_lines(session, addresses=True), 2, address="192.0.2.8")

    assert audit.verify_lines(lines).broken_at == 2


@pytest.mark.parametrize("line", ["nonsense", "[]", "{}", "3"])
def test_a_line_that_is_no_event_breaks_the_chain(session: Session, line: str) -> None:
    write(session, 1)

    assert audit.verify_lines([*audit.export_lines(session), line]).broken_at == 2


def test_an_event_needs_a_known_kind_and_exact_details(session: Session) -> None:
    with pytest.raises(ValueError, match="no kind of event"):
        audit.record(session, what="gossip", action="x", by=COMMAND_LINE, now=NOW, sentence="x")
    with pytest.raises(TypeError, match="float"):
        audit.record(session, what="setting", action="x", by=COMMAND_LINE, now=NOW, sentence="x", details={"a": 0.1})
