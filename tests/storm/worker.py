"""The portal's own worker as a process of its own, with less patience than usual, so that a storm fits into a minute.

It is what `flask jobs work` runs. Two things are the test's: how long ConnectWise may take to answer, and how long a
create without an answer may still arrive. As the control it also does what the portal must not: a write whose answer
was lost is sent again at once, unseen, as a common HTTP client with retries does.
"""

import argparse
import logging
from datetime import timedelta
from functools import partial
from pathlib import Path
from unittest.mock import patch

from portal.connectwise import ConnectWise, OutcomeUnknown, Patience
from portal.connectwise.transport import Answer, Transport
from portal.factory import create_app
from portal.jobs.queue import queue_at
from portal.jobs.worker import Worker
from portal.services import pushes
from tests.support.database import settings_on

READ_SECONDS = 0.8
SETTLE_SECONDS = 3.0  # the sandbox lets a write take effect at once, and only its answer late
AGAIN = 8  # how often the control sends a write at most


def main() -> None:
    """Say "works" on standard output, and work until killed."""
    reader = argparse.ArgumentParser()
    reader.add_argument("database")
    reader.add_argument("folder", type=Path)
    reader.add_argument("--blind", action="store_true", help="the control")
    given = reader.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    patience = Patience(connect=2, read=READ_SECONDS, whole=5, attempts=4, back_off=0.05, longest_wait=2)
    pace = pushes.Pace(settle_create=timedelta(seconds=SETTLE_SECONDS))
    app = create_app(settings_on(given.database, given.folder))
    with (
        patch("portal.clients.ConnectWise", partial(ConnectWise, patience=patience)),
        patch.object(pushes, "run_push", partial(pushes.run_push, pace=pace)),
        patch.object(Transport, "_write", _unseen if given.blind else Transport._write),
    ):
        print("works", flush=True)  # noqa: T201 - whoever started it waits for this line
        Worker(app, queue_at(app.config["SETTINGS"].queue_url)).run()


_once = Transport._write


def _unseen(self: Transport, method: str, path: str, body: object) -> Answer:
    """Send a write until it is answered."""
    for _ in range(AGAIN - 1):
        try:
            return _once(self, method, path, body)
        except OutcomeUnknown:
            continue
    return _once(self, method, path, body)


if __name__ == "__main__":
    main()
