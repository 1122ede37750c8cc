"""``flask sync``: read ConnectWise in the foreground."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.orm import Session

from portal.cli._commands import Commands
from portal.cli._people import actor_by_email
from portal.clients import connectwise_client
from portal.db.records import SyncRun
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import sync
from portal.services.connections import get_connectwise
from portal.services.errors import Refused
from portal.services.sealing import Sealer

group = Commands("sync", help="Read ConnectWise.")


@group.command("run")
@click.option("--full", is_flag=True, help="Read everything; otherwise what changed.")
@click.option("--by", "email", help="The e-mail address of who starts it.")
def run(*, full: bool, email: str | None) -> None:
    """Sync in the foreground, with progress."""
    try:
        connection = get_connectwise(reading())
        if connection is None:
            raise click.ClickException("ConnectWise is not connected yet: see flask connections set.")
        client = connectwise_client(connection, Sealer(settings_of().secret_keys))
        run_id = _queued("full" if full else "quick", email)
    except Refused as error:
        raise click.ClickException(str(error)) from error
    reading().rollback()
    with client:
        sync.run_sync(_Watched(run_id).session, client, run_id, now=clock().now, zone=clock().zone)
    with transaction() as session:
        done = session.get_one(SyncRun, run_id)
        if done.state != "done":
            raise click.ClickException(done.error or "Another sync is at work; this one waits for it.")
        for resource, counts in done.counts.items():
            said = ", ".join(f"{counts[name]} {name}" for name in ("new", "changed", "gone", "skipped") if counts[name])
            click.echo(f"{resource}: {said or 'nothing new'}")
        for skip in done.skipped:
            click.echo(f"skipped: {skip['reason']}")


def _queued(kind: str, email: str | None) -> int:
    """Queue a run, or take over one that no worker has begun."""
    try:
        with transaction() as session:
            by = actor_by_email(session, email)
            return sync.request_sync(session, kind, by=by, now=clock().now()).id
    except sync.SyncActive as error:
        with transaction() as session:
            waiting = session.get_one(SyncRun, error.run_id)
            if waiting.state == "queued" and waiting.kind == kind:
                return waiting.id
        raise


class _Watched:
    """Transactions of a run that say its phase aloud as it changes."""

    def __init__(self, run_id: int) -> None:
        self._run_id = run_id
        self._said = ""

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open one transaction, and say the phase that it noted."""
        with transaction() as session:
            yield session
            phase = session.get_one(SyncRun, self._run_id).phase
        if phase != self._said:
            self._said = phase
            click.echo(phase)
