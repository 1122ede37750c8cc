"""Pages of the trail: any filter is read from its newest end, so that a million events take no longer than a hundred.

The order is by time, then number, which is that of the indexes. Of several filters one is walked along its index, the
others are looked up for each event; so many events are looked through for one page, and the rest is a link.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal.db.records import AuditEvent

Place = tuple[datetime, int]
"""Where an event stands in the order: its time and its number."""
Column = InstrumentedAttribute[Any]
Walk = tuple[Column, Any]
"""An index to walk along: a column and the value it has."""

MOST_COUNTED = 10_000
MOST_LOOKED_THROUGH = 5_000
MOST_NAMES = 40  # companies or products that words of the search may match by name
_FIRST_STEP = 500  # events looked through at first; then more at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What of the trail is asked for.

    Args:
        equal: Columns with the values that they may have, the most selective first.
        since: From this moment on.
        until: Before this moment.
        words: Looked for in company, product, ids, sentences and reasons.
        upto: The newest number that counts.
    """

    equal: Sequence[tuple[Column, tuple[Any, ...]]] = ()
    since: datetime | None = None
    until: datetime | None = None
    words: str = ""
    upto: int = 0


@dataclass(slots=True, kw_only=True)
class Found:
    """Events that were found.

    Args:
        events: Newest first.
        older: The number below which the next page begins; none: there is no more.
        total: How many there are, up to 10,000; none where it was not counted.
        looked_back_to: The time of the oldest event that was looked through; none where all were.
        words_back_to: Likewise, for sentences and reasons.
    """

    events: list[AuditEvent] = field(default_factory=list)
    older: int | None = None
    total: int | None = None
    looked_back_to: datetime | None = None
    words_back_to: datetime | None = None


def find(session: Session, question: Question, *, before: int | None, count: int) -> Found:
    """Read a page.

    Args:
        session: For reading.
        question: What is asked for.
        before: The number of the event after which the page begins; none: with the newest.
        count: Events on a page.
    """
    start = _place_of(session, before)
    lead, rest = question.equal[:1], list(question.equal[1:])
    walks: list[Walk | None] = [(column, value) for column, values in lead for value in values]
    walks = walks or [None]
    found = Found()
    places: set[Place] = set()
    cut: Place | None = None
    conditions = [_one_of(column, values) for column, values in rest]
    if question.words:
        named = _named(session, question.words)
        more = [_one_of(column, values) for column, values in question.equal]
        for column, value in named:
            seen, edge = _walk(session, question, (column, value), more, start, count + 1)
            places.update(seen)
            cut = _later(cut, edge)
        for walk in walks:
            window = _window(session, question, walk)
            if window is not None:
                found.words_back_to = _later_moment(found.words_back_to, window[0])
            seen, edge = _walk(session, question, walk, [*conditions, _said(question.words)], start, count + 1, window)
            places.update(seen)
            cut = _later(cut, edge)
    else:
        for walk in walks:
            seen, edge = _walk(session, question, walk, conditions, start, count + 1)
            places.update(seen)
            cut = _later(cut, edge)
    ordered = sorted((place for place in places if cut is None or place >= cut), reverse=True)
    found.events = _events(session, [number for _, number in ordered[:count]])
    if len(ordered) > count:
        found.older = ordered[count - 1][1]
    elif cut is not None:
        found.older, found.looked_back_to = cut[1], cut[0]
    if not conditions and not question.words:
        found.total = _count(session, question, walks)
    elif before is None and found.older is None:
        found.total = len(found.events)
    return found


def newer_than(session: Session, question: Question, number: int) -> int:
    """Count what has come since, up to 10,000: of the newest so many events."""
    recent = sa.select(AuditEvent.n).where(AuditEvent.n > number).order_by(AuditEvent.n).limit(MOST_COUNTED).subquery()
    query = sa.select(sa.func.count()).select_from(recent).join(AuditEvent, AuditEvent.n == recent.c.n)
    return session.scalar(query.where(*where(question))) or 0


def where(question: Question) -> list[sa.ColumnElement[bool]]:
    """Give the same as conditions on events one by one, for exports that read all of them."""
    found = [_one_of(column, values) for column, values in question.equal]
    if question.words:
        either = [_said(question.words)]
        either += [
            column.icontains(question.words, autoescape=True) for column in (AuditEvent.company, AuditEvent.product)
        ]
        if (number := _number(question.words)) is not None:
            either += [column == number for column in _IDS]
        found.append(sa.or_(*either))
    if question.since is not None:
        found.append(AuditEvent.at >= question.since)
    if question.until is not None:
        found.append(AuditEvent.at < question.until)
    return found


def distinct(session: Session, column: Column, *, most: int = 100_000) -> list[str]:
    """List the different values of an indexed column of text, in order, jumping from one to the next."""
    first = sa.select(sa.func.min(column).label("value")).cte("seen", recursive=True)
    following = sa.select(sa.func.min(column)).where(column > first.c.value).scalar_subquery()
    seen = first.union_all(sa.select(following).where(first.c.value.is_not(None)))
    return list(session.scalars(sa.select(seen.c.value).where(seen.c.value.is_not(None)).limit(most)))


