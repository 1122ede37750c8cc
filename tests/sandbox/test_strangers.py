"""What strangers send: odd addresses, methods and bodies get an answer of ConnectWise's kind, and never a 500."""

import json
from typing import Any

import pytest
import requests

from portal.sandbox.server import Running
from tests.sandbox.caller import CLIENT, Caller
from tests.sandbox.definition import BASE

LINE = "/finance/agreements/40/additions/900"
LINES = "/finance/agreements/40/additions"


@pytest.mark.parametrize(
    "path",
    [
        f"{BASE}/finance/agreements/40/",
        f"{BASE}/Finance/AGREEMENTS/40",
        "/V4_6_Release/APIs/3.0/finance/agreements/40//",
    ],
)
def test_an_address_is_taken_in_any_case_and_with_a_slash_at_its_end(portal: Caller, path: str) -> None:
    answer = portal.send("GET", f"{portal.sandbox.base_url}{path}")

    assert (answer.status_code, answer.json()["id"]) == (200, 40)
    assert portal.journal()[-1]["path"] == f"{BASE}/finance/agreements/40"


def test_links_lead_on_as_the_caller_asked(portal: Caller) -> None:
    answer = portal.send("GET", f"{portal.sandbox.base_url}{BASE}/Finance/Agreements/?pageSize=2&fields=id")

    following = answer.links["next"]["url"]
    assert "/Finance/Agreements/?" in following
    assert [row["id"] for row in portal.send("GET", following).json()] == [42, 43]


@pytest.mark.parametrize(
    "path", ["//finance/agreements", "/finance//agreements", "/finance", "/finance/agreements/x/y"]
)
def test_an_address_that_is_none_is_a_404(portal: Caller, path: str) -> None:
    assert portal.send("GET", path).status_code == 404


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "FOO", "DELETE", "PATCH", "PUT"])
def test_a_method_that_a_list_does_not_know_is_a_405(portal: Caller, method: str) -> None:
    assert portal.send(method, "/finance/agreements").status_code == 405


@pytest.mark.parametrize("path", ["/service/boards", "/finance/invoices"])
def test_what_the_definition_only_reads_cannot_be_written(human: Caller, path: str) -> None:
    assert human.send("POST", path, body={"name": "x"}).status_code == 405
    assert human.send("DELETE", f"{path}/1").status_code == 405
    assert human.get(f"{path}/count")["count"] == len(human.get(path))


def test_a_tenant_may_sit_on_another_codebase(portal: Caller, sandbox: Running) -> None:
    portal.steer("site", {"codebase": "v2025_1", "cloud": True})

    info = requests.get(f"{sandbox.base_url}/login/companyinfo/sandbox", timeout=5).json()
    assert (info["Codebase"], info["IsCloud"]) == ("v2025_1/", True)
    assert portal.send("GET", "/system/info").status_code == 404
    moved = portal.send("GET", f"{sandbox.base_url}/v2025_1/apis/3.0/finance/agreements?pageSize=1")
    assert moved.links["next"]["url"].startswith(f"{sandbox.base_url}/v2025_1/apis/3.0/")
    wrongs: list[Any] = [{"codebase": "../x"}, {}, []]
    for wrong in wrongs:
        assert requests.post(f"{sandbox.base_url}/_sandbox/site", json=wrong, timeout=5).status_code == 400
    portal.steer("reset")
    assert portal.get("/system/info")["isCloud"] is False


OPERATIONS: list[tuple[str, Any, str]] = [
    ("product/colour", "red", "InvalidPatchOperation"),
    ("product/identifier", "nope", "InvalidObject"),
    ("product/id", "71", "InvalidObject"),
    ("product", {"id": 71, "colour": "red"}, "InvalidObject"),
    ("opportunity", {"id": 2**31}, "InvalidObject"),
    ("opportunity", {"id": 1, "_info": {"a": {}}}, "InvalidObject"),
    ("customFields/0/value", "x", "InvalidPatchOperation"),
    ("customFields/-/value", "x", "InvalidPatchOperation"),
    ("customFields", [7], "InvalidObject"),
    ("quantity", 10**40, "InvalidObject"),
    ("unitPrice", 10**15, "InvalidObject"),
    ("effectiveDate", "1700-01-01", "InvalidObject"),
    ("effectiveDate", "0001-01-01T00:00:00+14:00", "InvalidObject"),
    ("invoiceDescription", "x" * 6001, "InvalidObject"),
]


