"""A desk with cards to decide."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.desk import Desk, desk_on, load_traps


@pytest.fixture(scope="session")
def loaded_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the traps loaded, made once a run."""
    return load_traps(migrated_file, tmp_path_factory.mktemp("loaded"))


@pytest.fixture
def desk(loaded_file: Path, tmp_path: Path) -> Iterator[Desk]:
    with desk_on(loaded_file, tmp_path) as desk:
        yield desk
