"""A portal with the traps loaded beside a sandbox: cards to decide, and a worker whose time is the test's."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import Addition, ConnectWise, Patience
from portal.db.engine import WRITES, watch
from portal.db.records import AuditEvent, Card, Connection, Decision, Push, SyncRun
from portal.domain.periods import Period
from portal.sandbox.server import running
from portal.services import push_leases, pushes, sample_sets, sync
from portal.services.actors import COMMAND_LINE, Actor
from portal.services.card_making import IN_FLIGHT
from portal.services.sealing import Sealer
from tests.support.database import NOW, SECRET, ZONE

__all__ = ["NOW", "SECRET", "ZONE"]  # and all that is made here

TRAPS = Path(__file__).parents[1] / "samples" / "traps"
TODAY = date(2026, 10, 28)
OCTOBER = Period(2026, 10)
GUID = "5d1c7f0e-2f0b-4b57-9d4a-0f6f4d1f6c11"
PERIOD = str(OCTOBER)

BILLER = Actor("Bo Biller", None, "biller")
MANAGER = Actor("Mo Manager", None, "manager")
VIEWER = Actor("Vi Viewer", None, "viewer")


def client_of(url: str, **other: Any) -> ConnectWise:
    """A client that does not wait long."""
    return ConnectWise(
        url,
        company="sandbox",
        public_key="portal",
        private_key="portal-secret",
        client_id=GUID,
        allow_private=True,
        patience=other.pop("patience", Patience(connect=2, read=2, whole=5, attempts=2, back_off=0.01, longest_wait=1)),
    )


def load_traps(migrated: Path, folder: Path) -> Path:
    """Load the set once, into a database file that tests copy."""
    file = folder / "loaded.sqlite"
    shutil.copyfile(migrated, file)
    engine = sa.create_engine(f"sqlite:///{file}")
    watch(engine)
    pour_traps(engine, folder)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return file


def pour_traps(engine: sa.Engine, folder: Path) -> None:
    """Load the set into a migrated store; the files that are imported are kept in the folder."""
    clock = {"now": NOW}

    @contextmanager
    def open_session() -> Iterator[Session]:
        with Session(engine.execution_options(**{WRITES: True})) as session, session.begin():
            yield session

    with running(TRAPS) as sandbox:
        url = sandbox.base_url
        around = sample_sets.Surroundings(
            open_session=open_session,
            make_client=lambda _connection: client_of(url),
            put_on_step=lambda number: _steer(url, "step", {"step": number}),
            set_clock=lambda moment: clock.update(now=moment),
            now=lambda: clock["now"],
            zone=ZONE,
            uploads=folder / "uploads",
            sealer=Sealer([SECRET]),
            say=lambda _line: None,
        )
        sample_sets.load(TRAPS, url=url, around=around, by=COMMAND_LINE)


def edit_by_hand(url: str, agreement_id: int, addition_ids: Sequence[int], text: str) -> None:
    """Change the description of lines in the PSA as a person there would, who does not wait for an answer."""
    for addition_id in addition_ids:
        with suppress(requests.ConnectionError):
            requests.patch(
                f"{url}/v4_6_release/apis/3.0/finance/agreements/{agreement_id}/additions/{addition_id}",
                json=[{"op": "replace", "path": "description", "value": text}],
                auth=("sandbox+human", "human-secret"),
                headers={"clientId": GUID},
                timeout=5,
            )


def _steer(url: str, path: str, body: object) -> None:
    requests.post(f"{url}/_sandbox/{path}", json=body, timeout=5).raise_for_status()


class Desk:
    """What a test does with the portal, the PSA and a worker.

    Args:
        engine: The portal's store.
        url: Where the sandbox is.
    """

    def __init__(self, engine: sa.Engine, url: str) -> None:
        self.engine = engine.execution_options(**{WRITES: True})
        self._plain = engine
        self.url = url
        self.client = client_of(url)
        self.now = NOW
        self.real = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
        self.pace = pushes.Pace()
        with self.open_session() as session:
            session.execute(sa.update(Connection).values(url=url))

    @contextmanager
    def open_session(self) -> Iterator[Session]:
        """Open one writing transaction."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def state_of(self, push_id: int) -> str:
        """Read the state of a push without keeping writers waiting."""
        with Session(self._plain) as session:
            return session.scalars(sa.select(Push.state).where(Push.id == push_id)).one()

    def card(self, company_id: int, product: str = "SEAT", agreement_id: int | None = None) -> Card:
        """Read a card as it is now."""
        query = sa.select(Card).where(Card.company_id == company_id, Card.product == product, Card.period == PERIOD)
        if agreement_id is not None:
            query = query.where(Card.agreement_id == agreement_id)
        with self.open_session() as session:
            return session.scalars(query.order_by(Card.agreement_id)).one()

    def again(self, card: Card) -> Card:
        """Read a card anew, by its id."""
        with self.open_session() as session:
            return session.get_one(Card, card.id)

    def do(self, verb: Callable[..., Decision], card: Card, *, by: Actor = BILLER, **values: Any) -> Decision:
        """Decide a card in a transaction of its own."""
        with self.open_session() as session:
            decision = verb(session, card.id, by=by, now=self.now, today=TODAY, **values)
            _ = decision.push
            return decision

    def push_of(self, card: Card) -> Push:
        """Read the push of a card's latest decision, with its steps."""
        with self.open_session() as session:
            card = session.get_one(Card, card.id)
            push = session.scalars(sa.select(Push).where(Push.decision_id == card.decision_id)).one()
            _ = push.steps, push.decision
            return push

    def turn(self, push_id: int, **other: Any) -> str:
        """Let a worker take one turn."""
        given: dict[str, Any] = {
            "worker": push_leases.worker_name(),
            "now": lambda: self.now,
            "real_now": lambda: self.real,
            "zone": ZONE,
            "pace": self.pace,
        }
        return pushes.run_push(self.open_session, self.client, push_id, **(given | other))

    def settle(self, card: Card, *, turns: int = 30) -> Push:
        """Let workers take turns until the card's push is settled; between them time passes as the push asks."""
        push = self.push_of(card)
        for _ in range(turns):
            if self.turn(push.id) not in IN_FLIGHT:
                break
            with self.open_session() as session:
                waits_until = session.get_one(Push, push.id).next_try_at
            self.real = max(self.real, waits_until or self.real) + timedelta(milliseconds=1)
        return self.push_of(card)

    # the PSA

    def lines(self, agreement_id: int, product: str = "SEAT") -> list[Addition]:
        """The lines of a product on an agreement, as the PSA has them."""
        return [line for line in self.client.additions.of(agreement_id) if line.product == product]

    def quantities(self, agreement_id: int, product: str = "SEAT") -> dict[int, Decimal]:
        """Their quantities by id."""
        return {line.id: line.quantity for line in self.lines(agreement_id, product)}

    def by_hand(self, method: str, path: str, body: object = None) -> Any:
        """Change something in the PSA as a person there would."""
        answer = requests.request(
            method,
            f"{self.url}/v4_6_release/apis/3.0{path}",
            json=body,
            auth=("sandbox+human", "human-secret"),
            headers={"clientId": GUID},
            timeout=5,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def set_by_hand(self, agreement_id: int, addition_id: int, quantity: int) -> None:
        """Set a quantity in the PSA as a person there would."""
        path = f"/finance/agreements/{agreement_id}/additions/{addition_id}"
        self.by_hand("PATCH", path, [{"op": "replace", "path": "quantity", "value": quantity}])

    def cancel_by_hand(self, agreement_id: int) -> None:
        """Cancel an agreement in the PSA as a person there would."""
        self.by_hand(
            "PATCH",
            f"/finance/agreements/{agreement_id}",
            [
                {"op": "replace", "path": "cancelledFlag", "value": True},
                {"op": "replace", "path": "dateCancelled", "value": "2026-10-28T00:00:00Z"},
                {"op": "replace", "path": "reasonCancelled", "value": "moved away"},
            ],
        )

    def sync(self, kind: str = "full") -> None:
        """Read the PSA anew; cards follow."""
        with self.open_session() as session:
            run_id = sync.request_sync(session, kind, by=COMMAND_LINE, now=self.now).id
        sync.run_sync(self.open_session, self.client, run_id, now=lambda: self.now, zone=ZONE)
        with self.open_session() as session:
            run = session.get_one(SyncRun, run_id)
            if run.state != "done":
                raise AssertionError(run.error)

    def add_by_hand(self, agreement_id: int, like: int, quantity: int, effective: str) -> int:
        """Add a line in the PSA as a person there would, for the product of another one."""
        path = f"/finance/agreements/{agreement_id}/additions"
        product = self.by_hand("GET", f"{path}/{like}")["product"]
        body = {
            "product": {"id": product["id"]},
            "quantity": quantity,
            "effectiveDate": f"{effective}T00:00:00Z",
            "billCustomer": "Billable",
        }
        return int(self.by_hand("POST", path, body)["id"])

    def faults(self, *faults: dict[str, object]) -> None:
        """Let requests go wrong."""
        _steer(self.url, "faults", list(faults))

    def written(self) -> list[dict[str, Any]]:
        """The writes of the portal's API member that took effect."""
        found = requests.get(f"{self.url}/_sandbox/requests", timeout=5).json()
        return [one for one in found if one["method"] in {"PATCH", "POST"} and one["effect"] in {"yes", True}]

    def sent(self) -> list[dict[str, Any]]:
        """All write requests, whether or not they took effect."""
        found = requests.get(f"{self.url}/_sandbox/requests", timeout=5).json()
        return [one for one in found if one["method"] in {"PATCH", "POST"} and "_sandbox" not in one["path"]]

    def events(self, *actions: str) -> list[AuditEvent]:
        """The audit events of some actions, oldest first."""
        with self.open_session() as session:
            query = sa.select(AuditEvent).order_by(AuditEvent.n)
            return list(session.scalars(query.where(AuditEvent.action.in_(actions)) if actions else query))


@contextmanager
def desk_on(loaded: Path, folder: Path) -> Iterator[Desk]:
    """Set up a desk on a copy of the loaded database and a sandbox of its own, on the second step."""
    file = folder / "desk.sqlite"
    shutil.copyfile(loaded, file)
    engine = sa.create_engine(f"sqlite:///{file}")
    watch(engine)
    with desk_at(engine) as desk:
        yield desk
    engine.dispose()


@contextmanager
def desk_at(engine: sa.Engine) -> Iterator[Desk]:
    """Set up a desk on a store that the traps were poured into, beside a sandbox on the second step."""
    with running(TRAPS) as sandbox:
        _steer(sandbox.base_url, "step", {"step": 2})
        desk = Desk(engine, sandbox.base_url)
        with desk.client:
            yield desk
