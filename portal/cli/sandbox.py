"""``flask sandbox``: a ConnectWise PSA to try things on. It needs no database and no settings."""

from pathlib import Path

import click

from portal.cli._commands import Commands
from portal.sandbox.server import ServeError, serve

cli = Commands("sandbox", help="A ConnectWise PSA over HTTP, for trying things.")
group = cli

_FILE = click.Path(path_type=Path, dir_okay=False)


@cli.command("serve", with_appcontext=False)
@click.option("--data", type=click.Path(path_type=Path), required=True, help="The folder of a sample set.")
@click.option("--port", type=click.IntRange(0, 65535), required=True, help="Where to listen; 0: any free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--faults", type=_FILE, help="A file with a list of faults, set at the start.")
@click.option("--state", type=_FILE, help="A file that keeps what callers write, across restarts.")
@click.option("--latency", type=click.IntRange(0, 600_000), default=0, help="Milliseconds each answer takes longer.")
def serve_command(data: Path, port: int, host: str, faults: Path | None, state: Path | None, latency: int) -> None:
    """Serve the set in a folder until Ctrl-C."""
    try:
        serve(
            data,
            port,
            host=host,
            faults=faults,
            state=state,
            latency=latency / 1000,
            say=click.echo,
        )
    except ServeError as error:
        raise click.ClickException(str(error)) from error
