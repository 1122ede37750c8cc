"""A worker that takes the runs it is told of, as soon as it is told to: run as a process of its own."""

import sys
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise
from portal.db.engine import WRITES, watch
from portal.services.sync_claim import claim


def main(database: str, url: str, now: str, *run_ids: str) -> None:
    """Say that all is ready, wait for a line, then try to take each run; say which were given, and stay."""
    engine = sa.create_engine(database)
    watch(engine)
    client = ConnectWise(url, company="sandbox", public_key="p", private_key="k", client_id="c", allow_private=True)
    with Session(engine.execution_options(**{WRITES: True})) as session, session.begin():
        session.execute(sa.text("SELECT 1"))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for run_id in run_ids:
        with Session(engine.execution_options(**{WRITES: True})) as session, session.begin():
            moment = datetime.fromisoformat(now)
            if claim(session, client, int(run_id), now=moment, zone=ZoneInfo("America/New_York")) is not None:
                sys.stdout.write(f"{run_id}\n")
    sys.stdout.write("tried\n")
    sys.stdout.flush()
    sys.stdin.readline()  # one that has ended counts as dead, and its run would wait again


if __name__ == "__main__":
    main(*sys.argv[1:])
