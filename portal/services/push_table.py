"""The protocol of a push as one table: where a step stands, what was met, what is done, what comes next.

Pure. `push_running` meets something, takes the row for it, and lets `push_acts` do what the row says. A pair that is
not in the table cannot happen, and stops the push by a fault of ours, with nothing sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """Where a step stands, as stored."""

    WAITING = "waiting"  # nothing was sent, or what was sent surely did not arrive
    INTENT = "intent"  # it was about to be sent, or its answer was lost: it may have arrived
    SENT = "sent"  # ConnectWise answered that it took it
    DONE = "done"
    FOUND = "found"
    REFUSED = "refused"
    CHANGED = "changed"


class Met(StrEnum):
    """What a look found, or what became of a call."""

    GONE = "the agreement is not there any more"
    CLOSED = "the agreement may not be written to any more"
    READY = "all is as the person saw it"
    OURS = "the result stands there, and our API member made it"
    OTHERS = "the result stands there, and somebody else made it"
    NAMELESS = "the result stands there, and who made it cannot be told"
    BOTH = "our result stands there, and other lines are not as expected"
    MOVED = "lines are not as expected"
    UNDATED = "all is as seen, but the agreement does not prorate any more"
    READ_ONLY = "all is as seen, but writing is off"
    EARLY = "our result is not there, and may still arrive"
    TAKEN = "ConnectWise took the write"
    LOST = "the answer to the write was lost"
    REFUSED = "ConnectWise refused the write"
    NOT_SENT = "the write surely did not leave, or was put off"
    NO_ANSWER = "the look had no answer of use, or was put off"
    NO_LOOK = "the look was refused"


class Act(StrEnum):
    """What is done about it."""

    SEND = "record the intent, then send, once"
    READ_BACK = "note the answer, then look"
    DOUBT = "note that the answer was lost, then look"
    DONE = "note what stands there as written by us; go on"
    FOUND = "note what stands there as found, not written; go on"
    DONE_AND_STOP = "note our write, then stop: both numbers are shown, a person decides"
    CHANGE = "stop: both numbers are shown, a person decides"
    STALE = "stop: the card can only be dismissed"
    FAIL = "stop, with the cause: a person tries again or gives up"
    LOOK_LATER = "look again later"
    ASK = "look again later, and ask a person whose it is"
    ANEW = "begin the step anew, with a look"
    REST = "try again later: longer each time, never before ConnectWise asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table.

    Args:
        step: Where the step stands.
        met: What was met.
        act: What is done.
        then: Where the step stands afterwards.
        push: Where the push stands afterwards; none: as before, or confirmed where this was the last step.
    """

    step: Step
    met: Met
    act: Act
    then: Step
    push: str | None


def _row(step: Step, met: Met, act: Act, then: Step, push: str | None) -> Row:
    return Row(step=step, met=met, act=act, then=then, push=push)


