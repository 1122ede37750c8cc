"""Refusals in the trail: the first few each, the rest counted, none of them lost."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, AuditRefusal
from portal.services import audit, audit_refusals
from portal.services.actors import Actor

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)
DANA = Actor("Dana", 7, "biller", "10.0.4.17")


def refuse(session: Session, times: int, *, by: Actor = DANA, at: datetime = NOW, asked: str = "POST /people") -> None:
    for _ in range(times):
        audit_refusals.note(session, by=by, asked=asked, status=403, sentence="Only admins may.", now=at)


def told(session: Session) -> list[str]:
    return list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.n)))


def test_the_first_few_are_events_and_the_rest_is_one_count(session: Session) -> None:
    refuse(session, 1000)
    assert told(session) == ["refused.403"] * audit_refusals.EACH
    assert not audit_refusals.any_over(session, now=NOW + timedelta(minutes=59))
    later = NOW + timedelta(hours=1)
    assert audit_refusals.any_over(session, now=later)

    audit_refusals.tell(session, now=later)

    last = session.scalars(sa.select(AuditEvent).order_by(AuditEvent.n.desc()).limit(1)).one()
    assert (last.action, last.person_id, last.details["times"]) == ("refused.more", 7, 1000 - audit_refusals.EACH)
    assert "995 more times" in last.sentence
    assert session.scalars(sa.select(AuditRefusal)).all() == []
    assert audit.verify(session).ok


def test_without_a_worker_the_next_refusal_tells_the_count_of_the_hour_before(session: Session) -> None:
    refuse(session, 7)
    refuse(session, 1, at=NOW + timedelta(hours=2))

    assert told(session) == [*["refused.403"] * 5, "refused.more", "refused.403"]


def test_people_and_things_asked_are_counted_apart(session: Session) -> None:
    refuse(session, 6)
    refuse(session, 6, by=Actor("Vera", 9, "viewer"))
    refuse(session, 6, asked="POST /cards/1/approve")

    assert len(told(session)) == 15
    assert session.scalar(sa.select(sa.func.sum(AuditRefusal.untold))) == 3


def test_a_flood_from_ever_new_addresses_stays_bounded(session: Session) -> None:
    for number in range(audit_refusals.PAIRS + 300):
        refuse(session, 1, by=Actor("somebody", address=f"192.0.2.{number}"), asked="POST /sign-in")

    assert len(told(session)) == audit_refusals.PAIRS + audit_refusals.EACH
    assert session.scalar(sa.select(sa.func.count()).select_from(AuditRefusal)) == audit_refusals.PAIRS + 1
    audit_refusals.tell(session, now=NOW + timedelta(hours=1))
    assert told(session)[-1] == "refused.more", "the others are counted together"
