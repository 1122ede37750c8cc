"""Loads the made-up month into a migrated store, which every storm copies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.engine import WRITES, watch
from portal.services import sample_sets
from portal.services.actors import COMMAND_LINE
from portal.services.sealing import Sealer
from tests.support.database import NOW, SECRET, ZONE, migrated
from tests.support.desk import client_of


def load_month(month: Path, url: str, folder: Path) -> Path:
    """Load a set into a store of its own, and give its file.

    Args:
        month: The set.
        url: The sandbox that serves it, and that every storm uses.
        folder: Where the store is made.
    """
    folder.mkdir(parents=True)
    file = migrated(folder)
    engine = sa.create_engine(f"sqlite:///{file}")
    watch(engine)
    clock = {"now": NOW}

    @contextmanager
    def open_session() -> Iterator[Session]:
        with Session(engine.execution_options(**{WRITES: True})) as session, session.begin():
            yield session

    def put_on_step(number: int) -> None:
        requests.post(f"{url}/_sandbox/step", json={"step": number}, timeout=30).raise_for_status()

    around = sample_sets.Surroundings(
        open_session=open_session,
        make_client=lambda _connection: client_of(url),
        put_on_step=put_on_step,
        set_clock=lambda moment: clock.update(now=moment),
        now=lambda: clock["now"],
        zone=ZONE,
        uploads=folder / "uploads",
        sealer=Sealer([SECRET]),
        say=lambda _line: None,
    )
    sample_sets.load(month, url=url, around=around, by=COMMAND_LINE)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return file
