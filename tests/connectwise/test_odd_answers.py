"""What may come in place of an answer, over real sockets: each is named as what it is, with the request id."""

import gzip
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from portal.connectwise import ConnectWiseError, OutcomeUnknown, Rejected, Throttled, UnexpectedPayload, Unreachable
from tests.connectwise.test_connections_kept import client_of
from tests.support.odd_server import Handler, odd_server

PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"
ID: dict[str, Any] = {"x_cw_request_id": "abc-123"}


def sending(*args: Any, **named: Any) -> Callable[[Handler], None]:
    return lambda handler: handler.send(*args, **(ID | named))


def without_id(*args: Any, **named: Any) -> Callable[[Handler], None]:
    return lambda handler: handler.send(*args, **named)


def broken_off(handler: Handler) -> None:
    handler.send(b'{"id": 1, "na', length=500, **ID)
    handler.hang_up()


ODD: list[tuple[str, Callable[[Handler], None], type[ConnectWiseError], str, str]] = [
    ("a sign-in page with 200", sending(PAGE), UnexpectedPayload, "web-page", "is a web page, perhaps a sign-in"),
    ("a proxy's page with 502", without_id(PAGE, 502), Unreachable, "web-page", r"between the portal.*\(502\)"),
    ("an error of its own", sending(b"{}", 503), Unreachable, "out-of-order", r"out of order just now \(503\)"),
    ("a proxy's page with 403", without_id(PAGE, 403), Rejected, "web-page", r"web page came.*\(403\)"),
    ("a server's page with 404", without_id(PAGE, 404), Rejected, "web-page", r"web page came.*\(404\)"),
    ("half an answer", broken_off, UnexpectedPayload, "truncated", "broke off half-way"),
    ("half a JSON text", sending(b'{"id": 1, "name": "Ac'), UnexpectedPayload, "truncated", "broke off half-way"),
    ("nothing", sending(b""), UnexpectedPayload, "empty", r"is empty \(200\)"),
    ("204", sending(b"", 204), UnexpectedPayload, "empty", r"is empty \(204\)"),
    ("a picture", sending(b"\x89PNG", Content_Type="image/png"), UnexpectedPayload, "not-json", "type image/png"),
    ("no JSON", sending(b"hello"), UnexpectedPayload, "not-json", "is no JSON"),
    ("rubbish for gzip", sending(b"rubbish", Content_Encoding="gzip"), UnexpectedPayload, "garbled", "unpacked"),
    ("a list for a record", sending(b"[]"), UnexpectedPayload, "other-shape", "no company"),
    (
        "an error told as a success",
        sending(b'{"code": "Gone", "message": "The moon was full."}'),
        UnexpectedPayload,
        "error-in-answer",
        "though it came as a success: The moon was full",
    ),
    (
        "a redirect to http",
        sending(b"", 307, Location="http://elsewhere.example/x?secret=1"),
        UnexpectedPayload,
        "redirect",
        "leads to http://elsewhere.example/x, without encryption",
    ),
    ("a redirect to nowhere", sending(b"", 302), UnexpectedPayload, "redirect", r"sends calls elsewhere \(302\)"),
    ("too many calls", sending(b"", 429), Throttled, "throttled", "fewer calls"),
]


@pytest.mark.parametrize(
    ("answer", "kind", "situation", "words"), [row[1:] for row in ODD], ids=[row[0] for row in ODD]
)
def test_a_read_names_what_came(
    answer: Callable[[Handler], None], kind: type[ConnectWiseError], situation: str, words: str
) -> None:
    with odd_server(answer) as server, client_of(server) as client:
        with pytest.raises(kind, match=words) as caught:
            client.companies.get(1)

        assert type(caught.value) is kind
        assert caught.value.situation == situation
        given = "abc-123" if "between" not in words and "web page came" not in words else None
        assert caught.value.request_id == given
        assert "secret" not in str(caught.value)
        final = situation in {"redirect", "other-shape"} or kind is Rejected
        assert len(server.asked) == (1 if final else 3)


SURE = {"throttled": Throttled}


@pytest.mark.parametrize(("answer", "situation"), [(row[1], row[3]) for row in ODD], ids=[row[0] for row in ODD])
def test_a_write_is_sent_once_and_only_a_429_says_that_it_was_not_taken(
    answer: Callable[[Handler], None], situation: str
) -> None:
    with odd_server(answer) as server, client_of(server) as client:
        with pytest.raises(SURE.get(situation, OutcomeUnknown)):
            client.additions.set_quantity(501, 8001, Decimal(1))

        assert len(server.asked) == 1


def test_a_body_that_was_packed_well_is_unpacked() -> None:
    packed = gzip.compress(b'{"id": 1, "identifier": "ACME", "name": "Acme"}')
    with odd_server(sending(packed, Content_Encoding="gzip")) as server, client_of(server) as client:
        assert client.companies.get(1).name == "Acme"


@pytest.mark.parametrize("listed", [b'{"id": 1}', b'["text"]', b"7", b"null"])
def test_what_is_no_list_is_told_with_the_request_id(listed: bytes) -> None:
    with odd_server(sending(listed)) as server, client_of(server) as client:
        with pytest.raises(UnexpectedPayload, match="no list of records") as caught:
            list(client.companies.all())

        assert (caught.value.request_id, caught.value.situation) == ("abc-123", "other-shape")


def test_a_field_that_cannot_be_read_is_told_with_the_request_id() -> None:
    with odd_server(sending(b'[{"id": 1, "name": true}]')) as server, client_of(server) as client:
        with pytest.raises(UnexpectedPayload, match="company 1 cannot be read: name") as caught:
            list(client.companies.all())

        assert caught.value.request_id == "abc-123"


def test_pages_that_go_in_circles_end() -> None:
    pages = [b'[{"text": "a"}]', b'[{"text": "b"}]']

    def circling(handler: Handler) -> None:
        handler.send(pages[(len(handler.server.asked) - 1) % 2], Link='<http://x.example/>; rel="next"', **ID)

    with odd_server(circling) as server, client_of(server) as client:
        with pytest.raises(UnexpectedPayload, match="a page came twice"):
            list(client.audit_trail.of(501))

        assert len(server.asked) == 3
