"""``flask mapping``: the whole mapping as a file, and what is unmapped or inactive."""

from pathlib import Path

import click

from portal.cli._commands import Commands
from portal.cli._files import text_of
from portal.cli._people import actor_by_email
from portal.db.session import reading, transaction
from portal.domain.periods import Period
from portal.factory import clock
from portal.services import mapping
from portal.services.errors import Refused
from portal.services.mapping_file import MappingDiff

group = Commands("mapping", help="Which company an account is, which products a service feeds.")


@group.command("export")
def export() -> None:
    """Print the whole mapping, sorted, an entry a line."""
    click.echo(mapping.mapping_text(mapping.export_mapping(reading())), nl=False)


@group.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--apply", "to_apply", is_flag=True, help="Apply it: everything, or nothing where an entry is refused.")
@click.option("--by", "email", help="The e-mail address of who applies it.")
def import_(file: Path, *, to_apply: bool, email: str | None) -> None:
    """Compare a mapping file with what is stored, or apply it."""
    try:
        data = mapping.read_mapping_text(text_of(file))
        diff = mapping.diff_mapping(reading(), data)
        _print(diff)
        if diff.refused:
            raise click.ClickException("Entries are refused, so nothing can be applied. Nothing was changed.")
        if not to_apply:
            click.echo("Nothing was changed. With --apply it is.")
            return
        with transaction() as session:
            by = actor_by_email(session, email)
            mapping.apply_mapping_file(session, data, by=by, now=clock().now(), zone=clock().zone)
        click.echo("Applied.")
    except Refused as error:
        raise click.ClickException(str(error)) from error


@group.command("unmapped")
@click.option("--period", "month", help="Such as 2026-10; otherwise the current month.")
def unmapped(month: str | None) -> None:
    """Print what is unmapped, with units and money, as CSV."""
    period = _period(month)
    found = mapping.missing(reading(), period, clock().zone, day=period.looked_at(clock().today()))
    click.echo(mapping.missing_csv(found), nl=False)


@group.command("inactive")
@click.option("--period", "month", help="Such as 2026-10; otherwise the current month.")
def inactive(month: str | None) -> None:
    """Print the accounts that are hidden, inactive but shown, or of an unknown status word, as CSV."""
    period = _period(month)
    click.echo(mapping.inactive_csv(mapping.inactive(reading(), period, clock().zone), period), nl=False)


def _print(diff: MappingDiff) -> None:
    for word, changes in (("Maps", diff.maps), ("Moves", diff.moves), ("Excludes", diff.excludes)):
        for change in changes:
            before = "" if change.before is None else f"{change.before} -> "
            click.echo(f"{word}: {change.entry.title()}: {before}{change.entry.value()}")
    for vendor in diff.new_vendors:
        click.echo(f"New vendor: {vendor}")
    for refused in diff.refused:
        click.echo(f"Refused: {refused.where}: {refused.reason} {refused.title}")
    click.echo(
        f"{len(diff.maps)} maps, {len(diff.moves)} moves, {len(diff.excludes)} excludes, "
        f"{len(diff.refused)} refused, {diff.equal} equal."
    )


def _period(month: str | None) -> Period:
    """Read a month.

    Raises:
        UsageError: It is none.
    """
    try:
        return Period.of(clock().now(), clock().zone) if month is None else Period.parse(month)
    except ValueError as error:
        raise click.UsageError(f"--period: {error}") from error
