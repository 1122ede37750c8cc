"""A reader that kills itself with SIGKILL after so many transactions: run as a process of its own."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.engine import WRITES, watch
from portal.services import import_reading, import_staging, imports


def main(database: str, uploads: str, import_id: str, transactions: str, at_once: str, now: str) -> None:
    """Read an import, a few rows a transaction, until so many transactions were committed."""
    for module in (import_staging, import_reading):
        module.ROWS = int(at_once)  # type: ignore[attr-defined]  # a smaller piece than usual
    engine = sa.create_engine(database)
    watch(engine)
    left = [int(transactions)]

    @contextmanager
    def open_session() -> Iterator[Session]:
        with Session(engine.execution_options(**{WRITES: True})) as session, session.begin():
            yield session
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    imports.read_waiting(
        open_session,
        int(import_id),
        uploads=Path(uploads),
        now=datetime.fromisoformat(now),
        zone=ZoneInfo("America/New_York"),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