_W, _I, _S = Step.WAITING, Step.INTENT, Step.SENT
TABLE: tuple[Row, ...] = (
    # step, what was met, what is done, the step then, the push then
    _row(_W, Met.GONE, Act.STALE, _W, "stale"),
    _row(_W, Met.CLOSED, Act.STALE, _W, "stale"),
    _row(_W, Met.READY, Act.SEND, _I, "sending"),
    _row(_W, Met.OURS, Act.DONE, Step.DONE, None),
    _row(_W, Met.OTHERS, Act.FOUND, Step.FOUND, None),
    _row(_W, Met.MOVED, Act.CHANGE, Step.CHANGED, "changed_in_psa"),
    _row(_W, Met.UNDATED, Act.FAIL, _W, "failed"),
    _row(_W, Met.READ_ONLY, Act.REST, _W, "sending"),
    _row(_W, Met.NO_ANSWER, Act.REST, _W, "sending"),
    _row(_W, Met.NO_LOOK, Act.FAIL, _W, "failed"),
    # a write was about to leave, or left
    _row(_I, Met.TAKEN, Act.READ_BACK, _S, "sending"),
    _row(_I, Met.LOST, Act.DOUBT, _I, "in_doubt"),
    _row(_I, Met.REFUSED, Act.FAIL, Step.REFUSED, "failed"),
    _row(_I, Met.NOT_SENT, Act.REST, _W, "sending"),
    # it may have arrived: only a look tells
    _row(_I, Met.GONE, Act.STALE, _I, "stale"),
    _row(_I, Met.OURS, Act.DONE, Step.DONE, None),
    _row(_I, Met.BOTH, Act.DONE_AND_STOP, Step.DONE, "changed_in_psa"),
    _row(_I, Met.EARLY, Act.LOOK_LATER, _I, "in_doubt"),
    _row(_I, Met.OTHERS, Act.FOUND, Step.FOUND, None),
    _row(_I, Met.NAMELESS, Act.ASK, _I, "in_doubt"),
    _row(_I, Met.MOVED, Act.CHANGE, Step.CHANGED, "changed_in_psa"),
    _row(_I, Met.READY, Act.ANEW, _W, "sending"),
    _row(_I, Met.NO_ANSWER, Act.REST, _I, "in_doubt"),
    _row(_I, Met.NO_LOOK, Act.REST, _I, "in_doubt"),
    # ConnectWise answered that it took it: it is not sent again, whatever is read back
    _row(_S, Met.GONE, Act.STALE, _S, "stale"),
    _row(_S, Met.OURS, Act.DONE, Step.DONE, None),
    _row(_S, Met.BOTH, Act.DONE_AND_STOP, Step.DONE, "changed_in_psa"),
    _row(_S, Met.EARLY, Act.LOOK_LATER, _S, "sending"),
    _row(_S, Met.MOVED, Act.CHANGE, Step.CHANGED, "changed_in_psa"),
    _row(_S, Met.READY, Act.CHANGE, Step.CHANGED, "changed_in_psa"),
    _row(_S, Met.NO_ANSWER, Act.REST, _S, "sending"),
    _row(_S, Met.NO_LOOK, Act.REST, _S, "sending"),
)
_BY_PAIR: Mapping[tuple[Step, Met], Row] = {(row.step, row.met): row for row in TABLE}


def row_for(step: Step, met: Met) -> Row:
    """Give the row for where a step stands and what was met.

    Raises:
        KeyError: That cannot happen.
    """
    return _BY_PAIR[step, met]


class Whose(StrEnum):
    """Who made what a look found, as far as ConnectWise says."""

    OURS = "ours"
    OTHERS = "others"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a look shows, as far as the table needs it.

    Args:
        agreement: It is there.
        writable: It may be written to.
        there: The step's result stands there.
        whose: Who made it; only asked for where it matters.
        moved: Lines beside the step's own are not as expected, or its own is neither as before nor as wanted.
        dates_kept: No date was chosen, or the agreement prorates.
        writing: Writing is on.
        early: What was sent may still arrive.
    """

    agreement: bool = True
    writable: bool = True
    there: bool = False
    whose: Whose = Whose.OTHERS
    moved: bool = False
    dates_kept: bool = True
    writing: bool = True
    early: bool = False


def met_before(shown: Shown) -> Met:
    """Say what a look before a write meets. The order is that of what must not happen: a closed agreement first."""
    checks = (
        (not shown.agreement, Met.GONE),
        (not shown.writable, Met.CLOSED),
        (shown.moved, Met.MOVED),
        (shown.there and shown.whose is Whose.OURS, Met.OURS),
        (shown.there, Met.OTHERS),
        (not shown.dates_kept, Met.UNDATED),
        (not shown.writing, Met.READ_ONLY),
    )
    return next((met for holds, met in checks if holds), Met.READY)


def met_after(shown: Shown) -> Met:
    """Say what a look meets after a write left, or may have left.

    While it may still arrive, only our own result is taken for an answer: somebody's equal line does not mean that ours
    will not follow it.
    """
    ours = shown.there and shown.whose is Whose.OURS
    checks = (
        (not shown.agreement, Met.GONE),
        (ours and shown.moved, Met.BOTH),
        (ours, Met.OURS),
        (shown.early, Met.EARLY),
        (shown.moved, Met.MOVED),
        (shown.there and shown.whose is Whose.UNKNOWN, Met.NAMELESS),
        (shown.there, Met.OTHERS),
    )
    return next((met for holds, met in checks if holds), Met.READY)
