"""What a worker does: carry pushes on, run syncs, look for what was left behind, follow the schedule.

Each function needs an app context. Running any of them twice is harmless.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from portal.clients import connectwise_client
from portal.connectwise import ConnectWise
from portal.db.records import Push
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import (
    connection_asking,
    decision_bulk,
    imports,
    psa_trail,
    push_leases,
    push_overview,
    pushes,
    questions,
    sync,
)
from portal.services.card_making import IN_FLIGHT
from portal.services.connections import get_connectwise
from portal.services.errors import Refused
from portal.services.questions import Answerer, Asked
from portal.services.sealing import Sealer

AT_ONCE = 80  # pushes that one sweep wakes workers for: of thousands, each sweep would wake them for all the rest anew
BUSY_SECONDS = 1.0  # after which an agreement that another worker has is asked for again


class Clients:
    """Keeps one ConnectWise client open for all threads of a worker, and builds another when the keys change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[object, ...] = ()
        self._client: ConnectWise | None = None

    def connectwise(self) -> ConnectWise:
        """Give the client of the stored connection.

        Raises:
            Refused: ConnectWise is not connected, or its key cannot be opened.
        """
        session = reading()
        session.rollback()
        connection = get_connectwise(session)
        if connection is None:
            raise Refused("ConnectWise is not connected yet.")
        key = (
            *(connection.url, connection.company, connection.sealed_private_key, connection.set_at),
            *(connection.ca_certificates, connection.requests_a_minute, connection.parallel, connection.bundle_size),
        )
        with self._lock:
            if self._client is None or key != self._key:
                # the old one is left to end by itself: another thread may be in the middle of a call
                self._client = connectwise_client(connection, Sealer(settings_of().secret_keys))
                self._key = key
            client = self._client
        session.rollback()
        return client


def real_now() -> datetime:
    """Give real time, for leases and back-off."""
    return datetime.now(UTC)


def do_push(push_id: int, clients: Clients) -> float | None:
    """Carry a push as far as it goes now.

    Returns:
        Seconds until it may go on; none where it is settled.
    """
    try:
        client = clients.connectwise()
    except Refused as refusal:
        with transaction() as session:
            return pushes.cannot_begin(session, push_id, str(refusal), real_now=real_now())
    pushes.run_push(
        transaction,
        client.urgent(),
        push_id,
        worker=push_leases.worker_name(),
        now=clock().now,
        real_now=real_now,
        zone=clock().zone,
    )
    session = reading()
    session.rollback()
    push = session.get(Push, push_id, populate_existing=True)
    seconds: float | None = None
    if push is not None and push.state in IN_FLIGHT:
        # without a moment of its own it waits for another worker, which writes to the same agreement
        seconds = BUSY_SECONDS if push.next_try_at is None else (push.next_try_at - real_now()).total_seconds()
    session.rollback()
    return seconds


def do_sync(run_id: int, clients: Clients, stopping: Callable[[], bool] | None = None) -> None:
    """Carry out a queued sync. Without a connection, or with a key that cannot be opened, the run says so and ends.

    Args:
        run_id: The run.
        clients: Where its client is kept.
        stopping: Tells that the worker is to end; the run then waits for the next one, and goes on where it was.
    """
    try:
        client = clients.connectwise()
    except Refused as refusal:
        with transaction() as session:
            sync.fail(session, run_id, str(refusal), now=clock().now(), zone=clock().zone)
        return
    sync.run_sync(
        transaction, client, run_id, now=clock().now, zone=clock().zone, pauses=sync.PAUSES, stopping=stopping
    )


def start_wanted() -> int | None:
    """Queue a run for the agreements that are wanted, if any are and no run at work reads them; gives that run."""
    session = reading()
    session.rollback()
    waiting = sync.wanted(session)
    session.rollback()
    if not waiting:
        return None
    with transaction() as session:
        return sync.start_wanted(session, now=clock().now(), real_now=real_now())


def do_question(question_id: int) -> None:
    """Answer a question to ConnectWise."""
    questions.run_question(transaction, question_id, ANSWERERS, real_now=real_now)


def due_questions() -> list[int]:
    """Give the questions to ConnectWise that wait for a worker."""
    session = reading()
    session.rollback()
    found = questions.due(session)
    session.rollback()
    return found


def do_import(import_id: int, stopping: Callable[[], bool] | None = None) -> None:
    """Read a file that was taken in. One that another worker reads, or that is settled, is left alone."""
    imports.read_waiting(
        transaction, import_id, uploads=settings_of().uploads, now=clock().now(), zone=clock().zone, stopping=stopping
    )


def due_imports() -> list[int]:
    """Give the files that wait to be read."""
    session = reading()
    session.rollback()
    found = imports.due_imports(session, real_now())
    session.rollback()
    return found


def do_bulk(bulk_id: int, stopping: Callable[[], bool] | None = None) -> bool:
    """Decide many cards, turn by turn. What another worker has in hand, or what has ended, is left alone.

    Args:
        bulk_id: Which bulk decision.
        stopping: Tells that the worker is to end; the next one goes on.

    Returns:
        Whether there is nothing left to do.
    """
    return decision_bulk.carry_out(
        transaction,
        bulk_id,
        worker=push_leases.worker_name(),
        now=clock().now,
        today=clock().today,
        real_now=real_now,
        stopping=stopping,
    )


def due_bulks() -> list[int]:
    """Give the decisions on many cards that wait for a worker."""
    session = reading()
    session.rollback()
    found = decision_bulk.due_bulks(session, real_now())
    session.rollback()
    return found


def due() -> tuple[list[int], list[int]]:
    """Give the pushes and the syncs that wait for a worker."""
    session = reading()
    session.rollback()
    found = pushes.due_pushes(session, real_now())[:AT_ONCE], sync.due_syncs(session)
    session.rollback()
    return found


def recover(*, starting: bool = False) -> None:
    """Take back what dead workers held."""
    with transaction() as session:
        push_overview.sign_of_life(session, real_now=real_now())
        push_leases.free_the_dead(session, starting=starting)
        sync.recover(session, real_now=real_now(), starting=starting)
        questions.recover(session, now=clock().now(), real_now=real_now(), starting=starting)
        imports.free_the_dead(session, starting=starting)
        decision_bulk.free_the_dead(session, starting=starting)


def _test_connection(asked: Asked) -> dict[str, Any]:
    sealer = Sealer(settings_of().secret_keys)
    return connection_asking.answer_test(asked, open_session=transaction, sealer=sealer, now=clock().now())


def _trail(asked: Asked) -> dict[str, Any]:
    """Read an agreement's audit trail in ConnectWise, with a client of its own."""
    with Clients().connectwise() as client:
        return psa_trail.read(client, asked)


ANSWERERS: Mapping[str, Answerer] = {connection_asking.KIND: _test_connection, psa_trail.KIND: _trail}
"""How each kind of question to ConnectWise is answered; each needs an app context."""
