"""Transactions. The only module of the store that knows Flask."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from flask import Flask, g
from sqlalchemy.orm import Session

from portal.db.engine import PATIENCE_MS, WRITES, watch
from portal.extensions import db

FAILED = "transaction_failed"  # where Flask's `g` keeps why the last writing transaction was rolled back
ONE_WRITER = 20_261_101  # the number under which PostgreSQL keeps our writers apart


def bind(app: Flask) -> None:
    """Bind the store to an app and set up its connections."""
    db.init_app(app)
    with app.app_context():
        watch(db.engine)


@contextmanager
def transaction(*, patience_ms: int | None = None) -> Iterator[Session]:
    """Open one writing transaction of the request's session: commit at the end, roll back on any error.

    What was read before is read anew, so a decision never rests on an older snapshot. There is one writer at a time:
    SQLite sees to it by `BEGIN IMMEDIATE`, PostgreSQL by a lock that ends with the transaction, so that cards made
    anew by two of them never collide.

    Args:
        patience_ms: On SQLite, how long to wait for another writer; none: as long as usual.

    Raises:
        RuntimeError: A writing transaction is open already.
    """
    session = db.session()
    if session.info.get(WRITES):
        raise RuntimeError("A writing transaction is open already.")
    session.rollback()
    session.info[WRITES] = True
    try:
        options = {WRITES: True} if patience_ms is None else {WRITES: True, PATIENCE_MS: patience_ms}
        connection = session.connection(execution_options=options)
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ONE_WRITER)))
        yield session
        session.commit()
    except BaseException as error:
        session.rollback()
        setattr(g, FAILED, error)
        raise
    finally:
        session.info.pop(WRITES, None)


def reading() -> Session:
    """Give the request's session, for reading."""
    return db.session()
