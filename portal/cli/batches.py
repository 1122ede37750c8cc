"""``flask batches``: decisions that were taken together, listed and taken back together."""

import csv
import sys

import click
import sqlalchemy as sa

from portal.cli._commands import Commands
from portal.cli._people import actor_by_email
from portal.db.records import Batch, Decision, Push
from portal.db.session import reading, transaction
from portal.domain.spreadsheets import safe
from portal.factory import clock
from portal.jobs.queue import wake_bulk, wake_push
from portal.services import decision_bulk, decisions

group = Commands("batches", help="Decisions that were taken together.")
COLUMNS = ("batch", "action", "by", "at", "decided", "left_out", "undoes", "selection")


@group.command("list")
def list_() -> None:
    """Print every batch as CSV, newest first."""
    session = reading()
    counted = dict(session.execute(sa.select(Decision.batch_id, sa.func.count()).group_by(Decision.batch_id)).all())
    confirmed = dict(
        session.execute(sa.select(Decision.confirm_batch_id, sa.func.count()).group_by(Decision.confirm_batch_id)).all()
    )
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for batch in session.scalars(sa.select(Batch).order_by(Batch.id.desc())):
        at = batch.at.astimezone(clock().zone).isoformat(timespec="minutes")
        decided = counted.get(batch.id, 0) + confirmed.get(batch.id, 0)
        undoes = "" if batch.undoes_id is None else batch.undoes_id
        row = [batch.id, batch.action, safe(batch.by), at, decided, len(batch.left_out), undoes, safe(batch.selection)]
        writer.writerow(row)


@group.command("undo")
@click.argument("batch_id", metavar="ID", type=int)
@click.option("--reason", default="", help="Why; kept in the audit trail.")
@click.option("--invoiced-ok", is_flag=True, help="Yes, also what was invoiced already.")
@click.option("--by", "email", help="Who undoes it, by e-mail address; their role and limits hold.")
def undo(batch_id: int, *, reason: str, invoiced_ok: bool, email: str | None) -> None:
    """Take back what a batch decided, an undo too; what somebody changed since is left and named.

    A line on stdout for each card that is left: its id, then why. Exit 1 where nothing goes back.
    """
    with transaction() as session:
        batch = decisions.undo_batch(
            session,
            batch_id,
            by=actor_by_email(session, email),
            now=clock().now(),
            today=clock().today(),
            reason=reason.strip() or None,
            invoiced_ok=invoiced_ok,
        )
        bulk = decision_bulk.bulk_of(session, batch.id)
        bulk_id, cards = None if bulk is None else bulk.id, 0 if bulk is None else bulk.progress_total
        made, left = batch.id, [(int(one["card_id"]), str(one["sentence"])) for one in batch.left_out]
        members = decision_bulk.members(made)
        back = session.scalar(sa.select(sa.func.count()).select_from(Decision).where(members)) or 0
        queued = sa.select(Push.id).where(Push.state == "queued", Push.decision.has(members)).order_by(Push.id)
        waiting = list(session.scalars(queued))
    if bulk_id is not None:
        wake_bulk(bulk_id)
        click.echo(f"Batch {made} takes back {cards:,} decisions of batch {batch_id}. A worker carries it out.")
        return
    for push_id in waiting:
        wake_push(push_id)
    for card_id, sentence in left:
        click.echo(f"{card_id}  {sentence}")
    if not back:
        raise click.ClickException(f"Nothing of batch {batch_id} goes back.")
    click.echo(f"Batch {made} takes back {back:,} of batch {batch_id}; {len(left):,} left as they were.")
