"""The board's made-up month, for pushes."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Push
from tests.support.visitor import Visitor
from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


@pytest.fixture
def month(session: Session) -> Month:
    return Month(session)


@pytest.fixture
def pushed(month: Month, signed_in_as: SignIn) -> Callable[..., Push]:
    """Makes a push in a state, as the portal and its worker would have left it."""

    def make(state: str, *, step: str = "waiting", **values: object) -> Push:
        card = month.card("20", "21")
        signed_in_as("biller").post(f"/cards/{card.id}/approve")
        push = month.session.scalars(sa.select(Push).where(Push.card_id == card.id)).one()
        for name, value in {"state": state, **values}.items():
            setattr(push, name, value)
        push.steps[0].state = step
        month.session.execute(sa.update(Card).where(Card.id == card.id).values(state=state))
        month.session.commit()
        return push

    return make
