"""What every walk has: a copy of the store, the sandbox set back, and ways to do something with a card or a push."""

import shutil
import socket
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.db.engine import watch
from portal.db.records import Card, Push
from portal.sandbox.server import Running
from portal.services.errors import Refused
from tests.storm.effects import Effects
from tests.support.desk import Desk

TICKS = {"invoiced_ok": True, "scheduled_ok": True}
CARDS = 6  # of the small month
which = st.integers(0, CARDS - 1)
_GONE = 4_194_303  # the id of a process that is not there


class Killed(BaseException):
    """The worker is gone at this very instruction."""


def a_worker() -> str:
    """Name a worker whose process is gone once its turn is over."""
    return f"{socket.gethostname()}/{_GONE}/{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What walks share.

    Args:
        sandbox: ConnectWise, set back before each walk.
        loaded: The store that each copies.
        ends: How many pushes ended in which state.
        did: How often something was done that is often refused.
    """

    sandbox: Running
    loaded: Path
    ends: Counter[str] = field(default_factory=Counter)
    did: Counter[str] = field(default_factory=Counter)


class Walking(RuleBasedStateMachine):
    """A walk without its rules.

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
        self.steer("reset", {})
        self.steer("step", {"step": 2})
        engine = sa.create_engine(f"sqlite:///{file}")
        watch(engine)
        self.stack.callback(engine.dispose)
        self.desk = Desk(engine, place.sandbox.base_url)
        self.stack.callback(self.desk.client.close)
        self.effects = Effects(place.sandbox.store.identifier("portal"))
        place.sandbox.store.watchers.append(self.effects)
        self.stack.callback(place.sandbox.store.watchers.remove, self.effects)

    def decide(self, verb: Callable[..., Any], number: int, **values: Any) -> None:
        self.decide_card(verb, self.card(number), **values)

    def decide_card(self, verb: Callable[..., Any], card: Card, **values: Any) -> None:
        try:
            self.desk.do(verb, card, **values)
        except Refused as refusal:
            note(f"refused: {refusal}")

    def card(self, number: int) -> Card:
        with self.desk.open_session() as session:
            found = list(session.scalars(sa.select(Card).order_by(Card.id)))
            return found[number % len(found)]

    def pushes(self) -> list[Push]:
        with Session(self.desk.engine, expire_on_commit=False) as session:
            return self.read(session)

    def read(self, session: Session) -> list[Push]:
        query = (
            sa.select(Push)
            .options(selectinload(Push.steps), joinedload(Push.card), joinedload(Push.decision))
            .order_by(Push.id)
        )
        return list(session.scalars(query))

    def steer(self, path: str, body: object) -> None:
        requests.post(f"{self.place.sandbox.base_url}/_sandbox/{path}", json=body, timeout=10).raise_for_status()
