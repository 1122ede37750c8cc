"""``flask sandbox``: a ConnectWise PSA to try things on. It needs no database and no settings."""

from pathlib import Path

import click

from portal.cli._commands import Commands
from portal.sandbox.server import ServeError, serve
from portal.sandbox.sizes import SIZES, made

cli = Commands("sandbox", help="A ConnectWise PSA over HTTP, for trying things.")
group = cli

_FILE = click.Path(path_type=Path, dir_okay=False)


@cli.command("serve", with_appcontext=False)
@click.option("--data", type=click.Path(path_type=Path), help="The folder of a sample set.")
@click.option("--size", type=click.Choice(list(SIZES)), help="Made data of this size, in place of a set.")
@click.option("--seed", type=int, default=1, show_default=True, help="What decides the made data.")
@click.option("--port", type=click.IntRange(0, 65535), required=True, help="Where to listen; 0: any free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--faults", type=_FILE, help="A file with a list of faults, set at the start.")
@click.option("--state", type=_FILE, help="A file that keeps what callers write, across restarts.")
@click.option("--latency", type=click.IntRange(0, 600_000), default=0, help="Milliseconds each answer takes longer.")
def serve_command(
    data: Path | None,
    size: str | None,
    seed: int,
    port: int,
    host: str,
    faults: Path | None,
    state: Path | None,
    latency: int,
) -> None:
    """Serve the set in a folder, or made data, until Ctrl-C."""
    if (data is None) == (size is None):
        raise click.UsageError("Name either --data with a sample set, or --size with how much is to be made up.")
    try:
        serve(
            made(size, seed) if size is not None else data or Path(),
            port,
            host=host,
            faults=faults,
            state=state,
            latency=latency / 1000,
            say=click.echo,
        )
    except ServeError as error:
        raise click.ClickException(str(error)) from error
