"""Checks of the whole chain: asked for by a person or due each morning, carried on by a worker, slice by slice.

A trail of any length is checked with the same memory, no transaction stays open meanwhile, and a check that a crash
cut off goes on where it was.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditCheck, AuditEvent
from portal.domain.periods import local_day
from portal.services import audit, audit_guards, notices
from portal.services.actors import SYSTEM, Actor
from portal.services.audit_chain import Anchor, Chain, Verdict, by_number, verify, walk
from portal.services.audit_seal import FIRST

DAILY_AT = time(6, 0)
AT_ONCE = 20_000  # events: so many are checked while a person waits
SLICE = 5_000  # events between two notes of how far it is
LEASE = timedelta(minutes=2)
KEPT = 60  # results that are kept

OpenSession = Callable[[], AbstractContextManager[Session]]


def last(session: Session) -> AuditCheck | None:
    """Give the newest check that is done."""
    done = sa.select(AuditCheck).where(AuditCheck.state == "done").order_by(AuditCheck.id.desc()).limit(1)
    return session.scalars(done).first()


def running(session: Session) -> AuditCheck | None:
    """Give the check that waits or is at work, if there is one."""
    open_ = sa.select(AuditCheck).where(AuditCheck.state != "done").order_by(AuditCheck.id).limit(1)
    return session.scalars(open_).first()


def ask(session: Session, *, by: Actor, now: datetime) -> AuditCheck:
    """Ask for a check; one that waits already will do."""
    found = running(session)
    if found is not None:
        return found
    check = AuditCheck(asked_by=by.name, asked_at=now, total=audit.head(session)[0], head=FIRST)
    session.add(check)
    session.flush()
    return check


def check_now(session: Session, anchors: Iterable[Anchor], *, by: Actor, now: datetime) -> AuditCheck:
    """Check a trail that is short enough to wait for, and keep the result.

    Args:
        session: A writing session, begun after the anchors were read.
        anchors: What was noted outside.
        by: Who asks.
        now: By the business clock.
    """
    check = AuditCheck(asked_by=by.name, asked_at=now, total=audit.head(session)[0], state="working")
    session.add(check)
    _settle(session, check, verify(session, anchors=anchors), now=now)
    return check


def begin_daily(session: Session, *, now: datetime, zone: ZoneInfo) -> bool:
    """Ask for the day's check from 06:00 on, and for the first one ever at once.

    Returns:
        Whether one was asked for.
    """
    if not daily_is_due(session, now=now, zone=zone):
        return False
    ask(session, by=SYSTEM, now=now)
    return True


def daily_is_due(session: Session, *, now: datetime, zone: ZoneInfo) -> bool:
    """Tell whether the day's check should be asked for; reads only."""
    newest = session.scalars(sa.select(AuditCheck).order_by(AuditCheck.id.desc()).limit(1)).first()
    if newest is None:
        return True
    if newest.state != "done":
        return False
    begin = datetime.combine(local_day(now, zone), DAILY_AT, zone)
    if now < begin:
        begin -= timedelta(days=1)
    return not begin <= newest.asked_at <= now  # after a clock that was set back, too


def carry_on(
    open_session: OpenSession,
    read: Callable[[], Session],
    read_anchors: Callable[[], list[Anchor]],
    *,
    now: Callable[[], datetime],
    real_now: Callable[[], datetime],
) -> bool:
    """Carry the check that waits on by one slice.

    Args:
        open_session: Opens a writing transaction.
        read: Gives a session for reading.
        read_anchors: Reads what was noted outside; before each slice, since the trail goes on growing.
        now: The business clock.
        real_now: Real time.

    Returns:
        Whether there is more to do.
    """
    with open_session() as session:
        check = running(session)
        if check is None or (check.leased_until is not None and check.leased_until > real_now()):
            return False
        check.state, check.leased_until = "working", real_now() + LEASE
        check_id, events, head = check.id, check.events, check.head or FIRST
    anchors = read_anchors()
    chain = Chain(None, by_number(anchors), events, head)
    session = read()
    session.rollback()  # what is read now is not older than what was noted outside
    more = walk(session, chain, SLICE)
    session.rollback()
    with open_session() as session:
        check = session.get_one(AuditCheck, check_id)
        check.events, check.head, check.leased_until = chain.events, chain.last, None
        if not more:
            _settle(session, check, chain.verdict(), now=now())
    return more


def _settle(session: Session, check: AuditCheck, verdict: Verdict, *, now: datetime) -> None:
    """Keep the result; tell admins, and the trail itself, where the chain is broken."""
    known = last(session)
    check.state, check.done_at, check.leased_until = "done", now, None
    check.ok, check.events, check.head = verdict.ok, verdict.events, verdict.head
    check.broken_at, check.why = verdict.broken_at, verdict.why
    if verdict.broken_at is not None:
        moment = sa.select(AuditEvent.at).where(AuditEvent.n == verdict.broken_at)
        try:
            check.broken_moment = session.scalar(moment)
        except (ValueError, TypeError):  # it is what was changed
            check.broken_moment = None
    session.flush()
    gone = sa.select(AuditCheck.id).where(AuditCheck.state == "done").order_by(AuditCheck.id.desc()).offset(KEPT)
    session.execute(sa.delete(AuditCheck).where(AuditCheck.id.in_(list(session.scalars(gone)))))
    if verdict.ok:
        return
    sentence = f"The chain of the audit trail breaks at event {verdict.broken_at}. {verdict.why}"
    notices.tell(
        session,
        kind="audit.broken",
        sentence=f"{sentence} Keep a copy of the database before anything else.",
        link="/audit",
        by_name=None,
        now=now,
        cause=f"chain {check.id}",
        tone="bad",
    )
    if (known is None or known.broken_at != verdict.broken_at) and not audit_guards.missing(session):
        audit.record(
            session,
            what="setting",
            action="audit.broken",
            by=SYSTEM,
            now=now,
            sentence=f"Checked the audit trail: it breaks at event {verdict.broken_at}.",
            details={"why": verdict.why, "events": verdict.events, "head": verdict.head},
        )


def tell_unguarded(session: Session, gone: list[str], *, now: datetime) -> None:
    """Tell every admin that the database does not protect the trail any more.

    Args:
        session: A writing session.
        gone: The names of the triggers that are gone.
        now: By the business clock.
    """
    notices.tell(
        session,
        kind="audit.unguarded",
        sentence=audit_guards.sentence(gone),
        link="/audit",
        by_name=None,
        now=now,
        cause=f"unguarded {now.isoformat(timespec='minutes')}",
        tone="bad",
    )
