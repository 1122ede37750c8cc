"""``flask usage``: import a vendor's file, or only look at it."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.cli._commands import Commands
from portal.cli._people import actor_by_email
from portal.db.records import UsageImport, UsageRow, Vendor
from portal.db.session import transaction
from portal.factory import clock, settings_of
from portal.services import import_choice, imports
from portal.services.actors import Actor
from portal.services.errors import Refused
from portal.services.import_words import arithmetic

SHOWN = 200  # problems that are printed
PROGRESS_SECONDS = 2.0  # between two lines that tell how far a reading is

group = Commands("usage", help="What vendors say their customers use.")


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
            vendor, is_new = _vendor(session, vendor_name, by)
            vendor_id = vendor.id
        if is_new:
            click.echo(f"{vendor.title} is a new vendor.")
        try:
            import_id = _received(file, vendor_id, profile_name, period, moment, complete, by)
            click.echo(_settled(import_id, by, to_commit=to_commit))
        finally:
            if is_new:
                _forget_vendor(vendor_id, by)
    except Refused as error:
        raise click.ClickException(str(error)) from error


def _vendor(session: Session, name: str, by: Actor) -> tuple[Vendor, bool]:
    """Find or make the vendor; a name that may be a slip makes none."""
    now = clock().now()
    near = imports.similar_vendor(session, name)
    try:
        return imports.vendor_by_name(session, name, create=False, by=by, now=now), False
    except Refused:
        if near is not None:
            raise
        return imports.vendor_by_name(session, name, create=True, by=by, now=now), True


def _forget_vendor(vendor_id: int, by: Actor) -> None:
    """Take back a vendor that was made for a file of which nothing stayed."""
    with transaction() as session:
        if not session.scalar(sa.select(sa.exists().where(UsageImport.vendor_id == vendor_id))):
            imports.forget_vendor(session, vendor_id, by=by, now=clock().now())


def _received(
    file: Path,
    vendor_id: int,
    profile_name: str | None,
    period: str | None,
    moment: datetime | None,
    complete: bool | None,
    by: Actor,
) -> int:
    """Take the file in and read it; give its import's id."""
    now, zone, uploads = clock().now(), clock().zone, settings_of().uploads
    stored = imports.keep(uploads, path=file)
    with transaction() as session:
        vendor = session.get_one(Vendor, vendor_id)
        choice = None
        if profile_name is not None:
            choice = import_choice.choose_profile(session, vendor, file, file.name, profile_name)
            complete = (
                import_choice.lists_every_account(session, vendor, choice.saved) if complete is None else complete
            )
        found = imports.receive(
            session,
            vendor=vendor,
            profile=None if choice is None else choice.profile,
            profile_id=None if choice is None or choice.saved is None else choice.saved.id,
            filename=file.name,
            stored=stored,
            uploads=uploads,
            period=period,
            counted_at=moment,
            complete=complete,
            by=by,
            now=now,
            zone=zone,
        )
        import_id = found.id
    if found.state == "reading":
        imports.read_waiting(transaction, import_id, uploads=uploads, now=now, zone=zone, told=_Progress())
    with transaction() as session:
        found = session.get_one(UsageImport, import_id, populate_existing=True)
        how = found.notes.get("how") or (choice.words if choice is not None else "not read")
        whole = "complete" if found.complete else "partial"
        if found.state != "same":
            click.echo(f"{found.filename} of {found.vendor.title}: {how}; {whole}.")
        _print(session, found)
    return import_id


def _settled(import_id: int, by: Actor, *, to_commit: bool) -> str:
    """Commit what may be committed, and say what came of it. What was only looked at leaves nothing.

    Raises:
        Refused: It cannot be imported.
    """
    with transaction() as session:
        found = session.get_one(UsageImport, import_id, populate_existing=True)
        state, message = found.state, found.message
        questions = [one["sentence"] for one in found.notes.get("questions", [])]
        if state == "ready" and to_commit and not questions:
            return imports.commit(session, import_id, by=by, now=clock().now(), zone=clock().zone).message
    if state == "same":
        return message
    imports.forget(transaction, import_id)
    if state == "failed":
        raise Refused(f"{message} Nothing was imported.")
    if to_commit and questions:
        raise Refused(
            "Nothing was imported, since a question is open. Import the file once on the page of imports, where it can "
            "be answered and kept as a profile; or name a profile with --profile."
        )
    return "Nothing counts yet. With --commit it does."


class _Progress:
    """Prints how far a long reading is, on standard error and only now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PROGRESS_SECONDS

    def __call__(self, values: dict[str, Any]) -> None:
        """Take what is noted of the progress."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PROGRESS_SECONDS
        if "rows_read" in values:
            click.echo(f"{values['rows_read']} lines so far.", err=True)
        elif values.get("phase"):
            click.echo(f"{values['phase']}.", err=True)


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
    for question in found.notes.get("questions", []):
        click.echo(f"question: {question['sentence']}")
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
