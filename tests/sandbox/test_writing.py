from decimal import Decimal
from typing import Any

import pytest
import requests

from portal.sandbox.server import Running
from tests.sandbox.caller import Caller, replace
from tests.sandbox.definition import BASE

LINES = "/finance/agreements/40/additions"
LINE = f"{LINES}/900"
NEW = {"product": {"id": 71}, "billCustomer": "Billable", "quantity": 2, "effectiveDate": "2031-03-10T00:00:00Z"}


def texts(caller: Caller, kind: str = "Agreement", key: int = 40) -> list[str]:
    return [row["text"] for row in caller.get("/system/audittrail", type=kind, id=key)]


def test_a_quantity_is_changed_with_all_that_follows_from_it(portal: Caller) -> None:
    before = portal.get(LINE)

    after = portal.changed(LINE, quantity=Decimal("12.25"))

    assert after == portal.get(LINE)
    assert after["quantity"] == after["billedQuantity"] == Decimal("12.25")
    assert after["extPrice"] == Decimal("153.125")
    assert after["extCost"] == Decimal("111.475")
    assert after["margin"] == Decimal("41.65")
    assert after["_info"]["updatedBy"] == "robot7"
    assert after["_info"]["lastUpdated"] > before["_info"]["lastUpdated"]
    assert texts(portal)[0] == "Addition SEAT quantity changed from 6 to 12.25"


def test_included_units_cost_but_earn_nothing_and_a_missing_price_is_the_catalogues(portal: Caller) -> None:
    after = portal.changed(f"{LINES}/901", quantity=10)

    assert after["billedQuantity"] == Decimal("9.5")
    assert after["extPrice"] == Decimal("0.95")
    assert after["extCost"] == Decimal("0.3")
    assert "unitPrice" not in after


def test_an_edit_by_a_person_carries_that_name(human: Caller) -> None:
    assert human.changed(LINE, quantity=9)["_info"]["updatedBy"] == "ana"
    entry = human.get("/system/audittrail", type="Agreement", id=40)[0]
    assert entry["enteredBy"] == "ana"
    assert {name: entry[name] for name in ("auditType", "auditSubType", "auditSource")} == {
        "auditType": "Agreement",
        "auditSubType": "Addition",
        "auditSource": "Application",
    }


def test_every_write_is_strictly_later_than_the_one_before(portal: Caller) -> None:
    stamps = [portal.changed(LINE, quantity=quantity)["_info"]["lastUpdated"] for quantity in range(5)]

    assert stamps == sorted(set(stamps))
    assert portal.ids(LINES, f"lastUpdated >= [{stamps[-1]}]") == [900]
    assert portal.ids(LINES, f"lastUpdated > [{stamps[-1]}]") == []


def test_several_operations_hold_whole_or_not_at_all(portal: Caller) -> None:
    good = [replace("quantity", 8), {"op": "add", "path": "/cancelledDate", "value": "2031-04-30"}]
    assert portal.send("PATCH", LINE, body=good).json()["cancelledDate"] == "2031-04-30T00:00:00Z"

    bad = [replace("quantity", 99), replace("billCustomer", "Sometimes")]
    assert portal.send("PATCH", LINE, body=bad).status_code == 400
    assert portal.get(LINE)["quantity"] == 8

    assert "cancelledDate" not in portal.send("PATCH", LINE, body=[{"op": "remove", "path": "cancelledDate"}]).json()
    assert texts(portal)[:3] == [
        "Addition SEAT cancelledDate changed from 2031-04-30 to none",
        "Addition SEAT quantity changed from 6 to 8",
        "Addition SEAT cancelledDate changed from none to 2031-04-30",
    ]


def test_a_calendar_date_keeps_its_day_whatever_the_time_beside_it(portal: Caller) -> None:
    for sent in ("2031-04-30", "2031-04-30T23:30:00-05:00", "2031-04-30T00:00:00Z"):
        assert portal.changed(LINE, cancelledDate=sent)["cancelledDate"] == "2031-04-30T00:00:00Z"


@pytest.mark.parametrize(
    "operations",
    [
        {},
        [],
        "text",
        [1],
        [{"op": "replace", "path": "quantity"}],
        [{"op": "move", "path": "quantity", "value": 1}],
        [{"op": "replace", "value": 1}],
        [{"op": "replace", "path": "/", "value": 1}],
        [replace("quantty", 1)],
        [replace("quantity", "12")],
        [replace("quantity", -1)],
        [replace("quantity", 10**9)],
        [replace("quantity", True)],
        [replace("quantity/x", 1)],
        [replace("id", 5)],
        [replace("agreementId", 41)],
        [replace("product", {"id": 12345})],
        [replace("product", {"id": 73})],
        [replace("product", {"id": 74})],
        [replace("product/id", 73)],
        [replace("product", "SEAT")],
        [{"op": "remove", "path": "product"}],
        [replace("billCustomer", None)],
        [replace("effectiveDate", "soon")],
        [replace("effectiveDate", "2029-12-31")],
        [replace("cancelledDate", "2030-01-31")],
        [replace("taxableFlag", "yes")],
        [replace("serialNumber", "x" * 51)],
        [replace("customFields/0/value", 1)],
    ],
)
def test_a_change_that_the_psa_does_not_take_changes_nothing(human: Caller, operations: Any) -> None:
    before = human.get(LINE)

    assert human.send("PATCH", LINE, body=operations).status_code == 400
    assert human.get(LINE) == before
    assert human.journal()[-2]["effect"] is False


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[NaN]", b'[{"op":"replace","path":"quantity","value":1e999}]', b"[" * 5000]
)
def test_a_body_that_is_no_json_is_refused(sandbox: Running, body: bytes) -> None:
    caller = Caller(sandbox)

    assert caller.send("PATCH", LINE, data=body).status_code == 400
    assert caller.send("POST", LINES, data=body).status_code == 400


