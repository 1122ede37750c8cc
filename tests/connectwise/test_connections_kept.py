"""Connections over real sockets: how many are made, whom they trust, and what a closed one may lose."""

import socket
from decimal import Decimal
from pathlib import Path

import pytest

from portal.connectwise import AddressRefused, ConnectWise, OutcomeUnknown, Unreachable
from portal.connectwise import adapters as kept
from tests.connectwise.conftest import GUID, QUICK, Connect, Site
from tests.support.odd_server import Authority, Handler, OddServer, odd_server

LINE = b'{"id": 8001, "agreementId": 501, "product": {"id": 1, "identifier": "SEAT"}, "quantity": 5}'


def client_of(server: OddServer, url: str | None = None, **other: object) -> ConnectWise:
    given: dict[str, object] = {"allow_private": True, "patience": QUICK} | other
    return ConnectWise(
        url or server.url(),
        company="sandbox",
        public_key="portal",
        private_key="portal-secret",
        client_id=GUID,
        **given,  # type: ignore[arg-type]
    )


def line(handler: Handler) -> None:
    handler.send(LINE)


def test_reads_share_one_connection_and_each_write_has_its_own() -> None:
    with odd_server(line) as server, client_of(server) as client:
        for _ in range(5):
            client.additions.get(501, 8001)
        assert server.accepted == 1
        client.additions.set_quantity(501, 8001, Decimal(1))
        client.additions.set_quantity(501, 8001, Decimal(2))
        client.additions.get(501, 8001)

        assert server.accepted == 3


def test_parallel_reads_keep_no_more_connections_than_they_may() -> None:
    with odd_server(lambda handler: handler.send(b"[]")) as server, client_of(server, parallel=3) as client:
        assert len(list(client.additions.of_many(range(1, 61)))) == 60

        assert server.accepted <= 3


def test_the_sandbox_keeps_connections_too(connect: Connect, site: Site) -> None:
    client = connect()
    for _ in range(3):
        client.system.info()

    pools = client.transport._reads.get_adapter(site.base_url).poolmanager.pools  # type: ignore[attr-defined]
    assert sum(pools[key].num_connections for key in pools.keys()) == 1  # noqa: SIM118 - no mapping


def test_a_connection_that_the_other_side_closed_costs_a_read_nothing() -> None:
    with odd_server(line) as server, client_of(server) as client:
        client.additions.get(501, 8001)
        server.connections[0].shutdown(socket.SHUT_RDWR)

        assert client.additions.get(501, 8001).quantity == Decimal(5)
        assert server.accepted == 2


def test_a_write_never_meets_a_connection_that_was_closed_meanwhile() -> None:
    def once(handler: Handler) -> None:
        handler.send(LINE)
        handler.connection.shutdown(socket.SHUT_RDWR)  # without a word, as a server at its idle limit does
        handler.hang_up()

    with odd_server(once) as server, client_of(server) as client:
        for quantity in range(1, 6):
            client.additions.get(501, 8001)
            client.additions.set_quantity(501, 8001, Decimal(quantity))

        assert [each.partition(" ")[0] for each in server.asked] == ["GET", "PATCH"] * 5


def test_a_connection_that_rested_for_long_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("portal.connectwise.adapters.time.monotonic", lambda: now[0])
    with odd_server(line) as server, client_of(server) as client:
        client.additions.get(501, 8001)
        now[0] += kept.LONGEST_REST - 1
        client.additions.get(501, 8001)
        assert server.accepted == 1
        now[0] += kept.LONGEST_REST + 1
        client.additions.get(501, 8001)

        assert server.accepted == 2


def test_a_write_that_is_taken_and_not_answered_is_sent_once() -> None:
    with odd_server(Handler.hang_up) as server, client_of(server) as client:
        with pytest.raises(OutcomeUnknown):
            client.additions.set_quantity(501, 8001, Decimal(1))

        assert len(server.asked) == 1


