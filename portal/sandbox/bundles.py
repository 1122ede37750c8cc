"""``POST /system/bundles``: many reads in one call, each with an answer of its own.

Assumptions, since the reference shows no more than the shape: a part with an ``id`` asks for one record,
one without asks for a list; ``resourceType`` is the name of the record's schema or one of the usual other
names, in any case; ``count`` is the number of records in the part's answer; a bundle counts as one request
against a throttle; more parts than ``most`` are refused as a whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from portal.sandbox import query, writes
from portal.sandbox.errors import Refusal, bad_request, fault, invalid, missing_field, not_found
from portal.sandbox.faults import Faults
from portal.sandbox.fields import fields
from portal.sandbox.jsontext import JsonValue, Record
from portal.sandbox.members import INQUIRE
from portal.sandbox.resources import ADDITIONS, AGREEMENTS, RESOURCES, Resource
from portal.sandbox.shape import INTEGERS
from portal.sandbox.store import Store

PATH = "/system/bundles"
MOST = 100

_OTHER_NAMES = {
    "agreementaddition": "additions",
    "agreementadditions": "additions",
    "catalog": "catalog_items",
    "product": "catalog_items",
    "productcatalog": "catalog_items",
    "serviceticket": "tickets",
    "serviceboard": "boards",
    "callback": "callbacks",
}


def _names() -> dict[str, Resource]:
    names = {}
    for resource in RESOURCES:
        for name in (resource.schema, resource.word, resource.name.replace("_", "")):
            names[name.lower()] = resource
        names |= {other: resource for other, target in _OTHER_NAMES.items() if target == resource.name}
    return names


NAMED = _names()
"""``resourceType`` in lower case to what it means."""


@dataclass(slots=True)
class Bundles:
    """Answers bundles.

    Args:
        store: What the PSA holds.
        faults: What is set to go wrong; a fault whose path names a part's address hits that part alone.
        most: Parts in one call; 0: this PSA has no bundles, and the address is unknown.
    """

    store: Store
    faults: Faults
    most: int = MOST

    def answer(self, body: JsonValue, key: str) -> list[Record]:
        """The results, in the order of the parts.

        Args:
            body: What the caller sent.
            key: The caller's key.

        Raises:
            Refusal: 404, there are no bundles here; 400, the call as a whole cannot be understood.
        """
        if not self.most:
            raise Refusal(HTTPStatus.NOT_FOUND, "NotFound", "The requested URL was not found on the server.")
        parts = body.get("requests") if isinstance(body, dict) else None
        if parts is None:
            raise invalid("bundle", missing_field("bundle", "requests"))
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            raise invalid("bundle", fault("bundle", "requests", "The requests field must be a list of requests."))
        if len(parts) > self.most:
            raise invalid("bundle", fault("bundle", "requests", f"A bundle holds at most {self.most} requests."))
        return [self._result(part, key) for part in parts if isinstance(part, dict)]

    def _result(self, part: Record, key: str) -> Record:
        sequence, kind, version = part.get("sequenceNumber", 0), part.get("resourceType"), part.get("version")
        result: Record = {"sequenceNumber": sequence if _whole(sequence) else 0}
        if isinstance(kind, str):
            result["resourceType"] = kind
        if isinstance(version, str):
            result["version"] = version
        try:
            if not _whole(sequence):
                raise bad_request("InvalidArgument", "sequenceNumber must be a whole number.")
            rows: list[JsonValue] = list(self._rows(kind, part.get("apiRequest"), key))
        except Refusal as refusal:
            return result | {
                "entities": [],
                "count": 0,
                "success": False,
                "statusCode": refusal.status,
                "error": refusal.body(),
            }
        return result | {"entities": rows, "count": len(rows), "success": True, "statusCode": HTTPStatus.OK}

    def _rows(self, kind: JsonValue, asked: JsonValue, key: str) -> list[Record]:
        resource = NAMED.get(kind.lower()) if isinstance(kind, str) else None
        if resource is None:
            raise bad_request("InvalidArgument", f"The resourceType {str(kind)[:40]} is not recognized.")
        asked = _object("apiRequest", asked)
        one, parent = _key(asked, "id"), _key(asked, "parentId") if resource == ADDITIONS else None
        path = resource.path.replace("<int:parent>", str(parent)) + (f"/{one}" if one else "")
        if stumble := self.faults.within(path):
            raise Refusal(_status(stumble), "ConnectWiseApi", "The server could not complete the request.")
        self.store.roles.require(key, resource.area, INQUIRE)
        if resource == ADDITIONS and parent is None:
            raise bad_request("InvalidArgument", "Additions are asked for by parentId, the agreement.")
        arguments = _arguments(asked)
        if one:
            record = writes.find(self.store, resource, one, parent)
            return [query.cut(record, arguments.get("fields", ""))]
        if parent is not None and self.store.get(AGREEMENTS.name, parent) is None:
            raise not_found(AGREEMENTS.schema, parent)
        kinds = fields(resource.schema)
        records = query.select(self.store.all(resource.name, parent), arguments, kinds)
        records = query.in_order(records, arguments.get("orderBy", ""), kinds)
        pages: Callable[..., query.Page] = query.forward if "pageId" in arguments else query.paged
        return pages(records, arguments, "").records


def _status(number: int) -> HTTPStatus:
    try:
        return HTTPStatus(number)
    except ValueError:
        return HTTPStatus.SERVICE_UNAVAILABLE


def _whole(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in INTEGERS


def _object(name: str, value: JsonValue) -> Record:
    if value is not None and not isinstance(value, dict):
        raise bad_request("InvalidArgument", f"{name} must be an object.")
    return value or {}


def _key(asked: Record, name: str) -> int | None:
    """An id among what was asked; 0 and null mean none."""
    value = asked.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise bad_request("InvalidArgument", f"{name} must be a whole number.")
    return value or None


def _arguments(asked: Record) -> dict[str, str]:
    """What a list request would say in its address."""
    filters, page = _object("filters", asked.get("filters")), _object("page", asked.get("page"))
    said: Record = {**filters, **page, "fields": asked.get("fields")}
    known = {name.lower(): name for name in query.ARGUMENTS}
    return {
        known[name.lower()]: str(value) for name, value in said.items() if value is not None and name.lower() in known
    }
