"""What each action of the table does: one or two short transactions, none of them open while ConnectWise is asked."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from portal.connectwise import Addition, ConnectWiseError, NewLine
from portal.services import api_member, push_mirror, push_settling
from portal.services.push_asking import Asking, Picture
from portal.services.push_changed import changed, who_changed
from portal.services.push_holding import Hold, row_of
from portal.services.push_looking import Look
from portal.services.push_points import passed
from portal.services.push_settling import Settling
from portal.services.push_table import Act, Row
from portal.services.push_waiting import back_off, troubled, words
from portal.services.push_work import WRITTEN, StepWork, Work, read_work


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was met, with what the table does not need.

    Args:
        picture: What ConnectWise has just now; none where it was not to be had.
        look: What it says of the step.
        error: Why there was no answer of use.
        line: What ConnectWise's answer to a write showed.
        left: How long what was sent may still arrive.
        model: What a new line is to be like.
    """

    picture: Picture | None = None
    look: Look | None = None
    error: ConnectWiseError | None = None
    line: Addition | None = None
    left: timedelta = timedelta()
    model: Addition | NewLine | None = None

    @property
    def sentence(self) -> str:
        """Why there was no answer of use."""
        return "" if self.error is None else self.error.sentence

    @property
    def request_id(self) -> str | None:
        """ConnectWise's id of the request that went wrong."""
        return None if self.error is None else self.error.request_id


@dataclass(frozen=True, slots=True)
class Turn:
    """One worker's turn on one push."""

    hold: Hold
    asking: Asking


Doing = Callable[[Turn, Work, StepWork, Seen, Row], Work | None]
"""Gives the push as it is then; none: this turn ends."""


@contextmanager
def _ending(turn: Turn, before: str, after: str) -> Iterator[Settling]:
    """Open the transaction that ends a turn."""
    with turn.hold.held() as at:
        yield at
        at.session.flush()
        passed(before)
    passed(after)


def _stopping(turn: Turn) -> AbstractContextManager[Settling]:
    return _ending(turn, "stopping", "stopped")


def _putting_off(turn: Turn) -> AbstractContextManager[Settling]:
    return _ending(turn, "putting_off", "put_off")


def send(turn: Turn, work: Work, step: StepWork, seen: Seen, row: Row) -> Work:
    """Record the intent: from here on the write may have arrived. Where writing is off by now, nothing is recorded."""
    del work
    with turn.hold.held() as at:
        now = read_work(at.session, at.push)
        if not now.writing:
            return now
        kept = row_of(at.push, step)
        kept.state, kept.intent_at, kept.sent_at = row.then.value, turn.hold.real_now(), None
        line = None if seen.look is None else seen.look.line
        kept.before = None if line is None else push_settling.line_json(line)
        if seen.picture is not None and step.step.action == "create":
            kept.known_ids = [one.id for one in seen.picture.lines]
        after = read_work(at.session, at.push)
        at.session.flush()
        passed("intending")
    passed("intent")
    return after


def read_back(turn: Turn, work: Work, step: StepWork, seen: Seen, row: Row) -> Work:
    """Note that ConnectWise took the write, and whom it names as its author: our API member."""
    del work
    with turn.hold.held() as at:
        kept = row_of(at.push, step)
        kept.state, kept.sent_at = row.then.value, turn.hold.real_now()
        kept.answer = "ConnectWise took it."
        if seen.line is not None:
            kept.addition_id = seen.line.id
            api_member.learn(at.session, seen.line.updated_by, now=at.now)
        after = read_work(at.session, at.push)
        at.session.flush()
        passed("noting")
    passed("sent")
    return after


def doubt(turn: Turn, work: Work, step: StepWork, seen: Seen, row: Row) -> Work:
    """Note that it is not known whether a write arrived; the next look tells."""
    del work, row
    with turn.hold.held() as at:
        kept = row_of(at.push, step)
        kept.sent_at, kept.answer, kept.request_id = turn.hold.real_now(), seen.sentence, seen.request_id
        at.move("in_doubt", "No answer yet; looking whether it arrived.")
        at.tell(
            "push.in_doubt",
            f"{step.step.words()} {seen.sentence}",
            details={"step": kept.ordinal, "request_id": seen.request_id},
        )
        after = read_work(at.session, at.push)
        passed("doubting")
    passed("doubted")
    return after


def done(turn: Turn, work: Work, step: StepWork, seen: Seen, row: Row) -> Work | None:
    """Note what stands there; after the last step the push is confirmed in the same transaction."""
    look, picture = _both(seen)
    stops = row.act is Act.DONE_AND_STOP
    who = who_changed(turn.asking, work, look) if stops else None
    with turn.hold.held() as at:
        _mirror(at, picture)
        if look.line is not None:
            push_settling.step_done(at, row_of(at.push, step), look.line, found=row.act is Act.FOUND)
        at.push.troubled_since = at.push.needs_look_at = None
        ends = stops or all(one.state in WRITTEN for one in at.push.steps)
        if who is not None:
            changed(at, None, look, picture.lines, who)
            turn.hold.rest(at, None)
        elif ends:
            _confirm(turn, at)
        elif at.push.state == "in_doubt":
            at.move("sending", None)
        at.session.flush()
        after = read_work(at.session, at.push)
        passed("settling")
    passed("confirmed" if ends else "step_done")
    return None if ends else after


