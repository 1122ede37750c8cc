"""Fixtures of all tests: a migrated database copied per test, the app, a visitor."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.db.engine import WRITES, watch
from portal.extensions import db
from portal.factory import create_app
from tests.support.database import NOW, POSTGRESQL, migrated, settings_on
from tests.support.desk import Desk, desk_on, load_traps
from tests.support.visitor import Visitor


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a PostgreSQL server, unless one is named or these tests are asked for."""
    if os.environ.get(POSTGRESQL) or "postgresql" in config.getoption("markexpr"):
        return
    chosen = [item for item in items if item.get_closest_marker("postgresql") is None]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database at the newest migration, made once a run."""
    return migrated(tmp_path_factory.mktemp("migrated"))


@pytest.fixture(autouse=True)
def _no_connection_stays_open() -> Iterator[None]:
    """Close what the test's apps left in their pools: from Python 3.13 on, one that is forgotten open is a warning."""
    yield
    for engines in list(db._app_engines.values()):
        for engine in engines.values():
            engine.dispose()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def settings(tmp_path: Path, migrated_file: Path) -> Settings:
    """Settings of a portal with an empty, migrated database of its own."""
    instance = tmp_path / "instance"
    instance.mkdir()
    file = instance / "countersign.sqlite"
    shutil.copyfile(migrated_file, file)
    demo = os.environ.get("COUNTERSIGN_DEMO") == "1"
    return settings_on(f"sqlite:///{file}", instance, demo=demo)


@pytest.fixture
def engine(settings: Settings) -> Iterator[sa.Engine]:
    """The store's engine, with its connections set up as in the app."""
    engine = sa.create_engine(settings.database_url)
    watch(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: sa.Engine) -> Iterator[Session]:
    """A writing session of the test's own. Commit before the app or another session is to see it."""
    with Session(engine.execution_options(**{WRITES: True}), expire_on_commit=False) as session:
        yield session


@pytest.fixture
def app(settings: Settings) -> Flask:
    """The portal on the test's database. Open no app context around a visitor's requests."""
    app = create_app(settings)
    app.testing = True
    return app


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Somebody with a browser and no sign-in yet."""
    return Visitor(app)


@pytest.fixture(scope="session")
def loaded_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the traps loaded, made once a run."""
    return load_traps(migrated_file, tmp_path_factory.mktemp("loaded"))


@pytest.fixture
def desk(loaded_file: Path, tmp_path: Path) -> Iterator[Desk]:
    """A portal with the traps loaded, beside a sandbox."""
    with desk_on(loaded_file, tmp_path) as desk:
        yield desk
