"""What the PSA works out itself: billed quantity, extended amounts, statuses, and the names in references."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from portal.sandbox.clock import parse_moment
from portal.sandbox.jsontext import JsonValue, Record, plain
from portal.sandbox.resources import REFERENCES

PRORATED = ("prorateCost", "proratePrice", "extendedProrateCost", "extendedProratePrice")

COMPUTED = frozenset(
    {"billedQuantity", "extPrice", "extCost", "margin", "agreementStatus", "prorateCurrentPeriodFlag", *PRORATED}
)
"""Fields of additions and agreements that a caller cannot set."""


def amount(value: JsonValue) -> Decimal:
    """A number of a record; a missing one is 0."""
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else Decimal(0)


def day(value: JsonValue) -> date | None:
    """The calendar day of a date field: its date as written, whatever the time beside it."""
    moment = parse_moment(value) if isinstance(value, str) else None
    return moment.date() if moment else None


def derive_addition(addition: Record, catalog: Mapping[int, Record]) -> Record:
    """An addition with its computed fields; a missing price or cost is the catalogue's.

    The price covers what is billed, the cost covers what is used: included units cost, but earn nothing.
    """
    product = addition.get("product")
    key = product.get("id") if isinstance(product, dict) else None
    item = catalog.get(key, {}) if isinstance(key, int) else {}
    quantity = amount(addition.get("quantity"))
    billed = quantity - amount(addition.get("lessIncluded"))
    price = billed * amount(addition.get("unitPrice", item.get("price")))
    cost = quantity * amount(addition.get("unitCost", item.get("cost")))
    return addition | {
        "billedQuantity": plain(billed),
        "extPrice": plain(price),
        "extCost": plain(cost),
        "margin": plain(price - cost),
    }


def status_of(agreement: Record, today: date) -> str:
    """Active, Cancelled, Expired, or Inactive for one that begins later."""
    start, end = day(agreement.get("startDate")), day(agreement.get("endDate"))
    if agreement.get("cancelledFlag") is True:
        return "Cancelled"
    if end is not None and end < today and agreement.get("noEndingDateFlag") is not True:
        return "Expired"
    return "Inactive" if start is not None and start > today else "Active"


def reference(record: Record, names: tuple[str, ...]) -> Record:
    """A reference to a record: its id, and the names that this reference shows."""
    return {"id": record.get("id")} | {name: record[name] for name in names if name in record}


def refresh_references(view: dict[str, dict[int, Record]], changed: Mapping[str, frozenset[int]]) -> None:
    """Show the new names of renamed records wherever they are referred to.

    Args:
        view: All records; changed in place, each record replaced.
        changed: The ids that callers wrote, by resource.
    """
    for (resource, field), (target, names) in REFERENCES.items():
        renamed = {key: view[target][key] for key in changed.get(target, ()) if key in view[target]}
        if not renamed:
            continue
        for key, record in view[resource].items():
            old = record.get(field)
            new = _refreshed(old, renamed, names)
            if new != old:
                view[resource][key] = record | {field: new}


def _refreshed(value: JsonValue, renamed: Mapping[int, Record], names: tuple[str, ...]) -> JsonValue:
    if isinstance(value, list):
        return [_refreshed(item, renamed, names) for item in value]
    key = value.get("id") if isinstance(value, dict) else None
    if isinstance(value, dict) and isinstance(key, int) and key in renamed:
        return value | reference(renamed[key], names)
    return value
