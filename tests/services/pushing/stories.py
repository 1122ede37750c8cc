"""Three pushes with seven writes, what goes wrong meanwhile, and what must stand in the end whatever was killed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import requests

from portal.db.records import Card, Connection, Decision, Push
from portal.services import audit, decisions, push_leases, pushes
from portal.services.card_making import IN_FLIGHT
from tests.support.desk import BILLER, Desk

WANTED = {501: [0, 0, 3], 510: [3, 5], 502: [0, 5, 7]}
WRITES = 7


def fault(kind: str, method: str = "PATCH", times: int = 3, status: int = 503) -> dict[str, Any]:
    """Something that goes wrong with the next writes."""
    return {"method": method, "path": "additions", "nth": 1, "times": times, "kind": kind, "status": status}


@dataclass(frozen=True, kw_only=True)
class Story:
    """What goes wrong, and which points are passed by it alone.

    Args:
        points: Where workers are killed.
        faults: Set before each worker starts.
        before: Faults of a first round, after which a person does something.
        deed: What that person does, in a process that is killed.
        event: The event that this leaves, once a push.
        ends: The state of the pushes in the end.
        touch: Lines that a person edits, in another field, as soon as an answer was lost.
        nameless: ConnectWise does not tell who we are.
    """

    points: Sequence[str]
    faults: Sequence[dict[str, Any]] = ()
    before: Sequence[dict[str, Any]] = ()
    deed: str = ""
    event: str = ""
    ends: str = "confirmed"
    touch: tuple[int, Sequence[int]] | None = None
    nameless: bool = False


STORIES = {
    "all goes well": Story(
        points=(
            "claiming", "claim", "claimed", "looking", "agreement_read", "looked", "intending", "intent", "sending",
            "leaving", "answered", "noting", "sent", "read_back", "mirrored", "settling", "step_done", "confirming",
            "finished", "confirmed",
        ),
    ),
    "answers are lost": Story(points=("doubting", "doubted"), faults=(fault("drop_after"),)),
    "writes are lost": Story(points=("doubting", "doubted", "beginning_anew"), faults=(fault("drop_before"),)),
    "a person edits meanwhile": Story(
        points=("asking_whose",), faults=(fault("drop_after", times=12),), touch=(501, (8001, 8002, 8003))
    ),
    "throttled": Story(points=("putting_off", "put_off"), faults=(fault("throttle"),)),
    "refused": Story(points=("stopping", "stopped"), faults=(fault("status_before", status=403),)),
    "refused, and tried again": Story(
        points=("retrying", "hinting"), before=(fault("status_before", status=403),), deed="retry", event="push.retry"
    ),
    "refused, and given up": Story(
        points=("giving_up",), before=(fault("status_before", status=403),), deed="give up", event="push.given_up",
        ends="given_up",
    ),
    "nobody knows whose": Story(
        points=("saying_whose",), before=(fault("drop_after", times=2), fault("drop_after", "POST", 1)), deed="say",
        event="push.said_whose", nameless=True,
    ),
}  # fmt: skip


@dataclass(slots=True)
class Play:
    """One story on one desk."""

    desk: Desk
    story: Story
    cards: list[Card] = field(default_factory=list)
    pushes: list[int] = field(default_factory=list)

    def begin(self) -> None:
        """Decide three cards, and let happen what happens before a person does something."""
        desk = self.desk
        if self.story.nameless:
            keep_the_member_secret(desk)
        plans: tuple[tuple[int, Callable[..., Decision], dict[str, Any]], ...] = (
            (1001, decisions.adjust, {"quantity": "3"}),
            (1010, decisions.adjust, {"quantity": "3", "day": "2026-11-15"}),
            (1002, decisions.approve, {}),
        )
        for company, verb, values in plans:
            card = desk.card(company)
            desk.do(verb, card, **values)
            self.cards.append(card)
            self.pushes.append(desk.push_of(card).id)
        if self.story.before:
            desk.faults(*self.story.before)
            for push_id in self.pushes:
                self._until_somebody_is_needed(push_id)
            desk.faults()

    def job(self, point: str, times: int) -> dict[str, Any]:
        """Give a worker's job, until it is killed at a point."""
        desk = self.desk
        desk.faults(*self.story.faults)
        return {
            "database": str(desk.engine.url), "url": desk.url, "pushes": self._left(), "point": point, "times": times,
            "real": desk.real.isoformat(), "now": desk.now.isoformat(), "deed": self.story.deed,
            "touch": self.story.touch,
        }  # fmt: skip

    def go_on(self) -> None:
        """Take back what the dead worker held."""
        with self.desk.open_session() as session:
            push_leases.free_the_dead(session)

    def end(self) -> None:
        """Let a person do what the dead process did not, and workers settle all pushes."""
        self.desk.faults()
        for push_id in self._left():
            self._deed(push_id)
        for card in self.cards:
            push = self.desk.settle(card)
            if push.state == "failed" and not self.story.deed:
                with self.desk.open_session() as session:
                    pushes.retry(session, push.id, by=BILLER, now=self.desk.now)
                self.desk.settle(card)

    def verdict(self) -> None:
        """Check that exactly one change each stands, and that each is told once."""
        desk, ends = self.desk, self.story.ends
        found = [desk.push_of(card) for card in self.cards]
        assert [push.state for push in found] == [ends] * 3
        if self.story.event:
            assert len(desk.events(self.story.event)) == 3
        with desk.open_session() as session:
            assert audit.verify(session).ok
        if ends == "given_up":
            return
        assert {step.state for push in found for step in push.steps} == {"done"}
        for agreement_id, wanted in WANTED.items():
            assert sorted(desk.quantities(agreement_id).values()) == [Decimal(one) for one in wanted]
        ours = [one for one in desk.written() if one["member"] == "apiuser"]
        assert len(ours) == WRITES
        assert len(desk.events("push.wrote")) == WRITES
        assert len(desk.events("push.confirmed")) == 3
        assert [desk.again(card).state for card in self.cards] == ["confirmed"] * 3

    def _left(self) -> list[int]:
        """Give the pushes with which something is left to do: a person's deed is not done twice."""
        if not self.story.deed:
            return self.pushes
        with self.desk.open_session() as session:
            found = [session.get_one(Push, push_id) for push_id in self.pushes]
            return [push.id for push in found if push.state == "failed" or _nameless(push)]

    def _deed(self, push_id: int) -> None:
        with self.desk.open_session() as session:
            if self.story.deed == "retry":
                pushes.retry(session, push_id, by=BILLER, now=self.desk.now)
            elif self.story.deed == "give up":
                pushes.give_up(session, push_id, by=BILLER, now=self.desk.now)
            elif self.story.deed == "say":
                pushes.say_whose(session, push_id, ours=True, by=BILLER, now=self.desk.now)

    def _until_somebody_is_needed(self, push_id: int) -> None:
        for _ in range(10):
            if self.desk.turn(push_id) not in IN_FLIGHT:
                return
            with self.desk.open_session() as session:
                push = session.get_one(Push, push_id)
                if push.needs_look_at is not None:
                    return
                self.desk.real = max(self.desk.real, push.next_try_at or self.desk.real)


def _nameless(push: Push) -> bool:
    return push.needs_look_at is not None and "ours" not in push.found


def keep_the_member_secret(desk: Desk) -> None:
    """Let nobody know who we are: it was not learned, and ConnectWise does not tell."""
    requests.post(f"{desk.url}/_sandbox/roles", json={"portal": {"members": []}}, timeout=5).raise_for_status()
    with desk.open_session() as session:
        session.get_one(Connection, "connectwise").member = None
