"""The rules about decisions that wait for somebody's word, and about many cards that are decided together."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy.orm import Session

from portal.db.records import Bulk, Push
from portal.services import decision_bulk, decisions, settings_store
from portal.services.actors import COMMAND_LINE, Actor
from portal.services.decision_bulk_verbs import Chosen, Options
from portal.services.errors import Refused
from tests.stateful.walking import TICKS, Killed, Place, Walking, a_worker, which
from tests.support.desk import BILLER, MANAGER, TODAY

ANOTHER = Actor("Ada Another", None, "manager")
limits = st.sampled_from((None, None, None, "25.00"))
_WAITING = ("waiting", "planned")


class Words(Walking):
    """The part of a walk in which people say go, and decide together."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.held: dict[int, int] = {}  # pushes that wait for a person's word, with the writes that had begun by then

    @rule(limit=limits, any_decrease=st.booleans(), sure=st.integers(0, 3))
    def set_limits(self, limit: str | None, sure: int = 0, *, any_decrease: bool) -> None:
        """Say above what a second person has to confirm, now and then."""
        if sure:
            return
        value = {"amount": {} if limit is None else {"USD": limit}, "any_decrease": any_decrease}
        with self.desk.open_session() as session:
            settings_store.put(session, "limits", value, by=COMMAND_LINE, now=self.desk.now)

    @rule(number=which, by=st.sampled_from((MANAGER, ANOTHER)))
    def confirm_second(self, number: int, by: Actor) -> None:
        """Confirm as the second person, perhaps one's own decision; most often a card that waits for it."""
        self._say_go("waiting", decisions.confirm_second, number, by=by)

    @rule(number=which)
    def send_planned(self, number: int) -> None:
        """Send what was planned while the portal was read-only; most often a card that waits for it."""
        self._say_go("planned", decisions.confirm_planned, number)

    @rule(
        numbers=st.lists(which, min_size=2, max_size=6, unique=True),
        action=st.sampled_from(("approve", "adjust", "dismiss", "undo", "send", "second")),
        by=st.sampled_from((BILLER, MANAGER, ANOTHER)),
        at_once=st.booleans(),
    )
    def decide_together(self, numbers: list[int], action: str, by: Actor, *, at_once: bool) -> None:
        """Decide several cards together: at once, or stored for a worker."""
        chosen = [Chosen(card_id=self.card(number).id) for number in numbers]
        options = Options(reason="together", day=TODAY if action == "adjust" else None, **TICKS)
        with pytest.MonkeyPatch.context() as patch, suppress(Refused), self.desk.open_session() as session:
            patch.setattr(decision_bulk, "AT_ONCE", len(chosen) if at_once else 0)
            given: dict[str, Any] = {"by": by, "now": self.desk.now, "today": TODAY, "options": options}
            decision_bulk.begin(session, action, chosen, selection=f"{len(chosen)} ticked", **given)
        self._let_go(f"together: {action}")

    @rule(dies=st.sampled_from(("", "", "in a turn", "between turns")), turns=st.integers(1, 2))
    def carry_on(self, dies: str, turns: int) -> None:
        """Let a worker carry out what was stored, to its end or until it dies."""
        left = [turns]

        def passing(where: str) -> None:
            left[0] -= where == dies
            if left[0] == 0:
                raise Killed

        with suppress(Killed):
            self.carry_out(passing)

    def nothing_that_waits_for_a_word_is_sent(self, found: list[Push]) -> None:
        """No write begins of what waits for a second person or was planned, until one of the rules above said go."""
        for push in found:
            begun = sum(row.intent_at is not None for row in push.steps)
            assert begun <= self.held.get(push.id, begun), f"push {push.id} was sent before somebody said so"
            if push.state in _WAITING:
                self.held.setdefault(push.id, begun)
            second = push.decision.second
            assert second is None or second != push.decision.by, f"{second} confirmed their own decision"

    def _say_go(self, state: str, verb: Callable[..., Any], number: int, **values: Any) -> None:
        """Say the word that a push in a state waits for: a card that has one, or any where none does."""
        waiting = [push.card for push in self.pushes() if push.state == state and push.card.state == state]
        self.decide_card(verb, waiting[number % len(waiting)] if waiting else self.card(number), **values)
        self._let_go(verb.__name__)

    def _let_go(self, name: str) -> None:
        """Forget what waited for a word that was said just now."""
        said = [push.id for push in self.pushes() if push.id in self.held and push.state not in _WAITING]
        for push_id in said:
            del self.held[push_id]
        self.place.did[name] += len(said)

    def stored(self) -> list[int]:
        with Session(self.desk.engine) as session:
            query = sa.select(Bulk.id).where(Bulk.state.in_(("queued", "working"))).order_by(Bulk.id)
            return list(session.scalars(query))

    def carry_out(self, passing: Callable[[str], None]) -> None:
        """Let a worker carry out each stored decision; it tells where it passes."""

        def now() -> datetime:
            passing("in a turn")
            return self.desk.now

        for bulk_id in self.stored():
            try:
                through = decision_bulk.carry_out(
                    self.desk.open_session,
                    bulk_id,
                    worker=a_worker(),
                    now=now,
                    today=lambda: TODAY,
                    real_now=lambda: self.desk.real,
                    pause=lambda _seconds: passing("between turns"),
                )
                self.place.did["carried out"] += through
            finally:
                self._let_go("by a worker")
