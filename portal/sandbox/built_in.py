"""What every PSA has, whether a set speaks of it or not: a service board that new tickets land on."""

from portal.sandbox.jsontext import Record

BUILT_IN: dict[str, dict[int, Record]] = {
    "boards": {
        1: {
            "id": 1,
            "name": "Service Desk",
            "inactiveFlag": False,
            "projectFlag": False,
            "billTime": "Billable",
            "billExpense": "Billable",
            "billProduct": "Billable",
            "_info": {"lastUpdated": "2020-01-01T00:00:00Z", "updatedBy": "zadmin"},
        }
    }
}
"""Resource to id to record, for resources that a set leaves out."""

TICKET_STATUS: Record = {"id": 1, "name": "New"}
"""The status of a ticket that was just made."""
