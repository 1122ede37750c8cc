"""Carry a push out: look, take the row of the table for what was met, do what it says.

Killed at any instruction, it goes on from its rows. `push_table` is the protocol, `push_acts` what each action does,
`push_holding` whose turn it is.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from zoneinfo import ZoneInfo

from portal.connectwise import (
    AddressRefused,
    ConnectWise,
    ConnectWiseError,
    OutcomeUnknown,
    Rejected,
    UnexpectedPayload,
    Unreachable,
    Withheld,
)
from portal.db.records import Push
from portal.domain.steps import StepAction
from portal.services import api_member, push_acts, push_table
from portal.services.push_acts import ACTS, Seen, Turn
from portal.services.push_asking import Asking, Picture
from portal.services.push_holding import Clock, Hold, Lost, OpenSession, Pace, Stopped
from portal.services.push_looking import Look, Moved, facts_of
from portal.services.push_points import CRASH_POINTS, passed, watched
from portal.services.push_table import Act, Met, Shown, Step, Whose, met_after, met_before
from portal.services.push_waiting import back_off
from portal.services.push_work import ASKED, StepWork, Work, read_work

__all__ = ["CRASH_POINTS", "Pace", "run_push"]

log = logging.getLogger(__name__)


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
    hold = Hold(
        open_session=open_session, push_id=push_id, worker=worker, now=now, real_now=real_now, zone=zone,
        pace=pace or Pace(),
    )  # fmt: skip
    hold_lost = False
    with watched(crash):
        try:
            _go(Turn(hold, Asking(client, now, zone)))
        except Stopped:
            pass
        except Lost:
            hold_lost = True
            log.info("Push %s is another worker's.", push_id)
        except Exception:
            log.exception("Push %s stopped by a fault of ours.", push_id)
            hold_lost = True
            with suppress(Lost), hold.held() as at:
                begun = read_work(at.session, at.push).begun
                state = at.push.state if begun else "queued"
                at.move(state, "Something failed on our side. Nothing is lost; it is tried again.")
                back_off(hold, at, None)
    if hold.state is not None and not hold_lost:
        return hold.state
    with open_session() as session:
        push = session.get(Push, push_id)
        return "withdrawn" if push is None else push.state


def _go(turn: Turn) -> None:
    """Go from row to row until nothing is left to do."""
    work: Work | None = turn.hold.claim()
    if work is not None and work.member is None:
        work = _introduced(turn)
    if work is not None and work.next_step is None:
        push_acts.confirm(turn)
        return
    while work is not None and (step := work.next_step) is not None:
        met, seen = _look(turn, work, step)
        row = push_table.row_for(Step(step.state), met)
        if row.act is not Act.SEND:
            work = ACTS[row.act](turn, work, step, seen, row)
            continue
        intended = ACTS[row.act](turn, work, step, seen, row)
        if intended is None or (step_now := intended.next_step) is None:
            return
        if not intended.writing:
            row = push_table.row_for(Step(step_now.state), Met.READ_ONLY)
            work = ACTS[row.act](turn, intended, step_now, Seen(), row)
            continue
        met, seen = _send(turn, intended, step_now, seen)
        row = push_table.row_for(Step(step_now.state), met)
        work = ACTS[row.act](turn, intended, step_now, seen, row)


def _introduced(turn: Turn) -> Work:
    """Learn who we are before anything is written, where ConnectWise tells."""
    with turn.hold.held() as at:
        callbacks = api_member.our_callbacks(at.session)
    member = api_member.find(turn.asking.client, callbacks)
    with turn.hold.held() as at:
        api_member.learn(at.session, member, now=at.now)
        return read_work(at.session, at.push)


def _look(turn: Turn, work: Work, step: StepWork) -> tuple[Met, Seen]:
    """Read what ConnectWise has, and say what that means for a step."""
    asked = step.state in ASKED
    try:
        picture = turn.asking.lines_alone(work) if asked else turn.asking.picture(work)
        look = turn.asking.look(work, step, picture)
        passed("read_back" if asked else "looked")
        if asked:
            return _after(turn, work, step, picture, look)
        whose = turn.asking.whose(work, step, look) if look.there else Whose.OTHERS
        prorates = picture.agreement is None or picture.agreement.prorates
        met = met_before(
            Shown(
                agreement=not picture.gone,
                writable=picture.why_not is None,
                there=look.there,
                whose=whose,
                moved=bool(look.moved),
                dates_kept=prorates or not work.dated,
                writing=work.writing,
            )
        )
        model = turn.asking.model(work, step) if met is Met.READY else None
        return met, Seen(picture=picture, look=look, model=model)
    except Rejected as error:
        # what may have arrived stays in doubt until it can be looked up
        return Met.NO_LOOK, Seen(error=error)
    except (Unreachable, UnexpectedPayload) as error:
        return Met.NO_ANSWER, Seen(error=error)
    except ConnectWiseError as error:
        return Met.NO_LOOK, Seen(error=error)


def _after(turn: Turn, work: Work, step: StepWork, picture: Picture, look: Look) -> tuple[Met, Seen]:
    """Say what a look after a write means."""
    create = step.step.action is StepAction.CREATE
    span = turn.hold.pace.settle_create if create else turn.hold.pace.settle_other
    left = timedelta() if step.asked_at is None else step.asked_at + span - turn.hold.real_now()
    if not look.there and not look.moved and look.line is not None and _touched(step, look):
        # as before, but edited since: our write may have stood for a moment, and somebody took it back
        edited = Moved(line_id=look.line.id, before=facts_of(look.line), line=look.line)
        look = Look(there=False, line=look.line, moved=(edited,))
    met = met_after(
        Shown(
            agreement=not picture.gone,
            there=look.there,
            whose=turn.asking.whose(work, step, look) if look.there else Whose.OTHERS,
            moved=bool(look.moved),
            early=left > timedelta(),
        )
    )
    return met, Seen(picture=picture, look=look, left=left)


def _touched(step: StepWork, look: Look) -> bool:
    """Tell whether a line was changed after we read it, though its numbers are as they were."""
    return look.line is not None and look.line.last_updated != step.before_updated


def _send(turn: Turn, work: Work, step: StepWork, seen: Seen) -> tuple[Met, Seen]:
    """Send one write, once, and say what became of it."""
    passed("sending")
    try:
        line = turn.asking.write(work, step, seen.model, turn.hold.check)
    except OutcomeUnknown as error:
        return Met.LOST, Seen(error=error)
    except Rejected as error:
        return Met.REFUSED, Seen(error=error)
    except (Unreachable, UnexpectedPayload, Withheld, AddressRefused) as error:
        return Met.NOT_SENT, Seen(error=error)
    passed("answered")
    return Met.TAKEN, Seen(line=line)
