"""``flask setup-code``: what makes the first admin of a bare installation."""

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from portal.db.session import reading
from portal.factory import settings_of
from portal.services import people
from portal.services.first_admin import set_up_code


@click.command("setup-code")
@click.option("--at-start", is_flag=True, help="Print nothing where somebody is here already.")
@with_appcontext
def group(*, at_start: bool) -> None:
    """Print the one-time code with which the first admin is made under /setup."""
    try:
        nobody = people.nobody_yet(reading())
    except SQLAlchemyError as error:
        raise click.ClickException(
            "The store is not set up yet, or cannot be read. Run: flask --app app db upgrade"
        ) from error
    if nobody:
        where = f"{settings_of().base_url}/setup"
        click.echo(f"Nobody is here yet. Open {where} and make the first admin with the set-up code:")
        click.echo(f"\n    {set_up_code(settings_of().secret_keys[0])}\n")
    elif not at_start:
        click.echo(
            "Somebody is here already, so the set-up code opens nothing any more. “flask users” lists and adds people."
        )
