"""Reads and commits one file in a process of its own, and tells what it took: run by the bench of imports."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.engine import WRITES, watch
from portal.db.records import UsageImport
from portal.services import imports
from portal.services.actors import COMMAND_LINE
from portal.vendors.profiles import FileProfile
from tests.bench.kit import memory

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
COLUMNS = {
    "account_id": "Account",
    "account_name": "Account name",
    "account_status": "State",
    "service_id": "SKU",
    "service_name": "SKU name",
    "term": "Term",
    "count": "Units",
}


def main(folder: Path, path: Path) -> None:
    """Print seconds to read, the longest and the mean transaction in ms, seconds to commit, MB, and rows counted."""
    engine = sa.create_engine(f"sqlite:///{folder / 'countersign.sqlite'}")
    watch(engine)
    uploads, took = folder / "uploads", list[float]()

    @contextmanager
    def open_session() -> Iterator[Session]:
        with Session(engine.execution_options(**{WRITES: True}), expire_on_commit=False) as session:
            session.connection()
            started = time.monotonic()
            yield session
            session.commit()
            took.append((time.monotonic() - started) * 1000)

    stored = imports.keep(uploads, path=path)
    profile = FileProfile.from_spec({"columns": COLUMNS, "format": "xlsx" if path.suffix == ".xlsx" else "csv"})
    with open_session() as session:
        vendor = imports.vendor_by_name(session, "Bench", create=True, by=COMMAND_LINE, now=NOW)
        import_id = imports.receive(
            session, vendor=vendor, filename=path.name, stored=stored, uploads=uploads, profile=profile, complete=True,
            by=COMMAND_LINE, now=NOW, zone=ZONE,
        ).id  # fmt: skip
    took.clear()
    started = time.monotonic()
    state = imports.read_waiting(open_session, import_id, uploads=uploads, now=NOW, zone=ZONE)
    read, waits = time.monotonic() - started, list(took)
    if state != "ready":
        raise RuntimeError(f"The file came out as {state}.")
    started = time.monotonic()
    with open_session() as session:
        imports.commit(session, import_id, by=COMMAND_LINE, now=NOW, zone=ZONE)
    committed = time.monotonic() - started
    with open_session() as session:
        counted = session.get_one(UsageImport, import_id).rows_counted
    engine.dispose()
    figures = (read, max(waits), sum(waits) / len(waits), committed, memory(os.getpid()), counted)
    sys.stdout.write(" ".join(f"{one:.3f}" for one in figures) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
