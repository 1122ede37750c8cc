"""A forker of workers that die where a test says, one for a whole run of this folder."""

from collections.abc import Iterator

import pytest

from tests.support.dying_worker import Workers


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as started:
        yield started
