"""The agreements of a made PSA: of every status, cycle and manner of billing, some under a parent."""

from datetime import date, timedelta
from random import Random

from portal.sandbox.derived import status_of
from portal.sandbox.jsontext import JsonValue, Record
from portal.sandbox.sizes_companies import Info
from portal.sandbox.sizes_tables import (
    AGREEMENT_TYPE_WEIGHTS,
    AGREEMENT_TYPES,
    AUTHORS,
    CURRENCY,
    CYCLE_WEIGHTS,
    CYCLES,
)

FIRST_ID = 4100

_FATES = {
    "running": 78,
    "ends": 4,  # within the next months
    "cancelled": 8,
    "expired lately": 3,
    "expired long ago": 4,
    "begins": 3,  # in the next weeks
}
_REASONS = ("Moved to another provider", "Business closed", "Replaced by a new agreement", "Unpaid")
_OWN_PRORATING = 0.12  # share of agreements that prorate other than their type proposes
_IN_ADVANCE = 0.45
_CHILD = 0.07
_INVOICED_AT_ONCE = 0.1
_MONTHS = {1: 1, 2: 3, 3: 6, 4: 12}


def agreements(count: int, companies: list[Record], today: date, random: Random, info: Info) -> list[Record]:
    """Make so many agreements.

    Args:
        count: How many.
        companies: Whose they are. Some have many, some none.
        today: The PSA's day, which decides every status.
        random: What decides the rest.
        info: Makes ``_info``.
    """
    weights = [random.paretovariate(1.6) for _ in companies]
    owners = random.choices(companies, [min(weight, 15.0) for weight in weights], k=count)
    kinds = random.choices(list(AGREEMENT_TYPE_WEIGHTS), list(AGREEMENT_TYPE_WEIGHTS.values()), k=count)
    cycles = random.choices(list(CYCLE_WEIGHTS), list(CYCLE_WEIGHTS.values()), k=count)
    fates = random.choices(list(_FATES), list(_FATES.values()), k=count)
    types = {int(str(row["id"])): row for row in AGREEMENT_TYPES}
    references = {row["id"]: {"id": row["id"], "name": row["name"]} for row in CYCLES}
    parents: dict[int, Record] = {}
    rows: list[Record] = []
    key = FIRST_ID - 1
    for company, kind, cycle, fate in zip(owners, kinds, cycles, fates, strict=True):
        key += 1 if random.random() < 0.93 else 2  # noqa: PLR2004 - some ids are agreements deleted for good
        row = _agreement(key, company, types[kind], random) | _dates(fate, today, random)
        prorates = types[kind]["prorateFlag"] is True
        row["prorateFlag"] = prorates != (random.random() < _OWN_PRORATING)
        row["invoiceProratedAdditionsFlag"] = row["prorateFlag"] is True and random.random() < _INVOICED_AT_ONCE
        row["periodType"] = "Future" if random.random() < _IN_ADVANCE else "Current"
        owner = int(str(company["id"]))
        parent = parents.get(owner)
        if parent is not None and fate == "running" and random.random() < _CHILD:
            row["parentAgreement"] = {"id": parent["id"], "name": parent["name"]}
            row |= {name: parent[name] for name in ("billingCycle", "nextInvoiceDate", "periodType")}
        elif cycle is not None:
            row["billingCycle"] = references[cycle]
            row["nextInvoiceDate"] = _next_invoice(_MONTHS.get(cycle, 1), today, random)
            if fate == "running" and owner not in parents:
                parents[owner] = row
        else:
            row["billOneTimeFlag"] = True
        row["agreementStatus"] = status_of(row, today)
        row["_info"] = info()
        rows.append(row)
    return rows


