"""A portal's store beside a ConnectWise sandbox, for what reads the one into the other."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise, Patience
from portal.db.engine import WRITES
from portal.db.records import Connection, SyncRun
from portal.sandbox.server import running
from portal.services import connections, statuses, sync
from portal.services.actors import COMMAND_LINE, Actor
from portal.services.sealing import Sealer

TRAPS = Path(__file__).parents[1] / "samples" / "traps"
ZONE = ZoneInfo("America/New_York")
STEPS = (datetime(2026, 10, 20, 13, tzinfo=UTC), datetime(2026, 10, 28, 13, tzinfo=UTC))
ADMIN = Actor("Ada Admin", 1, "admin")
KEYS = {
    "company": "sandbox",
    "public_key": "portal",
    "private_key": "portal-secret",
    "client_id": "5d1c7f0e-2f0b-4b57-9d4a-0f6f4d1f6c11",
}


class Psa:
    """A portal connected to a sandbox with the traps, and what a test does with the two.

    Args:
        base_url: Where the sandbox is.
        engine: The portal's store.
    """

    def __init__(self, base_url: str, engine: sa.Engine) -> None:
        self.base_url = base_url
        self._engine = engine.execution_options(**{WRITES: True})
        self.now = STEPS[0]
        self.followed = 0
        self.client = self.connected()

    def connected(self) -> ConnectWise:
        """Make another client, which knows nothing of what ConnectWise asked of the one before; close it."""
        return ConnectWise(
            self.base_url,
            company="sandbox",
            public_key="portal",
            private_key="portal-secret",
            client_id=KEYS["client_id"],
            allow_private=True,
            patience=Patience(connect=2, read=5, attempts=2, back_off=0.01, longest_wait=1),
        )

    @contextmanager
    def open_session(self) -> Iterator[Session]:
        """Open one writing transaction."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    def step(self, number: int) -> None:
        """Move the sandbox and the business clock to a step of the scenario."""
        self._post("step", {"step": number})
        self.now = STEPS[number - 1]

    def faults(self, *faults: dict[str, object]) -> None:
        """Let requests go wrong."""
        self._post("faults", list(faults))

    def by_hand(self, method: str, path: str, body: object = None) -> None:
        """Change something in the PSA as a person there would."""
        answer = requests.request(
            method,
            f"{self.base_url}/v4_6_release/apis/3.0{path}",
            json=body,
            auth=("sandbox+human", "human-secret"),
            headers={"clientId": KEYS["client_id"]},
            timeout=5,
        )
        answer.raise_for_status()

    @property
    def asked(self) -> list[str]:
        """The requests so far, as "GET /path?query" without the base."""
        found = requests.get(f"{self.base_url}/_sandbox/requests", timeout=5).json()
        return [f"{each['method']} {each['path']}" for each in found]

    def forget(self) -> None:
        """Empty the journal of requests."""
        requests.delete(f"{self.base_url}/_sandbox/requests", timeout=5).raise_for_status()

    def sync(self, kind: str = "full", *, agreement_id: int | None = None, by: Actor = COMMAND_LINE) -> SyncRun:
        """Run a sync and give its row."""
        with self.open_session() as session:
            run_id = sync.request_sync(session, kind, agreement_id=agreement_id, by=by, now=self.now).id
        return self.run(run_id)

    def run(self, run_id: int, after: Callable[[Session], None] | None = None) -> SyncRun:
        """Carry out a queued run."""
        sync.run_sync(
            self.open_session, self.client, run_id, now=lambda: self.now, zone=ZONE, after=after or self._after
        )
        with self.open_session() as session:
            return session.get_one(SyncRun, run_id)

    def meanings(self) -> None:
        """Give the statuses and types of the samples their meanings."""
        said = json.loads((TRAPS / "statuses.json").read_text())
        names: tuple[tuple[statuses.ListName, str], ...] = (("status", "company_statuses"), ("type", "company_types"))
        with self.open_session() as session:
            for list_name, key in names:
                for row in said[key]:
                    statuses.set_meaning(
                        session,
                        list_name,
                        row["id"],
                        row["meaning"],
                        name=row["name_last_seen"],
                        by=ADMIN,
                        now=self.now,
                    )

    def _after(self, _session: Session) -> None:
        self.followed += 1

    def _post(self, path: str, body: object) -> None:
        requests.post(f"{self.base_url}/_sandbox/{path}", json=body, timeout=5).raise_for_status()


OpenSession = Callable[[], AbstractContextManager[Session]]


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(["a-key-for-tests-only"])


@pytest.fixture
def psa(engine: sa.Engine, sealer: Sealer) -> Iterator[Psa]:
    """A portal connected to the traps' sandbox, on the scenario's first step, never synced."""
    with running(TRAPS) as sandbox:
        psa = Psa(sandbox.base_url, engine)
        with psa.client:
            with psa.open_session() as session:
                connect(session, sandbox.base_url, sealer)
            yield psa


def connect(session: Session, url: str, sealer: Sealer, **other: str) -> Connection:
    """Store a connection to a sandbox."""
    values: dict[str, Any] = {**KEYS, **other}
    return connections.set_connectwise(
        session, url=url, allow_private=True, sealer=sealer, by=ADMIN, now=STEPS[0], **values
    )
