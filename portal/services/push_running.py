"""Carry a push out: read, record the intent, send, read back. Killed at any instruction, it goes on from its rows.

Each step's state says what comes next (`_PHASES`), each answer of ConnectWise what follows (`_AFTER_LOOK` and the
handlers of its errors). Transactions are short, and none is open while ConnectWise is asked.
"""

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.connectwise import (
    Addition,
    ConnectWise,
    ConnectWiseError,
    OutcomeUnknown,
    Rejected,
    Throttled,
    UnexpectedPayload,
    Unreachable,
)
from portal.db.records import Connection, Push, PushStep
from portal.domain.steps import StepAction
from portal.services import push_leases, push_mirror, push_settling
from portal.services.card_making import IN_FLIGHT
from portal.services.push_asking import Asking, Picture
from portal.services.push_looking import Found, Look
from portal.services.push_settling import Settling
from portal.services.push_work import ASKED, StepWork, Work, read_work

log = logging.getLogger(__name__)

OpenSession = Callable[[], AbstractContextManager[Session]]
Clock = Callable[[], datetime]

CRASH_POINTS = (
    "claimed", "looked", "intent", "sending", "answered", "sent", "read_back", "step_done", "finished", "confirmed",
)  # fmt: skip
"""Where a test may kill the worker, in the order in which a push passes them."""

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 120.0  # seconds of back-off before the jitter
_LONGEST_ASKED = 3600.0  # seconds that ConnectWise may ask us to wait; a proxy's nonsense would park a write for years


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long things last, in real time.

    Args:
        lease: How long an agreement belongs to a worker that says nothing.
        settle_create: How long a create whose answer was lost may still arrive, before it is sent again.
        settle_other: Likewise for other writes, which do no harm when they arrive twice.
    """

    lease: timedelta = push_leases.LEASE
    settle_create: timedelta = timedelta(seconds=20)
    settle_other: timedelta = timedelta(seconds=2)


class _Lost(Exception):
    """The push is no longer this worker's."""


class _Stopped(Exception):
    """The push is settled, or waits; nothing is to be done now."""


def run_push(
    open_session: OpenSession,
    client: ConnectWise,
    push_id: int,
    *,
    worker: str,
    now: Clock,
    real_now: Clock,
    zone: ZoneInfo,
    pace: Pace | None = None,
    crash: Callable[[str], None] | None = None,
) -> str:
    """Carry a push as far as it goes now. Running it twice, or by two workers, is harmless.

    Args:
        open_session: Opens one writing transaction and commits it at its end.
        client: The PSA.
        push_id: The push.
        worker: Who writes; unique among all workers, also over time.
        now: The business clock.
        real_now: Real time: leases and back-off.
        zone: The portal's time zone.
        pace: How long things last.
        crash: Called with each of `CRASH_POINTS` as it is passed, for tests.

    Returns:
        The state of the push afterwards; what is not settled has a `next_try_at`.
    """
    run = _Run(open_session, client, push_id, worker, now, real_now, zone, pace or Pace(), crash or _never)
    try:
        run.go()
    except _Stopped:
        pass
    except _Lost:
        log.info("Push %s is another worker's.", push_id)
    except Exception:
        log.exception("Push %s stopped by a fault of ours.", push_id)
        with suppress(_Stopped):
            run.wait("Something failed on our side. Nothing is lost; it is tried again.", None)
    with open_session() as session:
        push = session.get(Push, push_id)
        return "withdrawn" if push is None else push.state


