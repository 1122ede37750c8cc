from decimal import Decimal
from pathlib import Path

import pytest
import requests

from portal.sandbox import jsontext
from portal.sandbox.server import MONTH, Running, running
from tests.sandbox.caller import Caller
from tests.sandbox.definition import BASE, definition

SAMPLES = Path(__file__).parents[1] / "samples"
LISTS = {
    "/company/companies": "companies",
    "/company/companies/statuses": "company_statuses",
    "/company/companies/types": "company_types",
    "/finance/agreements": "agreements",
    "/finance/agreements/types": "agreement_types",
    "/finance/billingCycles": "billing_cycles",
    "/procurement/catalog": "catalog_items",
    "/system/members": "members",
}


@pytest.mark.parametrize("folder", [MONTH, SAMPLES / "small", SAMPLES / "traps"], ids=lambda folder: str(folder.name))
def test_every_record_of_a_set_is_served_as_it_stands_at_each_step(folder: Path) -> None:
    def file(part: str, name: str) -> dict[int, jsontext.Record]:
        path = folder / part / f"{name}.json"
        rows = jsontext.loads(path.read_bytes()) if path.exists() else []
        assert isinstance(rows, list)
        return {int(str(row["id"])): row for row in rows if isinstance(row, dict)}

    with running(folder) as sandbox:
        caller = Caller(sandbox)
        for step in (1, 2):
            caller.steer("step", {"step": step})
            earlier = "psa-earlier" if step == 1 else "none"
            for path, name in LISTS.items():
                expected = file("psa", name) | file(earlier, name)
                assert caller.get(path, pageSize=1000) == [expected[key] for key in sorted(expected)]
                assert caller.get(f"{path}/count") == {"count": len(expected)}
            additions = file("psa", "additions") | file(earlier, "additions")
            for agreement in file("psa", "agreements") | file(earlier, "agreements"):
                path = f"/finance/agreements/{agreement}/additions"
                rows = [additions[key] for key in sorted(additions) if additions[key]["agreementId"] == agreement]
                assert caller.get(path, pageSize=1000) == rows
                assert caller.get("/system/audittrail", type="Agreement", id=agreement) is not None


def test_numbers_stay_exact(portal: Caller) -> None:
    text = portal.send("GET", "/finance/agreements/40/additions/901").text

    assert '"quantity":2.5,' in text
    assert '"sequenceNumber":901,' in text
    assert jsontext.loads("12.50") == Decimal("12.5")
    assert jsontext.dumps([Decimal("1E+2"), Decimal("0.1"), 3]) == "[100,0.1,3]"


def test_one_record_is_found_by_id_under_its_own_agreement_alone(portal: Caller) -> None:
    assert portal.get("/finance/agreements/40/additions/900")["id"] == 900
    assert portal.send("GET", "/finance/agreements/41/additions/900").status_code == 404
    assert portal.send("GET", "/finance/agreements/99/additions").status_code == 404
    refused = portal.send("GET", "/company/companies/12345").json()
    assert refused == {"code": "NotFound", "message": "Company 12345 not found", "errors": None}


def test_head_reads_and_never_writes(human: Caller) -> None:
    assert human.send("HEAD", "/finance/agreements/40/additions/900").status_code == 200
    assert human.send("HEAD", "/finance/agreements/40/additions").status_code == 200
    assert [row["effect"] for row in human.journal()] == [False, False]


def test_an_unknown_address_is_a_404_in_the_same_form(portal: Caller) -> None:
    assert portal.send("GET", "/company/nothing").json()["code"] == "NotFound"
    assert portal.send("POST", "/system/info").json()["code"] == "MethodNotAllowed"


def test_info_and_version(portal: Caller) -> None:
    accept = "application/vnd.connectwise.com+json; version=2024.8"

    assert portal.get("/system/info")["isCloud"] is False
    assert portal.send("GET", "/system/info").headers["api-current-version"] == "2025.1"
    assert portal.send("GET", "/system/info", headers={"Accept": accept}).headers["api-current-version"] == "2024.8"


