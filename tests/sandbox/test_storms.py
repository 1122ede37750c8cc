"""Storms of faults are the same again for the same seed, and the journal says what took effect."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
import requests

from portal.sandbox.faults import BEFORE, KINDS, Faults
from tests.sandbox.caller import CLIENT, Caller
from tests.sandbox.definition import BASE

LINE = f"{BASE}/finance/agreements/40/additions/900"
STORM: list[Any] = [{"rate": Decimal("0.4"), "seed": 11, "kinds": sorted(KINDS - {"slow"})}]
ASKED = [("GET", f"{BASE}/finance/agreements/{number % 7}/additions", str(number % 3)) for number in range(300)]


def struck(faults: Faults, asked: list[tuple[str, str, str]]) -> list[str | None]:
    return [fault.kind if (fault := faults.next(*request)) else None for request in asked]


def stormy(seed: int = 11) -> Faults:
    faults = Faults()
    faults.set([STORM[0] | {"seed": seed}])
    return faults


def test_a_storm_is_the_same_again_for_the_same_seed_and_another_one_for_another() -> None:
    first = struck(stormy(), ASKED)

    assert struck(stormy(), ASKED) == first
    assert struck(stormy(12), ASKED) != first
    assert 80 <= sum(kind is not None for kind in first) <= 160
    assert set(first) == {None, *STORM[0]["kinds"]}


def test_each_request_meets_the_same_faults_in_whatever_order_the_requests_come() -> None:
    def by_request(asked: list[tuple[str, str, str]]) -> dict[tuple[str, str, str], list[str | None]]:
        met: dict[tuple[str, str, str], list[str | None]] = {}
        for request, kind in zip(asked, struck(stormy(), asked), strict=True):
            met.setdefault(request, []).append(kind)
        return met

    assert by_request(ASKED) == by_request(ASKED[::-1]) == by_request(sorted(ASKED))


def test_a_storm_on_many_requests_at_once_strikes_as_often_and_as_hard_again(portal: Caller) -> None:
    def ask(number: int) -> None:
        url = f"{portal.sandbox.base_url}{BASE}/finance/agreements/{40 + number % 4}"
        with suppress(requests.RequestException):  # what a storm does; the journal tells
            requests.get(url, auth=portal.auth, headers={"clientId": CLIENT}, timeout=10)

    def storm() -> Counter[tuple[str, str | None]]:
        portal.steer("faults", STORM)
        requests.delete(f"{portal.sandbox.base_url}/_sandbox/requests", timeout=5)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(80)))
        return Counter((entry["path"], entry["fault"]) for entry in portal.journal())

    first = storm()

    assert storm() == first
    assert first.total() == 80
    assert len({kind for _, kind in first}) > 3


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_journal_says_of_every_kind_of_fault_whether_the_write_took_effect(portal: Caller, kind: str) -> None:
    portal.steer("faults", [{"method": "PATCH", "kind": kind, "seconds": 0}])

    try:
        requests.patch(
            f"{portal.sandbox.base_url}{LINE}",
            json=[{"op": "replace", "path": "quantity", "value": 12}],
            auth=portal.auth,
            headers={"clientId": CLIENT},
            timeout=10,
        )
    except requests.RequestException:
        assert kind in {"drop_before", "drop_after", "truncate"}

    (entry,) = [row for row in portal.journal() if row["method"] == "PATCH"]
    assert (entry["fault"], entry["effect"]) == (kind, kind not in BEFORE)
    assert portal.get(LINE.removeprefix(BASE))["quantity"] == (6 if kind in BEFORE else 12)


def test_reads_and_refused_writes_have_no_effect_and_callbacks_have_one(portal: Caller, human: Caller) -> None:
    line = LINE.removeprefix(BASE)
    portal.get(line)
    portal.patch(line, quantity=-1)
    portal.send("DELETE", line)
    made = portal.created("/system/callbacks", url="https://portal.example/", type="ticket")
    portal.send("POST", "/system/bundles", body={"requests": []})
    human.send("DELETE", f"/system/callbacks/{made['id']}")

    assert [(row["status"], row["effect"], row["member"]) for row in portal.journal()] == [
        (200, False, "robot7"),
        (400, False, "robot7"),
        (403, False, "robot7"),
        (201, True, "robot7"),
        (200, False, "robot7"),
        (204, True, "ana"),
    ]