def confirm(turn: Turn) -> None:
    """Write down that ConnectWise shows all that was decided, where all steps were done before."""
    with turn.hold.held() as at:
        _confirm(turn, at)
    passed("confirmed")


def _confirm(turn: Turn, at: Settling) -> None:
    passed("confirming")
    push_settling.confirmed(at)
    turn.hold.rest(at, None)
    at.session.flush()
    passed("finished")


def change(turn: Turn, work: Work, step: StepWork, seen: Seen, row: Row) -> None:
    """Stop, since somebody changed what the person saw."""
    del row
    look, picture = _both(seen)
    who = who_changed(turn.asking, work, look)
    with _stopping(turn) as at:
        _mirror(at, picture)
        changed(at, row_of(at.push, step), look, picture.lines, who)
        turn.hold.rest(at, None)


def stale(turn: Turn, work: Work, step: StepWork, seen: Seen, row: Row) -> None:
    """Stop, since the agreement may not be written to any more."""
    del work, step, row
    picture = seen.picture
    with _stopping(turn) as at:
        if picture is not None:
            push_mirror.mirror_agreement(at.session, at.push.agreement_id, picture.agreement, now=at.now)
        push_settling.stale(at, (picture.why_not if picture is not None else None) or "")
        turn.hold.rest(at, None)


def fail(turn: Turn, work: Work, step: StepWork, seen: Seen, row: Row) -> None:
    """Stop in ConnectWise's own words, or ours."""
    del work
    with _stopping(turn) as at:
        if row.then.value == "refused":
            push_settling.refused(at, row_of(at.push, step), seen.sentence, request_id=seen.request_id)
        else:
            why = seen.sentence or "The agreement does not prorate any more, so no date can be kept."
            push_settling.failed(at, why, request_id=seen.request_id)
        turn.hold.rest(at, None)


def look_later(turn: Turn, work: Work, step: StepWork, seen: Seen, row: Row) -> None:
    """Look again when what was sent has had its time to arrive."""
    del work, step
    with _putting_off(turn) as at:
        at.move(row.push or at.push.state, "No answer yet; looking whether it arrived.")
        troubled(turn.hold, at)
        turn.hold.rest(at, turn.hold.real_now() + seen.left)


def ask(turn: Turn, work: Work, step: StepWork, seen: Seen, row: Row) -> None:
    """Ask a person whose a line is. It is looked up again all the same: our member's name may become known."""
    del work, step
    look, _ = _both(seen)
    by = "" if look.line is None or not look.line.updated_by else f", by {look.line.updated_by}"
    with _putting_off(turn) as at:
        at.move(
            row.push or at.push.state,
            f"The answer to our write was lost. What it was to do stands in ConnectWise{by}, but whether we or "
            "somebody else did it cannot be told. Nothing is sent again. Say whose it is.",
        )
        troubled(turn.hold, at, at_once=True)
        back_off(turn.hold, at, None)


def anew(turn: Turn, work: Work, step: StepWork, seen: Seen, row: Row) -> Work:
    """Begin a step anew that certainly did not arrive."""
    del work, seen
    with turn.hold.held() as at:
        kept = row_of(at.push, step)
        kept.state, kept.sent_at = row.then.value, None
        after = read_work(at.session, at.push)
        at.session.flush()
        passed("beginning_anew")
    return after


def rest(turn: Turn, work: Work, step: StepWork, seen: Seen, row: Row) -> None:
    """Try again later."""
    del work
    asked = getattr(seen.error, "retry_after", None)
    if seen.error is None:
        cause, asked = "Writing was switched off. It goes on when an admin switches it on.", 60.0
    else:
        cause = words(seen.error)
    with _putting_off(turn) as at:
        row_of(at.push, step).state = row.then.value
        at.session.flush()
        begun = read_work(at.session, at.push).begun
        at.move((row.push or at.push.state) if begun else "queued", cause)
        at.push.request_id = seen.request_id
        back_off(turn.hold, at, asked)


def _both(seen: Seen) -> tuple[Look, Picture]:
    if seen.look is None or seen.picture is None:
        raise ValueError("This action needs a look.")
    return seen.look, seen.picture


def _mirror(at: Settling, picture: Picture) -> None:
    push_mirror.mirror_lines(at.session, at.push.agreement_id, picture.lines, now=at.now)
    passed("mirrored")


ACTS: Mapping[Act, Doing] = {
    Act.SEND: send,
    Act.READ_BACK: read_back,
    Act.DOUBT: doubt,
    Act.DONE: done,
    Act.FOUND: done,
    Act.DONE_AND_STOP: done,
    Act.CHANGE: change,
    Act.STALE: stale,
    Act.FAIL: fail,
    Act.LOOK_LATER: look_later,
    Act.ASK: ask,
    Act.ANEW: anew,
    Act.REST: rest,
}