@pytest.mark.parametrize("private", [True, False])
def test_an_authority_of_ones_own_is_trusted_beside_the_usual_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, private: bool
) -> None:
    own = Authority()
    monkeypatch.setattr("portal.connectwise.address.check", lambda *_args, **_named: None)
    monkeypatch.setattr(kept, "check_ip", lambda *_args: None)
    with odd_server(line, own.server(tmp_path)) as server:
        url = server.url(scheme="https")
        with client_of(server, url, ca_certificates=own.pem, allow_private=private) as client:
            assert client.additions.get(501, 8001).id == 8001
            client.additions.set_quantity(501, 8001, Decimal(5))
            usual = client.transport._tls.cert_store_stats()["x509_ca"]
            pools = client.transport._reads.get_adapter(url).poolmanager.pools  # type: ignore[attr-defined]
            read_anew = {pools[key].ca_certs for key in pools.keys()}  # noqa: SIM118 - no mapping
        with client_of(server, url, allow_private=private) as stranger, pytest.raises(Unreachable) as caught:
            stranger.additions.get(501, 8001)

    assert usual > 50
    assert read_anew == {None}
    assert caught.value.cause == "tls-unknown-authority"


@pytest.mark.parametrize(
    ("shown", "cause", "words"),
    [
        ({"end": -1, "start": -9}, "tls-expired", "has expired"),
        ({"start": 1, "end": 9}, "tls-not-yet-valid", "not valid yet"),
        ({"host": "psa.example.com"}, "tls-host", "another name"),
        (None, "tls-unknown-authority", "signed by itself"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told_apart_and_no_key_is_sent(
    tmp_path: Path, shown: dict[str, object] | None, cause: str, words: str
) -> None:
    own = Authority()
    context = own.itself(tmp_path) if shown is None else own.server(tmp_path, **shown)  # type: ignore[arg-type]
    trusted = None if shown is None else own.pem
    with (
        odd_server(line, context) as server,
        client_of(server, server.url(scheme="https"), ca_certificates=trusted) as client,
    ):
        with pytest.raises(Unreachable, match=words) as read:
            client.system.info()
        with pytest.raises(Unreachable, match=words) as written:
            client.additions.set_quantity(501, 8001, Decimal(1))

        assert (read.value.cause, written.value.cause) == (cause, cause)
        assert not server.asked
        assert server.accepted == 2  # a certificate does not change between two attempts


def test_a_server_without_encryption_is_told_as_such() -> None:
    with odd_server(line) as server, client_of(server, server.url(scheme="https")) as client:
        with pytest.raises(Unreachable, match="without encryption") as caught:
            client.system.info()

        assert caught.value.cause == "tls-plain"


@pytest.mark.parametrize("pem", ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_certificates_that_cannot_be_read_are_refused_at_once(pem: str) -> None:
    with pytest.raises(AddressRefused, match="BEGIN CERTIFICATE"):
        ConnectWise(
            "https://psa.example.com", company="c", public_key="p", private_key="s", client_id="g", ca_certificates=pem
        )


def test_a_private_key_among_the_certificates_is_refused_unread() -> None:
    with pytest.raises(AddressRefused, match="private key"):
        ConnectWise(
            "https://psa.example.com",
            company="c",
            public_key="p",
            private_key="s",
            client_id="g",
            ca_certificates=f"{Authority().pem}-----BEGIN PRIVATE KEY-----",
        )


def test_how_far_the_clocks_are_apart_is_known_from_any_answer() -> None:
    def late(handler: Handler) -> None:
        handler.send(LINE, date="Tue, 01 Jan 2019 00:00:00 GMT")

    with odd_server(late) as server, client_of(server) as client:
        before = client.transport.clock_offset
        client.urgent().additions.get(501, 8001)

        assert before is None
        assert (client.transport.clock_offset or 0) < -86_400
