"""What no honest server does: requests-mock stands in for it."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
import requests
from requests_mock import Mocker

from portal.connectwise import (
    AddressRefused,
    ConnectWise,
    OutcomeUnknown,
    Patience,
    Rejected,
    UnexpectedPayload,
)
from portal.connectwise.answers import retry_after

BASE = "http://127.0.0.1:9/v4_6_release/apis/3.0"
LINE = {"id": 8001, "agreementId": 501, "product": {"id": 1, "identifier": "SEAT"}, "quantity": 5}
MORE = {"Link": f'<{BASE}/elsewhere>; rel="next"'}


@pytest.fixture
def client() -> Iterator[ConnectWise]:
    with ConnectWise(
        BASE,
        company="sandbox",
        public_key="portal",
        private_key="portal-secret",
        client_id="guid",
        allow_private=True,
        patience=Patience(back_off=0),
    ) as made:
        yield made


def test_one_record_that_cannot_be_read_is_skipped_by_name(client: ConnectWise) -> None:
    skipped: list[UnexpectedPayload] = []
    with Mocker() as mock:
        mock.get(f"{BASE}/finance/agreements/501/additions", json=[LINE, {**LINE, "id": 8002, "quantity": "many"}])
        found = [row.id for row in client.additions.of(501, skipped=skipped.append)]
        with pytest.raises(UnexpectedPayload, match="addition 8002 cannot be read: quantity is “many”"):
            list(client.additions.of(501))

    assert found == [8001]
    assert [(error.record, error.record_id) for error in skipped] == [("addition 8002", 8002)]


def test_a_line_of_another_agreement_is_not_taken(client: ConnectWise) -> None:
    with Mocker() as mock:
        mock.get(f"{BASE}/finance/agreements/502/additions", json=[LINE])
        with pytest.raises(UnexpectedPayload, match="agreementId"):
            list(client.additions.of(502))


def test_unknown_words_and_missing_fields_are_tolerated(client: ConnectWise) -> None:
    with Mocker() as mock:
        mock.get(f"{BASE}/finance/agreements/501/additions/8001", json={**LINE, "billCustomer": "Barter"})
        line = client.additions.get(501, 8001)

    assert (line.bill_customer, line.less_included, line.unit_price) == ("Barter", Decimal(0), None)
    assert (line.effective_date, line.cancelled_date, line.last_updated, line.updated_by) == (None, None, None, "")


def test_a_page_that_repeats_is_noticed(client: ConnectWise) -> None:
    with Mocker() as mock:
        mock.get(f"{BASE}/finance/agreements/501/additions", json=[LINE], headers=MORE)
        with pytest.raises(UnexpectedPayload, match="a page came twice"):
            list(client.additions.of(501))
        mock.get(f"{BASE}/system/audittrail", json=[{"text": "changed"}], headers=MORE)
        with pytest.raises(UnexpectedPayload, match="a page came twice"):
            list(client.audit_trail.of_agreement(501))


@pytest.mark.parametrize("answer", [{"id": 1}, ["text"], [{"name": "no id"}], [{"id": "1"}], None])
def test_a_list_that_is_none_is_refused(client: ConnectWise, answer: object) -> None:
    with Mocker() as mock:
        mock.get(f"{BASE}/company/companies", json=answer)
        with pytest.raises(UnexpectedPayload, match="/company/companies"):
            list(client.companies.all())


def test_the_next_page_is_asked_of_the_same_host_whatever_the_link_says(client: ConnectWise) -> None:
    with Mocker() as mock:
        mock.get(
            f"{BASE}/company/companies",
            [
                {"json": [{"id": 5}], "headers": {"Link": '<https://elsewhere.example/>; rel="next"'}},
                {"json": []},
            ],
        )
        assert list(client.companies.ids()) == [5]

        assert [request.qs.get("pageid") for request in mock.request_history] == [None, ["5"]]
        assert {request.hostname for request in mock.request_history} == {"127.0.0.1"}


@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirects_are_never_followed(client: ConnectWise, status: int) -> None:
    with Mocker() as mock:
        mock.register_uri(
            "GET", f"{BASE}/system/info", status_code=status, headers={"Location": "https://elsewhere.example/"}
        )
        mock.patch(
            f"{BASE}/finance/agreements/501/additions/8001",
            status_code=status,
            headers={"Location": "https://elsewhere.example/"},
        )
        with pytest.raises(UnexpectedPayload, match="sends calls elsewhere"):
            client.system.info()
        with pytest.raises(OutcomeUnknown):
            client.additions.set_quantity(501, 8001, Decimal(1))

        assert {request.hostname for request in mock.request_history} == {"127.0.0.1"}


def test_a_refusal_without_words_is_still_a_sentence(client: ConnectWise) -> None:
    with Mocker() as mock:
        mock.get(f"{BASE}/system/info", status_code=403, text="")
        with pytest.raises(Rejected, match="security role does not allow") as forbidden:
            client.system.info()
        mock.patch(f"{BASE}/finance/agreements/501/additions/8001", status_code=409, json={"code": "Conflict"})
        with pytest.raises(Rejected, match=r"refused \(409\): it gave no reason") as conflict:
            client.additions.set_quantity(501, 8001, Decimal(1))

    assert forbidden.value.forbidden
    assert (conflict.value.status, conflict.value.code) == (409, "Conflict")


def test_an_answer_far_too_long_is_not_kept_in_memory(client: ConnectWise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.connectwise.transport.MOST_BYTES", 100)
    with Mocker() as mock:
        mock.get(f"{BASE}/system/info", text="[" + " " * 200 + "]")
        with pytest.raises(UnexpectedPayload, match="far too long"):
            client.system.info()


def test_a_private_address_is_refused_before_any_key_is_shown() -> None:
    with (
        Mocker() as mock,
        ConnectWise("https://127.0.0.1:9", company="c", public_key="p", private_key="s", client_id="g") as guarded,
    ):
        with pytest.raises(AddressRefused, match="allow private addresses"):
            guarded.system.info()

        assert not mock.request_history


def test_a_name_that_leads_elsewhere_by_the_time_of_the_call_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket  # noqa: PLC0415 - only here

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr("portal.connectwise.address.check", lambda *_args, **_named: None)
        with (
            ConnectWise(
                f"https://127.0.0.1:{port}", company="c", public_key="p", private_key="s", client_id="g"
            ) as guarded,
            pytest.raises(AddressRefused, match="private network"),
        ):
            guarded.system.info()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("soon", None), ("-5", None), ("99999999999", 900.0), ("Sun, 01 Jan 2034 00:00:00 GMT", 900.0)],
)
def test_a_wait_is_bounded_and_nonsense_asks_for_none(header: str, seconds: float | None) -> None:
    answer = requests.Response()
    answer.headers["Retry-After"] = header

    assert retry_after(answer) == seconds


def test_pauses_grow_are_capped_and_differ() -> None:
    low = Patience(back_off=0.5, longest_wait=20, chance=lambda: 0.0)
    high = replace(low, chance=lambda: 1.0)

    assert [high.pause(attempt) for attempt in (1, 2, 3, 6, 7, 99)] == [0.5, 1, 2, 16, 20, 20]
    assert [low.pause(attempt) for attempt in (1, 2, 7)] == [0.25, 0.5, 10]
