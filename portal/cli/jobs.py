"""``flask jobs``: a worker in the foreground."""

import logging

import click
from flask import current_app
from flask.logging import default_handler

from portal.cli._commands import Commands
from portal.factory import settings_of
from portal.jobs.queue import MissingQueue, queue_at
from portal.jobs.worker import THREADS, Worker

group = Commands("jobs", help="Carry out syncs, imports and writes.")


@group.command("work")
@click.option("--threads", type=click.IntRange(1, 32), default=THREADS, show_default=True, help="At the same time.")
def work(*, threads: int) -> None:
    """Work until SIGTERM or SIGINT; the step in hand is finished first."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    current_app.logger.removeHandler(default_handler)  # the root's handler says each line once
    logging.getLogger("huey").setLevel(logging.WARNING)
    try:
        queue = queue_at(settings_of().queue_url)
    except MissingQueue as error:
        raise click.ClickException(str(error)) from error
    except Exception as error:
        raise click.ClickException(f"The queue cannot be opened ({error}). Look at COUNTERSIGN_QUEUE_URL.") from error
    click.echo(f"Working with {threads} threads. Ctrl-C ends it.")
    Worker(current_app._get_current_object(), queue, threads=threads).run()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's own way to the app itself
    click.echo("Stopped; nothing was left half-done.")
