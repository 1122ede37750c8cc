"""The month of the board's tests, for what stands beside the cards."""

import pytest
from sqlalchemy.orm import Session

from tests.web.cards.conftest import Month


@pytest.fixture
def month(session: Session) -> Month:
    return Month(session)
