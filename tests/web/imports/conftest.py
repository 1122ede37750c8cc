"""Every test of imports begins with a store that the app can write to."""

import pytest
from sqlalchemy.orm import Session


@pytest.fixture(autouse=True)
def _store(session: Session) -> None:
    session.commit()
