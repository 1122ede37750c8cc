"""Runs migrations against the app's database; our column types become plain ones, so that each stands alone."""

from logging.config import fileConfig
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.util import CommandError
from flask import current_app
from sqlalchemy.exc import DatabaseError

import portal.db.records  # noqa: F401 - the models register themselves
from portal.db.base import Base
from portal.db.types import AwareTimestamp, ExactDecimal

config = context.config
if config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:  # noqa: ANN401 - alembic's own
    """Write our types as plain ones."""
    if kind == "type" and isinstance(item, ExactDecimal):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, AwareTimestamp):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    """Run the migrations in one transaction."""
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect().execution_options(writes=True) as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=render_item,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=False,
        )
        with context.begin_transaction():
            context.run_migrations()


try:
    run()
except DatabaseError as failed:
    raise CommandError(
        f"The store cannot be opened or changed: {str(failed.orig).strip()}. Look at COUNTERSIGN_DATABASE_URL, and "
        "whether something else holds the store."
    ) from failed
except CommandError as failed:
    if "locate revision" not in str(failed):
        raise
    raise CommandError(
        "The store was made by a newer version of Countersign than this one. Nothing was changed. Run that version, "
        "or restore a backup from before."
    ) from failed
