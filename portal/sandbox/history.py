"""The entries that the PSA's own audit trail gets for a change, in the PSA's manner."""

from portal.sandbox.derived import COMPUTED
from portal.sandbox.jsontext import JsonValue, Record, dumps
from portal.sandbox.resources import Resource

_KINDS = {"agreements": "Agreement", "companies": "Company", "tickets": "Ticket"}
"""The resources with a trail of their own, and what it is called; additions stand in their agreement's."""

_SILENT = COMPUTED | {"_info", "id", "agreementId"}


def entries(resource: Resource, before: Record | None, after: Record | None) -> list[Record]:
    """What a change adds to the trail, oldest first; nothing for tables, which have no trail of their own."""
    record = after or before or {}
    if resource.name == "additions":
        product = record.get("product")
        name = str(product.get("identifier", "")) if isinstance(product, dict) else ""
        about, kind, sub, label = record.get("agreementId"), "Agreement", "Addition", f"Addition {name}"
    elif kind := _KINDS.get(resource.name, ""):
        about, sub, label, name = record.get("id"), kind, kind, str(record.get("name", record.get("summary", "")))
    else:
        return []
    if before is None:
        texts = [f"{sub} created: {name}"]
        if sub == "Addition":
            texts = [f"{sub} created: {name}, quantity {_shown(record.get('quantity'))}"]
    elif after is None:
        texts = [f"{sub} deleted: {name}"]
    else:
        texts = _differences(label, before, after)
    return [{"kind": kind, "id": about, "sub": sub, "text": text} for text in texts]


def _differences(label: str, before: Record, after: Record) -> list[str]:
    texts = []
    if before.get("agreementStatus") != after.get("agreementStatus"):
        reason = after.get("reasonCancelled")
        why = f": {reason}" if reason and after.get("cancelledFlag") is True else ""
        texts.append(
            f"{label} status changed from {before.get('agreementStatus')} to {after.get('agreementStatus')}{why}"
        )
    for name in sorted((before.keys() | after.keys()) - _SILENT):
        old, new = before.get(name), after.get(name)
        if old != new:
            texts.append(f"{label} {name} changed from {_shown(old)} to {_shown(new)}")
    return texts


def _shown(value: JsonValue) -> str:
    """A value as a person reads it; a calendar date without its time."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        return str(value.get("name") or value.get("identifier") or value.get("id"))
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value) or "none"
    if isinstance(value, str):
        return value.removesuffix("T00:00:00Z")
    return dumps(value)
