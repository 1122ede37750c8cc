"""A walk through the portal at random: people decide and take back, workers write and die, ConnectWise changes."""

import shutil
import socket
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.db.engine import watch
from portal.db.records import Card, PsaAddition, Push
from portal.domain.steps import Step, StepAction
from portal.sandbox.server import Running
from portal.services import audit, connections, decisions, push_leases, pushes
from portal.services.actors import COMMAND_LINE
from portal.services.card_making import IN_FLIGHT
from portal.services.errors import Refused
from tests.stateful.small_month import PLAIN, PRORATING
from tests.storm.effects import Effect, Effects
from tests.support.desk import MANAGER, Desk

GONE = 4_194_303  # the id of a process that is not there
DAYS = (None, "2026-10-20", "2026-10-28", "2026-11-15")
FAULTS = ("drop_before", "drop_after", "status_before", "status_after", "throttle")
TICKS = {"invoiced_ok": True, "scheduled_ok": True}
_TURNS = 20
_SAYS_NOTHING = ("Nothing was sent.", "Nothing was changed.")
_Signature = tuple[object, ...]

which = st.integers(0, 5)
quantities = st.integers(7, 16)


class _Killed(BaseException):
    """The worker is gone at this very instruction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What walks share.

    Args:
        sandbox: ConnectWise, set back before each walk.
        loaded: The store that each copies.
        ends: How many pushes ended in which state.
    """

    sandbox: Running
    loaded: Path
    ends: Counter[str] = field(default_factory=Counter)