def test_company_info_needs_no_key(sandbox: Running) -> None:
    answer = requests.get(f"{sandbox.base_url}/login/companyinfo/sandbox", timeout=20).json()

    assert answer["Codebase"] == "v4_6_release/"
    assert answer["SiteUrl"] in sandbox.base_url
    assert requests.get(f"{sandbox.base_url}/login/companyinfo/other", timeout=20).status_code == 404


@pytest.mark.parametrize(
    ("user", "secret", "client"),
    [
        ("sandbox+portal", "wrong", "6f1c9f57-54a1-4f0e-9c0e-0f4ad7b6a001"),
        ("other+portal", "portal-secret", "6f1c9f57-54a1-4f0e-9c0e-0f4ad7b6a001"),
        ("sandbox+nobody", "", "6f1c9f57-54a1-4f0e-9c0e-0f4ad7b6a001"),
        ("portal", "portal-secret", "6f1c9f57-54a1-4f0e-9c0e-0f4ad7b6a001"),
        ("sandbox+portal", "portal-secret", ""),
        ("sandbox+portal", "portal-secret", "not-a-guid"),
    ],
)
def test_without_a_valid_key_or_client_nobody_gets_in(sandbox: Running, user: str, secret: str, client: str) -> None:
    caller = Caller(sandbox)
    caller.auth = (user, secret)
    caller.headers = {"clientId": client}

    assert caller.send("GET", "/company/companies").status_code == 401
    assert caller.send("GET", "/company/companies").json()["code"] == "Unauthorized"


@pytest.mark.parametrize("header", ["Bearer abc", "Basic %%%", "Basic", "Basic /w=="])
def test_a_header_that_is_no_basic_authorization_is_refused(sandbox: Running, header: str) -> None:
    caller = Caller(sandbox)
    caller.auth = None

    assert caller.send("GET", "/system/info", headers={"Authorization": header}).status_code == 401


def test_the_portals_role_may_neither_delete_nor_edit_companies(portal: Caller) -> None:
    assert portal.send("DELETE", "/finance/agreements/40").status_code == 403
    assert portal.send("DELETE", "/finance/agreements/40/additions/900").status_code == 403
    assert portal.patch("/company/companies/5", name="X").status_code == 403
    assert portal.send("POST", "/company/companies/statuses", body={"name": "X"}).status_code == 403
    assert portal.get("/finance/agreements/40/additions/900")["quantity"] == 6


def test_a_patch_on_id_0_tells_whether_editing_is_allowed(portal: Caller) -> None:
    assert portal.patch("/finance/agreements/0/additions/0", quantity=1).status_code == 404
    assert portal.patch("/finance/agreements/40/additions/0", quantity=1).status_code == 404

    portal.steer("roles", {"portal": {"agreements": ["inquire"]}})

    assert portal.patch("/finance/agreements/0/additions/0", quantity=1).status_code == 403
    assert portal.get("/finance/agreements/count") == {"count": 5}


def test_every_address_of_the_definition_that_the_sandbox_has_is_served(portal: Caller) -> None:
    without = ("/system/callbacks", "/service/", "/finance/invoices", "/system/bundles", "/system/audittrail")
    for path, operations in definition()["paths"].items():
        if "get" in operations and not path.startswith(without):
            address = path.replace("{parentId}", "40").replace("additions/{id}", "additions/900")
            address = address.replace("agreements/{id}", "agreements/40").replace("companies/{id}", "companies/5")
            address = address.replace("statuses/{id}", "statuses/8").replace("catalog/{id}", "catalog/71")
            address = address.replace("companies/types/{id}", "companies/types/2").replace("{id}", "1")
            assert portal.send("GET", address).status_code == 200, address


def test_pages_by_number_carry_all_links(portal: Caller) -> None:
    first = portal.send("GET", "/company/companies", params={"pageSize": 1, "orderBy": "id desc", "fields": "id"})
    assert first.json() == [{"id": 7}]
    assert set(first.links) == {"next", "last"}
    second = portal.send("GET", first.links["next"]["url"])
    assert second.json() == [{"id": 6}]
    assert set(second.links) == {"next", "prev", "first", "last"}
    assert second.links["last"]["url"].endswith("page=3")
    third = portal.send("GET", second.links["next"]["url"])
    assert third.json() == [{"id": 5}]
    assert set(third.links) == {"prev", "first"}
    assert portal.send("GET", second.links["first"]["url"]).json() == [{"id": 7}]
    assert portal.get("/company/companies", page=9) == []