def test_what_the_psa_computes_cannot_be_set(portal: Caller) -> None:
    after = portal.changed(LINE, billedQuantity=1, extPrice=1, agreementStatus="Expired")

    assert (after["billedQuantity"], after["extPrice"], after["agreementStatus"]) == (6, 75, "Active")


def test_a_new_addition_takes_what_is_not_said_from_the_catalogue(portal: Caller) -> None:
    made = portal.created(LINES, **NEW)

    assert made["product"] == {"id": 71, "identifier": "SEAT"}
    assert (made["unitPrice"], made["unitCost"], made["extPrice"]) == (10, Decimal("4.25"), 20)
    assert (made["agreementId"], made["agreementStatus"], made["lessIncluded"]) == (40, "Active", 0)
    assert made["invoiceDescription"] == "Your seat"
    assert made["id"] > 904
    assert made["sequenceNumber"] == 902
    assert portal.ids(LINES) == [900, 901, made["id"]]
    assert texts(portal)[0] == "Addition created: SEAT, quantity 2"


def test_a_new_addition_begins_today_in_the_psas_zone_unless_told(portal: Caller) -> None:
    without = {name: value for name, value in NEW.items() if name != "effectiveDate"}

    assert portal.created(LINES, **without)["effectiveDate"] == "2031-03-10T00:00:00Z"


def test_a_product_may_be_named_by_its_identifier(portal: Caller) -> None:
    assert portal.created(LINES, **NEW | {"product": {"identifier": "disk"}})["product"]["id"] == 72


def test_a_missing_field_is_told_in_connectwises_words(portal: Caller) -> None:
    response = portal.send("POST", LINES, body={"billCustomer": "Billable"})

    assert response.status_code == 400
    assert response.json() == {
        "code": "InvalidObject",
        "message": "addition object is invalid",
        "errors": [
            {
                "code": "MissingRequiredField",
                "message": "The product field is required.",
                "resource": "addition",
                "field": "product",
            }
        ],
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"product": {"id": 73}},
        {"product": {"id": 74}},
        {"product": {"id": 12345}},
        {"product": {}},
        {"billCustomer": "Maybe"},
        {"quantity": -1},
        {"quantity": "2"},
        {"lessIncluded": -1},
        {"effectiveDate": "2029-12-31"},
        {"cancelledDate": "2031-03-09"},
        {"nonsense": 1},
    ],
)
def test_an_addition_that_the_psa_does_not_take_is_not_made(portal: Caller, fields: dict[str, Any]) -> None:
    response = portal.send("POST", LINES, body=NEW | fields)

    assert response.status_code == 400
    assert response.json()["errors"][0]["resource"] == "addition"
    assert portal.ids(LINES) == [900, 901]


@pytest.mark.parametrize(("agreement", "line"), [(41, 902), (42, 903)])
def test_a_cancelled_or_ended_agreement_takes_no_change(human: Caller, agreement: int, line: int) -> None:
    lines = f"/finance/agreements/{agreement}/additions"

    assert human.patch(f"{lines}/{line}", quantity=1).status_code == 400
    assert human.send("POST", lines, body=NEW).status_code == 400
    assert human.send("DELETE", f"{lines}/{line}").status_code == 400
    assert len(human.get(lines)) == 1


def test_an_agreement_that_ends_soon_takes_lines_up_to_its_last_day(portal: Caller) -> None:
    lines = "/finance/agreements/43/additions"

    assert portal.send("POST", lines, body=NEW | {"effectiveDate": "2031-03-13"}).status_code == 400
    made = portal.created(lines, **NEW | {"effectiveDate": "2031-03-12"})
    portal.steer("step", {"step": 2})
    assert portal.patch(f"{lines}/{made['id']}", quantity=1).status_code == 400  # it has ended since