_IDS: tuple[Column, ...] = (
    AuditEvent.n, AuditEvent.company_id, AuditEvent.agreement_id, AuditEvent.card_id, AuditEvent.push_id,
)  # fmt: skip
_LARGEST = 2**31 - 1


def _number(words: str) -> int | None:
    text = words.removeprefix("#")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else None  # noqa: PLR2004 - digits of the largest id
    return number if number is not None and number <= _LARGEST else None


def _named(session: Session, words: str) -> list[Walk]:
    """Give the companies, products and ids that words may mean: each is walked along its own index."""
    sought = words.casefold()
    found: list[Walk] = []
    for column in (AuditEvent.company, AuditEvent.product):
        names = [name for name in distinct(session, column) if sought in name.casefold()]
        found += [(column, name) for name in names[:MOST_NAMES]]
    if (number := _number(words)) is not None:
        found += [(column, number) for column in _IDS]
    return found


def _said(words: str) -> sa.ColumnElement[bool]:
    columns = (AuditEvent.sentence, AuditEvent.reason, AuditEvent.company, AuditEvent.product)
    return sa.or_(*(column.icontains(words, autoescape=True) for column in columns))


def _one_of(column: Column, values: Iterable[Any]) -> sa.ColumnElement[bool]:
    return column.in_(tuple(values))


def _place_of(session: Session, before: int | None) -> Place | None:
    """Give where the page begins; for a number that is no event's, as if it were one."""
    if before is None:
        return None
    query = sa.select(AuditEvent.at).where(AuditEvent.n <= before).order_by(AuditEvent.n.desc()).limit(1)
    at = session.scalar(query)
    return None if at is None else (at, before)


def _along(question: Question, walk: Walk | None) -> sa.Select[datetime, int]:
    """Select places along one index, newest first."""
    query = sa.select(AuditEvent.at, AuditEvent.n).where(AuditEvent.n <= question.upto)
    if walk is not None:
        query = query.where(walk[0] == walk[1])
    if question.since is not None:
        query = query.where(AuditEvent.at >= question.since)
    if question.until is not None:
        query = query.where(AuditEvent.at < question.until)
    return query.order_by(AuditEvent.at.desc(), AuditEvent.n.desc())


def _below(query: sa.Select[datetime, int], place: Place | None) -> sa.Select[datetime, int]:
    if place is None:
        return query
    key = sa.tuple_(AuditEvent.at, AuditEvent.n)
    edge = sa.tuple_(sa.literal(place[0], AuditEvent.at.type), sa.literal(place[1], AuditEvent.n.type))
    return query.where(AuditEvent.at <= place[0], key < edge)


def _window(session: Session, question: Question, walk: Walk | None) -> Place | None:
    """Give the place down to which words are looked for, from the newest event of a filter on; none: all of them."""
    row = session.execute(_along(question, walk).offset(MOST_LOOKED_THROUGH).limit(1)).first()
    return None if row is None else (row.at, row.n)


def _walk(
    session: Session,
    question: Question,
    walk: Walk | None,
    conditions: list[sa.ColumnElement[bool]],
    start: Place | None,
    wanted: int,
    window: Place | None = None,
) -> tuple[list[Place], Place | None]:
    """Find places along one index that meet the other conditions.

    Returns:
        The places, and where it stopped looking, if before the end.
    """
    query = _along(question, walk)
    if window is not None:
        query = query.where(AuditEvent.at >= window[0])
    if not conditions:
        return [(row.at, row.n) for row in session.execute(_below(query, start).limit(wanted))], None
    found: list[Place] = []
    looked, step, place = 0, _FIRST_STEP, start
    while looked < MOST_LOOKED_THROUGH:
        some = _below(query, place).limit(step).subquery()
        chosen = sa.case((sa.and_(*conditions), 1), else_=0)
        rows = session.execute(
            sa.select(some.c.at, some.c.n, chosen.label("is_chosen")).join(AuditEvent, AuditEvent.n == some.c.n)
        ).all()
        places = sorted(((row.at, row.n) for row in rows), reverse=True)
        met = {row.n for row in rows if row.is_chosen}
        found += [one for one in places if one[1] in met]
        if len(found) >= wanted:
            return found[:wanted], None
        if len(rows) < step:
            return found, None
        looked, place, step = looked + len(rows), places[-1], min(step * 4, MOST_LOOKED_THROUGH)
    return found, place


def _events(session: Session, numbers: list[int]) -> list[AuditEvent]:
    if not numbers:
        return []
    rows = {event.n: event for event in session.scalars(sa.select(AuditEvent).where(AuditEvent.n.in_(numbers)))}
    return [rows[number] for number in numbers if number in rows]


def _count(session: Session, question: Question, walks: Sequence[Walk | None]) -> int:
    """Count up to one more than is told."""
    if list(walks) == [None] and question.since is None and question.until is None:
        return question.upto  # numbers have no gaps
    total = 0
    for walk in walks:
        some = _along(question, walk).limit(MOST_COUNTED + 1).subquery()
        total += session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
    return min(total, MOST_COUNTED + 1)


def _later(one: Place | None, other: Place | None) -> Place | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _later_moment(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
