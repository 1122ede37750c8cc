"""How writes are looked after is for an admin to set, within bounds, and each change is an event."""

import pytest

from portal.services import push_settings
from portal.services.actors import Actor
from portal.services.errors import Invalid, NotAllowed
from tests.support.desk import BILLER, Desk

ADMIN = Actor("Ada Admin", None, "admin")


def test_an_admin_sets_them_and_the_trail_tells(desk: Desk) -> None:
    with desk.open_session() as session:
        assert push_settings.shown(session) == {"look_after_minutes": 30, "look_back_days": 7}
        push_settings.put(session, look_after_minutes=10, look_back_days=14, by=ADMIN, now=desk.now)
        assert push_settings.shown(session) == {"look_after_minutes": 10, "look_back_days": 14}

    assert [event.details["setting"] for event in desk.events("setting.put")][-2:] == ["sending", "look_back"]


def test_others_may_not_and_nonsense_is_named(desk: Desk) -> None:
    with desk.open_session() as session:
        with pytest.raises(NotAllowed):
            push_settings.put(session, look_after_minutes=10, look_back_days=14, by=BILLER, now=desk.now)
        with pytest.raises(Invalid) as refused:
            push_settings.put(session, look_after_minutes=1, look_back_days=99, by=ADMIN, now=desk.now)

    assert refused.value.fields.keys() == {"look_after_minutes", "look_back_days"}
