"""A worker reads the files that were received, whether it was woken or not."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.db.engine import WRITES
from portal.db.records import UsageImport, UsageRow
from portal.db.session import transaction
from portal.jobs import doing, errands
from portal.jobs import queue as queues
from portal.jobs.queue import queue_at, wake_import
from portal.jobs.worker import Worker
from portal.services import imports
from portal.services.actors import COMMAND_LINE
from tests.jobs.test_worker import until, worker
from tests.support.database import ZONE
from tests.support.desk import NOW, Desk

USAGE = Path(__file__).parents[1] / "samples" / "traps" / "usage" / "plainfield-2026-09.csv"


def received(desk: Desk, settings: Settings) -> int:
    """Take a file in of which the samples have saved how it is read; a line more makes it another file."""
    content = USAGE.read_bytes() + b"\r\n"
    with Session(desk.engine.execution_options(**{WRITES: True})) as session, session.begin():
        vendor = imports.vendor_by_name(session, "Plainfield Cloud", create=False, by=COMMAND_LINE, now=NOW)
        return imports.receive(
            session, vendor=vendor, filename="usage.csv", content=content, uploads=settings.uploads, by=COMMAND_LINE,
            now=NOW, zone=ZONE,
        ).id  # fmt: skip


def state(desk: Desk, import_id: int) -> str:
    with Session(desk.engine) as session:
        return session.get_one(UsageImport, import_id).state


@pytest.mark.parametrize("woken", [True, False])
def test_a_worker_reads_what_was_received(
    desk: Desk,
    settings: Settings,
    app: Flask,
    woken: bool,
) -> None:
    import_id = received(desk, settings)
    if woken:
        with app.app_context():
            wake_import(import_id)

    with worker(settings):
        until(lambda: state(desk, import_id) != "reading")

    with Session(desk.engine) as session:
        found = session.get_one(UsageImport, import_id)
        assert (found.state, found.message[:22]) == ("ready", "Checked, not committed")
        assert found.profile is not None
        assert found.notes["how"].startswith("profile “")


def test_without_a_queue_the_sweep_reads_it_itself(
    desk: Desk, settings: Settings, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = received(desk, settings)
    queue = queue_at(settings.queue_url)
    monkeypatch.setattr(queues.Queue, "wake_import", lambda *_args: 1 / 0)

    Worker(app, queue).sweep_once(scheduled=False)

    assert state(desk, import_id) == "ready"


def test_what_was_read_of_a_dropped_file_goes(desk: Desk, settings: Settings, app: Flask) -> None:
    import_id = received(desk, settings)
    with app.app_context():
        doing.do_import(import_id)
        with transaction() as session:
            imports.drop(session, import_id, by=COMMAND_LINE, now=NOW, zone=ZONE)
        while errands.tidy_imports():
            pass

    with Session(desk.engine) as session:
        assert not session.scalar(sa.select(sa.exists().where(UsageRow.import_id == import_id)))
