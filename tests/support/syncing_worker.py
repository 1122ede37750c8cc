"""A worker that carries a sync on until it is done or killed: run as a process of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import Patience
from portal.db.engine import WRITES, watch
from portal.services import sync
from tests.support.desk import client_of


def main(database: str, url: str, run_id: str, now: str) -> None:
    """Say "begins" on standard output, and carry the run on."""
    engine = sa.create_engine(database)
    watch(engine)

    @contextmanager
    def open_session() -> Iterator[Session]:
        with Session(engine.execution_options(**{WRITES: True})) as session, session.begin():
            yield session

    patience = Patience(connect=2, read=5, attempts=6, back_off=0.01, longest_wait=1)
    sys.stdout.write("begins\n")
    sys.stdout.flush()
    with client_of(url, patience=patience) as client:
        sync.run_sync(
            open_session,
            client,
            int(run_id),
            now=lambda: datetime.fromisoformat(now),
            zone=ZoneInfo("America/New_York"),
            after=lambda _session: None,
        )
    engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
