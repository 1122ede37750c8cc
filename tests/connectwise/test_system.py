import threading

import pytest

from portal.connectwise import ConnectWise, OutcomeUnknown, Unreachable
from tests.connectwise.conftest import Connect, Site
from tests.connectwise.test_connections_kept import client_of
from tests.support.odd_server import Handler, odd_server


class Noted:
    """A pace that lets all go and notes what was asked of it."""

    def __init__(self) -> None:
        self.urgent: list[bool] = []
        self.told: list[float] = []

    def take(self, *, urgent: bool, stopped: threading.Event | None = None) -> None:
        del stopped
        self.urgent.append(urgent)

    def told_to_wait(self, seconds: float) -> None:
        self.told.append(seconds)


def test_a_callback_is_made_and_listed(client: ConnectWise) -> None:
    made = client.system.callbacks.create("agreement", "https://portal.example.com/x", description="C" * 200)

    assert [made] == client.system.callbacks.list()
    assert (made.kind, made.level, made.object_id, made.inactive) == ("agreement", "owner", 1, False)
    assert len(made.description) == 100


def test_a_callback_whose_answer_was_lost_may_be_there(client: ConnectWise, site: Site) -> None:
    site.faults({"kind": "drop_after", "method": "POST", "path": "/system/callbacks"})

    with pytest.raises(OutcomeUnknown):
        client.system.callbacks.create("agreement", "https://portal.example.com/x", description="Countersign")

    assert len(client.system.callbacks.list()) == 1


def test_each_attempt_asks_the_pace_first_and_a_429_is_told_to_it(connect: Connect, site: Site) -> None:
    pace = Noted()
    client = connect(pace=pace)
    site.faults({"kind": "throttle", "seconds": 1, "times": 1})
    client.companies.get(1001)

    assert pace.urgent == [False, False]
    assert pace.told == [1.0]


def test_an_urgent_view_shares_all_but_its_haste(connect: Connect) -> None:
    pace = Noted()
    client = connect(pace=pace)
    with client.urgent() as view:
        line = view.additions.get(501, 8001)
        view.additions.set_quantity(501, 8001, line.quantity)
    client.companies.get(1001)

    assert pace.urgent == [True, True, False]
    assert view.transport._reads is client.transport._reads


def test_a_long_retry_after_of_a_503_goes_back_to_the_caller_and_a_short_one_is_kept() -> None:
    def busy(handler: Handler) -> None:
        handler.send(b"{}", 503, Retry_After="500" if len(handler.server.asked) > 1 else "0")

    with odd_server(busy) as server, client_of(server) as client:
        with pytest.raises(Unreachable) as caught:
            client.companies.get(1)

        assert (caught.value.retry_after, caught.value.status) == (500, 503)
        assert len(server.asked) == 2


def test_the_newest_entries_of_an_agreement_are_read_and_no_more_than_asked(connect: Connect, site: Site) -> None:
    client = connect(page_size=1)

    assert len(list(client.audit_trail.of(501, newest=2))) == 2
    assert len(site.asked("GET", "/audittrail")) == 2
