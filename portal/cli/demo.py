"""``flask demo``: what only the demo has."""

from datetime import UTC, datetime

import click

from portal.cli._commands import Commands
from portal.db.session import transaction
from portal.factory import settings_of
from portal.services import people

group = Commands("demo", help="What only the demo has.")


@group.command("people")
def make_people() -> None:
    """Make the demo's four people. Refused outside the demo, since everybody knows their password."""
    if not settings_of().demo:
        raise click.ClickException("The people of the demo are made in the demo alone. Use “flask users create”.")
    with transaction() as session:
        people.make_demo_people(session, now=datetime.now(UTC))
