"""`flask demo`: what only the demo needs."""

import click
from flask.cli import AppGroup

from portal.db.session import transaction
from portal.factory import clock, settings_of
from portal.services.people import make_demo_people

group = AppGroup("demo", help="What only the demo needs.")


@group.command("people")
def people() -> None:
    """Make the demo's four people. Refused outside the demo, since everybody knows their password."""
    if not settings_of().demo:
        raise click.ClickException("These sign-ins are for the demo alone. Use: flask --app app users create EMAIL")
    with transaction() as session:
        make_demo_people(session, now=clock().now())
    click.echo("Made the demo's four people.")
