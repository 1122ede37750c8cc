"""A walk through the portal at random: people decide and take back, workers write and die, ConnectWise changes."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import requests
import sqlalchemy as sa
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from sqlalchemy.orm import Session

from portal.db.records import Card, PsaAddition
from portal.services import audit, connections, decision_bulk, decisions, push_leases, pushes
from portal.services.actors import COMMAND_LINE, Actor
from portal.services.card_making import IN_FLIGHT
from portal.services.errors import Refused
from tests.stateful import checks
from tests.stateful.small_month import PLAIN, PRORATING
from tests.stateful.walking import CARDS, TICKS, Killed, a_worker, which
from tests.stateful.words import ANOTHER, Words, limits
from tests.support.desk import BILLER, MANAGER

DAYS = (None, "2026-10-20", "2026-10-28", "2026-11-15")
FAULTS = ("drop_before", "drop_after", "status_before", "status_after", "throttle")
_TURNS = 20
quantities = st.integers(7, 16)


class Walk(Words):
    """One walk."""

    @initialize(
        chosen=st.lists(which, max_size=4),
        settled=st.booleans(),
        limit=limits,
        writing=st.sampled_from((True, True, False)),
    )
    def begin(self, chosen: list[int], limit: str | None, *, settled: bool, writing: bool) -> None:
        """Begin with some cards approved: written already, or waiting for a worker, for somebody, or for writing."""
        if not settled:
            self.set_limits(limit=limit, any_decrease=limit is not None)
            self.switch_writing(on=writing)
        for number in chosen:
            self.approve(number)
        if settled:
            self.settle()

    # People

    @rule(number=which, by=st.sampled_from((BILLER, MANAGER)))
    def approve(self, number: int, by: Actor = BILLER) -> None:
        """Approve a card."""
        self.decide(decisions.approve, number, by=by, **TICKS)

    @rule(number=which, quantity=quantities, day=st.sampled_from(DAYS))
    def adjust(self, number: int, quantity: int, day: str | None) -> None:
        """Adjust a card, from a day on or not."""
        self.decide(decisions.adjust, number, quantity=str(quantity), day=day, **TICKS)

    @rule(number=which, day=st.sampled_from(DAYS))
    def add(self, number: int, day: str | None) -> None:
        """Add new revenue to its company's agreement."""
        card = self.card(number)
        self.decide(decisions.add, number, agreement_id=card.company_id * 10, day=day, **TICKS)

    @rule(number=which)
    def dismiss(self, number: int) -> None:
        """Dismiss a card."""
        self.decide(decisions.dismiss, number, reason="as agreed")

    @rule(number=which)
    def undo(self, number: int) -> None:
        """Take back what was decided last on a card, be it an undo."""
        self.decide(decisions.undo, number, **TICKS)

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
                raise Killed

        with suppress(Killed):
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
        self.desk.real += decision_bulk.LEASE
        self.carry_out(lambda _where: None)
        for _ in range(_TURNS):
            waiting = [push.id for push in self.pushes() if push.state in IN_FLIGHT]
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
            found = self.read(session)
            checks.each_write_is_a_decided_step_and_none_is_made_twice(found, self.effects)
            checks.each_step_that_is_said_to_be_done_was_written(found, self.effects)
            checks.each_card_of_a_batch_is_decided_once_or_left(session)
            self.nothing_that_waits_for_a_word_is_sent(found)
            for push in found:
                if push.state == "confirmed":
                    assert {row.state for row in push.steps} <= {"done", "found"}
            for card in session.scalars(sa.select(Card).where(Card.psa_quantity.is_not(None))):
                lines = [Decimal(line["quantity"]) for line in card.facts["lines"]]
                assert sum(lines) == card.psa_quantity, f"the lines of card {card.id} do not sum to its total"
            assert audit.verify(session).ok

    def teardown(self) -> None:
        """Let everything settle in fair weather, say every word that is waited for, and take back what is confirmed."""
        try:
            self.desk.faults()
            self.set_limits(limit=None, any_decrease=False)
            self.switch_writing(on=True)
            self._ends_well()
            for number in range(CARDS):
                self.confirm_second(number, MANAGER)  # refused where it is their own decision
            self.send_planned(0)
            for action in ("second", "send"):
                self.decide_together([*range(CARDS)], action, ANOTHER, at_once=False)
                self._ends_well()
            self.place.ends.update(push.state for push in self.pushes())
            self.decide_together([*range(CARDS)], "undo", MANAGER, at_once=False)
            self._ends_well()
            self.place.ends.update(push.state for push in self.pushes() if push.state == "undone")
        finally:
            self.stack.close()

    def _ends_well(self) -> None:
        """Settle; whatever was decided ends in a state that says so."""
        self.settle()
        left = [(push.id, push.state, push.cause) for push in self.pushes() if push.state in IN_FLIGHT]
        assert not left, f"not settled: {left}"
        assert not self.stored(), "a decision on many cards was not carried out"
        self.all_rules_hold()

    def _about_push(self, verb: Callable[..., Any], number: int) -> None:
        found = self.pushes()
        if not found:
            return
        with suppress(Refused), self.desk.open_session() as session:
            verb(session, found[-1 - number % len(found)].id, by=MANAGER, now=self.desk.now)

    def _turn(self, number: int, **other: Any) -> None:
        """Take a turn on one of the latest pushes, as a process that is gone once the turn is over."""
        found = [push for push in self.pushes() if push.state in IN_FLIGHT] or self.pushes()
        if found:
            name = a_worker()
            state = self.desk.turn(found[-1 - number % len(found)].id, worker=name, **other)
            note(f"push {found[-1 - number % len(found)].id}: {state}")
