"""No filter of the trail reads all of it: each is walked along an index from its newest end."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.services import audit, audit_reading, audit_summary
from portal.services.audit_reading import Question
from tests.support.database import ZONE
from tests.support.trail import BEGIN, STEP, grow

EVENTS = 600
QUESTIONS: dict[str, dict[str, Any]] = {
    "everything": {},
    "card": {"equal": [(AuditEvent.card_id, (9,))]},
    "push": {"equal": [(AuditEvent.push_id, (9,))]},
    "agreement": {"equal": [(AuditEvent.agreement_id, (34,))]},
    "company": {"equal": [(AuditEvent.company_id, (17,))]},
    "product": {"equal": [(AuditEvent.product, ("SKU-5",))]},
    "person": {"equal": [(AuditEvent.person, ("Dana",))]},
    "what": {"equal": [(AuditEvent.what, ("usage", "sync"))]},
    "person and what": {"equal": [(AuditEvent.person, ("Dana",)), (AuditEvent.what, ("mapping",))]},
    "days": {"since": BEGIN + 300 * STEP, "until": BEGIN + 600 * STEP},
    "words": {"words": "phone"},
    "a number": {"words": "412"},
    "a company's name and a person": {"words": "Company 0017", "equal": [(AuditEvent.person, ("Dana",))]},
}


@pytest.fixture
def statements(session: Session) -> list[tuple[str, Any]]:
    grow(session, EVENTS)
    sent: list[tuple[str, Any]] = []
    sa.event.listen(session.connection(), "before_cursor_execute", lambda *args: sent.append((args[2], args[3])))
    return sent


def plans(session: Session, sent: list[tuple[str, Any]]) -> list[str]:
    """Every step by which SQLite reads the trail's table."""
    connection, asked = session.connection(), list(sent)
    found = []
    for statement, values in asked:
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        found += [row[3] for row in steps if "audit_event" in row[3]]
    return found


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_page_is_read_along_an_index(session: Session, statements: list[tuple[str, Any]], name: str) -> None:
    question = Question(upto=EVENTS, **QUESTIONS[name])

    for before in (None, 400):
        audit_reading.find(session, question, before=before, count=100)

    steps = plans(session, statements)
    assert steps
    # a scan is one along a covering index, which a limit ends; none goes through the table itself
    assert [step for step in steps if not ("USING" in step and ("INDEX" in step or "PRIMARY KEY" in step))] == []


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_page_holds_what_a_look_at_every_event_finds(session: Session, name: str) -> None:
    grow(session, EVENTS)
    question = Question(upto=EVENTS, **QUESTIONS[name])
    every = sa.select(AuditEvent.n).where(*audit_reading.where(question))
    wanted = list(session.scalars(every.order_by(AuditEvent.at.desc(), AuditEvent.n.desc())))
    found: list[int] = []
    before = None
    while True:
        page = audit_reading.find(session, question, before=before, count=100)
        found += [event.n for event in page.events]
        if page.older is None:
            break
        before = page.older

    assert found == wanted
    assert len(found) == len(set(found))


def test_a_search_that_finds_little_stops_and_goes_on_where_it_stopped(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_reading, "MOST_LOOKED_THROUGH", 40)
    monkeypatch.setattr(audit_reading, "_FIRST_STEP", 20)
    grow(session, EVENTS)
    question = Question(upto=EVENTS, equal=[(AuditEvent.person, ("Dana",)), (AuditEvent.reason, ("Agreed by phone",))])
    every = sa.select(AuditEvent.n).where(*audit_reading.where(question)).order_by(AuditEvent.n.desc())
    question_of_all = Question(upto=EVENTS, equal=[(AuditEvent.what, ("decision", "write")), *question.equal])
    pages, before, found = 0, None, []
    while True:
        page = audit_reading.find(session, question_of_all, before=before, count=100)
        pages += 1
        found += [event.n for event in page.events]
        if page.older is None:
            break
        before = page.older

    wanted = every.where(AuditEvent.what.in_(("decision", "write")))
    assert found == list(session.scalars(wanted))
    assert pages > 1


def test_words_of_sentences_are_looked_for_in_the_newest_events_and_the_page_says_so(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_reading, "MOST_LOOKED_THROUGH", 300)
    grow(session, EVENTS)

    found = audit_reading.find(session, Question(upto=EVENTS, words="phone"), before=None, count=100)

    assert {event.n for event in found.events} == {n for n in range(EVENTS - 300, EVENTS + 1) if n % 17 == 0}
    assert found.words_back_to == BEGIN + (EVENTS - 300) * STEP


def test_the_summary_reads_along_an_index_too(session: Session, statements: list[tuple[str, Any]]) -> None:
    for more in ({}, {"person": "Dana"}, {"company_id": 17}):
        audit_summary.summarise(session, by="person", since=BEGIN, until=BEGIN + timedelta(days=400), zone=ZONE, **more)

    assert [step for step in plans(session, statements) if "USING" not in step] == []


def test_different_values_are_found_by_jumping(session: Session, statements: list[tuple[str, Any]]) -> None:
    names = audit_reading.distinct(session, AuditEvent.person)

    assert names == sorted(set(session.scalars(sa.select(AuditEvent.person))))
    assert all("SEARCH" in step for step in plans(session, statements[:1])), "never a scan"
    assert audit.head(session)[0] == EVENTS
