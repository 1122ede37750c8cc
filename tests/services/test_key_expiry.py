"""The day on which ConnectWise's private key expires: what is said of it, and who is told."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Connection, Notice
from portal.services.connection_trial import Values, check_values
from portal.services.errors import Invalid
from portal.services.key_expiry import KeyExpiry, expiry_of, tell
from tests.support.people import a_person

TODAY = date(2026, 10, 28)
NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)


def a_connection(session: Session, expires: date | None) -> Connection:
    found = session.get(Connection, "connectwise")
    if found is None:
        found = Connection(
            name="connectwise", url="https://na.example/v4_6_release/apis/3.0", company="c", public_key="p",
            sealed_private_key="s", key_tail="9f2c", client_id="g", set_by="Priya", set_at=NOW,
        )  # fmt: skip
        session.add(found)
    found.key_expires = expires
    session.commit()
    return found


def on_pages(session: Session) -> list[tuple[int, str, str]]:
    query = sa.select(Notice.person_id, Notice.tone, Notice.sentence).where(Notice.dismissed_at.is_(None))
    return [(row[0], row[1], row[2]) for row in session.execute(query.order_by(Notice.person_id))]


@pytest.mark.parametrize(
    ("days", "words", "soon", "over"),
    [
        (31, "in 31 days", False, False),
        (30, "in 30 days", True, False),
        (1, "in 1 day", True, False),
        (0, "today", True, True),
        (-1, "1 day ago", True, True),
    ],
)
def test_how_far_away_it_is(days: int, words: str, soon: bool, over: bool) -> None:
    found = KeyExpiry(day=TODAY + timedelta(days=days), days=days)

    assert (found.words, found.soon, found.over) == (words, soon, over)


def test_nothing_is_said_where_nobody_noted_a_day(session: Session) -> None:
    assert expiry_of(None, TODAY) is None
    assert expiry_of(a_connection(session, None), TODAY) is None


def test_admins_are_told_thirty_days_before_seven_days_before_and_when_it_is_over(session: Session) -> None:
    admin = a_person(session, "admin").id
    a_person(session, "biller")
    a_connection(session, TODAY + timedelta(days=40))

    told = []
    for day in range(45):
        before = session.scalar(sa.select(sa.func.count()).select_from(Notice))
        tell(session, today=TODAY + timedelta(days=day), now=NOW + timedelta(days=day))
        if session.scalar(sa.select(sa.func.count()).select_from(Notice)) != before:
            told.append(day)

    assert told == [10, 33, 40]
    person, tone, sentence = on_pages(session)[0]
    assert (len(on_pages(session)), person, tone) == (1, admin, "bad")
    assert "7 Dec 2026" in sentence
    assert "put it in" in sentence


def test_what_was_told_leaves_the_pages_once_there_is_a_new_key(session: Session) -> None:
    a_person(session, "admin")
    a_connection(session, TODAY + timedelta(days=5))
    tell(session, today=TODAY, now=NOW)
    assert len(on_pages(session)) == 1

    a_connection(session, TODAY + timedelta(days=365))
    tell(session, today=TODAY, now=NOW)

    assert on_pages(session) == []


def test_what_is_no_day_is_refused_with_a_sentence() -> None:
    values = Values(url="https://na.example", company="c", public_key="p", client_id="g", key_expires="next spring")

    with pytest.raises(Invalid) as refused:
        check_values(values, "private", real_now=NOW)

    assert "“next spring” is not a day" in refused.value.fields["key_expires"]