def test_cancelling_an_agreement_shows_on_its_lines_and_in_its_trail(human: Caller) -> None:
    after = human.changed("/finance/agreements/40", cancelledFlag=True, reasonCancelled="Moved away")

    assert after["agreementStatus"] == "Cancelled"
    assert after["dateCancelled"] == "2031-03-10T00:00:00Z"
    line = human.get(LINE)
    assert line["agreementStatus"] == "Cancelled"
    assert line["_info"]["lastUpdated"] == "2031-03-01T08:00:00Z"  # the line itself was not touched
    assert human.patch(LINE, quantity=1).status_code == 400
    assert "Agreement status changed from Active to Cancelled: Moved away" in texts(human)

    back = human.changed("/finance/agreements/40", cancelledFlag=False)
    assert back["agreementStatus"] == "Active"
    assert "dateCancelled" not in back
    assert human.patch(LINE, quantity=1).status_code == 200


def test_an_addition_does_not_touch_its_agreement(portal: Caller) -> None:
    before = portal.get("/finance/agreements/40")
    portal.changed(LINE, quantity=1)

    assert portal.get("/finance/agreements/40") == before


def test_an_agreement_is_made_renamed_and_deleted_by_a_person(human: Caller) -> None:
    path = "/finance/agreements"
    body = {"name": "Fresh", "type": {"id": 1}, "company": {"id": 5}, "contact": {"id": 50}}
    made = human.created(path, **body, startDate="2031-04-01")
    assert made["agreementStatus"] == "Inactive"
    assert made["company"] == {"id": 5, "identifier": "Umbra", "name": "Umbra & Sons"}
    human.changed(f"{path}/{made['id']}", name="Fresher")
    assert texts(human, key=made["id"]) == ["Agreement name changed from Fresh to Fresher", "Agreement created: Fresh"]
    assert human.send("DELETE", f"{path}/{made['id']}").status_code == 204
    assert human.send("GET", f"{path}/{made['id']}").status_code == 404
    assert human.send("GET", f"{path}/{made['id']}/additions").status_code == 404
    assert human.created(path, **body)["id"] > made["id"]  # an id is never used twice


def test_a_renamed_status_shows_on_its_companies_and_a_deleted_one_stays_there(human: Caller) -> None:
    human.changed("/company/companies/statuses/8", name="Won")
    company = human.get("/company/companies/5")
    assert company["status"] == {"id": 8, "name": "Won"}
    assert company["_info"]["lastUpdated"] == "2031-03-01T08:00:00Z"

    human.send("DELETE", "/company/companies/statuses/8")
    assert human.ids("/company/companies/statuses") == [9]
    assert human.get("/company/companies/5")["status"]["id"] == 8
    assert human.changed("/company/companies/5", city="Ede")["city"] == "Ede"
    assert human.patch("/company/companies/5", **{"status/id": 8}).status_code == 200
    assert human.patch("/company/companies/6", **{"status/id": 8}).status_code == 400


def test_a_company_moves_between_statuses_and_types(human: Caller) -> None:
    path = "/company/companies/5"

    assert human.changed(path, **{"status/id": 9})["status"] == {"id": 9, "name": "Paused"}
    assert human.changed(path, status={"name": "signed"})["status"] == {"id": 8, "name": "Signed"}
    assert human.changed(path, types=[{"id": 3}])["types"] == [{"id": 3, "name": "Farm"}]
    add = [{"op": "add", "path": "types/-", "value": {"id": 2}}]
    assert [row["id"] for row in human.send("PATCH", path, body=add).json()["types"]] == [3, 2]
    drop = [{"op": "remove", "path": "types/0"}]
    assert [row["id"] for row in human.send("PATCH", path, body=drop).json()["types"]] == [2]
    assert human.send("PATCH", path, body=[replace("types/7", {"id": 2})]).status_code == 400


def test_two_statuses_never_have_one_name(human: Caller) -> None:
    assert human.send("POST", "/company/companies/statuses", body={"name": "signed"}).status_code == 400
    assert human.patch("/company/companies/statuses/9", name="Signed").status_code == 400
    assert human.created("/company/companies/statuses", name="Seasonal")["id"] == 10


def test_put_replaces_everything_that_was_not_sent(human: Caller) -> None:
    body = {name: value for name, value in NEW.items() if name != "quantity"}

    after = human.send("PUT", LINE, body=body).json()

    assert "quantity" not in after
    assert (after["id"], after["agreementId"]) == (900, 40)
    assert human.send("PUT", LINE, body={"quantity": 1}).status_code == 400


def test_the_journal_tells_who_asked_what_and_whether_it_took_effect(portal: Caller, human: Caller) -> None:
    portal.get(LINE)
    portal.changed(LINE, quantity=1)
    human.patch(LINE, quantity=-1)
    portal.auth = None
    portal.send("GET", LINE)

    rows = [(row["method"], row["member"], row["status"], row["effect"]) for row in portal.journal()]

    assert rows == [
        ("GET", "robot7", 200, False),
        ("PATCH", "robot7", 200, True),
        ("PATCH", "ana", 400, False),
        ("GET", None, 401, False),
    ]
    assert portal.journal()[0]["path"] == BASE + LINE
    assert portal.journal()[0]["time"].startswith("2031-03-10T14:00")
    assert requests.delete(f"{portal.sandbox.base_url}/_sandbox/requests", timeout=20).status_code == 204
    assert portal.journal() == []
