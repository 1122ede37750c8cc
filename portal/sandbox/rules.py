"""What the PSA takes and what it refuses, beyond the shape of a record.

Assumptions, each in one place here: additions of a cancelled or ended agreement cannot be added,
changed or deleted; a quantity is not negative; an addition begins within its agreement; dates given by
a caller are calendar days.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from portal.sandbox.built_in import TICKET_STATUS
from portal.sandbox.derived import amount, day, derive_addition, reference, status_of
from portal.sandbox.errors import Fault, fault, invalid, missing_field
from portal.sandbox.jsontext import JsonValue, Record
from portal.sandbox.proration import with_prorated
from portal.sandbox.resources import BY_NAME, REFERENCES, Resource

LARGEST_QUANTITY = Decimal(10**9)

Tables = Mapping[str, Mapping[int, Record]]
"""Every record, by resource and id."""


def require_open(agreement: Record, today: date) -> None:
    """Refuse a write to the additions of an agreement that was cancelled or has ended.

    Raises:
        Refusal: 400.
    """
    status = status_of(agreement, today)
    if status in {"Cancelled", "Expired"}:
        what = "cancelled" if status == "Cancelled" else "expired"
        raise invalid(
            "addition",
            fault(
                "addition", "agreementId", f"Additions cannot be changed: the agreement is {what}.", "AgreementClosed"
            ),
        )


def resolve(resource: Resource, before: Record | None, record: Record, tables: Tables) -> tuple[Record, list[Fault]]:
    """The record with each new reference as the PSA shows it, and those that lead nowhere.

    A reference that was there before stays, even if its record was deleted since.
    """
    faults = []
    for (name, field), (target, names) in REFERENCES.items():
        value = record.get(field)
        if name != resource.name or value is None or (before is not None and before.get(field) == value):
            continue
        old = before.get(field) if before is not None else None
        if isinstance(value, dict) and isinstance(old, dict) and _renamed(old, value):
            value = {"identifier": value["identifier"]}  # another record was asked for by its identifier
        found = [_found(item, tables[target]) for item in (value if isinstance(value, list) else [value])]
        whole: list[JsonValue] = [reference(item, names) for item in found if item is not None]
        if len(whole) < len(found):
            faults.append(fault(resource.word, field, f"The {field} does not exist.", "InvalidReference"))
            continue
        record = record | {field: whole if isinstance(value, list) else whole[0]}
    return record, faults


def _renamed(old: Record, new: Record) -> bool:
    """Whether a reference asks for another record by its identifier, while the old id still stands beside it."""
    return old.get("id") == new.get("id") and new.get("identifier") not in {None, old.get("identifier")}


def _found(value: JsonValue, table: Mapping[int, Record]) -> Record | None:
    """The record that a reference means, by its id or else by its identifier or name."""
    if not isinstance(value, dict):
        return None
    key = value.get("id")
    if key is not None:
        return table.get(key) if isinstance(key, int) else None
    for name in ("identifier", "name"):
        if isinstance(word := value.get(name), str):
            same = (row for row in table.values() if str(row.get(name, "")).casefold() == word.casefold())
            return next(same, None)
    return None


def addition(before: Record | None, after: Record, agreement: Record, tables: Tables, today: date) -> Record:
    """An addition as the PSA keeps it: defaults of the catalogue for a new one, and computed fields.

    Raises:
        Refusal: 400, with what is wrong with each field.
    """
    product = after.get("product")
    key = product.get("id") if isinstance(product, dict) else None
    item = tables["catalog_items"].get(key, {}) if isinstance(key, int) else {}
    if before is None:
        after = _defaults(item, agreement, today) | after
    faults = [*_product_faults(before, after, item), *_quantity_faults(after)]
    faults += _date_faults(before, after, agreement)
    if faults:
        raise invalid("addition", *faults)
    return with_prorated(derive_addition(after, tables["catalog_items"]), agreement, tables, today)


def _defaults(item: Record, agreement: Record, today: date) -> Record:
    start = day(agreement.get("startDate"))
    effective = max(today, start) if start else today
    unit = item.get("unitOfMeasure")
    proposed: Record = {
        "quantity": 1,
        "lessIncluded": 0,
        "unitPrice": item.get("price"),
        "unitCost": item.get("cost"),
        "effectiveDate": f"{effective.isoformat()}T00:00:00Z",
        "taxableFlag": item.get("taxableFlag", False),
        "invoiceDescription": item.get("customerDescription", item.get("description")),
        "purchaseItemFlag": False,
        "specialOrderFlag": False,
        "description": item.get("description"),
        "uom": unit.get("name") if isinstance(unit, dict) else None,
    }
    return {name: value for name, value in proposed.items() if value is not None}


def _product_faults(before: Record | None, after: Record, item: Record) -> list[Fault]:
    if before is not None and before.get("product") == after.get("product"):
        return []
    if item.get("productClass") == "Bundle":
        return [fault("addition", "product", "A bundle cannot be an addition.", "InvalidProduct")]
    if item.get("inactiveFlag") is True:
        return [fault("addition", "product", "The product is inactive.", "InvalidProduct")]
    return []


def _quantity_faults(after: Record) -> list[Fault]:
    faults = []
    for name in ("quantity", "lessIncluded"):
        if amount(after.get(name)) < 0:
            faults.append(fault("addition", name, f"The {name} field must not be negative."))
        if amount(after.get(name)) >= LARGEST_QUANTITY:
            faults.append(fault("addition", name, f"The {name} field is too large."))
    return faults


def _date_faults(before: Record | None, after: Record, agreement: Record) -> list[Fault]:
    effective, ends = day(after.get("effectiveDate")), day(after.get("cancelledDate"))
    if (
        before
        and before.get("effectiveDate") == after.get("effectiveDate")
        and before.get("cancelledDate") == after.get("cancelledDate")
    ):
        return []
    faults = []
    if effective is None:
        faults.append(
            fault("addition", "effectiveDate", "The effectiveDate field is required.", "MissingRequiredField")
        )
    elif ends is not None and ends < effective:
        faults.append(fault("addition", "cancelledDate", "The cancelledDate must not be before the effectiveDate."))
    if effective is not None and (before is None or before.get("effectiveDate") != after.get("effectiveDate")):
        start, end = day(agreement.get("startDate")), day(agreement.get("endDate"))
        if start is not None and effective < start:
            faults.append(fault("addition", "effectiveDate", "The effectiveDate is before the agreement's start date."))
        if end is not None and agreement.get("noEndingDateFlag") is not True and effective > end:
            faults.append(fault("addition", "effectiveDate", "The effectiveDate is after the agreement's end date."))
    return faults


def agreement(before: Record | None, after: Record, tables: Tables, today: date) -> Record:
    """An agreement as the PSA keeps it: the day and the status that follow from its flags.

    A new one prorates if its type says so and the caller said nothing.

    Raises:
        Refusal: 400, it ends before it starts.
    """
    if before is None:
        kind = after.get("type")
        key = kind.get("id") if isinstance(kind, dict) else None
        usual = tables["agreement_types"].get(key, {}) if isinstance(key, int) else {}
        after = {"cancelledFlag": False, "prorateFlag": usual.get("prorateFlag") is True} | after
    start, end = day(after.get("startDate")), day(after.get("endDate"))
    if start is not None and end is not None and end < start:
        raise invalid("agreement", fault("agreement", "endDate", "The endDate must not be before the startDate."))
    if after.get("cancelledFlag") is True:
        after = after | {"dateCancelled": after.get("dateCancelled", f"{today.isoformat()}T00:00:00Z")}
    else:
        after = {name: value for name, value in after.items() if name not in {"dateCancelled", "reasonCancelled"}}
    return after | {"agreementStatus": status_of(after, today)}


def ticket(draft: Record, tables: Tables) -> Record:
    """A new ticket as the PSA keeps it: on the first board, new, and open, unless the caller said otherwise.

    Raises:
        Refusal: 400, it has no company.
    """
    if not draft.get("company"):
        raise invalid("ticket", missing_field("ticket", "company"))
    board = next((row for row in tables["boards"].values() if row.get("inactiveFlag") is not True), None)
    proposed: Record = {
        "recordType": "ServiceTicket",
        "board": reference(board, ("name",)) if board else None,
        "status": TICKET_STATUS,
        "closedFlag": False,
    }
    return {name: value for name, value in proposed.items() if value is not None} | draft


def unique(resource: Resource, record: Record, others: Mapping[int, Record]) -> None:
    """Refuse a second row of a table with the same name, or a second company with the same identifier.

    Raises:
        Refusal: 400.
    """
    field = "identifier" if resource.name == "companies" else "name"
    if resource.area != "tables" and resource.name != "companies":
        return
    mine = str(record.get(field, "")).casefold()
    if any(row.get("id") != record.get("id") and str(row.get(field, "")).casefold() == mine for row in others.values()):
        word = BY_NAME[resource.name].word
        raise invalid(word, fault(word, field, f"The {field} is already in use.", "DuplicateName"))
