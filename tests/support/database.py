"""A migrated database for tests."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from flask_migrate import upgrade

from portal.config import Settings
from portal.extensions import db
from portal.factory import create_app

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 10, 28, 13, 0, tzinfo=UTC)  # 28 October 2026, 09:00 in New York
SECRET = "a-key-for-tests-only"
POSTGRESQL = "COUNTERSIGN_TEST_POSTGRESQL"  # a server for tests that need one, by the URL of any database on it


def migrated(folder: Path) -> Path:
    """Make a SQLite file at the newest migration, in one piece (no write-ahead log beside it)."""
    file = folder / "migrated.sqlite"
    with migrated_app(f"sqlite:///{file}", folder).app_context():
        with db.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
        db.engine.dispose()
    return file


def migrated_app(database_url: str, folder: Path) -> Flask:
    """Bring a store to the newest migration, and give the app on it."""
    app = create_app(settings_on(database_url, folder, now=None))
    with app.app_context():
        upgrade()
    return app


def settings_on(database_url: str, folder: Path, **other: Any) -> Settings:
    """Settings of a portal on a store, with a folder of its own for all else; its day is 28 October 2026."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "queue_url": f"sqlite:///{folder / 'queue.sqlite'}",
        "secret_keys": (SECRET,),
        "time_zone": ZONE,
        "now": NOW,
        "trusted_proxies": (),
        "base_url": "http://127.0.0.1:8000",
        "instance": folder,
    }
    return Settings(**(values | other))