@pytest.mark.parametrize(("path", "value", "code"), OPERATIONS, ids=range(len(OPERATIONS)))
def test_a_value_that_does_not_fit_is_refused(portal: Caller, path: str, value: Any, code: str) -> None:
    before = portal.get(LINE)

    answer = portal.send("PATCH", LINE, body=[{"op": "replace", "path": path, "value": value}])

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert portal.get(LINE) == before


def test_the_largest_numbers_and_latest_days_fit(portal: Caller) -> None:
    line = portal.send("PATCH", LINE, data='[{"op":"replace","path":"unitPrice","value":999999999999999.123456789012},'
                       '{"op":"replace","path":"quantity","value":999999999.123456789012},'
                       '{"op":"replace","path":"effectiveDate","value":"9999-12-31"}]')  # fmt: skip

    assert line.status_code == 200
    assert line.json()["prorateCurrentPeriodFlag"] is False


def test_nested_paths_reach_into_references_and_lists(portal: Caller) -> None:
    assert portal.changed(LINE, **{"/Product/Identifier": "DISK"})["product"] == {"id": 72, "identifier": "DISK"}
    assert portal.changed(LINE, **{"product/id": 71})["product"] == {"id": 71, "identifier": "SEAT"}
    first = {"id": 1, "caption": "Ref", "type": "Text", "value": "a"}
    portal.send("PATCH", LINE, body=[{"op": "add", "path": "customFields/-", "value": first}])
    several = [
        {"op": "replace", "path": "/customFields/0/value", "value": "b"},
        {"op": "add", "path": "customFields/0", "value": {"id": 2, "caption": "Other"}},
        {"op": "remove", "path": "customFields/1/type"},
    ]
    line = portal.send("PATCH", LINE, body=several).json()
    assert line["customFields"] == [{"id": 2, "caption": "Other"}, {"id": 1, "caption": "Ref", "value": "b"}]
    assert portal.ids(LINES, customFieldConditions='caption = "Ref" and value = "b"') == [900]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("product/identifier,product", {"product": {"id": 71, "identifier": "SEAT"}}),
        ("product,product/identifier", {"product": {"id": 71, "identifier": "SEAT"}}),
        ("Product/ID, quantity", {"product": {"id": 71}, "quantity": 6}),
        ("nothing", {}),
        ("_info/updatedBy", {"_info": {"updatedBy": "ana"}}),
    ],
)
def test_fields_reach_into_references_of_a_single_record(portal: Caller, fields: str, expected: Any) -> None:
    assert portal.get(LINE, fields=fields) == expected


def test_a_new_agreement_prorates_if_its_type_says_so(human: Caller) -> None:
    human.changed("/finance/agreements/types/1", prorateFlag=True)
    fresh = {"name": "Later", "type": {"id": 1}, "company": {"id": 5}, "contact": {"id": 50}, "startDate": "2032-01-01"}

    made = human.created("/finance/agreements", **fresh)

    assert (made["prorateFlag"], made["agreementStatus"]) == (True, "Inactive")
    assert human.created("/finance/agreements", **fresh, prorateFlag=False)["prorateFlag"] is False
    line = human.created(
        f"/finance/agreements/{made['id']}/additions", product={"identifier": "SEAT"}, billCustomer="Billable"
    )
    assert (line["effectiveDate"], line["agreementStatus"]) == ("2032-01-01T00:00:00Z", "Inactive")


