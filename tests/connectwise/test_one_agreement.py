"""An agreement with its lines comes in one call where bundles are taken, and in two where not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from portal.connectwise import ConnectWise, Rejected
from portal.sandbox.server import running
from tests.support.desk import client_of

TRAPS = Path(__file__).parents[1] / "samples" / "traps"


@pytest.fixture
def url() -> Iterator[str]:
    with running(TRAPS) as sandbox:
        yield sandbox.base_url


def bundling(url: str) -> ConnectWise:
    client = client_of(url)
    client.transport.bundle_size = 25
    return client


def calls(url: str) -> list[str]:
    found = requests.get(f"{url}/_sandbox/requests", timeout=5).json()
    return [f"{one['method']} {one['path'].rpartition('/3.0')[2]}" for one in found]


def test_it_comes_in_one_call(url: str) -> None:
    with bundling(url) as client, client_of(url) as single:
        agreement, lines = client.agreement_with_lines(501)
        asked = calls(url)

        assert asked == ["POST /system/bundles"]
        assert agreement == single.agreements.get(501)
        assert lines == tuple(single.additions.of(501))
        assert len(lines) == 3


@pytest.mark.parametrize("part", [r"agreements/501$", r"agreements/501/additions$"])
def test_a_part_that_fails_is_read_singly(url: str, part: str) -> None:
    fault = {"method": "GET", "path": part, "nth": 1, "times": 1, "kind": "status_before", "status": 500}
    requests.post(f"{url}/_sandbox/faults", json=[fault], timeout=5).raise_for_status()
    with bundling(url) as client:
        agreement, lines = client.agreement_with_lines(501)

    assert agreement.id == 501
    assert len(lines) == 3
    assert calls(url) == [
        "POST /system/bundles", "GET /finance/agreements/501", "GET /finance/agreements/501/additions"
    ]  # fmt: skip


def test_an_agreement_that_is_not_there_is_missing(url: str) -> None:
    with bundling(url) as client, pytest.raises(Rejected) as refused:
        client.agreement_with_lines(999_999)

    assert refused.value.missing