class _Run:
    """One worker's turn on one push."""

    def __init__(
        self,
        open_session: OpenSession,
        client: ConnectWise,
        push_id: int,
        worker: str,
        now: Clock,
        real_now: Clock,
        zone: ZoneInfo,
        pace: Pace,
        crash: Callable[[str], None],
    ) -> None:
        self.open_session = open_session
        self.asking = Asking(client, now, zone)
        self.push_id = push_id
        self.worker = worker
        self.now = now
        self.real_now = real_now
        self.zone = zone
        self.pace = pace
        self.crash = crash

    def go(self) -> None:
        """Go from phase to phase until nothing is left to do."""
        work = self._claim()
        self.crash("claimed")
        while (step := work.next_step) is not None:
            try:
                _PHASES[step.state](self, work, step)
            except Rejected as error:
                self._refused_reading(work, error)
            except (Unreachable, UnexpectedPayload) as error:
                self.wait(_waiting_words(error), getattr(error, "retry_after", None), request_id=error.request_id)
            except ConnectWiseError as error:
                self._fail(error)
            work = self._read()
        self.crash("finished")
        with self._held() as at:
            push_settling.confirmed(at)
            self._drop(at.session, at.push)
        self.crash("confirmed")

    # what each state of a step asks for

    def begin(self, work: Work, step: StepWork) -> None:
        """A step that was not sent: look, record the intent, send."""
        picture = self.asking.picture(work)
        if picture.why_not is not None:
            self._stale(picture)
        seen = self.asking.look(work, step, picture)
        self.crash("looked")
        if seen.found is Found.THERE and seen.line is not None:
            self._done(step, seen.line, picture, ours=self.asking.ours(work, step, seen.line, asked=False))
            return
        if seen.found is Found.MOVED:
            self._changed(step, seen, picture)
        if work.dated and picture.agreement is not None and not picture.agreement.prorates:
            self._fail(ConnectWiseError("The agreement does not prorate any more, so no date can be kept."))
        if not work.writing:
            self.wait("Writing was switched off. It goes on when an admin switches it on.", 60.0)
        self._intend(step, seen, picture)
        self.crash("intent")
        self._send(work, step)

    def settle(self, work: Work, step: StepWork) -> None:
        """A step that may have arrived: look, and send again only what is certainly not there."""
        picture = self.asking.picture(work)
        if picture.agreement is None:
            self._stale(picture)
        seen = self.asking.look(work, step, picture)
        self.crash("read_back")
        if seen.found is Found.THERE and seen.line is not None:
            ours = step.state == "sent" or self.asking.ours(work, step, seen.line, asked=True)
            self._done(step, seen.line, picture, ours=ours)
            return
        if seen.found is Found.MOVED:
            self._changed(step, seen, picture)
        pace = self.pace.settle_create if step.step.action is StepAction.CREATE else self.pace.settle_other
        left = timedelta() if step.asked_at is None else step.asked_at + pace - self.real_now()
        if left > timedelta():
            self._doubt("No answer yet; looking whether it arrived.", left)
        with self._held() as at:  # it certainly did not arrive: it begins anew, with a look at the agreement
            row = _row(at.push, step)
            row.state, row.sent_at = "waiting", None

    # parts of a phase

    def _claim(self) -> Work:
        """Take the push and its agreement."""
        with self.open_session() as session:
            push = session.get(Push, self.push_id, populate_existing=True, with_for_update=True)
            now = self.real_now()
            if push is None or push.state not in IN_FLIGHT or (push.next_try_at is not None and push.next_try_at > now):
                raise _Stopped
            if not self._lease(session, push, now):
                raise _Lost
            work = read_work(session, push)
            at = Settling(session=session, push=push, now=self.now(), zone=self.zone)
            push.worker, push.leased_until, push.next_try_at = self.worker, now + self.pace.lease, None
            push.tries += 1
            if work.writing or work.begun:
                if push.state == "queued":
                    at.move("sending", None)
                return work
            at.move("planned", "Writing was switched off before it was sent.")
            push.worker = push.leased_until = None
            self._drop(session, push)
            at.tell("push.planned", "Writing was switched off before this was sent; it stays planned.")
        raise _Stopped

    @contextmanager
    def _held(self) -> Iterator[Settling]:
        """Open a transaction in which the push is still this worker's."""
        with self.open_session() as session:
            push = session.get(Push, self.push_id, populate_existing=True, with_for_update=True)
            if push is None or push.state not in IN_FLIGHT or push.worker != self.worker:
                raise _Lost
            now = self.real_now()
            if not self._lease(session, push, now):
                raise _Lost
            push.leased_until = now + self.pace.lease
            yield Settling(session=session, push=push, now=self.now(), zone=self.zone)

    def _lease(self, session: Session, push: Push, now: datetime) -> bool:
        return push_leases.take(
            session, push.agreement_id, push_id=push.id, worker=self.worker, real_now=now, lease=self.pace.lease
        )

    def _drop(self, session: Session, push: Push) -> None:
        push_leases.drop(session, push.agreement_id, push_id=push.id, worker=self.worker)

    def _read(self) -> Work:
        with self._held() as at:
            return read_work(at.session, at.push)

    def _intend(self, step: StepWork, seen: Look, picture: Picture) -> None:
        """Record the intent: from here on the write may have arrived."""
        with self._held() as at:
            row = _row(at.push, step)
            row.state, row.intent_at, row.sent_at = "intent", self.real_now(), None
            row.before = None if seen.line is None else push_settling.line_json(seen.line)
            row.known_ids = [line.id for line in picture.lines] if step.step.action is StepAction.CREATE else None

    def _send(self, work: Work, step: StepWork) -> None:
        """Send one write, once."""
        try:
            self.crash("sending")
            line = self.asking.write(work, step)
            self.crash("answered")
        except OutcomeUnknown as error:
            self._lost_answer(step, error)
            return
        except Rejected as error:
            self._rejected(step, error)
        except (Unreachable, UnexpectedPayload):
            with self._held() as at:  # it was certainly not sent
                _row(at.push, step).state = "waiting"
            raise
        with self._held() as at:
            row = _row(at.push, step)
            row.state, row.sent_at = "sent", self.real_now()
            row.answer = "ConnectWise took it."
            row.addition_id = line.id
        self.crash("sent")

    # outcomes

    def _done(self, step: StepWork, line: Addition, picture: Picture, *, ours: bool) -> None:
        with self._held() as at:
            push_mirror.mirror_lines(at.session, at.push.agreement_id, picture.lines, now=at.now)
            push_settling.step_done(at, _row(at.push, step), line, found=not ours)
            if at.push.state == "in_doubt":
                at.move("sending", None)
            connection = at.session.get(Connection, "connectwise")
            if ours and step.state == "sent" and connection is not None and connection.member is None:
                connection.member = line.updated_by or None
        self.crash("step_done")

    def _changed(self, step: StepWork, seen: Look, picture: Picture) -> NoReturn:
        with self._held() as at:
            push_mirror.mirror_lines(at.session, at.push.agreement_id, picture.lines, now=at.now)
            lines = [line for line in picture.lines if line.product == at.card.product]
            push_settling.changed(at, _row(at.push, step), seen.moved, lines)
            self._drop(at.session, at.push)
        raise _Stopped

    def _stale(self, picture: Picture) -> NoReturn:
        with self._held() as at:
            push_mirror.mirror_agreement(at.session, at.push.agreement_id, picture.agreement, now=at.now)
            push_settling.stale(at, picture.why_not or "")
            self._drop(at.session, at.push)
        raise _Stopped

    def _rejected(self, step: StepWork, error: Rejected) -> NoReturn:
        with self._held() as at:
            push_settling.refused(at, _row(at.push, step), error.sentence, request_id=error.request_id)
            self._drop(at.session, at.push)
        raise _Stopped from error

    def _refused_reading(self, work: Work, error: Rejected) -> NoReturn:
        """A look was refused: what may have arrived stays in doubt until it can be looked up."""
        if any(step.state in ASKED for step in work.steps):
            self.wait(f"{error.sentence} It is looked up again by itself.", None, request_id=error.request_id)
        self._fail(error)

    def _fail(self, error: ConnectWiseError) -> NoReturn:
        with self._held() as at:
            push_settling.failed(at, error.sentence, request_id=error.request_id)
            self._drop(at.session, at.push)
        raise _Stopped from error

    def _lost_answer(self, step: StepWork, error: OutcomeUnknown) -> None:
        """Note that it is not known whether a write arrived; the next phase looks."""
        with self._held() as at:
            row = _row(at.push, step)
            row.sent_at, row.answer, row.request_id = self.real_now(), error.sentence, error.request_id
            at.move("in_doubt", "No answer yet; looking whether it arrived.")
            at.tell(
                "push.in_doubt",
                f"{step.step.words()} {error.sentence}",
                details={"step": row.ordinal, "request_id": error.request_id},
            )

    def _doubt(self, cause: str, left: timedelta) -> NoReturn:
        with self._held() as at:
            at.move("in_doubt", cause)
            self._rest(at, self.real_now() + left)
        raise _Stopped

    def wait(self, cause: str, asked_seconds: float | None, *, request_id: str | None = None) -> NoReturn:
        """Try again later, no sooner than ConnectWise asked.

        Args:
            cause: Why, as a sentence.
            asked_seconds: How long ConnectWise asked to wait.
            request_id: ConnectWise's id of the request.
        """
        asked = min(asked_seconds or 0.0, _LONGEST_ASKED)
        try:
            with self._held() as at:
                seconds = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(at.push.tries, 10))
                seconds *= random.uniform(0.5, 1.0)  # noqa: S311 - it only spreads retries
                work = read_work(at.session, at.push)
                state = "queued" if not work.begun else at.push.state
                at.move(state, cause)
                at.push.request_id = request_id
                self._rest(at, self.real_now() + timedelta(seconds=max(seconds, asked)))
        except _Lost:
            log.info("Push %s is another worker's.", self.push_id)
        raise _Stopped

    def _rest(self, at: Settling, until: datetime) -> None:
        at.push.next_try_at, at.push.worker, at.push.leased_until = until, None, None
        self._drop(at.session, at.push)


_PHASES: dict[str, Callable[[_Run, Work, StepWork], None]] = {
    "waiting": _Run.begin,
    "intent": _Run.settle,
    "sent": _Run.settle,
}
"""What is to be done with the first step that is not finished."""


def _waiting_words(error: ConnectWiseError) -> str:
    """Say why a push waits."""
    seconds = getattr(error, "retry_after", None)
    if isinstance(error, Throttled) and seconds:
        return (
            f"ConnectWise asks us to wait {min(seconds, _LONGEST_ASKED):.0f} s. Nothing is lost; it goes on by itself."
        )
    return f"{error.sentence} Nothing is lost; it goes on by itself."


def _row(push: Push, step: StepWork) -> PushStep:
    return next(row for row in push.steps if row.id == step.id)


def _never(point: str) -> None:
    """Let every crash point pass."""
    del point