def _agreement(key: int, company: Record, kind: Record, random: Random) -> Record:
    owner = int(str(company["id"]))
    return {
        "id": key,
        "name": f"{kind['name']} - {company['name']}"[:100],
        "type": {"id": kind["id"], "name": kind["name"]},
        "company": {name: company[name] for name in ("id", "identifier", "name")},
        "contact": {"id": 9000 + owner, "name": random.choice(("Robin Vale", "Sam Ortiz", "Lee Ray", "Kim Noor"))},
        "applicationUnits": "Amount",
        "applicationLimit": 0,
        "applicationUnlimitedFlag": False,
        "employeeCompRate": "Hourly",
        "employeeCompNotExceed": "Billing",
        "invoicingCycle": "CalendarYear",
        "billTime": "Billable",
        "billExpenses": "Billable",
        "billProducts": "Billable",
        "billOneTimeFlag": False,
        "billAmount": 0,
        "taxable": True,
        "currency": CURRENCY,
    }


def _dates(fate: str, today: date, random: Random) -> Record:
    start = _first_of_month(today - timedelta(days=random.randrange(90, 1900)))
    row: Record = {"noEndingDateFlag": True, "cancelledFlag": False}
    end: date | None = None
    if fate == "begins":
        start = today + timedelta(days=random.randrange(2, 60))
    elif fate == "ends":
        end = today + timedelta(days=random.randrange(0, 120))
    elif fate == "expired lately":
        end = today - timedelta(days=random.randrange(1, 50))
    elif fate == "expired long ago":
        start -= timedelta(days=400)
        end = today - timedelta(days=random.randrange(90, 400))
    elif fate == "cancelled":
        day = today - timedelta(days=random.randrange(0, 80))
        row |= {"cancelledFlag": True, "dateCancelled": stamp(day), "reasonCancelled": random.choice(_REASONS)}
    if end is not None:
        row |= {"noEndingDateFlag": False, "endDate": stamp(end)}
    return row | {"startDate": stamp(start), "billStartDate": stamp(start)}


def _first_of_month(day: date) -> date:
    return day.replace(day=1)


def _next_invoice(months: int, today: date, random: Random) -> JsonValue:
    ahead = today.month - 1 + random.randrange(1, months + 1)
    return stamp(date(today.year + ahead // 12, ahead % 12 + 1, 1))


def stamp(day: date) -> str:
    """A calendar date as ConnectWise writes it."""
    return f"{day.isoformat()}T00:00:00Z"


def trails(agreements: list[Record], products: list[str], now: str, random: Random) -> dict[int, list[Record]]:
    """The audit trail of each agreement, newest first, no entry after now."""
    found: dict[int, list[Record]] = {}
    for row in agreements:
        start = str(row["startDate"])[:10]
        created = f"{start}T14:00:00Z"
        entries = [_entry(f"Agreement created: {row['name']}", min(created, now), "Agreement", random)]
        for month in sorted(random.sample(range(1, 10), k=random.randrange(4))):
            moment = f"2026-{month:02}-{random.randrange(1, 28):02}T{random.randrange(8, 18):02}:30:00Z"
            if moment <= str(entries[-1]["enteredDate"]):
                continue
            before, after = random.sample(range(1, 60), 2)
            text = f"Addition {random.choice(products)} quantity changed from {before} to {after}"
            entries.append(_entry(text, moment, "Addition", random))
        if row["cancelledFlag"] is True:
            moment = max(str(row["dateCancelled"])[:10] + "T09:15:00Z", str(entries[-1]["enteredDate"]))
            text = f"Agreement status changed from Active to Cancelled: {row['reasonCancelled']}"
            entries.append(_entry(text, min(moment, now), "Agreement", random))
        found[int(str(row["id"]))] = entries[::-1]
    return found


def _entry(text: str, moment: str, sub: str, random: Random) -> Record:
    return {
        "text": text,
        "enteredDate": moment,
        "enteredBy": random.choice(AUTHORS),
        "auditType": "Agreement",
        "auditSubType": sub,
        "auditSource": "Application",
    }
