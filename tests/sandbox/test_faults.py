import time
from decimal import Decimal
from typing import Any

import pytest
import requests

from portal.sandbox.faults import Throttle
from tests.sandbox.caller import Caller

LINE = "/finance/agreements/40/additions/900"


def ask(caller: Caller, method: str = "PATCH", quantity: int = 12) -> requests.Response:
    """A request whose answer may be of any shape."""
    return requests.request(
        method,
        f"{caller.sandbox.base_url}/v4_6_release/apis/3.0{LINE}",
        json=[{"op": "replace", "path": "quantity", "value": quantity}] if method == "PATCH" else None,
        auth=caller.auth,
        headers=caller.headers,
        timeout=5,
    )


@pytest.mark.parametrize(("kind", "quantity"), [("drop_before", 6), ("drop_after", 12)])
def test_a_dropped_connection_loses_the_answer(portal: Caller, kind: str, quantity: int) -> None:
    portal.steer("faults", [{"method": "PATCH", "path": "additions/900$", "kind": kind}])

    with pytest.raises(requests.ConnectionError):
        ask(portal)

    assert portal.journal()[-1]["status"] is None
    assert portal.journal()[-1]["effect"] is (kind == "drop_after")
    assert portal.get(LINE)["quantity"] == quantity


@pytest.mark.parametrize(("kind", "quantity"), [("status_before", 6), ("status_after", 12)])
def test_a_status_comes_before_or_after_the_effect(portal: Caller, kind: str, quantity: int) -> None:
    portal.steer("faults", [{"kind": kind, "status": 504}])

    response = ask(portal)

    assert response.status_code == 504
    assert response.headers["x-cw-request-id"]
    assert portal.get(LINE)["quantity"] == quantity


def test_a_truncated_answer_breaks_off_but_took_effect(portal: Caller) -> None:
    portal.steer("faults", [{"kind": "truncate"}])

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask(portal)

    assert portal.get(LINE)["quantity"] == 12


def test_a_proxy_may_answer_html(portal: Caller) -> None:
    portal.steer("faults", [{"kind": "html"}, {"kind": "html", "status": 200, "nth": 2}])

    assert ask(portal).status_code == 502
    response = ask(portal, "GET")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert portal.get(LINE)["quantity"] == 6


def test_a_throttled_request_says_when_to_come_back(portal: Caller) -> None:
    portal.steer("faults", [{"kind": "throttle", "seconds": 3}])

    response = ask(portal)

    assert (response.status_code, response.headers["Retry-After"]) == (429, "3")
    assert portal.get(LINE)["quantity"] == 6


def test_a_slow_answer_takes_effect_before_it_comes(portal: Caller) -> None:
    portal.steer("faults", [{"kind": "slow", "seconds": Decimal("0.3")}])
    started = time.monotonic()

    assert ask(portal).status_code == 200

    assert time.monotonic() - started >= 0.3
    assert portal.get(LINE)["quantity"] == 12


def test_a_fault_hits_the_nth_request_and_as_many_as_it_says(portal: Caller) -> None:
    portal.steer("faults", [{"method": "patch", "path": "900", "nth": 2, "times": 2, "kind": "status_before"}])

    statuses = [ask(portal, method).status_code for method in ("PATCH", "GET", "PATCH", "PATCH", "PATCH")]

    assert statuses == [200, 200, 503, 503, 200]


def test_an_empty_list_ends_all_faults(portal: Caller) -> None:
    portal.steer("faults", [{"kind": "status_before", "times": 10}])
    assert portal.steer("faults", []) == {"faults": 0}

    assert ask(portal).status_code == 200


@pytest.mark.parametrize(
    "faults",
    [
        {},
        [1],
        [{}],
        [{"kind": "explode"}],
        [{"kind": "slow", "seconds": -1}],
        [{"kind": "slow", "seconds": "long"}],
        [{"kind": "html", "status": 99}],
        [{"kind": "html", "nth": 0}],
        [{"kind": "html", "times": True}],
        [{"kind": "html", "path": "("}],
        [{"rate": 2, "kinds": ["html"]}],
        [{"rate": 1, "kinds": []}],
        [{"rate": 1, "kinds": ["explode"]}],
        [{"rate": 1, "kinds": ["html"], "methods": "PATCH"}],
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(portal: Caller, faults: Any) -> None:
    response = requests.post(f"{portal.sandbox.base_url}/_sandbox/faults", json=faults, timeout=5)

    assert response.status_code == 400
    assert response.json()["message"].endswith(".") or "regular expression" in response.json()["message"]


def test_a_storm_strikes_the_same_requests_again_for_the_same_seed(portal: Caller) -> None:
    storm = {"rate": Decimal("0.5"), "seed": 7, "methods": ["PATCH"], "kinds": ["status_before", "status_after"]}

    def statuses() -> list[int]:
        portal.steer("faults", [storm])
        return [ask(portal, "PATCH", quantity).status_code for quantity in range(40)]

    first = statuses()

    assert 8 <= sum(status != 200 for status in first) <= 32
    assert {200, 500, 503} >= set(first)
    assert statuses() == first
    assert all(ask(portal, "GET").status_code == 200 for _ in range(20))


def test_a_throttle_lets_so_many_through_a_minute(portal: Caller) -> None:
    portal.steer("throttle", {"per_minute": 3})

    answers = [ask(portal, "GET") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert portal.journal()[-1]["status"] == 429
    portal.steer("throttle", {"per_minute": None})
    assert ask(portal).status_code == 200
    url = f"{portal.sandbox.base_url}/_sandbox/throttle"
    for bad in ({"per_minute": 0}, {"per_minute": "60"}, {}, 60):
        assert requests.post(url, json=bad, timeout=5).status_code == 400


def test_a_throttled_minute_passes() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    throttle.set(2)
    assert [throttle.wait() for _ in range(3)] == [0, 0, 60]

    now = 59.5
    assert throttle.wait() == 1
    now = 60.0
    assert throttle.wait() == 0
