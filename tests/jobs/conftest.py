"""The portal's settings for a worker beside a desk."""

from pathlib import Path

import pytest
from flask import Flask

from portal.config import Settings
from portal.factory import create_app
from tests.support.database import settings_on
from tests.support.desk import Desk


@pytest.fixture
def settings(desk: Desk, tmp_path: Path) -> Settings:
    """Settings of a portal on the desk's database."""
    return settings_on(str(desk.engine.url), tmp_path)


@pytest.fixture
def app(settings: Settings) -> Flask:
    """The portal on the desk's database."""
    app = create_app(settings)
    app.testing = True
    return app