def test_a_ticket_needs_a_company_and_lands_on_the_board(portal: Caller) -> None:
    refused = portal.send("POST", "/service/tickets", body={"summary": "Seats differ"})
    assert refused.json()["errors"][0]["field"] == "company"

    made = portal.created("/service/tickets", summary="Seats differ", company={"identifier": "umbra"})

    assert made["board"] == {"id": 1, "name": "Service Desk"}
    assert (made["status"]["name"], made["closedFlag"], made["recordType"]) == ("New", False, "ServiceTicket")
    assert portal.ids("/service/tickets", 'company/identifier = "Umbra" and closedFlag = false') == [made["id"]]
    wrongs: list[dict[str, Any]] = [{"mobileGuid": "nope"}, {"board": {"id": 9}}, {"summary": "x" * 101}]
    for wrong in wrongs:
        body = {"summary": "x", "company": {"id": 5}} | wrong
        assert portal.send("POST", "/service/tickets", body=body).status_code == 400
    texts = [(row["text"], row["enteredBy"]) for row in portal.get("/system/audittrail", type="Ticket", id=made["id"])]
    assert texts == [("Ticket created: Seats differ", "robot7")]
    portal.steer("roles", {"portal": {"service": []}})
    assert portal.send("GET", "/service/tickets").status_code == 403


@pytest.mark.parametrize("body", [b"", b"\xff", b"[[[[", b"[" * 60000, b'{"a":NaN}', b"1e999", b'"x"', b"null", b"7"])
@pytest.mark.parametrize("path", [LINES, LINE, "/company/companies", "/system/callbacks", "/system/bundles"])
def test_a_body_that_makes_no_sense_is_a_400(human: Caller, path: str, body: bytes) -> None:
    method = "PATCH" if path == LINE else "POST"

    assert human.send(method, path, data=body).status_code == 400


def test_a_body_that_is_too_large_is_a_413(human: Caller) -> None:
    assert human.send("POST", LINES, data=json.dumps({"description": "x" * 2_100_000})).status_code == 413


@pytest.mark.parametrize(
    "arguments",
    [
        "page=-1", "page=0", "page=x", "pageSize=0", "pageSize=1001", "pageSize=1.5", "page=1e3", "page=%00",
        "conditions=%00", "conditions=%ff", "conditions=id=[1]", "conditions=id+in+()", "orderBy=,", "orderBy=id+up",
        "childConditions=name=1", "customFieldConditions=nothing=1",
    ],
)  # fmt: skip
def test_an_argument_that_makes_no_sense_is_a_400_with_a_sentence(portal: Caller, arguments: str) -> None:
    answer = portal.send("GET", f"/finance/agreements?{arguments}")

    assert answer.status_code == 400
    assert answer.json()["message"].endswith(".")


@pytest.mark.parametrize("arguments", ["page=9999", "page=2&page=1&pageSize=1000", "fields=,,/", "unknown=1", "page="])
def test_an_odd_argument_is_no_reason_to_refuse(portal: Caller, arguments: str) -> None:
    assert portal.send("GET", f"/finance/agreements?{arguments}").status_code == 200


def test_a_page_id_beyond_all_records_is_an_empty_page(portal: Caller) -> None:
    answer = portal.send("GET", "/finance/agreements?pageId=99999", headers={"pagination-type": "forward-only"})

    assert (answer.json(), answer.headers.get("Link")) == ([], None)


@pytest.mark.parametrize("kind", ["Agreement", "agreement", "AGREEMENT"])
def test_the_kind_of_an_audit_trail_may_be_in_any_case(portal: Caller, kind: str) -> None:
    portal.changed(LINE, quantity=8)

    entry = portal.get("/system/audittrail", type=kind, id=40, pageSize=1)[0]

    assert (entry["text"], entry["auditType"]) == ("Addition SEAT quantity changed from 6 to 8", "Agreement")


@pytest.mark.parametrize("accept", ["text/html", "application/vnd.connectwise.com+json; version=2022.1", "*/*"])
def test_an_answer_names_its_version_and_request(sandbox: Running, accept: str) -> None:
    headers = {"Accept": accept, "clientId": CLIENT}
    auth = ("Sandbox+portal", "portal-secret")

    answers = [requests.get(f"{sandbox.base_url}{BASE}/system/info", headers=headers, auth=auth, timeout=5)
               for _ in range(2)]  # fmt: skip

    assert {answer.headers["api-current-version"] for answer in answers} == {"2022.1" if "2022" in accept else "2025.1"}
    assert len({answer.headers["x-cw-request-id"] for answer in answers}) == 2
