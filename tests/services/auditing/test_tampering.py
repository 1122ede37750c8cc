"""Somebody with the database file changes the trail at random, the triggers taken out first: each time it is found.

The short form is part of the tests; `make tamper` does six hundred.
"""

import os
import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.services import audit
from portal.services.audit_chain import Anchor
from tests.support.trail import grow, reseal, unguard

EVENTS = 240
EVERY = 40  # events between two notes outside
TIMES = int(os.environ.get("COUNTERSIGN_TEST_TAMPERINGS", "90"))
FIELDS = (
    "at", "what", "action", "person_id", "person", "address", "sentence", "company_id", "company", "agreement_id",
    "product", "card_id", "decision_id", "push_id", "before", "after", "effective", "reason", "details",
    "previous_hash", "hash",
)  # fmt: skip

Tampering = Callable[[sa.Connection, random.Random], None]


def a_field(connection: sa.Connection, chance: random.Random) -> None:
    n, name = chance.randint(1, EVENTS), chance.choice(FIELDS)
    column = getattr(AuditEvent, name)
    old: Any = connection.execute(sa.select(column).where(AuditEvent.n == n)).scalar()
    new: object = f"{old or ''}{chance.choice('abcdef')}"
    if isinstance(column.type, sa.Integer):
        new = (old or 0) + 1
    elif name == "at":
        new = old + timedelta(microseconds=chance.randint(1, 10**9))
    elif name == "effective":
        new = date(2026, 10, 1)
    elif name == "details":
        new = {**old, "more": chance.random() < 0.5}
    elif name in {"hash", "previous_hash"}:
        new = "".join(chance.choice("0123456789abcdef") for _ in range(64))
    connection.execute(sa.update(AuditEvent).where(AuditEvent.n == n).values({name: new}))


def a_deletion(connection: sa.Connection, chance: random.Random) -> None:
    connection.execute(sa.delete(AuditEvent).where(AuditEvent.n == chance.randint(1, EVENTS - 1)))


def a_cut_tail(connection: sa.Connection, chance: random.Random) -> None:
    connection.execute(sa.delete(AuditEvent).where(AuditEvent.n > EVENTS - chance.randint(1, EVENTS)))


def a_swap(connection: sa.Connection, chance: random.Random) -> None:
    one, other = chance.sample(range(1, EVENTS + 1), 2)
    for old, new in ((one, -1), (other, one), (-1, other)):
        connection.execute(sa.update(AuditEvent).where(AuditEvent.n == old).values(n=new))


def an_insertion(connection: sa.Connection, chance: random.Random) -> None:
    n = chance.randint(1, EVENTS)  # one at the end that is sealed is what the portal itself does
    _make_room(connection, n)
    row = dict(connection.execute(sa.select(AuditEvent.__table__).order_by(AuditEvent.n).limit(1)).mappings().one())
    previous = connection.execute(sa.select(AuditEvent.hash).where(AuditEvent.n == n - 1)).scalar() or audit.FIRST
    row |= {"n": n, "sentence": "It was never so.", "previous_hash": previous, "hash": "0" * 64}
    connection.execute(sa.insert(AuditEvent).values(row))


def a_renumbering(connection: sa.Connection, chance: random.Random) -> None:
    first = chance.randint(1, EVENTS)
    by = chance.choice((-1000, 1, 1000))
    connection.execute(sa.update(AuditEvent).where(AuditEvent.n >= first).values(n=AuditEvent.n + 10_000))
    connection.execute(sa.update(AuditEvent).where(AuditEvent.n > 10_000).values(n=AuditEvent.n - 10_000 + by))


def a_change_sealed_anew(connection: sa.Connection, chance: random.Random) -> None:
    n = chance.randint(1, EVENTS)
    connection.execute(sa.update(AuditEvent).where(AuditEvent.n == n).values(after="999"))
    reseal(connection, n)


