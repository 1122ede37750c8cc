"""A day that begins: everybody's cards are made anew in small steps, and nobody waits for all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card
from portal.jobs import schedule
from portal.services import card_remaking, remaking
from tests.support.desk import ZONE, Desk

MIDNIGHT = datetime(2026, 10, 29, 0, 0, 5, tzinfo=ZONE)


@pytest.fixture
def steps(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many companies' cards each transaction made anew."""
    monkeypatch.setattr(remaking, "_COMPANIES_A_STEP", 10)
    monkeypatch.setattr(remaking, "_BREATH", 0)
    made: list[int] = []
    real = card_remaking.cards_anew

    def counted(session: Session, *, company_ids: list[int] | None = None, **named: object) -> None:
        made.append(-1 if company_ids is None else len(company_ids))
        real(session, company_ids=company_ids, **named)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(remaking, "cards_anew", counted)
    del desk
    return made


def cards(desk: Desk) -> list[tuple[object, ...]]:
    names = ("company_id", "agreement_id", "period", "product", "state", "kind", "stale_reason", "facts")
    with desk.open_session() as session:
        return sorted(
            (tuple(getattr(row, name) for name in names) for row in session.scalars(sa.select(Card))), key=str
        )


def test_small_steps_make_the_cards_that_one_would(desk: Desk, steps: list[int]) -> None:
    ends = desk.card(1041)
    remaking.begin_day(desk.open_session, now=MIDNIGHT, zone=ZONE)
    in_steps = cards(desk)
    with desk.open_session() as session:
        remaking.remake(session, now=MIDNIGHT, zone=ZONE)

    assert cards(desk) == in_steps
    assert desk.again(ends).state == "stale"
    assert len(steps) > 4
    assert max(steps[:-1]) == 10
    assert steps[-1] == -1


def test_a_day_begins_once(desk: Desk, steps: list[int]) -> None:
    remaking.begin_day(desk.open_session, now=MIDNIGHT, zone=ZONE)
    made = len(steps)

    remaking.begin_day(desk.open_session, now=MIDNIGHT + timedelta(hours=1), zone=ZONE)
    with desk.open_session() as session:
        schedule.follow(session, now=MIDNIGHT + timedelta(hours=1), zone=ZONE)

    assert len(steps) == made


def test_a_day_that_was_cut_off_begins_again(desk: Desk, steps: list[int]) -> None:
    ends, opened = desk.card(1041), 0

    @contextmanager
    def cut_off() -> Iterator[Session]:
        nonlocal opened
        opened += 1
        if opened == 4:
            raise KeyboardInterrupt
        with desk.open_session() as session:
            yield session

    with pytest.raises(KeyboardInterrupt):
        remaking.begin_day(cut_off, now=MIDNIGHT, zone=ZONE)
    assert steps == [10, 10]

    remaking.begin_day(desk.open_session, now=MIDNIGHT, zone=ZONE)

    assert desk.again(ends).state == "stale"
    assert len(steps) > 6
