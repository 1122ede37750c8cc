"""Holding a push: its agreement is leased, its row says whose it is, and each transaction proves both anew.

A lease ends by itself, so a worker that was suspended for long may have been replaced without knowing. Each transaction
finds that out (`Lost`); and a write asks once more when its connection stands and nothing has left over it (`check`).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session, joinedload, selectinload

from portal.connectwise import Withheld
from portal.db.records import Push, PushStep
from portal.services import push_leases
from portal.services.card_making import IN_FLIGHT
from portal.services.push_points import passed
from portal.services.push_settling import Settling
from portal.services.push_work import StepWork, Work, read_work

OpenSession = Callable[[], AbstractContextManager[Session]]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long things last, in real time.

    Args:
        lease: How long an agreement belongs to a worker that says nothing.
        settle_create: How long a create whose answer was lost may still arrive, before it is sent again.
        settle_other: Likewise for other writes, which do no harm when they arrive twice.
        margin: How long before its lease ends a worker sends nothing more: clocks of machines differ a little, and a
            write takes a moment to arrive.
    """

    lease: timedelta = push_leases.LEASE
    settle_create: timedelta = timedelta(seconds=20)
    settle_other: timedelta = timedelta(seconds=2)
    margin: timedelta = timedelta(seconds=20)


class Lost(Exception):
    """The push is no longer this worker's."""


class Stopped(Exception):
    """The push is settled, or waits; nothing is to be done now."""


@dataclass(slots=True, kw_only=True)
class Hold:
    """One worker's hold on one push.

    Args:
        open_session: Opens one writing transaction and commits it at its end.
        push_id: The push.
        worker: Who writes; unique among all workers, also over time.
        now: The business clock.
        real_now: Real time.
        zone: The portal's.
        pace: How long things last.
        state: The push's state when it was last seen; none: it was not.
    """

    open_session: OpenSession
    push_id: int
    worker: str
    now: Clock
    real_now: Clock
    zone: ZoneInfo
    pace: Pace
    state: str | None = None
    _until: datetime = field(default=datetime.min.replace(tzinfo=UTC))

    def _read(self, session: Session) -> Push | None:
        """Read the push with all that every transaction needs, and let no other transaction have it meanwhile."""
        return session.get(
            Push, self.push_id, populate_existing=True, with_for_update={"of": Push},
            options=(
                joinedload(Push.card, innerjoin=True), joinedload(Push.decision, innerjoin=True),
                selectinload(Push.steps),
            ),
        )  # fmt: skip

    def claim(self) -> Work:
        """Take the push and its agreement.

        Raises:
            Stopped: There is nothing to do now.
            Lost: Another worker writes to the agreement.
        """
        with self.open_session() as session:
            push = self._read(session)
            now = self.real_now()
            self.state = "withdrawn" if push is None else push.state
            if push is None or push.state not in IN_FLIGHT or (push.next_try_at is not None and push.next_try_at > now):
                raise Stopped
            if not self._lease(session, push, now):
                raise Lost
            passed("claiming")
            if push.worker is not None:
                self._taken_over(push, now)
            work = read_work(session, push)
            at = self._settling(session, push)
            push.worker, push.leased_until, push.next_try_at = self.worker, self._until, None
            push.tries += 1
            going = work.writing or work.begun
            if going and push.state == "queued":
                at.move("sending", None)
            elif not going:
                self._plan(at)
            session.flush()
            self.state = push.state
            passed("claim")
        passed("claimed")
        if not going:
            raise Stopped
        return work

    @contextmanager
    def held(self) -> Iterator[Settling]:
        """Open a transaction in which the push is still this worker's.

        Raises:
            Lost: It is not.
        """
        with self.open_session() as session:
            push = self._read(session)
            if push is None or push.state not in IN_FLIGHT or push.worker != self.worker:
                raise Lost
            if not self._lease(session, push, self.real_now()):
                raise Lost
            push.leased_until = self._until
            yield self._settling(session, push)
            self.state = push.state

    def check(self) -> None:
        """Keep a write from leaving where the lease may have ended.

        Raises:
            Withheld: It may not leave.
        """
        passed("leaving")
        if self.real_now() >= self._until - self.pace.margin:
            raise Withheld

    def rest(self, at: Settling, until: datetime | None) -> None:
        """Let the push and its agreement go, until a moment; none: it is settled."""
        at.push.next_try_at, at.push.worker, at.push.leased_until = until, None, None
        push_leases.drop(at.session, at.push.agreement_id, push_id=at.push.id, worker=self.worker)

    def _settling(self, session: Session, push: Push) -> Settling:
        return Settling(session=session, push=push, now=self.now(), zone=self.zone)

    def _lease(self, session: Session, push: Push, now: datetime) -> bool:
        self._until = now + self.pace.lease
        return push_leases.take(
            session, push.agreement_id, push_id=push.id, worker=self.worker, real_now=now, lease=self.pace.lease
        )

    def _taken_over(self, push: Push, now: datetime) -> None:
        """Let a create of a worker that is not known to be gone count as sent just now: it may have left late."""
        for row in push.steps:
            if row.state == "intent" and row.action == "create":
                row.sent_at = now

    def _plan(self, at: Settling) -> None:
        at.move("planned", "Writing was switched off before it was sent.")
        self.rest(at, None)
        at.tell("push.planned", "Writing was switched off before this was sent; it stays planned.")


def row_of(push: Push, step: StepWork) -> PushStep:
    """Give the row of a step."""
    return next(row for row in push.steps if row.id == step.id)
