"""Signatures and keys of callbacks: where keys may be read, when they are read anew, what is refused without one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise.address import normalise
from portal.db.records import CallbackKey, CallbackPost, CallbackRefusal, Connection
from portal.services import callbacks
from portal.services.callbacks_signing import ForeignKey, key_path, matches, signature_of
from portal.services.sealing import Sealer
from tests.support.callbacks import body_of, signed, switched_on
from tests.support.desk import SECRET, Desk

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
SEALER = Sealer([SECRET])


def test_a_signature_is_that_of_the_hashed_key_and_the_whole_body() -> None:
    body = b'{"ID": 1}'

    assert signature_of("key", body) == signed(body, "key")
    assert matches("key", body, f" {signed(body, 'key')} ")
    assert not matches("key", body + b" ", signed(body, "key"))
    assert not matches("other", body, signed(body, "key"))
    assert not matches("key", body, "")


@pytest.mark.parametrize(
    ("base", "key_url", "path"),
    [
        ("api-na.myconnectwise.net", "https://api-na.myconnectwise.net/login/key/1", "/login/key/1"),
        ("api-na.myconnectwise.net", "https://na.myconnectwise.net/login/key/1?v=2", "/login/key/1?v=2"),
        ("https://psa.example.com:8443", "https://PSA.example.com:8443/k", "/k"),
        ("https://psa.example.com/cw/v4_6_release", "https://psa.example.com/cw/login/k", "/login/k"),
    ],
)
def test_a_key_of_the_connected_site_has_a_path_below_it(base: str, key_url: str, path: str) -> None:
    assert key_path(key_url, normalise(base)) == path


@pytest.mark.parametrize(
    "key_url", ["https://psa.example.com/login/k", "https://eu.myconnectwise.net/k", "", "x", "https://psa.example.com/cw/../k"]
)  # fmt: skip
def test_a_key_beside_the_connected_site_is_foreign(key_url: str) -> None:
    with pytest.raises(ForeignKey):
        key_path(key_url, normalise("https://psa.example.com/cw/v4_6_release"))


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def taken(desk: Desk, body: bytes, signature: str, *, when: datetime = NOW) -> callbacks.Outcome:
    with desk.open_session() as session:
        return callbacks.receive(session, body=body, signature=signature, sealer=SEALER, real_now=when)


def on_with_key(desk: Desk, path: str, key: str = "") -> str:
    """Callbacks are on; the address of a key on the sandbox's site."""
    url = f"{desk.client.address.site}{path}"
    with desk.open_session() as session:
        session.execute(sa.update(Connection).values(url=desk.client.address.base))
    with Session(desk.engine) as session:
        switched_on(session, key_url=url if key else "", key=key or "k")
    return url


def counted(desk: Desk) -> dict[str, int]:
    with desk.open_session() as session:
        return {row.reason: row.times for row in session.scalars(sa.select(CallbackRefusal))}


def test_a_post_whose_key_is_not_there_is_refused(desk: Desk) -> None:
    url = on_with_key(desk, "/login/callbackkey/nothing-here")
    body = body_of(501, key_url=url)
    assert taken(desk, body, signed(body)).waits

    believed, answered = callbacks.verify_waiting(desk.open_session, desk.client, sealer=SEALER, real_now=at(NOW))

    assert (believed, answered) == (0, False)
    assert counted(desk) == {"no_key": 1}
    with desk.open_session() as session:
        assert session.scalars(sa.select(CallbackPost)).one().body is None


def test_a_post_waits_while_connectwise_is_away_but_not_for_ever(desk: Desk) -> None:
    url = on_with_key(desk, "/login/callbackkey/1")
    desk.faults({"rate": 1.0, "seed": 1, "methods": ["GET"], "kinds": ["drop_before"]})
    body = body_of(501, key_url=url)
    taken(desk, body, signed(body))

    for later, waits in ((NOW, 1), (NOW + callbacks.KEY_WAIT + timedelta(seconds=1), 0)):
        callbacks.verify_waiting(desk.open_session, desk.client, sealer=SEALER, real_now=at(later))
        with desk.open_session() as session:
            left = sa.select(sa.func.count()).select_from(CallbackPost).where(CallbackPost.state == "waiting")
            assert session.scalar(left) == waits

    assert counted(desk) == {"no_key": 1}


def test_a_key_that_no_longer_matches_is_read_anew_but_not_at_every_forgery(desk: Desk) -> None:
    url = on_with_key(desk, "/login/callbackkey/1", key="old")
    body = body_of(501, key_url=url)
    with desk.open_session() as session:
        session.get_one(CallbackKey, url).fetched_at = NOW

    assert taken(desk, body, signed(body, "new"), when=NOW + timedelta(minutes=1)).reason == "forged"
    with desk.open_session() as session:
        assert not session.get_one(CallbackKey, url).doubted
    assert taken(desk, body, signed(body, "new"), when=NOW + timedelta(minutes=11)).reason == "forged"

    with desk.open_session() as session:
        assert session.get_one(CallbackKey, url).doubted
        assert callbacks.work_waits(session, NOW + timedelta(minutes=11))


def test_digests_are_forgotten_after_their_window(desk: Desk) -> None:
    url = on_with_key(desk, "/login/callbackkey/1", key="k")
    body = body_of(501, key_url=url)
    assert taken(desk, body, signed(body, "k")).agreements == (501,)
    assert taken(desk, body, signed(body, "k"), when=NOW + callbacks.WINDOW).reason == "replayed"

    taken(desk, b"{}", "", when=NOW + callbacks.WINDOW + timedelta(seconds=1))

    with desk.open_session() as session:
        assert session.scalars(sa.select(CallbackPost)).all() == []
