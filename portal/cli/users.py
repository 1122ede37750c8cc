"""``flask users``: who may sign in."""

from datetime import UTC, datetime

import click
from flask.cli import AppGroup

from portal.db.records.people import ROLES
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import people
from portal.services.actors import COMMAND_LINE
from portal.services.errors import Refused

group = AppGroup("users", help="Who may sign in.")


@group.command("create")
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), default="biller", show_default=True, help="What they may do.")
@click.option("--name", default="", help="As others know them; taken from the address if left out.")
def create(email: str, role: str, name: str) -> None:
    """Add a person and print a link with which they set their password."""
    try:
        with transaction() as session:
            token = people.create_person(
                session, email, name, role, COMMAND_LINE, clock().now(), real_now=datetime.now(UTC)
            )
    except Refused as error:
        raise click.ClickException(str(error)) from error
    _print_link(token)


@group.command("reset")
@click.argument("email")
def reset(email: str) -> None:
    """Print a link with which a person sets another password."""
    try:
        with transaction() as session:
            person = people.person_by_email(session, email)
            token = people.reset_password(
                session, person.id, by=COMMAND_LINE, now=clock().now(), real_now=datetime.now(UTC)
            )
    except Refused as error:
        raise click.ClickException(str(error)) from error
    _print_link(token)


@group.command("list")
def list_people() -> None:
    """Print who there is."""
    for person in people.everybody(reading()):
        state = person.role if person.active else f"{person.role}, switched off"
        click.echo(f"{person.email}  {person.name}  {state}")


def _print_link(token: str) -> None:
    click.echo(f"{settings_of().base_url}/link/{token}")
    click.echo(f"The link works once, for {people.LINK_LIVES.days} days.", err=True)
