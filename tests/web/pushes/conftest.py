"""The board's made-up month, for pushes."""

import pytest
from sqlalchemy.orm import Session

from tests.web.cards.conftest import Month


@pytest.fixture
def month(session: Session) -> Month:
    return Month(session)
