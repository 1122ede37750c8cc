"""A worker that kills itself with SIGKILL when a push passes a crash point: run as a process of its own."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise
from portal.db.engine import WRITES, watch
from portal.services import push_leases, pushes


def main(database: str, url: str, push_id: str, point: str, times: str, real: str, now: str) -> None:
    """Carry a push on, until the point was passed so many times."""
    engine = sa.create_engine(database)
    watch(engine)
    left = [int(times)]

    def crash(passed: str) -> None:
        if passed == point:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def open_session() -> Iterator[Session]:
        with Session(engine.execution_options(**{WRITES: True})) as session, session.begin():
            yield session

    client = ConnectWise(
        url,
        company="sandbox",
        public_key="portal",
        private_key="portal-secret",
        client_id="5d1c7f0e-2f0b-4b57-9d4a-0f6f4d1f6c11",
        allow_private=True,
    )
    state = pushes.run_push(
        open_session,
        client,
        int(push_id),
        worker=push_leases.worker_name(),
        now=lambda: datetime.fromisoformat(now),
        real_now=lambda: datetime.fromisoformat(real),
        zone=ZoneInfo("America/New_York"),
        crash=crash,
    )
    sys.stdout.write(state)


if __name__ == "__main__":
    main(*sys.argv[1:])