def test_pages_forward_give_only_the_next_and_never_shift(portal: Caller, human: Caller) -> None:
    mode = {"pagination-type": "forward-only"}
    first = portal.send("GET", "/company/companies/statuses", params={"pageSize": 1}, headers=mode)
    assert [row["id"] for row in first.json()] == [8]
    assert set(first.links) == {"next"}
    human.send("DELETE", "/company/companies/statuses/8")
    second = portal.send("GET", first.links["next"]["url"], headers=mode)
    assert [row["id"] for row in second.json()] == [9]
    assert second.links == {}
    assert portal.get("/company/companies/statuses", headers=mode, pageId=9) == []


def test_a_page_has_25_records_unless_told_and_at_most_1000() -> None:
    with running(MONTH) as sandbox:
        caller = Caller(sandbox)
        assert len(caller.get("/company/companies")) == 25
        assert len(caller.get("/company/companies", pageSize=1000)) > 25
        read: list[int] = []
        response = caller.send("GET", "/finance/agreements", params={"fields": "id", "pageSize": 7}, headers={})
        while True:
            read.extend(row["id"] for row in response.json())
            if "next" not in response.links:
                break
            response = caller.send("GET", response.links["next"]["url"])
        assert read == sorted(set(read))
        assert len(read) == caller.get("/finance/agreements/count")["count"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"pageSize": "1001"},
        {"pageSize": "0"},
        {"pageSize": "x"},
        {"page": "0"},
        {"page": "-1"},
        {"page": "1.5"},
        {"page": "9" * 30},
        {"orderBy": "nothing"},
        {"orderBy": "name sideways"},
        {"orderBy": "status"},
    ],
)
def test_a_page_or_order_that_makes_no_sense_is_refused(portal: Caller, arguments: dict[str, str]) -> None:
    assert portal.send("GET", "/company/companies", params=arguments).status_code == 400


def test_order_goes_by_every_key_in_turn(portal: Caller) -> None:
    assert [row["id"] for row in portal.get("/company/companies", orderBy="deletedFlag desc,name asc")] == [6, 5, 7]
    assert [row["id"] for row in portal.get("/company/companies", orderBy="status/id desc")] == [6, 5, 7]
    assert [row["id"] for row in portal.get("/company/companies", orderBy="lastUpdated desc, id desc")] == [6, 7, 5]


def test_fields_cut_the_answer(portal: Caller) -> None:
    assert portal.get("/company/companies/5", fields="id,status/name,types/id") == {
        "id": 5,
        "status": {"name": "Signed"},
        "types": [{"id": 2}, {"id": 3}],
    }
    assert portal.get("/company/companies", fields="Identifier,nothing", pageSize=1) == [{"identifier": "Umbra"}]


def test_names_of_arguments_may_be_in_any_case(portal: Caller) -> None:
    url = f"{portal.sandbox.base_url}{BASE}/company/companies?PAGESIZE=1&childconditions=types/id=2"

    assert len(portal.send("GET", url).json()) == 1


def test_the_audit_trail_is_newest_first_paged_and_never_ahead_of_the_clock(portal: Caller) -> None:
    def texts(**more: object) -> list[str]:
        return [row["text"] for row in portal.get("/system/audittrail", type="Agreement", id=40, **more)]

    assert texts() == ["Agreement created: Open"]
    portal.steer("step", {"step": 2})
    assert texts() == ["later", "Agreement created: Open"]
    assert texts(pageSize=1, page=2) == ["Agreement created: Open"]
    assert texts(conditions='text like "Agreement%"') == ["Agreement created: Open"]
    assert portal.send("GET", "/system/audittrail", params={"type": "Agreement"}).status_code == 400
    assert portal.send("GET", "/system/audittrail", params={"type": "Agreement", "id": "x"}).status_code == 400
    assert portal.get("/system/audittrail", type="Agreement", id=12345) == []
