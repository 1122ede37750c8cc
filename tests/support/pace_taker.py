"""A process that takes calls from the shared pace until it is told to wait: run as a process of its own."""

import sys
from datetime import datetime

import sqlalchemy as sa

from portal.connectwise import Throttled
from portal.db.engine import watch
from portal.services.request_pace import SharedPace, sessions_of


def main(database: str, requests_a_minute: str, at: str, urgent: str) -> None:
    """Take calls at a moment that stands still, and print how many there were."""
    engine = sa.create_engine(database)
    watch(engine)
    moment = datetime.fromisoformat(at)
    waits = [0]

    def wait(seconds: float, stopped: object) -> None:
        del seconds, stopped
        waits[0] += 1
        if waits[0] > 50:  # the moment stands still: nothing will come
            raise Throttled("The bucket is empty.")

    pace = SharedPace(sessions_of(engine), "connectwise", int(requests_a_minute), real_now=lambda: moment, wait=wait)
    taken = 0
    try:
        while True:
            pace.take(urgent=urgent == "urgent")
            taken += 1
    except Throttled:
        sys.stdout.write(str(taken))
    engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
