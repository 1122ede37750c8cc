"""Every address of the definition, on every set: the caller holds each answer against the definition."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError

from portal.sandbox import fields, jsontext
from portal.sandbox.resources import RESOURCES, Resource
from portal.sandbox.server import MONTH, Running, running
from tests.sandbox.caller import Caller
from tests.sandbox.definition import BASE, definition, hold

SAMPLES = Path(__file__).parents[1] / "samples"
REQUIRED: dict[str, Any] = {
    "addition": {"billCustomer": "Billable"},
    "agreement": {"name": "New agreement", "contact": {"id": 1, "name": "Lee"}},
    "agreementType": {
        "name": "New type",
        "employeeCompRate": "Hourly",
        "employeeCompNotExceed": "Billing",
        "invoicingCycle": "CalendarYear",
        "billTime": "Billable",
        "billExpenses": "Billable",
        "billProducts": "Billable",
    },
    "billingCycle": {"identifier": "NEW", "name": "New cycle", "billingOptions": "Monthly"},
    "company": {"identifier": "NewCompany", "name": "New company"},
    "companyStatus": {"name": "New status"},
    "companyType": {"name": "New company type"},
    "catalogItem": {
        "identifier": "NEW-ITEM",
        "description": "A new item",
        "subcategory": {"id": 1, "name": "Any"},
        "type": {"id": 1, "name": "Any"},
        "customerDescription": "A new item",
    },
    "callback": {"url": "https://portal.example/", "type": "agreement"},
    "ticket": {"summary": "A new ticket"},
}
"""What a new record of each kind needs, beside references into the set."""

CHANGED = {"addition": "invoiceDescription", "callback": "description", "ticket": "summary", "catalogItem": "notes"}
"""The text that a change writes where a record has no ``name``."""


@pytest.fixture(scope="module", params=[MONTH, SAMPLES / "small", SAMPLES / "traps"], ids=lambda path: path.name)
def served(request: pytest.FixtureRequest) -> Iterator[Running]:
    with running(request.param) as sandbox:
        yield sandbox


def body(human: Caller, resource: Resource) -> dict[str, Any]:
    """A new record with what the definition requires."""
    company, kind = (
        human.get(path, pageSize=1)[0]["id"] for path in ("/company/companies", "/finance/agreements/types")
    )
    item = human.get("/procurement/catalog", conditions='inactiveFlag = False and productClass != "Bundle"')[0]
    references: dict[str, dict[str, Any]] = {
        "addition": {"product": {"id": item["id"]}},
        "agreement": {"company": {"id": company}, "type": {"id": kind}},
        "ticket": {"company": {"id": company}},
    }
    required: dict[str, Any] = REQUIRED[resource.word]
    return required | references.get(resource.word, {})


def test_lists_counts_and_every_single_record_have_the_shape_of_the_definition(served: Running) -> None:
    caller = Caller(served, "human")
    agreement = caller.ids("/finance/agreements")[0]
    published = definition()["paths"]
    for resource in RESOURCES:
        if resource.word == "member":
            continue
        path = resource.path.replace("<int:parent>", str(agreement))
        assert resource.path.replace("<int:parent>", "{parentId}") in published
        rows = caller.get(path, pageSize=1000)
        assert caller.get(f"{path}/count") == {"count": len(rows)}
        for row in rows[:40]:
            assert caller.get(f"{path}/{row['id']}") == row


def test_every_addition_and_every_audit_trail_has_the_shape_of_the_definition(served: Running) -> None:
    caller = Caller(served)
    lines = 0
    for agreement in caller.ids("/finance/agreements"):
        lines += len(caller.get(f"/finance/agreements/{agreement}/additions", pageSize=1000))
        trail = caller.get("/system/audittrail", type="Agreement", id=agreement, pageSize=1000)
        moments = [entry["enteredDate"] for entry in trail]
        assert moments == sorted(moments, reverse=True)
    assert lines == len(served.store.all("additions"))


@pytest.mark.parametrize("resource", [row for row in RESOURCES if row.word in REQUIRED], ids=lambda row: row.word)
def test_what_is_made_changed_replaced_and_deleted_has_the_shape_of_the_definition(
    served: Running, resource: Resource
) -> None:
    human = Caller(served, "human")
    open_one = 'agreementStatus = "Active" and startDate < [2026-01-01]'
    path = resource.path.replace("<int:parent>", str(human.ids("/finance/agreements", open_one)[0]))
    before = human.get(f"{path}/count")["count"]

    made = human.created(path, **body(human, resource))
    changed = human.changed(f"{path}/{made['id']}", **{CHANGED.get(resource.word, "name"): "Other words"})
    replaced = human.send("PUT", f"{path}/{made['id']}", data=jsontext.dumps(made))

    assert changed[CHANGED.get(resource.word, "name")] == "Other words"
    assert jsontext.loads(replaced.content) == made | {"_info": replaced.json()["_info"]}
    assert {"lastUpdated", "updatedBy", "dateEntered", "enteredBy"} <= made["_info"].keys()
    assert human.send("DELETE", f"{path}/{made['id']}").status_code == 204
    assert human.get(f"{path}/count")["count"] == before


def test_the_check_itself_notices_what_the_definition_does_not_have() -> None:
    path = f"{BASE}/finance/agreements/types"
    good = {"id": 1, "name": "Managed", **{name: REQUIRED["agreementType"][name] for name in REQUIRED["agreementType"]}}
    hold("GET", path, 200, [good])
    for wrong in ({"colour": "red"}, {"id": "1"}, {"id": 2**31}, {"name": None}, {"billTime": "Perhaps"}):
        with pytest.raises(ValidationError):
            hold("GET", path, 200, [good | wrong])
    agreement: dict[str, Any] = {name: {} for name in fields.required("Agreement")} | {"name": "x"}
    with pytest.raises(ValidationError):
        hold("GET", f"{BASE}/finance/agreements", 200, [agreement | {"startDate": "2026-10-01"}])
