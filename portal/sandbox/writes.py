"""Creating, changing and deleting records: every check, then one write."""

from portal.sandbox import callbacks, fields, history, members, rules
from portal.sandbox.derived import COMPUTED, amount
from portal.sandbox.errors import fault, invalid, not_found
from portal.sandbox.jsontext import JsonValue, Record
from portal.sandbox.patch import patched
from portal.sandbox.resources import ADDITIONS, AGREEMENTS, CALLBACKS, TICKETS, Resource
from portal.sandbox.shape import shaped
from portal.sandbox.store import Store

_FIXED = frozenset({"id", "agreementId", "_info"})


def find(store: Store, resource: Resource, key: int, parent: int | None) -> Record:
    """A record that must be there.

    Raises:
        Refusal: 404.
    """
    if parent is not None:
        find(store, AGREEMENTS, parent, None)
    record = store.get(resource.name, key, parent)
    if record is None:
        raise not_found(resource.schema, key)
    return record


def create(store: Store, resource: Resource, parent: int | None, body: JsonValue, caller: str) -> Record:
    """Make a new record.

    Args:
        store: Where it goes.
        resource: Its kind.
        parent: The agreement of an addition.
        body: What the caller sent.
        caller: The caller's key.

    Raises:
        Refusal: 404, no such agreement; 400, the PSA does not take it.
    """
    with store.lock:
        agreement = find(store, AGREEMENTS, parent, None) if parent is not None else None
        if not isinstance(body, dict):
            raise invalid(resource.word, fault(resource.word, "", "An object is expected."))
        draft = {name: value for name, value in body.items() if name not in _FIXED | COMPUTED}
        draft = _settled(store, resource, None, draft, agreement)
        if resource == CALLBACKS:
            draft = callbacks.settled(draft, members.member_id(store.all("members"), caller))
        if resource == TICKETS:
            draft = rules.ticket(draft, store.tables())
        fresh: Record = {"id": store.next_id(resource.name)}
        if parent is not None:
            taken = [amount(row.get("sequenceNumber")) for row in store.all(resource.name, parent)]
            fresh |= {"agreementId": parent, "sequenceNumber": 1 + int(max(taken, default=0))}
            fresh["agreementStatus"] = (agreement or {}).get("agreementStatus")
        draft = fresh | draft
        return store.write(resource.name, None, draft, store.identifier(caller), history.entries(resource, None, draft))


def change(
    store: Store, resource: Resource, key: int, parent: int | None, operations: JsonValue, caller: str
) -> Record:
    """Change a record by JSON Patch: all operations, or none.

    Raises:
        Refusal: 404, no such record; 400, the PSA does not take it.
    """
    with store.lock:
        before = find(store, resource, key, parent)
        after = patched(before, operations, fields.fields(resource.schema))
        return _changed(store, resource, before, after, caller)


def replace(store: Store, resource: Resource, key: int, parent: int | None, body: JsonValue, caller: str) -> Record:
    """Put another record in the place of one: what is not sent is lost.

    Raises:
        Refusal: 404, no such record; 400, the PSA does not take it.
    """
    with store.lock:
        before = find(store, resource, key, parent)
        if not isinstance(body, dict):
            raise invalid(resource.word, fault(resource.word, "", "An object is expected."))
        kept = {name: before[name] for name in _FIXED & before.keys()}
        return _changed(store, resource, before, body | kept, caller)


def _changed(store: Store, resource: Resource, before: Record, after: Record, caller: str) -> Record:
    for name in ("id", "agreementId"):
        if before.get(name) != after.get(name):
            raise invalid(resource.word, fault(resource.word, name, f"The {name} field cannot be changed."))
    fixed = {name: before[name] for name in (_FIXED | COMPUTED) & before.keys()}
    parent = before.get("agreementId")
    agreement = store.get(AGREEMENTS.name, parent) if resource == ADDITIONS and isinstance(parent, int) else None
    draft = _settled(store, resource, before, after | fixed, agreement)
    if resource == CALLBACKS:
        draft = callbacks.settled(draft, members.member_id(store.all("members"), caller))
    entries = history.entries(resource, before, draft)
    return store.write(resource.name, before, draft, store.identifier(caller), entries)


def delete(store: Store, resource: Resource, key: int, parent: int | None, caller: str) -> None:
    """Delete a record.

    Raises:
        Refusal: 404, no such record; 400, its agreement is closed.
    """
    with store.lock:
        record = find(store, resource, key, parent)
        if parent is not None:
            rules.require_open(find(store, AGREEMENTS, parent, None), store.today())
        store.write(resource.name, record, None, store.identifier(caller), history.entries(resource, record, None))


def _settled(
    store: Store, resource: Resource, before: Record | None, draft: Record, agreement: Record | None
) -> Record:
    """A draft that passed every rule, in the PSA's own form."""
    tables = store.tables()
    today = store.today()
    if agreement is not None:
        rules.require_open(agreement, today)
    draft, faults = shaped(resource, draft)
    if before is not None:  # what was wrong before is not this caller's fault
        faults = [fault for fault in faults if before.get(fault.field) != draft.get(fault.field)]
    if not faults:
        draft, faults = rules.resolve(resource, before, draft, tables)
    if faults:
        raise invalid(resource.word, *faults)
    if agreement is not None:
        return rules.addition(before, draft, agreement, tables, today)
    rules.unique(resource, draft, tables[resource.name])
    return rules.agreement(before, draft, tables, today) if resource == AGREEMENTS else draft