def a_deletion_sealed_anew(connection: sa.Connection, chance: random.Random) -> None:
    n = chance.randint(1, EVENTS - 1)
    connection.execute(sa.delete(AuditEvent).where(AuditEvent.n == n))
    connection.execute(sa.update(AuditEvent).where(AuditEvent.n > n).values(n=-AuditEvent.n))
    connection.execute(sa.update(AuditEvent).where(AuditEvent.n < 0).values(n=-AuditEvent.n - 1))
    reseal(connection, n)


def an_insertion_sealed_anew(connection: sa.Connection, chance: random.Random) -> None:
    an_insertion(connection, chance)
    reseal(connection, 1)


def a_tail_written_anew(connection: sa.Connection, chance: random.Random) -> None:
    kept = EVENTS - chance.randint(1, 30)
    connection.execute(sa.delete(AuditEvent).where(AuditEvent.n > kept))
    row = dict(connection.execute(sa.select(AuditEvent.__table__).where(AuditEvent.n == kept)).mappings().one())
    for n in range(kept + 1, EVENTS + 20):
        row |= {"n": n, "sentence": "Nothing was done.", "hash": f"{n:064}"}
        connection.execute(sa.insert(AuditEvent).values(row))
    reseal(connection, kept + 1)


def _make_room(connection: sa.Connection, n: int) -> None:
    connection.execute(sa.update(AuditEvent).where(AuditEvent.n >= n).values(n=-AuditEvent.n))
    connection.execute(sa.update(AuditEvent).where(AuditEvent.n < 0).values(n=-AuditEvent.n + 1))


BY_ITSELF: tuple[Tampering, ...] = (a_field, a_deletion, a_swap, an_insertion, a_renumbering)
BY_WHAT_WAS_NOTED: tuple[Tampering, ...] = (
    a_cut_tail, a_change_sealed_anew, a_deletion_sealed_anew, an_insertion_sealed_anew, a_tail_written_anew,
)  # fmt: skip
KINDS = (*BY_ITSELF, *BY_WHAT_WAS_NOTED)


@pytest.fixture
def trail(session: Session) -> Session:
    grow(session, EVENTS)
    return session


def noted(session: Session) -> list[Anchor]:
    """What was noted outside: every so many events, and the newest."""
    rows = session.execute(sa.select(AuditEvent.n, AuditEvent.hash).order_by(AuditEvent.n)).all()
    return [Anchor(row.n, row.hash) for row in rows if row.n % EVERY == 0 or row.n == EVENTS]


def seeds() -> Iterator[int]:
    """So many that `TIMES` tamperings come together over all kinds."""
    yield from range(max(1, TIMES // len(KINDS)))


@pytest.mark.parametrize("tamper", KINDS, ids=lambda one: one.__name__)
def test_every_tampering_is_found(trail: Session, tamper: Tampering) -> None:
    anchors = noted(trail)
    assert audit.verify(trail, anchors=anchors).ok
    unseen, unnoticed = [], 0
    trail.rollback()
    for seed in seeds():
        connection = trail.connection()
        unguard(connection)
        tamper(connection, random.Random(f"{tamper.__name__} {seed}"))  # noqa: S311 - to be repeated
        trail.expire_all()
        if audit.verify(trail, anchors=anchors).ok:
            unseen.append(seed)
        unnoticed += audit.verify(trail).ok
        trail.rollback()

    assert unseen == []
    assert (unnoticed == 0) == (tamper in BY_ITSELF), "what was noted outside is needed for the others, and only there"
    assert audit.verify(trail, anchors=anchors).ok, "each was taken back"


def test_a_cut_tail_is_found_by_a_noted_head_alone(trail: Session) -> None:
    head = audit.head(trail)[1]
    for seed in seeds():
        connection = trail.connection()
        unguard(connection)
        a_cut_tail(connection, random.Random(seed))  # noqa: S311 - to be repeated
        assert not audit.verify(trail, head=head).ok, seed
        trail.rollback()
