"""A group of commands that fails with a sentence: what is wrong with the store or a number is no traceback."""

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from portal.services.errors import Refused

SET_UP = "flask --app app db upgrade"


class Commands(AppGroup):
    """A click group whose commands say in a sentence why they could not do their work."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command.

        Raises:
            ClickException: It was refused, or the store could not be used; nothing of it was kept.
        """
        try:
            return super().invoke(ctx)
        except Refused as error:
            raise click.ClickException(str(error)) from error
        except (OverflowError, sa.exc.DataError) as error:
            raise click.ClickException("A number is larger than any id. Nothing was changed.") from error
        except sa.exc.DatabaseError as error:
            raise click.ClickException(store_trouble(error)) from error


def store_trouble(error: sa.exc.DatabaseError) -> str:
    """Say why the store could not be used, and what to do."""
    said = str(error.orig)
    if any(words in said for words in ("no such table", "no such column", "does not exist")):
        return f"The store is not set up yet, or is older than this program. Nothing was changed. Run: {SET_UP}"
    if "locked" in said:
        return "The store is busy: something else keeps writing to it. Nothing was changed; try again in a minute."
    return f"The store cannot be used: {said}. Nothing was changed. Look at COUNTERSIGN_DATABASE_URL: flask doctor"
