"""``flask users``: who may sign in."""

from datetime import UTC, datetime

import click
from sqlalchemy.orm import Session

from portal.cli._commands import Commands
from portal.cli._people import actor_by_email
from portal.db.records.people import ROLES
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import people
from portal.services.actors import Actor, require
from portal.services.errors import Refused

group = Commands("users", help="Who may sign in.")


@group.command("create")
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), default="biller", show_default=True, help="What they may do.")
@click.option("--name", default="", help="As others know them; taken from the address if left out.")
@click.option("--by", "by_email", help="The e-mail address of the admin who adds them.")
def create(email: str, role: str, name: str, by_email: str | None) -> None:
    """Add a person and print a link with which they set their password."""
    try:
        with transaction() as session:
            by = _admin(session, by_email)
            token = people.create_person(session, email, name, role, by, clock().now(), real_now=datetime.now(UTC))
    except Refused as error:
        raise click.ClickException(str(error)) from error
    _print_link(token)


@group.command("reset")
@click.argument("email")
@click.option("--by", "by_email", help="The e-mail address of the admin who gives it.")
def reset(email: str, by_email: str | None) -> None:
    """Print a link with which a person sets another password."""
    try:
        with transaction() as session:
            person = people.person_by_email(session, email)
            by = _admin(session, by_email)
            token = people.reset_password(session, person.id, by=by, now=clock().now(), real_now=datetime.now(UTC))
    except Refused as error:
        raise click.ClickException(str(error)) from error
    _print_link(token)


@group.command("list")
def list_people() -> None:
    """Print who there is."""
    for person in people.everybody(reading()):
        state = person.role if person.active else f"{person.role}, switched off"
        click.echo(f"{person.email}  {person.name}  {state}")


def _admin(session: Session, email: str | None) -> Actor:
    """Give who acts; only admins give people access."""
    by = actor_by_email(session, email)
    require(by, "admin", "give people access")
    return by


def _print_link(token: str) -> None:
    click.echo(f"{settings_of().base_url}/link/{token}")
    click.echo(f"The link works once, for {people.LINK_LIVES.days} days.", err=True)
