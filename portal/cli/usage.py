"""``flask usage``: import a vendor's file, or only look at it."""

from datetime import UTC, datetime
from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.cli._commands import Commands
from portal.cli._people import actor_by_email
from portal.db.records import UsageImport, UsageRow
from portal.db.session import transaction
from portal.factory import clock, settings_of
from portal.services import import_choice, imports
from portal.services.actors import Actor
from portal.services.errors import Refused
from portal.services.import_words import arithmetic

SHOWN = 200  # problems that are printed

group = Commands("usage", help="What vendors say their customers use.")


class _OnlyLooked(Exception):
    """Ends the transaction of a preview, so that nothing of it stays."""


@group.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--vendor", "vendor_name", required=True, help="The vendor's title or slug; a new one is made.")
@click.option("--profile", "profile_name", help="The saved profile; otherwise the one that fits, or a guess.")
@click.option("--period", help="The month the file tells of, such as 2026-10; otherwise that of --counted-at.")
@click.option("--counted-at", help="When the vendor counted (ISO 8601); otherwise now.")
@click.option("--complete/--partial", default=None, help="Whether it lists every account of the vendor.")
@click.option("--commit", "to_commit", is_flag=True, help="Let it count; otherwise it is only looked at.")
@click.option("--by", "email", help="The e-mail address of who imports it.")
def import_(
    file: Path,
    *,
    vendor_name: str,
    profile_name: str | None,
    period: str | None,
    counted_at: str | None,
    complete: bool | None,
    to_commit: bool,
    email: str | None,
) -> None:
    """Read a vendor's usage file: a preview with its problems, or with --commit the import."""
    moment = None if counted_at is None else _moment(counted_at)
    try:
        with transaction() as session:
            by = actor_by_email(session, email)
            found = _preview(session, file, vendor_name, profile_name, period, moment, complete, by)
            _print(session, found)
            click.echo(_settled(session, found, by, to_commit=to_commit))
    except _OnlyLooked:
        click.echo("Nothing counts yet. With --commit it does.")
    except Refused as error:
        raise click.ClickException(str(error)) from error


def _settled(session: Session, found: UsageImport, by: Actor, *, to_commit: bool) -> str:
    """Commit what may be committed, and say what came of it."""
    if found.state == "failed":
        raise Refused(f"{found.message} Nothing was imported.")
    if found.state == "ready" and not to_commit:
        raise _OnlyLooked
    if found.state == "ready":
        found = imports.commit(session, found.id, by=by, now=clock().now(), zone=clock().zone)
    return found.message


def _preview(
    session: Session,
    file: Path,
    vendor_name: str,
    profile_name: str | None,
    period: str | None,
    moment: datetime | None,
    complete: bool | None,
    by: Actor,
) -> UsageImport:
    now, zone = clock().now(), clock().zone
    near = imports.similar_vendor(session, vendor_name)
    try:
        vendor = imports.vendor_by_name(session, vendor_name, create=False, by=by, now=now)
    except Refused:
        if near is not None:
            raise
        vendor = imports.vendor_by_name(session, vendor_name, create=True, by=by, now=now)
        click.echo(f"{vendor.title} is a new vendor.")
    choice = import_choice.choose_profile(session, vendor, file, file.name, profile_name)
    whole = import_choice.lists_every_account(session, vendor, choice.saved) if complete is None else complete
    click.echo(f"{file.name} of {vendor.title}: {choice.words}; {'complete' if whole else 'partial'}.")
    return imports.preview(
        session,
        vendor=vendor,
        profile=choice.profile,
        filename=file.name,
        path=file,
        uploads=settings_of().uploads,
        period=period,
        counted_at=moment,
        complete=whole,
        profile_id=None if choice.saved is None else choice.saved.id,
        by=by,
        now=now,
        zone=zone,
    )


def _print(session: Session, found: UsageImport) -> None:
    """Print the arithmetic, the problems by line, and what a commit would do."""
    if found.rows_read:
        click.echo(f"{arithmetic(found)}.")
    rows = session.scalars(
        sa.select(UsageRow)
        .where(UsageRow.import_id == found.id, UsageRow.outcome == "problem")
        .order_by(UsageRow.line)
        .limit(SHOWN)
    )
    for row in rows:
        cell = row.cells.get(row.column or "", "")
        where = f", column {row.column}" if row.column else ""
        click.echo(f"problem: line {row.line}{where}: {row.reason}" + (f" [{cell}]" if cell else ""))
    if found.rows_with_problem > SHOWN:
        click.echo(f"and {found.rows_with_problem - SHOWN} more problems.")
    effects = found.notes.get("effects")
    if effects:
        click.echo(
            f"New accounts: {effects['new_accounts']}. New services: {effects['new_services']}. "
            f"Newer counts: {effects['newer_counts']}. No longer reported: {effects['gone_accounts']} accounts."
        )
        if effects["would_hold"]:
            click.echo(
                f"It will be held: {effects['would_hold']['fallen']} of {effects['would_hold']['of']} accounts are at "
                "zero, below half of last time, or gone."
            )


def _moment(text: str) -> datetime:
    """Read a moment; without an offset it is the portal's own time.

    Raises:
        UsageError: It is none.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=clock().zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"--counted-at: “{text}” is not a moment such as 2026-10-27T06:10:00-04:00.") from error
