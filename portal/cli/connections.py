"""``flask connections``: where ConnectWise is, with which keys, and whether it may be written to."""

import sys

import click

from portal.cli._commands import Commands
from portal.cli._people import actor_by_email
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import connections
from portal.services.actors import require
from portal.services.errors import Refused
from portal.services.sealing import Sealer

group = Commands("connections", help="Where ConnectWise is, and whether it may be written to.")


@group.command("set")
@click.argument("source", type=click.Choice(["connectwise"]))
@click.option("--url", required=True, help="The site, or the full base of the API.")
@click.option("--company", required=True, help="ConnectWise's company id.")
@click.option("--public-key", required=True, help="The API member's public key.")
@click.option("--private-key", required=True, help="Its private key; - reads it from standard input.")
@click.option("--client-id", required=True, help="The integration's GUID.")
@click.option("--allow-private", is_flag=True, help="It stands inside your own network.")
@click.option("--by", "email", help="The e-mail address of the admin who sets it.")
def set_(
    source: str,
    url: str,
    company: str,
    public_key: str,
    private_key: str,
    client_id: str,
    *,
    allow_private: bool,
    email: str | None,
) -> None:
    """Try a connection, then store it."""
    del source  # there is one so far
    key = sys.stdin.readline().strip() if private_key == "-" else private_key
    if not key:
        raise click.ClickException("No private key came on standard input. Nothing was stored.")
    try:
        by = actor_by_email(reading(), email)
        require(by, "admin", "set connections")
        reading().rollback()
        trial = connections.try_connectwise(
            url,
            company=company,
            public_key=public_key,
            private_key=key,
            client_id=client_id,
            allow_private=allow_private,
        )
        for right in trial.permissions:
            click.echo(
                f"{'yes' if right.granted else 'NO '}  {right.name}" + ("" if right.granted else f": {right.sentence}")
            )
        if any(right.needed_to_read for right in trial.missing):
            raise click.ClickException("A sync needs the rights marked NO. Nothing was stored.")
        with transaction() as session:
            stored = connections.set_connectwise(
                session,
                url=trial.url,
                company=company,
                public_key=public_key,
                private_key=key,
                client_id=client_id,
                allow_private=allow_private,
                sealer=Sealer(settings_of().secret_keys),
                by=by,
                now=clock().now(),
            )
            click.echo(f"Stored. ConnectWise is at {stored.url}; writing is {'on' if stored.writing else 'off'}.")
    except Refused as error:
        raise click.ClickException(f"{error} Nothing was stored.") from error


@group.command("writing")
@click.argument("state", type=click.Choice(["on", "off"]))
@click.option("--by", "email", help="The e-mail address of the admin who switches it.")
def writing(state: str, email: str | None) -> None:
    """Switch writing to ConnectWise on or off. What was planned before stays planned."""
    try:
        with transaction() as session:
            by = actor_by_email(session, email)
            connections.set_writing(session, state == "on", by=by, now=clock().now())
    except Refused as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Writing to ConnectWise is {state}.")


@group.command("show")
def show() -> None:
    """Print each source, how old it is, and whether that blocks approval."""
    connection = connections.get_connectwise(reading())
    if connection is None:
        click.echo("ConnectWise is not connected yet.")
    else:
        mode = "on" if connection.writing else "off"
        tail = f", ends with {connection.key_tail}" if connection.key_tail else ""
        click.echo(f"{connection.url}, company {connection.company}, key {connection.public_key}{tail}, writing {mode}")
    for age in connections.source_ages(reading(), clock().now(), clock().zone):
        read = "never" if age.last_read_at is None else f"{age.last_read_at.astimezone(clock().zone):%Y-%m-%d %H:%M}"
        notes = [note for note, holds in (("too old", age.too_old), ("held", age.held)) if holds]
        click.echo(f"{age.title}: read {read}, limit {age.limit_hours} h" + "".join(f", {note}" for note in notes))
