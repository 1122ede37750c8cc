"""``flask pushes``: what was, is and will be written to ConnectWise."""

import json

import click

from portal.cli._commands import Commands
from portal.db.session import reading
from portal.services import pushes

group = Commands("pushes", help="What is written to ConnectWise.")


@group.command("list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How.")
def list_(form: str) -> None:
    """Print every push, oldest first."""
    found = pushes.as_json(reading())
    if form == "json":
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for push in found:
        cause = f"  {push['cause']}" if push["cause"] else ""
        click.echo(f"{push['id']}  {push['state']}  agreement {push['agreement']}  {push['product']}{cause}")
