"""``flask statuses``: what statuses, types and vendors' words mean, as one file."""

from pathlib import Path

import click

from portal.cli._commands import Commands
from portal.cli._files import text_of
from portal.cli._people import actor_by_email
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import status_file
from portal.services.status_file import StatusDiff

group = Commands("statuses", help="What company statuses, company types and vendors' words mean.")


@group.command("export")
def export() -> None:
    """Print all meanings, sorted, an entry a line."""
    click.echo(status_file.statuses_text(status_file.export_statuses(reading())), nl=False)


@group.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--apply", "to_apply", is_flag=True, help="Apply it: everything, or nothing where an entry is refused.")
@click.option("--by", "email", help="The e-mail address of who applies it.")
def import_(file: Path, *, to_apply: bool, email: str | None) -> None:
    """Compare a file of meanings with those that hold, or apply it."""
    data = status_file.read_statuses_text(text_of(file))
    diff = status_file.diff_statuses(reading(), data)
    _print(diff)
    if diff.refused:
        raise click.ClickException("Entries are refused, so nothing can be applied. Nothing was changed.")
    click.echo(status_file.effect_of_file(reading(), diff, now=clock().now(), zone=clock().zone).sentence)
    if not to_apply:
        click.echo("Nothing was changed. With --apply it is.")
        return
    with transaction() as session:
        by = actor_by_email(session, email)
        status_file.apply_statuses_file(session, data, by=by, now=clock().now(), zone=clock().zone)
    click.echo("Applied.")


def _print(diff: StatusDiff) -> None:
    for change in diff.changes:
        click.echo(f"{change.title}: {status_file.words_of(change)}{f'. {change.note}' if change.note else ''}")
    for vendor in diff.new_vendors:
        click.echo(f"New vendor: {vendor}")
    for refused in diff.refused:
        click.echo(f"Refused: {refused.where}: {refused.reason} {refused.title}")
    click.echo(f"{len(diff.changes)} changes, {len(diff.refused)} refused, {diff.equal} equal.")
