import json
from typing import Any

import pytest
import requests

from tests.sandbox.caller import Caller

PATH = "/system/bundles"


def part(kind: str, number: int = 1, **asked: Any) -> dict[str, Any]:
    return {"sequenceNumber": number, "resourceType": kind, "apiRequest": asked}


def bundled(caller: Caller, *parts: Any) -> list[dict[str, Any]]:
    response = caller.send("POST", PATH, body={"requests": [*parts]})
    assert response.status_code == 200, response.text
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def test_many_reads_come_in_one_call_each_with_an_answer_of_its_own(portal: Caller) -> None:
    results = bundled(
        portal,
        part("Addition", 3, parentId=40),
        part("agreement", 1, id=41),
        part("Company", 2, filters={"conditions": "deletedFlag = True"}, fields="id,name"),
        part("agreement", 9, id=999),
        part("addition", 8, parentId=999),
        {"sequenceNumber": 4, "resourceType": "CompanyStatus", "version": "2025.1"},
    )

    assert [row["sequenceNumber"] for row in results] == [3, 1, 2, 9, 8, 4]
    assert [row["statusCode"] for row in results] == [200, 200, 200, 404, 404, 200]
    assert [row["success"] for row in results] == [True, True, True, False, False, True]
    assert [row["count"] for row in results] == [2, 1, 1, 0, 0, 2]
    lines = portal.send("GET", "/finance/agreements/40/additions").json()
    assert results[0]["entities"] == lines
    assert results[1]["entities"] == [portal.send("GET", "/finance/agreements/41").json()]
    assert results[2]["entities"] == [{"id": 6, "name": 'The "Quote" 100% Ltd'}]
    assert results[3]["error"] == {"code": "NotFound", "message": "Agreement 999 not found", "errors": None}
    assert results[5]["version"] == "2025.1"


def test_a_part_is_filtered_ordered_and_paged_like_a_list(portal: Caller) -> None:
    def ids(**asked: Any) -> list[int]:
        return [row["id"] for row in bundled(portal, part("agreement", **asked))[0]["entities"]]

    assert ids(filters={"orderBy": "id desc"}, page={"pageSize": 2}) == [44, 43]
    assert ids(filters={"orderBy": "id desc"}, page={"page": 2, "pageSize": 2}) == [42, 41]
    assert ids(page={"pageId": 41, "pageSize": 2}) == [42, 43]
    assert ids(filters={"conditions": "cancelledFlag = true"}) == [41]
    company = part("company", filters={"childconditions": "types/id = 2"}, fields="id")
    assert bundled(portal, company)[0]["entities"] == [{"id": 5}]


def test_every_part_needs_its_own_permission(portal: Caller) -> None:
    portal.steer("roles", {"portal": {"catalog": []}})

    results = bundled(portal, part("catalogItem", 1), part("agreement", 2, id=40))

    assert [row["statusCode"] for row in results] == [403, 200]
    assert results[0]["error"]["code"] == "SecurityIdentification"


@pytest.mark.parametrize(
    "wrong",
    [
        part("spaceship"),
        {"sequenceNumber": 1},
        {"sequenceNumber": "one", "resourceType": "agreement"},
        part("addition"),
        part("agreement", id="forty"),
        part("agreement", filters="id = 1"),
        part("agreement", filters={"conditions": "nothing = 1"}),
        part("agreement", filters={"orderBy": "nothing"}),
        part("agreement", page={"pageSize": 5000}),
        part("agreement", page={"page": [1]}),
        {"sequenceNumber": 1, "resourceType": "agreement", "apiRequest": 7},
    ],
)
def test_a_part_that_makes_no_sense_is_refused_alone(portal: Caller, wrong: Any) -> None:
    bad, good = bundled(portal, wrong, part("agreement", id=40))

    assert (bad["statusCode"], bad["success"], bad["entities"]) == (400, False, [])
    assert bad["error"]["message"]
    assert good["success"] is True


@pytest.mark.parametrize("body", [[], {}, 7, None, {"requests": None}, {"requests": 7}, {"requests": [7]}])
def test_a_bundle_that_makes_no_sense_is_refused_as_a_whole(portal: Caller, body: Any) -> None:
    response = portal.send("POST", PATH, data=json.dumps(body))

    assert response.status_code == 400
    assert response.json()["code"] == "InvalidObject"


def test_a_bundle_holds_so_many_parts_or_there_are_none(portal: Caller) -> None:
    portal.steer("bundles", {"most": 2})
    three = {"requests": [part("agreement", number) for number in range(3)]}
    assert "at most 2" in portal.send("POST", PATH, body=three).json()["errors"][0]["message"]
    assert len(bundled(portal, *three["requests"][:2])) == 2

    portal.steer("bundles", {"most": 0})
    assert portal.send("POST", PATH, body={"requests": []}).status_code == 404
    assert portal.send("GET", PATH).status_code == 405

    for most in (-1, True, "2", None):
        response = requests.post(f"{portal.sandbox.base_url}/_sandbox/bundles", json={"most": most}, timeout=5)
        assert response.status_code == 400
    portal.steer("reset")
    assert len(bundled(portal, *three["requests"])) == 3


def test_the_journal_counts_the_parts_and_says_that_nothing_was_changed(portal: Caller) -> None:
    bundled(portal, part("agreement", id=40), part("agreement", id=999))

    entry = portal.journal()[-1]
    assert (entry["method"], entry["status"], entry["effect"]) == ("POST", 200, False)
    assert entry["bundle"] == {"parts": 2, "refused": 1}


def test_a_fault_hits_the_whole_bundle_or_one_part(portal: Caller) -> None:
    portal.steer("faults", [{"path": "agreements/40/additions", "kind": "status_before", "nth": 2, "status": 502}])
    two = (part("addition", 1, parentId=40), part("addition", 2, parentId=41))
    assert [row["statusCode"] for row in bundled(portal, *two)] == [200, 200]
    assert [row["statusCode"] for row in bundled(portal, *two)] == [502, 200]
    assert [row["statusCode"] for row in bundled(portal, *two)] == [200, 200]

    portal.steer("faults", [{"path": "additions", "kind": "throttle"}, {"path": "bundles", "kind": "status_before"}])
    assert portal.send("POST", PATH, body={"requests": [*two]}).status_code == 503
    assert [row["statusCode"] for row in bundled(portal, *two)] == [429, 200]


def test_nobody_gets_in_without_a_key(portal: Caller) -> None:
    portal.auth = None
    assert portal.send("POST", PATH, body={"requests": []}).status_code == 401
