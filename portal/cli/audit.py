"""``flask audit``: check the chain of events, note its head, write it out so that others can check it."""

import sys
from datetime import UTC, datetime, time, timedelta
from typing import TextIO

import click

from portal.cli._commands import Commands
from portal.cli._people import actor_by_email
from portal.db.records import AuditEvent
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import audit, audit_anchors, audit_guards, audit_reading
from portal.services.actors import require
from portal.services.audit_chain import Anchor
from portal.services.errors import NotFound

group = Commands("audit", help="The audit trail.")

_DAY = click.DateTime(formats=["%Y-%m-%d"])
_BY = click.option("--by", "email", help="Who does it, by e-mail address.")


@group.command("verify")
@click.option("--head", help="A hash noted earlier; it must still be in the chain.")
@click.option(
    "--file",
    "file",
    type=click.File(encoding="utf-8", errors="replace"),
    help="An export; no database is read. - is stdin.",
)
@click.option(
    "--anchors",
    "noted",
    type=click.File(encoding="utf-8", errors="replace"),
    multiple=True,
    help="Heads noted elsewhere: a copy of the file of anchors, or lines of the log or of mails.",
)
def verify(head: str | None, file: TextIO | None, noted: tuple[TextIO, ...]) -> None:
    """Check that no event was changed, left out or cut off. Exit 1 and the first broken event if one was.

    The store is also compared with the heads that were noted in the instance folder.
    """
    anchors = [anchor for lines in noted for anchor in audit_anchors.from_lines(lines)]
    if file is None:
        own = audit_anchors.read(audit_anchors.file_in(settings_of().instance))
        for number in own.unreadable[:3]:
            click.echo(f"Line {number} of {audit_anchors.FILE} is no anchor: somebody changed that file.", err=True)
        anchors += own.anchors
        session = reading()
        session.rollback()  # the trail as it is after the anchors were read
        verdict = audit.verify(session, head=head, anchors=anchors)
    else:
        verdict = audit.verify_lines(file, head=head, anchors=anchors)
    if not verdict.ok:
        raise click.ClickException(f"The chain breaks at event {verdict.broken_at}: {verdict.why}")
    click.echo(verdict.why)
    click.echo(f"Head: {verdict.head}")
    if anchors:
        click.echo(f"Noted outside: {verdict.anchors} {'hash fits' if verdict.anchors == 1 else 'hashes fit'}.")


@group.command("head")
def head() -> None:
    """Print the number and the hash of the newest event, to be kept elsewhere."""
    number, own = audit.head(reading())
    click.echo(f"event {number}, {own}")


@group.command("anchor")
@click.option("--set-aside", "reason", help="Begin the notes anew, as after restoring an older backup; say why.")
@_BY
def anchor(reason: str | None, email: str | None) -> None:
    """Note the head of the chain in the instance folder now. A worker does it by itself."""
    file, moment = audit_anchors.file_in(settings_of().instance), datetime.now(UTC)
    if reason is not None:
        _set_aside(reason, email)
    found = audit.head(reading())
    if not found[0]:
        raise NotFound("The trail is empty, so there is nothing to note.")
    noted = audit_anchors.note(file, found, real_now=moment)
    click.echo(f"Noted event {noted.n}, {noted.hash}")


def _set_aside(reason: str, email: str | None) -> None:
    """Put the notes away, with an event that names the last of them."""
    file = audit_anchors.file_in(settings_of().instance)
    with transaction() as session:
        by = actor_by_email(session, email)
        require(by, "admin", "set the notes of the audit trail aside")
        last: Anchor | None = audit_anchors.newest(file)
        audit.record(
            session,
            what="setting",
            action="audit.anchors",
            by=by,
            now=clock().now(),
            sentence="Began the notes of the head of the trail outside the database anew.",
            before=None if last is None else f"event {last.n}, {last.hash}",
            after=None if last is None else "set aside",
            reason=reason,
        )
        kept = audit_anchors.set_aside(file, real_now=datetime.now(UTC))
    click.echo(f"The old notes are kept as {kept.name}.")


@group.command("repair-guards")
@_BY
def repair_guards(email: str | None) -> None:
    """Put the triggers back by which the database protects the trail, and check the chain."""
    noted = audit_anchors.read(audit_anchors.file_in(settings_of().instance)).anchors
    with transaction() as session:
        by = actor_by_email(session, email)
        require(by, "admin", "repair the audit trail")
        gone = audit_guards.repair(session)
        verdict = audit.verify(session, anchors=noted)
        if gone:
            audit.record(
                session,
                what="setting",
                action="audit.guards",
                by=by,
                now=clock().now(),
                sentence=f"Put back what protects the audit trail in the database. {verdict.why}",
                before=f"missing: {', '.join(gone)}",
                after="all in place",
                details={"events": verdict.events, "head": verdict.head, "broken_at": verdict.broken_at},
            )
    click.echo(f"Put back: {', '.join(gone)}." if gone else "Nothing was missing.")
    if not verdict.ok:
        raise click.ClickException(f"While it was unprotected, the trail was changed. {verdict.why}")
    click.echo(verdict.why)


@group.command("export")
@click.option("--what", type=click.Choice(audit.KINDS), multiple=True, help="Only these kinds of events.")
@click.option("--person", help="Only what this person did, by name.")
@click.option("--company", type=int, help="Only of this company.")
@click.option("--agreement", type=int, help="Only of this agreement.")
@click.option("--card", type=int, help="Only of this card.")
@click.option("--push", type=int, help="Only of this push.")
@click.option("--product", help="Only of this Product ID.")
@click.option("--q", "words", default="", help="Only what holds these words, or is about this number, as on screen.")
@click.option("--from", "first", type=_DAY, help="From this day on.")
@click.option("--to", "last", type=_DAY, help="Up to and including this day.")
@click.option("--addresses", is_flag=True, help="Also write the addresses of people.")
def export(
    what: tuple[str, ...],
    person: str | None,
    company: int | None,
    agreement: int | None,
    card: int | None,
    push: int | None,
    product: str | None,
    words: str,
    first: datetime | None,
    last: datetime | None,
    *,
    addresses: bool,
) -> None:
    """Write events as JSON lines; those that are left out keep their number and hashes, so that the chain verifies."""
    one_of = (
        (AuditEvent.what, what),
        (AuditEvent.person, _only(person)),
        (AuditEvent.company_id, _only(company)),
        (AuditEvent.agreement_id, _only(agreement)),
        (AuditEvent.card_id, _only(card)),
        (AuditEvent.push_id, _only(push)),
        (AuditEvent.product, _only(product)),
    )
    question = audit_reading.Question(
        equal=[(column, values) for column, values in one_of if values],
        since=None if first is None else _begin(first),
        until=None if last is None else _begin(last + timedelta(days=1)),
        words=words.strip(),
    )
    where = audit_reading.where(question)
    for line in audit.export_lines(reading(), *where, addresses=addresses):
        sys.stdout.write(line + "\n")


def _begin(day: datetime) -> datetime:
    """Give the moment at which a day begins in the portal's time zone."""
    return datetime.combine(day.date(), time(), clock().zone).astimezone(UTC)


def _only(value: str | int | None) -> tuple[str | int, ...]:
    return () if value is None else (value,)
