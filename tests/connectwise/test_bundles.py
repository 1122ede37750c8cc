"""Bundles: many reads in one call, and reads by themselves wherever a bundle falls short."""

import threading
import time
from datetime import datetime
from typing import Any

import pytest
from requests_mock import Mocker

from portal.connectwise import AgreementAdditions, ConnectWise, ConnectWiseError, Rejected, Throttled, UnexpectedPayload
from tests.connectwise.conftest import Connect, Site

BASE = "http://127.0.0.1:9/v4_6_release/apis/3.0"
BUNDLES = f"{BASE}/system/bundles"


def line(agreement: int, number: int) -> dict[str, Any]:
    return {"id": number, "agreementId": agreement, "product": {"id": 1, "identifier": "SEAT"}, "quantity": 5}


def result(number: int, *rows: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {"sequenceNumber": number, "entities": rows, "count": len(rows), "success": True, "statusCode": 200} | other


def read(client: ConnectWise, *agreements: int, since: datetime | None = None) -> dict[int, list[int]]:
    found = client.additions.of_many(agreements, changed_since=since)
    return {each.agreement_id: [row.id for row in each.additions] for each in found}


@pytest.fixture
def nowhere(connect: Connect) -> ConnectWise:
    return connect(address="http://127.0.0.1:9", bundle_size=10, page_size=2)


def test_bundles_bring_what_single_reads_bring_in_far_fewer_calls(connect: Connect, site: Site) -> None:
    single, bundled = connect(), connect(bundle_size=20)
    asked = [*single.agreements.ids(), 999_999]

    def by_agreement(client: ConnectWise) -> dict[int, AgreementAdditions]:
        return {each.agreement_id: each for each in client.additions.of_many(asked)}

    one_by_one = by_agreement(single)
    before = len(site.journal)
    in_bundles = by_agreement(bundled)

    assert in_bundles == one_by_one
    assert in_bundles[999_999].gone
    assert len(site.journal) - before == -(-len(asked) // 20) + 1  # the vanished one is asked for by itself
    assert not [each for each in site.journal if each.get("effect")]


def test_a_bundle_asks_only_for_what_changed(connect: Connect) -> None:
    client = connect(bundle_size=20)
    moments = sorted(row.last_updated for row in client.additions.of(501) if row.last_updated)

    assert read(client, 501, 502, since=moments[-1])[501] == []


def test_a_bundle_that_went_wrong_is_sent_again_like_any_read(connect: Connect, site: Site) -> None:
    site.faults({"kind": "status_before", "method": "POST", "path": "/system/bundles", "times": 2})

    assert len(read(connect(bundle_size=5), 501, 502, 503)) == 3
    assert len(site.asked("POST")) == 3
    assert not site.asked("GET", "/additions")


def test_a_full_page_within_a_bundle_is_read_on_by_itself(connect: Connect) -> None:
    whole = read(connect(), 501, 502)
    few_a_page = read(connect(bundle_size=5, page_size=1), 501, 502)

    assert few_a_page == whole
    assert max(map(len, whole.values())) > 1


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
def test_where_there_are_no_bundles_all_is_read_singly_from_then_on(nowhere: ConnectWise, status: int) -> None:
    with Mocker() as mock:
        bundles = mock.post(BUNDLES, status_code=status, json={"code": "NotFound", "message": "no"})
        for each in range(1, 9):
            mock.get(f"{BASE}/finance/agreements/{each}/additions", json=[line(each, each)])

        assert read(nowhere, 1, 2, 3, 4) == {1: [1], 2: [2], 3: [3], 4: [4]}
        calls = bundles.call_count
        assert read(nowhere, 5, 6, 7, 8) == {5: [5], 6: [6], 7: [7], 8: [8]}
        assert (calls >= 1, bundles.call_count) == (True, calls)


@pytest.mark.parametrize(
    "answer",
    [
        {"results": [result(1, line(1, 11))]},  # one is missing
        {"results": [result(1, line(1, 11)), result(2, success=False, statusCode=503)]},
        {"results": [result(1, line(1, 11)), result(2, success=True, statusCode=500)]},
        {"results": [result(1, line(1, 11)), result(2, line(1, 11))]},  # another agreement's
        {"results": [result(1, line(1, 11)), result(2, line(2, 21), count=5)]},
        {"results": [result(1, line(1, 11)), result(2, {"name": "no id"})]},
        {"results": [result(1, line(1, 11)), result(2), result(2, line(2, 21))]},  # twice
        {"results": [result(1, line(1, 11)), "text", {"sequenceNumber": 99}, result(2, entities="none")]},
        [],
        {"results": None},
    ],
)
def test_what_a_bundle_does_not_bring_as_it_should_be_is_read_by_itself(nowhere: ConnectWise, answer: object) -> None:
    with Mocker() as mock:
        mock.post(BUNDLES, json=answer)
        mock.get(f"{BASE}/finance/agreements/1/additions", json=[line(1, 11)])
        single = mock.get(f"{BASE}/finance/agreements/2/additions", json=[line(2, 21)])

        assert read(nowhere, 1, 2) == {1: [11], 2: [21]}
        assert single.call_count == 1


def test_a_bundle_that_stays_broken_is_read_singly_and_the_next_is_tried(nowhere: ConnectWise) -> None:
    with Mocker() as mock:
        bundles = mock.post(BUNDLES, status_code=502)
        for each in (1, 2):
            mock.get(f"{BASE}/finance/agreements/{each}/additions", json=[])

        assert read(nowhere, 1, 2) == {1: [], 2: []}
        assert bundles.call_count == 3
        read(nowhere, 1, 2)
        assert bundles.call_count == 6


@pytest.mark.parametrize(("status", "kind"), [(401, Rejected), (429, Throttled)])
def test_refused_keys_and_a_throttle_are_no_reason_to_read_singly(
    nowhere: ConnectWise, status: int, kind: type[ConnectWiseError]
) -> None:
    with Mocker() as mock:
        mock.post(BUNDLES, status_code=status, headers={"Retry-After": "500"})
        with pytest.raises(kind):
            read(nowhere, 1, 2)

        assert {request.method for request in mock.request_history} == {"POST"}


def test_an_early_end_ends_the_threads(connect: Connect, site: Site) -> None:
    client = connect(parallel=4)
    site.faults({"kind": "status_before", "path": "/agreements/50[3-9]/additions", "times": 99})
    found = client.additions.of_many(range(501, 541))
    next(found)
    found.close()

    until = time.monotonic() + 10
    while (left := _readers()) and time.monotonic() < until:
        time.sleep(0.01)  # a state is waited for, with a bound
    assert not left


def test_an_error_ends_the_threads_and_asks_for_no_more(connect: Connect, site: Site) -> None:
    client = connect(parallel=2)
    site.faults({"kind": "html", "status": 200, "path": "/additions", "times": 999})

    with pytest.raises(UnexpectedPayload, match="web page"):
        list(client.additions.of_many(range(501, 541)))

    until = time.monotonic() + 10
    while (left := _readers()) and time.monotonic() < until:
        time.sleep(0.01)  # a state is waited for, with a bound
    assert not left
    assert len(site.asked("GET", "/additions")) <= 4 * 3


def test_only_a_few_agreements_are_held_at_a_time(connect: Connect) -> None:
    taken = []

    def agreements() -> Any:
        for each in range(501, 541):
            taken.append(each)
            yield each

    found = connect(parallel=2).additions.of_many(agreements())
    next(found)

    assert len(taken) <= 2 * 2 + 1
    found.close()


def _readers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("additions")]
