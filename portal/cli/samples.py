"""``flask samples``: load a whole sample set."""

from pathlib import Path

import click
import requests

from portal.cli._commands import Commands
from portal.clients import connectwise_client
from portal.db.session import transaction
from portal.factory import clock, settings_of
from portal.services import sample_sets
from portal.services.actors import COMMAND_LINE
from portal.services.errors import Refused
from portal.services.sealing import Sealer

SANDBOX = "http://127.0.0.1:8091"
_SECONDS = 30

group = Commands("samples", help="Made-up companies, vendors and files, to try things out.")


@group.command("load")
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--connectwise", "url", default=SANDBOX, show_default=True, help="Where the sandbox with this set is.")
def load(directory: Path, url: str) -> None:
    """Load a sample set: connection, meanings, mapping, rules, then each step of its scenario."""
    site = url.strip().rstrip("/").removesuffix("/v4_6_release/apis/3.0")
    sealer = Sealer(settings_of().secret_keys)
    around = sample_sets.Surroundings(
        open_session=transaction,
        make_client=lambda connection: connectwise_client(connection, sealer),
        put_on_step=lambda number: _put_on_step(site, number),
        set_clock=clock().set,
        now=clock().now,
        zone=clock().zone,
        uploads=settings_of().uploads,
        sealer=sealer,
        say=click.echo,
    )
    try:
        sample_sets.load(directory.resolve(), url=site, around=around, by=COMMAND_LINE)
    except Refused as error:
        raise click.ClickException(str(error)) from error


def _put_on_step(site: str, number: int) -> None:
    """Put the sandbox on a step of the set that it serves.

    Raises:
        Refused: Nothing answers there, or it is no sandbox.
    """
    try:
        answer = requests.post(f"{site}/_sandbox/step", json={"step": number}, timeout=_SECONDS)
    except requests.RequestException as error:
        raise Refused(
            f"No sandbox answers at {site}. Start one beside this with: flask sandbox serve --data DIR --port 8091"
        ) from error
    if not answer.ok:
        raise Refused(f"What answers at {site} cannot be put on step {number}: is it a sandbox with this set?")
