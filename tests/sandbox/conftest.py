"""A made-up PSA of a few records, whose names and ids stand in no sample set, served over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.sandbox.server import Running, running
from tests.sandbox.caller import Caller

INFO = {"_info": {"lastUpdated": "2031-03-01T08:00:00Z", "updatedBy": "ana"}}


def _agreement(key: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": key,
        "name": name,
        "type": {"id": 1, "name": "Managed"},
        "company": {"id": 5, "identifier": "Umbra", "name": "Umbra & Sons"},
        "contact": {"id": 50, "name": "Lee Ray"},
        "startDate": "2030-01-01T00:00:00Z",
        "noEndingDateFlag": True,
        "cancelledFlag": False,
        "prorateFlag": True,
        "billingCycle": {"id": 1, "name": "Monthly"},
        "agreementStatus": "Active",
        **INFO,
        **more,
    }


def _addition(key: int, agreement: int, product: str, quantity: float, **more: Any) -> dict[str, Any]:
    return {
        "id": key,
        "product": {"id": {"SEAT": 71, "DISK": 72}[product], "identifier": product},
        "quantity": quantity,
        "lessIncluded": 0,
        "unitPrice": 12.5,
        "unitCost": 9.1,
        "billCustomer": "Billable",
        "effectiveDate": "2030-02-01T00:00:00Z",
        "agreementId": agreement,
        "billedQuantity": quantity,
        "sequenceNumber": key,
        "agreementStatus": "Active",
        **INFO,
        **more,
    }


def _item(key: int, identifier: str, **more: Any) -> dict[str, Any]:
    return {
        "id": key,
        "identifier": identifier,
        "description": f"A {identifier.lower()}",
        "subcategory": {"id": 1, "name": "Any"},
        "type": {"id": 1, "name": "Any"},
        "customerDescription": f"Your {identifier.lower()}",
        "productClass": "Agreement",
        "price": 10,
        "cost": 4.25,
        **INFO,
        **more,
    }


PSA: dict[str, list[dict[str, Any]]] = {
    "companies": [
        {
            "id": 5,
            "identifier": "Umbra",
            "name": "Umbra & Sons",
            "status": {"id": 8, "name": "Signed"},
            "types": [{"id": 2, "name": "Shop"}, {"id": 3, "name": "Farm"}],
            "deletedFlag": False,
            **INFO,
        },
        {
            "id": 6,
            "identifier": "Quote",
            "name": 'The "Quote" 100% Ltd',
            "status": {"id": 9, "name": "Paused"},
            "types": [{"id": 3, "name": "Farm"}],
            "deletedFlag": True,
            "_info": {"lastUpdated": "2031-03-05T10:00:00Z", "updatedBy": "ana"},
        },
        {"id": 7, "identifier": "Bare", "name": "bare", **INFO},
    ],
    "company_statuses": [
        {"id": 8, "name": "Signed", "defaultFlag": True, **INFO},
        {"id": 9, "name": "Paused", "defaultFlag": False, **INFO},
    ],
    "company_types": [{"id": 2, "name": "Shop", **INFO}, {"id": 3, "name": "Farm", **INFO}],
    "agreement_types": [
        {
            "id": 1,
            "name": "Managed",
            "employeeCompRate": "Hourly",
            "employeeCompNotExceed": "Billing",
            "invoicingCycle": "CalendarYear",
            "billTime": "Billable",
            "billExpenses": "Billable",
            "billProducts": "Billable",
            **INFO,
        }
    ],
    "billing_cycles": [{"id": 1, "identifier": "MON", "name": "Monthly", "billingOptions": "Monthly"}],
    "catalog_items": [
        _item(71, "SEAT"),
        _item(72, "DISK", price=0.1, cost=0.03),
        _item(73, "PACK", productClass="Bundle"),
        _item(74, "OLD", inactiveFlag=True),
    ],
    "agreements": [
        _agreement(40, "Open"),
        _agreement(41, "Closed", cancelledFlag=True, agreementStatus="Cancelled"),
        _agreement(42, "Over", noEndingDateFlag=False, endDate="2031-02-28T00:00:00Z", agreementStatus="Expired"),
        _agreement(43, "Ends soon", noEndingDateFlag=False, endDate="2031-03-12T00:00:00Z"),
    ],
    "additions": [
        _addition(900, 40, "SEAT", 7),
        _addition(901, 40, "DISK", 2.5, lessIncluded=0.5, unitPrice=None, unitCost=None),
        _addition(902, 41, "SEAT", 3, agreementStatus="Cancelled"),
        _addition(903, 42, "SEAT", 4, agreementStatus="Expired"),
    ],
    "members": [
        {"id": 31, "identifier": "ana", "name": "Ana Poe"},
        {"id": 32, "identifier": "robot7", "name": "Ledger API"},
    ],
    "audittrail": [
        {
            "agreementId": 40,
            "entries": [
                {"text": "later", "enteredDate": "2031-03-15T08:00:00Z", "enteredBy": "ana"},
                {"text": "Agreement created: Open", "enteredDate": "2030-01-01T08:00:00Z", "enteredBy": "ana"},
            ],
        }
    ],
}


EARLIER: dict[str, list[dict[str, Any]]] = {
    "agreements": [_agreement(44, "Deleted since")],
    "additions": [_addition(900, 40, "SEAT", 6), _addition(904, 44, "SEAT", 1)],
    "companies": [{"id": 7, "identifier": "Bare", "name": "Bare before", **INFO}],
}


def write_set(folder: Path, psa: dict[str, list[dict[str, Any]]], earlier: dict[str, list[dict[str, Any]]]) -> Path:
    """Write a set of two steps, on 10 and 20 March 2031."""
    steps = [{"at": "2031-03-10T09:00:00-05:00"}, {"at": "2031-03-20T09:00:00-04:00"}]
    for name, records in (("psa", psa), ("psa-earlier", earlier)):
        (folder / name).mkdir(parents=True)
        for kind, rows in records.items():
            (folder / name / f"{kind}.json").write_text(json.dumps(rows), encoding="utf-8")
    scenario = {"time_zone": "America/New_York", "steps": steps}
    (folder / "scenario.json").write_text(json.dumps(scenario), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def made_up_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a set of a few records."""
    without_nulls = {
        kind: [{name: value for name, value in row.items() if value is not None} for row in rows]
        for kind, rows in PSA.items()
    }
    return write_set(tmp_path_factory.mktemp("set") / "made-up", without_nulls, EARLIER)


@pytest.fixture
def sandbox(made_up_set: Path) -> Iterator[Running]:
    """The made-up PSA, served for one test."""
    with running(made_up_set) as served:
        yield served


@pytest.fixture
def portal(sandbox: Running) -> Caller:
    """The portal's API member."""
    return Caller(sandbox)


@pytest.fixture
def human(sandbox: Running) -> Caller:
    """A person at work in the PSA."""
    return Caller(sandbox, "human")
