"""``flask pushes``: what was, is and will be written to ConnectWise."""

import json

import click

from portal.cli._commands import Commands
from portal.cli._people import actor_by_email
from portal.connectwise import ConnectWiseError
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.jobs.doing import Clients
from portal.jobs.queue import wake_push
from portal.services import look_back, push_settings, pushes

group = Commands("pushes", help="What is written to ConnectWise.")
_BY = click.option("--by", "email", help="Who does it, by e-mail address; their role holds.")


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


@group.command("retry")
@click.argument("push_id", metavar="ID", type=int)
@_BY
def retry(push_id: int, email: str | None) -> None:
    """Send a write again that failed, or try at once one that waits for long; what stands is not sent twice."""
    with transaction() as session:
        push = pushes.retry(session, push_id, by=actor_by_email(session, email), now=clock().now())
        state = push.state
    wake_push(push_id)
    click.echo(f"Push {push_id} is {state} and is tried again.")


@group.command("give-up")
@click.argument("push_id", metavar="ID", type=int)
@click.option("--reason", default="", help="Why; kept in the audit trail.")
@_BY
def give_up(push_id: int, *, reason: str, email: str | None) -> None:
    """Give a write up: what was written of it stands, and its card can be decided again."""
    with transaction() as session:
        by = actor_by_email(session, email)
        push = pushes.give_up(session, push_id, by=by, now=clock().now(), reason=reason.strip() or None)
        card = f"{push.card.product} of {push.card.company}"
    click.echo(f"Push {push_id} is given up. {card} waits for a decision again.")


@group.command("look-back")
def look_back_now() -> None:
    """Read again what was confirmed in the last days, and print what somebody changed since."""
    with Clients().connectwise() as client:
        try:
            done = look_back.run(transaction, client, now=clock().now(), zone=clock().zone)
        except ConnectWiseError as error:
            raise click.ClickException(f"{error} What was read until then is kept.") from error
    for drift in look_back.drifts(reading()):
        click.echo(f"push {drift.push_id}  {drift.push.card.company}: {look_back.words(drift)}")
    click.echo(f"Compared {done.lines} lines of {done.agreements} agreements: {done.drifted} changed since.")


@group.command("looking")
@click.option("--look-after-minutes", type=int, help="After which a write that cannot go on needs a look.")
@click.option("--look-back-days", type=int, help="How many days are read again each day; 0: none.")
@click.option("--by", "email", default="", help="Who sets it, by e-mail; an admin.")
def looking(*, look_after_minutes: int | None, look_back_days: int | None, email: str) -> None:
    """Show or set from when on a write needs a look, and how far is looked back."""
    with transaction() as session:
        found = push_settings.shown(session)
        if look_after_minutes is not None or look_back_days is not None:
            after = found["look_after_minutes"] if look_after_minutes is None else look_after_minutes
            days = found["look_back_days"] if look_back_days is None else look_back_days
            by = actor_by_email(session, email)
            push_settings.put(session, look_after_minutes=after, look_back_days=days, by=by, now=clock().now())
            found = push_settings.shown(session)
    for name, value in found.items():
        click.echo(f"{name}: {value}")
