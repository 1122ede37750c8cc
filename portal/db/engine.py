"""How connections behave: what a crash must not lose, and writers that wait instead of failing.

SQLite runs with a write-ahead log, `synchronous=FULL` and foreign keys; each is asserted when a connection opens,
since a silent "off" would only show after a power cut. A writing transaction begins with `BEGIN IMMEDIATE`: a deferred
one that reads first fails at once when another writer was quicker.
"""

import sqlite3
from typing import Any

import sqlalchemy as sa

BUSY_MS = 30_000
WRITES = "writes"  # execution option of a connection whose transaction will write
PATIENCE_MS = "patience_ms"  # execution option: how long such a one waits for another writer, on SQLite


def watch(engine: sa.Engine) -> None:
    """Set up every connection of an engine. PostgreSQL needs nothing."""
    if engine.dialect.name != "sqlite":
        return
    sa.event.listen(engine, "connect", _opened)
    sa.event.listen(engine, "begin", _begun)


def _opened(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    for pragma, wanted in (("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "ON")):
        cursor.execute(f"PRAGMA {pragma}={wanted}")
    found = tuple(
        cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
    )
    in_memory = found[0] == "memory"
    if found[1:] != (2, 1) or not (found[0] == "wal" or in_memory):
        raise RuntimeError(
            f"SQLite did not take its settings: {found}. The file system may not allow a write-ahead log."
        )
    cursor.close()


def _begun(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    patience = options.get(PATIENCE_MS)
    if patience is None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(WRITES, False) else "BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA busy_timeout={int(patience)}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_MS}")
