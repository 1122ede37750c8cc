"""A desk, and the portal's settings for a worker beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from portal.config import Settings
from portal.factory import create_app
from tests.support.desk import NOW, SECRET, ZONE, Desk, desk_on, load_traps


@pytest.fixture(scope="session")
def loaded_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the traps loaded, made once a run."""
    return load_traps(migrated_file, tmp_path_factory.mktemp("loaded"))


@pytest.fixture
def desk(loaded_file: Path, tmp_path: Path) -> Iterator[Desk]:
    with desk_on(loaded_file, tmp_path) as desk:
        yield desk


@pytest.fixture
def settings(desk: Desk, tmp_path: Path) -> Settings:
    """Settings of a portal on the desk's database."""
    return Settings(
        database_url=str(desk.engine.url),
        queue_url=f"sqlite:///{tmp_path / 'queue.sqlite'}",
        secret_keys=(SECRET,),
        time_zone=ZONE,
        now=NOW,
        trusted_proxies=(),
        base_url="http://127.0.0.1:8000",
        instance=tmp_path,
    )


@pytest.fixture
def app(settings: Settings) -> Flask:
    """The portal on the desk's database."""
    app = create_app(settings)
    app.testing = True
    return app
