"""``flask connections``: where ConnectWise is, with which keys, and whether it may be written to."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from portal.cli._commands import Commands
from portal.cli._people import actor_by_email
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import connection_asking, connections
from portal.services.actors import require
from portal.services.connection_trial import Values, check_values, try_connectwise
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
@click.option(
    "--ca-certificates",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A PEM file with the certificates of your own authority; an empty one takes them away.",
)
@click.option(
    "--key-expires",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day on which the private key expires, as 2027-03-01. Left out: as it is, while the public key stays.",
)
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
    ca_certificates: Path | None,
    key_expires: datetime | None,
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
        stored_now = connections.get_connectwise(reading())
        moved = connections.is_another_psa(stored_now, url, company)
        kept = "" if stored_now is None or moved else stored_now.ca_certificates or ""
        same_key = stored_now is not None and not moved and stored_now.public_key == public_key.strip()
        day = stored_now.key_expires if stored_now is not None and same_key else None
        if key_expires is not None:
            day = key_expires.date()
        reading().rollback()
        values = Values(
            url=url.strip(),
            company=company.strip(),
            public_key=public_key.strip(),
            client_id=client_id.strip(),
            allow_private=allow_private,
            ca_certificates=kept if ca_certificates is None else ca_certificates.read_text(errors="replace"),
        )
        values = check_values(values, key, real_now=datetime.now(UTC))
        trial = try_connectwise(values, key)
        for right in trial.permissions:
            said = right.warning if right.granted else right.sentence
            click.echo(f"{'yes' if right.granted else 'NO '}  {right.name}" + (f": {said}" if said else ""))
        for warning in trial.warnings:
            click.echo(f"Note: {warning}")
        if not trial.can_sync:
            raise click.ClickException("A sync needs the rights marked NO. Nothing was stored.")
        with transaction() as session:
            stored = connections.set_connectwise(
                session,
                url=trial.url,
                company=values.company,
                public_key=values.public_key,
                private_key=key,
                client_id=values.client_id,
                allow_private=allow_private,
                ca_certificates=values.ca_certificates,
                key_expires=day,
                sealer=Sealer(settings_of().secret_keys),
                by=by,
                now=clock().now(),
            )
            if moved:
                click.echo(f"Note: {connection_asking.MOVED}")
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


@group.command("limits")
@click.option("--requests-a-minute", type=int, help="Over all workers; 10 to 6,000.")
@click.option("--parallel", type=int, help="Reads at the same time; 1 to 16.")
@click.option("--bundle-size", type=int, help="Reads in one bundle; 2 to 100, 0 for none.")
@click.option("--by", "email", help="The e-mail address of the admin who sets them.")
def limits(requests_a_minute: int | None, parallel: int | None, bundle_size: int | None, email: str | None) -> None:
    """Set how much is asked of ConnectWise at once; what is left out stays."""
    given = {"requests_a_minute": requests_a_minute, "parallel": parallel, "bundle_size": bundle_size}
    try:
        with transaction() as session:
            by = actor_by_email(session, email)
            connection = connections.get_connectwise(session)
            now_set = {name: 0 if connection is None else getattr(connection, name) for name in given}
            values = {name: now_set[name] if value is None else value for name, value in given.items()}
            stored = connections.set_limits(session, **values, by=by, now=clock().now())
            said = f"{stored.requests_a_minute} requests a minute, {stored.parallel} reads at the same time"
            click.echo(f"{said}, {f'bundles of {stored.bundle_size}' if stored.bundle_size else 'no bundles'}.")
    except Refused as error:
        raise click.ClickException(str(error)) from error


@group.command("show")
def show() -> None:
    """Print each source, how old it is, and whether that blocks approval."""
    connection = connections.get_connectwise(reading())
    if connection is None:
        click.echo("ConnectWise is not connected yet.")
    else:
        mode = "on" if connection.writing else "off"
        tail = f", ends with {connection.key_tail}" if connection.key_tail else ""
        if connection.key_expires is not None:
            tail += f", expires {connection.key_expires.isoformat()}"
        click.echo(f"{connection.url}, company {connection.company}, key {connection.public_key}{tail}, writing {mode}")
    for age in connections.source_ages(reading(), clock().now(), clock().zone):
        read = "never" if age.last_read_at is None else f"{age.last_read_at.astimezone(clock().zone):%Y-%m-%d %H:%M}"
        notes = [note for note, holds in (("too old", age.too_old), ("held", age.held)) if holds]
        click.echo(f"{age.title}: read {read}, limit {age.limit_hours} h" + "".join(f", {note}" for note in notes))