class Walk(RuleBasedStateMachine):
    """One walk.

    Args:
        place: What it shares with others.
    """

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="walk-")))
        file = folder / "portal.sqlite"
        shutil.copyfile(place.loaded, file)
        self._steer("reset", {})
        self._steer("step", {"step": 2})
        engine = sa.create_engine(f"sqlite:///{file}")
        watch(engine)
        self.stack.callback(engine.dispose)
        self.desk = Desk(engine, place.sandbox.base_url)
        self.stack.callback(self.desk.client.close)
        self.effects = Effects(place.sandbox.store.identifier("portal"))
        place.sandbox.store.watchers.append(self.effects)
        self.stack.callback(place.sandbox.store.watchers.remove, self.effects)

    @initialize(chosen=st.lists(which, max_size=4), settled=st.booleans())
    def begin(self, chosen: list[int], *, settled: bool) -> None:
        """Begin with some cards approved, perhaps written already."""
        for number in chosen:
            self.approve(number)
        if settled:
            self.settle()

    # People

    @rule(number=which)
    def approve(self, number: int) -> None:
        """Approve a card."""
        self._decide(decisions.approve, number, **TICKS)

    @rule(number=which, quantity=quantities, day=st.sampled_from(DAYS))
    def adjust(self, number: int, quantity: int, day: str | None) -> None:
        """Adjust a card, from a day on or not."""
        self._decide(decisions.adjust, number, quantity=str(quantity), day=day, **TICKS)

    @rule(number=which, day=st.sampled_from(DAYS))
    def add(self, number: int, day: str | None) -> None:
        """Add new revenue to its company's agreement."""
        card = self._card(number)
        self._decide(decisions.add, number, agreement_id=card.company_id * 10, day=day, **TICKS)

    @rule(number=which)
    def dismiss(self, number: int) -> None:
        """Dismiss a card."""
        self._decide(decisions.dismiss, number, reason="as agreed")

    @rule(number=which)
    def undo(self, number: int) -> None:
        """Take back what was decided last on a card, be it an undo."""
        self._decide(decisions.undo, number, **TICKS)

    @rule(number=which)
    def retry(self, number: int) -> None:
        """Try a push again."""
        self._about_push(pushes.retry, number)

    @rule(number=which)
    def give_up(self, number: int) -> None:
        """Give a push up."""
        self._about_push(pushes.give_up, number)

    @rule(on=st.sampled_from((True, True, True, False)))
    def switch_writing(self, *, on: bool) -> None:
        """Switch writing off or on."""
        with self.desk.open_session() as session:
            connections.set_writing(session, on, by=COMMAND_LINE, now=self.desk.now)

    # ConnectWise

    @rule(place=st.integers(0, 9), quantity=quantities)
    def edit(self, place: int, quantity: int) -> None:
        """Let a person there set the quantity of a line, perhaps to what it was or what we would set."""
        rows = self.place.sandbox.store.all("additions")
        row = rows[place % len(rows)]
        with suppress(requests.HTTPError):  # a closed agreement takes nothing
            self.desk.set_by_hand(int(str(row["agreementId"])), int(str(row["id"])), quantity)

    @rule(company=st.sampled_from((PLAIN, PRORATING)), place=st.integers(0, 1), quantity=st.sampled_from((6, 13)))
    def add_there(self, company: int, place: int, quantity: int) -> None:
        """Let a person there add a line, perhaps one just like ours."""
        with suppress(requests.HTTPError):
            self.desk.add_by_hand(company * 10, company * 100 + place, quantity, "2026-10-28")

    @rule(company=st.sampled_from((PLAIN, PRORATING)), sure=st.integers(0, 7))
    def cancel(self, company: int, sure: int) -> None:
        """Let a person there cancel an agreement, now and then."""
        if sure == 0:
            with suppress(requests.HTTPError):
                self.desk.cancel_by_hand(company * 10)

    @rule()
    def sync(self) -> None:
        """Read what changed; afterwards the portal has what ConnectWise has, but for agreements that were cancelled."""
        self.desk.sync("quick")
        store = self.place.sandbox.store
        live = {row["id"] for row in store.all("agreements") if row["cancelledFlag"] is not True}
        rows = [row for row in store.all("additions") if row["agreementId"] in live]
        there = {int(str(row["id"])): Decimal(str(row["quantity"])) for row in rows}
        with self.desk.open_session() as session:
            query = sa.select(PsaAddition.id, PsaAddition.quantity).where(
                PsaAddition.gone_at.is_(None), PsaAddition.agreement_id.in_(live)
            )
            assert {row.id: row.quantity for row in session.execute(query)} == there

    # Workers

    @rule(number=which)
    def push(self, number: int) -> None:
        """Let a worker take a turn on a push."""
        self._turn(number)

    @rule(number=which, kind=st.sampled_from(FAULTS))
    def push_in_bad_weather(self, number: int, kind: str) -> None:
        """Let a worker take a turn whose first write goes wrong."""
        post: dict[str, object] = {"method": "POST", "path": "additions", "kind": kind, "seconds": 0}
        self.desk.faults(post, post | {"method": "PATCH"})
        self._turn(number)
        self.desk.faults()

    @rule(number=which, point=st.sampled_from(pushes.CRASH_POINTS), times=st.integers(1, 2))
    def push_and_die(self, number: int, point: str, times: int) -> None:
        """Let a worker die where it passes a crash point."""
        left = [times]

        def crash(passed: str) -> None:
            left[0] -= passed == point
            if left[0] == 0:
                raise _Killed

        with suppress(_Killed):
            self._turn(number, crash=crash)

    @rule()
    def restart(self) -> None:
        """Start a worker anew, which takes back what dead ones held."""
        with self.desk.open_session() as session:
            push_leases.free_the_dead(session)

    @rule(seconds=st.sampled_from((1, 5, 30, 200)))
    def time_passes(self, seconds: int) -> None:
        """Let real time pass, for back-off and leases."""
        self.desk.real += timedelta(seconds=seconds)

    @rule()
    def settle(self) -> None:
        """Let workers take turns until nothing is under way, or nothing moves since writing is off."""
        self.restart()
        for _ in range(_TURNS):
            waiting = [push.id for push in self._pushes() if push.state in IN_FLIGHT]
            if not waiting:
                return
            for push_id in waiting:
                self.desk.turn(push_id)
            self.desk.real += timedelta(seconds=130)

    # What must hold after each

    @invariant()
    def all_rules_hold(self) -> None:
        """Check every rule on one picture of the store."""
        with Session(self.desk.engine) as session:
            found = self._read(session)
            self._each_write_is_a_decided_step_and_none_is_made_twice(found)
            self._each_step_that_is_said_to_be_done_was_written(found)
            for push in found:
                if push.state == "confirmed":
                    assert {row.state for row in push.steps} <= {"done", "found"}
            for card in session.scalars(sa.select(Card).where(Card.psa_quantity.is_not(None))):
                lines = [Decimal(line["quantity"]) for line in card.facts["lines"]]
                assert sum(lines) == card.psa_quantity, f"the lines of card {card.id} do not sum to its total"
            assert audit.verify(session).ok

    def _each_write_is_a_decided_step_and_none_is_made_twice(self, found: list[Push]) -> None:
        """Compare the writes that took effect with the steps that were asked for, and are not denied."""
        written = Counter(_of_effect(one) for one in self.effects.all if one.ours)
        asked = Counter(
            _of_step(push, Step.from_stored(row.plan))
            for push in found
            for row in push.steps
            if row.intent_at is not None and (push.state in IN_FLIGHT or not _says_nothing(push))
        )
        more = {one: times for one, times in written.items() if times > asked[one]}
        assert not more, f"written, but not decided, or more often than decided, or denied: {more}; asked {asked}"

    def _each_step_that_is_said_to_be_done_was_written(self, found: list[Push]) -> None:
        """Compare the steps that the portal calls done with the writes that took effect."""
        written = Counter(_of_effect(one) for one in self.effects.all if one.ours)
        done = Counter(
            _of_step(push, Step.from_stored(row.plan)) for push in found for row in push.steps if row.state == "done"
        )
        assert not done - written, f"called done, but never written: {done - written}"

    def teardown(self) -> None:
        """Let everything settle in fair weather; whatever was decided ends in a state that says so."""
        try:
            self.desk.faults()
            self.switch_writing(on=True)
            self.settle()
            left = [(push.id, push.state, push.cause) for push in self._pushes() if push.state in IN_FLIGHT]
            assert not left, f"not settled: {left}"
            self.all_rules_hold()
            self.place.ends.update(push.state for push in self._pushes())
        finally:
            self.stack.close()

    def _decide(self, verb: Callable[..., Any], number: int, **values: Any) -> None:
        card = self._card(number)
        try:
            self.desk.do(verb, card, **values)
        except Refused as refusal:
            note(f"refused: {refusal}")

    def _about_push(self, verb: Callable[..., Any], number: int) -> None:
        found = self._pushes()
        if not found:
            return
        with suppress(Refused), self.desk.open_session() as session:
            verb(session, found[-1 - number % len(found)].id, by=MANAGER, now=self.desk.now)

    def _turn(self, number: int, **other: Any) -> None:
        """Take a turn on one of the latest pushes, as a process that is gone once the turn is over."""
        found = [push for push in self._pushes() if push.state in IN_FLIGHT] or self._pushes()
        if found:
            name = f"{socket.gethostname()}/{GONE}/{uuid.uuid4().hex[:12]}"
            state = self.desk.turn(found[-1 - number % len(found)].id, worker=name, **other)
            note(f"push {found[-1 - number % len(found)].id}: {state}")

    def _card(self, number: int) -> Card:
        with self.desk.open_session() as session:
            found = list(session.scalars(sa.select(Card).order_by(Card.id)))
            return found[number % len(found)]

    def _pushes(self) -> list[Push]:
        with Session(self.desk.engine, expire_on_commit=False) as session:
            return self._read(session)

    def _read(self, session: Session) -> list[Push]:
        query = sa.select(Push).options(selectinload(Push.steps), joinedload(Push.card)).order_by(Push.id)
        return list(session.scalars(query))

    def _steer(self, path: str, body: object) -> None:
        requests.post(f"{self.place.sandbox.base_url}/_sandbox/{path}", json=body, timeout=10).raise_for_status()


def _of_effect(one: Effect) -> _Signature:
    """Name a write that took effect by what it did."""
    if one.created:
        return ("create", one.agreement, one.product, one.quantity, one.effective, one.ended)
    return (one.line, one.changed or "nothing", one.quantity if one.changed == "quantity" else one.ended)


def _of_step(push: Push, step: Step) -> _Signature:
    """Name what a step is to do in the same way."""
    ended = None if step.cancelled is None else step.cancelled.isoformat()
    if step.action is StepAction.CREATE:
        effective = None if step.effective is None else step.effective.isoformat()
        return ("create", push.agreement_id, push.card.product, step.quantity, effective, ended)
    if step.action is StepAction.SET:
        return (step.addition_id, "quantity", step.quantity)
    return (step.addition_id, "ended", ended)


def _says_nothing(push: Push) -> bool:
    return (push.cause or "").endswith(_SAYS_NOTHING)
