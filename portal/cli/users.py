"""``flask users``: who may sign in."""

from datetime import UTC, datetime

import click
from sqlalchemy.orm import Session

from portal.cli._commands import Commands
from portal.cli._people import actor_by_email
from portal.db.records.people import ROLES
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import company_provider, invitations, people, two_step
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
            token = invitations.create_person(session, email, name, role, by, clock().now(), real_now=datetime.now(UTC))
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
            token = invitations.reset_password(session, person.id, by=by, now=clock().now(), real_now=datetime.now(UTC))
    except Refused as error:
        raise click.ClickException(str(error)) from error
    _print_link(token)


@group.command("list")
def list_people() -> None:
    """Print who there is."""
    with_two = two_step.who_has_it(reading())
    for person in people.everybody(reading()):
        state = person.role if person.active else f"{person.role}, switched off"
        click.echo(f"{person.email}  {person.name}  {state}{', second step' if person.id in with_two else ''}")


@group.command("two-step-reset")
@click.argument("email")
@click.option("--by", "by_email", help="The e-mail address of the admin who does it.")
def reset_two_step(email: str, by_email: str | None) -> None:
    """Take the second step off a person who has lost the app and the recovery codes."""
    try:
        with transaction() as session:
            person = people.person_by_email(session, email)
            by = _admin(session, by_email)
            two_step.reset(session, person, by=by, now=clock().now(), real_now=datetime.now(UTC))
            said = f"{person.name} has no second step now, and was signed out everywhere."
    except Refused as error:
        raise click.ClickException(str(error)) from error
    click.echo(said)


@group.command("passwords")
@click.argument("state", type=click.Choice(("on", "off")))
@click.option("--by", "by_email", help="The e-mail address of the admin who does it.")
def take_passwords(state: str, by_email: str | None) -> None:
    """Take passwords, or none: the way back in when the company's sign-in fails for good."""
    try:
        with transaction() as session:
            by = _admin(session, by_email)
            company_provider.allow_passwords(session, state == "on", by=by, now=clock().now())
    except Refused as error:
        raise click.ClickException(str(error)) from error
    click.echo("Passwords are taken." if state == "on" else "Passwords are taken no more.")


def _admin(session: Session, email: str | None) -> Actor:
    """Give who acts; only admins give people access."""
    by = actor_by_email(session, email)
    require(by, "admin", "give people access")
    return by


def _print_link(token: str) -> None:
    click.echo(f"{settings_of().base_url}/link/{token}")
    click.echo(f"The link works once, for {invitations.LINK_LIVES.days} days.", err=True)
