"""``flask audit``: check the chain of events, and write it out so that others can."""

import sys
from datetime import UTC, datetime, time, timedelta
from typing import TextIO

import click
import sqlalchemy as sa

from portal.cli._commands import Commands
from portal.db.records import AuditEvent
from portal.db.session import reading
from portal.factory import clock
from portal.services import audit

group = Commands("audit", help="The audit trail.")

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@group.command("verify")
@click.option("--head", help="A hash noted earlier; it must still be in the chain.")
@click.option(
    "--file",
    "file",
    type=click.File(encoding="utf-8", errors="replace"),
    help="An export; no database is read. - is stdin.",
)
def verify(head: str | None, file: TextIO | None) -> None:
    """Check that no event was changed, left out or cut off. Exit 1 and the first broken event if one was."""
    verdict = audit.verify(reading(), head=head) if file is None else audit.verify_lines(file, head=head)
    if not verdict.ok:
        raise click.ClickException(f"The chain breaks at event {verdict.broken_at}: {verdict.why}")
    click.echo(verdict.why)
    click.echo(f"Head: {verdict.head}")


@group.command("export")
@click.option("--what", type=click.Choice(audit.KINDS), multiple=True, help="Only these kinds of events.")
@click.option("--company", type=int, help="Only of this company.")
@click.option("--agreement", type=int, help="Only of this agreement.")
@click.option("--from", "first", type=_DAY, help="From this day on.")
@click.option("--to", "last", type=_DAY, help="Up to and including this day.")
@click.option("--addresses", is_flag=True, help="Also write the addresses of people.")
def export(
    what: tuple[str, ...],
    company: int | None,
    agreement: int | None,
    first: datetime | None,
    last: datetime | None,
    *,
    addresses: bool,
) -> None:
    """Write events as JSON lines; those that are left out keep their number and hashes, so that the chain verifies."""
    where: list[sa.ColumnElement[bool]] = []
    if what:
        where.append(AuditEvent.what.in_(what))
    if company is not None:
        where.append(AuditEvent.company_id == company)
    if agreement is not None:
        where.append(AuditEvent.agreement_id == agreement)
    if first is not None:
        where.append(AuditEvent.at >= _begin(first))
    if last is not None:
        where.append(AuditEvent.at < _begin(last + timedelta(days=1)))
    for line in audit.export_lines(reading(), *where, addresses=addresses):
        sys.stdout.write(line + "\n")


def _begin(day: datetime) -> datetime:
    """Give the moment at which a day begins in the portal's time zone."""
    return datetime.combine(day.date(), time(), clock().zone).astimezone(UTC)
