"""Transactions. The only module of the store that knows Flask."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy.orm import Session

from portal.db.engine import WRITES, watch
from portal.extensions import db


def bind(app: Flask) -> None:
    """Bind the store to an app and set up its connections."""
    db.init_app(app)
    with app.app_context():
        watch(db.engine)


@contextmanager
def transaction() -> Iterator[Session]:
    """Open one writing transaction of the request's session: commit at the end, roll back on any error.

    What was read before is read anew, so a decision never rests on an older snapshot.

    Raises:
        RuntimeError: A writing transaction is open already.
    """
    session = db.session()
    if session.info.get(WRITES):
        raise RuntimeError("A writing transaction is open already.")
    session.rollback()
    session.info[WRITES] = True
    try:
        session.connection(execution_options={WRITES: True})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop(WRITES, None)


def reading() -> Session:
    """Give the request's session, for reading."""
    return db.session()
