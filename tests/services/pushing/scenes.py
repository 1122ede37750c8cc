"""Scenes in which a push meets each row of the table: what is decided, what goes wrong, and when."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from portal.db.records import Card, Connection
from portal.services import api_member, decisions
from portal.services.push_table import Met, Step
from tests.services.pushing.stories import fault, keep_the_member_secret
from tests.support.desk import Desk

Deed = Callable[[Desk], object]
ALWAYS = 10_000


def know_the_member(desk: Desk) -> None:
    """Let the portal know its API member."""
    with desk.open_session() as session:
        api_member.learn(session, "apiuser", now=desk.now)


def grow(desk: Desk) -> Card:
    """One write: line 8006 of agreement 504 from 10 to 12."""
    card = desk.card(1004)
    desk.do(decisions.approve, card)
    return card


def grow_one_of_three(desk: Desk) -> Card:
    """One write beside two other lines."""
    card = desk.card(1001)
    desk.do(decisions.approve, card)
    return card


def shrink_two(desk: Desk) -> Card:
    """Two writes."""
    card = desk.card(1002)
    desk.do(decisions.approve, card)
    return card


def create(desk: Desk) -> Card:
    """One write: a line of two from a day on, on agreement 510."""
    card = desk.card(1010)
    desk.do(decisions.adjust, card, quantity="7", day="2026-11-15")
    return card


def _line(desk: Desk, agreement_id: int = 504) -> int:
    return max(desk.quantities(agreement_id))


def sets(quantity: int, agreement_id: int = 504, addition_id: int | None = None) -> Deed:
    """A person sets a quantity."""
    return lambda desk: desk.set_by_hand(agreement_id, addition_id or _line(desk, agreement_id), quantity)


def deletes(path: str) -> Deed:
    """A person deletes something."""
    return lambda desk: desk.by_hand("DELETE", path)


def deletes_the_newest(agreement_id: int) -> Deed:
    """A person deletes the newest line of an agreement."""
    return lambda desk: deletes(f"/finance/agreements/{agreement_id}/additions/{_line(desk, agreement_id)}")(desk)


def faults(*found: dict[str, Any]) -> Deed:
    """Requests go wrong."""
    return lambda desk: desk.faults(*found)


def _stops_prorating(desk: Desk) -> None:
    change = [{"op": "replace", "path": "prorateFlag", "value": False}]
    desk.by_hand("PATCH", "/finance/agreements/510", change)


def _switches_writing_off(desk: Desk) -> None:
    with desk.open_session() as session:
        session.get_one(Connection, "connectwise").writing = False


def _wrote_it_before(desk: Desk) -> None:
    desk.client.additions.set_quantity(504, _line(desk), desk.again(desk.card(1004)).proposed_quantity or 0)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """How a push meets a row.

    Args:
        ends: The state of the push when nothing more is to be done, or none where it goes on waiting.
        plan: What is decided.
        before: What happens before a worker begins.
        at: What happens at a point, once.
        effects: Writes of ours that took effect in the end.
    """

    ends: str | None
    plan: Callable[[Desk], Card] = grow
    before: tuple[Deed, ...] = ()
    at: dict[str, Deed] = field(default_factory=dict)
    effects: int = 1


def silence(kind: str, status: int = 503) -> dict[str, Any]:
    """Let no read be answered."""
    return fault(kind, "GET", ALWAYS, status)


LOST, ASTRAY = faults(fault("drop_after", times=1)), faults(fault("drop_before", times=1))
NO_READ, NO_RIGHT = faults(silence("drop_before")), faults(silence("status_before", 403))
SECOND_LINE = sets(11, 501, 8002)
WAITING, INTENT, SENT = Step.WAITING, Step.INTENT, Step.SENT
SCENES: dict[tuple[Step, Met], Scene] = {
    (WAITING, Met.GONE): Scene(ends="stale", before=(deletes("/finance/agreements/504"),), effects=0),
    (WAITING, Met.CLOSED): Scene(ends="stale", before=(lambda desk: desk.cancel_by_hand(504),), effects=0),
    (WAITING, Met.READY): Scene(ends="confirmed"),
    (WAITING, Met.OURS): Scene(ends="confirmed", before=(know_the_member, _wrote_it_before)),
    (WAITING, Met.OTHERS): Scene(ends="confirmed", before=(sets(12),), effects=0),
    (WAITING, Met.MOVED): Scene(ends="changed_in_psa", before=(sets(11),), effects=0),
    (WAITING, Met.UNDATED): Scene(ends="failed", plan=create, before=(_stops_prorating,), effects=0),
    (WAITING, Met.READ_ONLY): Scene(ends=None, plan=shrink_two, at={"step_done": _switches_writing_off}),
    (WAITING, Met.NO_ANSWER): Scene(ends=None, before=(NO_READ,), effects=0),
    (WAITING, Met.NO_LOOK): Scene(ends="failed", before=(NO_RIGHT,), effects=0),
    (INTENT, Met.TAKEN): Scene(ends="confirmed"),
    (INTENT, Met.LOST): Scene(ends="confirmed", before=(LOST,)),
    (INTENT, Met.REFUSED): Scene(
        ends="failed", before=(faults(fault("status_before", times=1, status=403)),), effects=0
    ),
    (INTENT, Met.NOT_SENT): Scene(ends="confirmed", before=(faults(fault("throttle", times=1)),)),
    (INTENT, Met.GONE): Scene(ends="stale", before=(LOST,), at={"doubted": deletes("/finance/agreements/504")}),
    (INTENT, Met.OURS): Scene(ends="confirmed", before=(LOST,)),
    (INTENT, Met.BOTH): Scene(
        ends="changed_in_psa", plan=grow_one_of_three, before=(LOST,), at={"doubted": SECOND_LINE}
    ),
    (INTENT, Met.EARLY): Scene(ends="confirmed", before=(ASTRAY,)),
    (INTENT, Met.OTHERS): Scene(ends="confirmed", before=(ASTRAY,), at={"doubted": sets(12)}, effects=0),
    (INTENT, Met.NAMELESS): Scene(ends=None, before=(keep_the_member_secret, LOST)),
    (INTENT, Met.MOVED): Scene(ends="changed_in_psa", before=(ASTRAY,), at={"doubted": sets(11)}, effects=0),
    (INTENT, Met.READY): Scene(ends="confirmed", before=(ASTRAY,)),
    (INTENT, Met.NO_ANSWER): Scene(ends=None, before=(LOST,), at={"doubted": NO_READ}),
    (INTENT, Met.NO_LOOK): Scene(ends=None, before=(LOST,), at={"doubted": NO_RIGHT}),
    (SENT, Met.GONE): Scene(ends="stale", at={"sent": deletes("/finance/agreements/504")}),
    (SENT, Met.OURS): Scene(ends="confirmed"),
    (SENT, Met.BOTH): Scene(ends="changed_in_psa", plan=grow_one_of_three, at={"sent": SECOND_LINE}),
    (SENT, Met.EARLY): Scene(ends="changed_in_psa", at={"sent": sets(10)}),
    (SENT, Met.MOVED): Scene(ends="changed_in_psa", at={"sent": sets(10)}),
    (SENT, Met.READY): Scene(ends="changed_in_psa", plan=create, at={"sent": deletes_the_newest(510)}),
    (SENT, Met.NO_ANSWER): Scene(ends=None, at={"sent": NO_READ}),
    (SENT, Met.NO_LOOK): Scene(ends=None, at={"sent": NO_RIGHT}),
}
