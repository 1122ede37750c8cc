"""Made-up data: a worker loads them through the same use cases as the screens, and serves the ConnectWise behind them.

That ConnectWise is the sandbox, in this process and on this machine's loopback alone. It goes with the data.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace as replaced
from datetime import datetime
from pathlib import Path

import requests
from sqlalchemy.orm import Session

from portal.clients import connectwise_client
from portal.db.records import Connection
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.jobs import trail
from portal.jobs.doing import real_now
from portal.sandbox.dataset import load as read_set
from portal.sandbox.moved import lay_around
from portal.sandbox.server import MONTH, Running, ServeError, running
from portal.services import audit, connections, made_up, push_leases, sample_sets
from portal.services.actors import SYSTEM
from portal.services.errors import Refused
from portal.services.made_up import MadeUp
from portal.services.made_up_mark import HOST
from portal.services.sealing import Sealer

log = logging.getLogger(__name__)

ANSWER_SECONDS = 2.0  # that another worker's made-up ConnectWise may take to answer
FAILED = "Something failed on our side; the log of the worker says what."


class Host:
    """Looks after made-up data, time and again. Each look needs an app context.

    Args:
        month: The sample set that is loaded.
    """

    def __init__(self, month: Path = MONTH) -> None:
        self._source = month
        self._stack = ExitStack()
        self._served: Running | None = None

    @property
    def serves(self) -> str | None:
        """Where the ConnectWise that this process serves is; none: it serves none."""
        return None if self._served is None else self._served.base_url

    def look(self) -> bool:
        """Do what is due: load, serve, or put away.

        Returns:
            Whether all is well; false: not to be looked at again soon.
        """
        session = reading()
        session.rollback()
        found = made_up.standing(session)
        session.rollback()
        if found.state == "none":
            self.close()
            shutil.rmtree(_folder(), ignore_errors=True)
            return True
        if trail.is_unguarded():
            return False
        if found.at_work:
            worker = push_leases.worker_name()
            with transaction() as store:
                begun = made_up.begin(store, worker=worker, now=clock().now(), real_now=real_now())
            if begun is not None:
                self._load(begun, worker)
            return True
        return self._serve(found)

    def close(self) -> None:
        """End the ConnectWise that this process serves."""
        self._served = None
        self._stack.close()

    def _load(self, begun: MadeUp, worker: str) -> None:
        said: list[str] = []

        @contextmanager
        def open_session() -> Iterator[Session]:
            """Open a transaction that ends if another worker loads by now, and tells how far this one is."""
            with transaction() as store:
                made_up.note(store, worker, now=clock().now(), real_now=real_now(), said=tuple(said))
                yield store

        def end(state: str, error: str = "") -> None:
            with open_session() as store:
                made_up.note(store, worker, now=clock().now(), real_now=real_now(), state=state, error=error)

        try:
            lay_around(self._source, _month(), now=datetime.fromisoformat(begun.asked_at), zone=clock().zone)
            self.close()
            _state().unlink(missing_ok=True)
            served = self._start(begun.port or 0)
            with open_session() as store:
                port = int(served.base_url.rpartition(":")[2])
                made_up.note(store, worker, now=clock().now(), real_now=real_now(), port=port)
            sealer = Sealer(settings_of().secret_keys)
            around = sample_sets.Surroundings(
                open_session=open_session,
                make_client=lambda connection: connectwise_client(connection, sealer),
                put_on_step=served.store.move_to,
                set_clock=lambda _moment: None,  # the month was laid around now
                now=clock().now,
                zone=clock().zone,
                uploads=settings_of().uploads,
                sealer=sealer,
                say=said.append,
            )
            sample_sets.load(_month(), url=served.base_url, around=around, by=begun.actor)
            end("here")
        except Exception as error:
            self.close()
            known = isinstance(error, Refused | ServeError)
            end("failed", str(error) if known else FAILED)
            if not known:
                raise

    def _serve(self, found: MadeUp) -> bool:
        """See to it that somebody serves the ConnectWise of the data; on another port where its own is taken."""
        if self._served is not None or found.state != "here" or found.port is None or not _month().is_dir():
            return True
        if _answers(found.port):
            return True  # another worker of this machine serves it
        try:
            self._start(found.port)
        except ServeError as error:
            log.info("The made-up ConnectWise moves to another port: %s", error)
            served = self._start(0)
            _move_to(found, int(served.base_url.rpartition(":")[2]))
        return True

    def _start(self, port: int) -> Running:
        data = read_set(_month())
        data = replaced(data, steps=tuple(replaced(step, at=clock().now()) for step in data.steps))
        self._served = self._stack.enter_context(running(data, port, state=_state()))
        return self._served


def _answers(port: int) -> bool:
    """Tell whether a made-up ConnectWise listens on a port of this machine."""
    try:
        return requests.get(f"{HOST}{port}/_sandbox/step", timeout=ANSWER_SECONDS).ok
    except requests.RequestException:
        return False


def _move_to(found: MadeUp, port: int) -> None:
    """Note the new port, and lead the connection there."""
    with transaction() as store:
        connection = store.get(Connection, connections.NAME)
        if connection is None:
            return
        before = connection.url
        connection.url = before.replace(f"{HOST}{found.port}", f"{HOST}{port}", 1)
        made_up.keep(store, replaced(made_up.standing(store), port=port), now=clock().now())
        audit.record(
            store,
            what="setting",
            action="connection.set",
            by=SYSTEM,
            now=clock().now(),
            sentence="The made-up ConnectWise moved to another port of this machine, since its own was taken.",
            before=before,
            after=connection.url,
        )


def _folder() -> Path:
    return settings_of().instance / "made-up"


def _month() -> Path:
    return _folder() / "month"


def _state() -> Path:
    return _folder() / "sandbox.state"
