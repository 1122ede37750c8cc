"""What a list request asks for: which records, in which order, which page, and which fields of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from urllib.parse import urlencode

from portal.sandbox import conditions, matching
from portal.sandbox.conditions import ConditionError, Node
from portal.sandbox.errors import bad_request
from portal.sandbox.fields import Kind
from portal.sandbox.jsontext import JsonValue, Record

ARGUMENTS = (
    "conditions",
    "childConditions",
    "customFieldConditions",
    "orderBy",
    "fields",
    "page",
    "pageSize",
    "pageId",
)
"""What a list request may say, as ConnectWise spells it."""

DEFAULT_SIZE, LARGEST_SIZE = 25, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of an answer.

    Args:
        records: Its records, cut to the fields that were asked for.
        link: The ``Link`` header, empty when there is no other page.
    """

    records: list[Record]
    link: str


def select(records: list[Record], arguments: Mapping[str, str], kinds: dict[str, Kind]) -> list[Record]:
    """The records that meet ``conditions``, ``childConditions`` and ``customFieldConditions``.

    Raises:
        Refusal: 400, a condition that cannot be understood.
    """
    try:
        if text := arguments.get("conditions", "").strip():
            node = matching.check(conditions.parse(text), kinds)
            records = [record for record in records if matching.holds(node, record)]
        if text := arguments.get("childConditions", "").strip():
            records = _with_children(conditions.parse(text), records, kinds)
        if text := arguments.get("customFieldConditions", "").strip():
            custom: dict[str, Kind] = {"caption": "text", "value": "object", "id": "integer"}
            node = matching.check(conditions.parse(text), custom)
            records = [
                record
                for record in records
                if any(matching.holds(node, child) for child in _children(record, "customFields"))
            ]
    except ConditionError as error:
        raise bad_request("ApiFindCondition", str(error)) from error
    return records


def _children(record: Record, name: str) -> Iterator[Record]:
    children = record.get(name)
    yield from (child for child in (children if isinstance(children, list) else []) if isinstance(child, dict))


def _with_children(node: Node, records: list[Record], kinds: dict[str, Kind]) -> list[Record]:
    """The records with one child (of each list named) for which the whole condition holds."""
    lists: dict[str, Kind] = {}
    for comparison in conditions.comparisons(node):
        (name, *_), kind = matching.find(comparison.path[:1], kinds)
        if not isinstance(kind, list) or len(comparison.path) == 1:
            raise ConditionError(f"{'/'.join(comparison.path)} is not a field of a list.")
        lists[name] = kind[0]
    node = matching.check(node, lists)
    return [
        record
        for record in records
        if any(
            matching.holds(node, dict(zip(lists, chosen, strict=True)))
            for chosen in product(*(_children(record, name) for name in lists))
        )
    ]


def in_order(records: list[Record], text: str, kinds: dict[str, Kind]) -> list[Record]:
    """The records by ``orderBy`` (``name asc, id desc``), then by id; a missing value comes first.

    Raises:
        Refusal: 400, an unknown field or direction.
    """
    keys = []
    for part in text.split(",") if text.strip() else []:
        found = re.fullmatch(r"\s*([\w/]+)(?:\s+(asc|desc))?\s*", part, re.IGNORECASE)
        if found is None:
            raise bad_request("ApiFindOrderBy", f"The order '{part.strip()[:40]}' cannot be read.")
        try:
            path, kind = matching.find(tuple(found[1].split("/")), kinds)
        except ConditionError as error:
            raise bad_request("ApiFindOrderBy", str(error)) from error
        if not isinstance(kind, str) or kind == "info":
            raise bad_request("ApiFindOrderBy", f"{found[1]} has no order.")
        keys.append((path, (found[2] or "asc").lower() == "desc"))
    records = sorted(records, key=_id)
    for path, down in reversed(keys):
        records.sort(key=lambda record, path=path: _rank(_follow(record, path)), reverse=down)  # type: ignore[misc]
    return records


def _id(record: Record) -> int:
    key = record.get("id", 0)
    return key if isinstance(key, int) else 0


def _follow(value: JsonValue, path: tuple[str, ...]) -> JsonValue:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _rank(value: JsonValue) -> tuple[int, Decimal, str]:
    if value is None:
        return (0, Decimal(0), "")
    if isinstance(value, int | Decimal):
        return (1, Decimal(value), "")
    return (2, Decimal(0), str(value).casefold())


def paged(records: list[Record], arguments: Mapping[str, str], url: str) -> Page:
    """One page by number, with links to the first, previous, next and last.

    Args:
        records: All records, in order.
        arguments: Those of the request; ``page`` from 1, ``pageSize`` from 1 to 1000.
        url: The address of the request without its arguments.

    Raises:
        Refusal: 400, a page or size that is no such number.
    """
    page, size = number(arguments, "page", 1), _size(arguments)
    last = max(1, -(-len(records) // size))
    links = []
    if page < last:
        links.append(_link(url, arguments, "next", page=page + 1))
    if page > 1:
        links.append(_link(url, arguments, "prev", page=min(page - 1, last)))
        links.append(_link(url, arguments, "first", page=1))
    if page < last:
        links.append(_link(url, arguments, "last", page=last))
    chosen = records[(page - 1) * size : page * size]
    return Page(records=_cut(chosen, arguments), link=", ".join(links))


def forward(records: list[Record], arguments: Mapping[str, str], url: str) -> Page:
    """One page of the records with an id above ``pageId``, by id, with a link to the next alone.

    Raises:
        Refusal: 400, a pageId or size that is no such number.
    """
    after, size = number(arguments, "pageId", 0, least=0), _size(arguments)
    rest = [record for record in sorted(records, key=_id) if _id(record) > after]
    chosen = rest[:size]
    link = _link(url, arguments, "next", pageId=_id(chosen[-1])) if len(rest) > size else ""
    return Page(records=_cut(chosen, arguments), link=link)


def _size(arguments: Mapping[str, str]) -> int:
    size = number(arguments, "pageSize", DEFAULT_SIZE)
    if size > LARGEST_SIZE:
        raise bad_request("InvalidPageSize", f"pageSize is at most {LARGEST_SIZE}.")
    return size


def number(arguments: Mapping[str, str], name: str, default: int, *, least: int = 1) -> int:
    """A whole number among the arguments.

    Raises:
        Refusal: 400, it is not one, or less than the least.
    """
    text = arguments.get(name, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII) or int(text) < least:
        raise bad_request("InvalidArgument", f"{name} must be a whole number from {least}.")
    return int(text)


def _link(url: str, arguments: Mapping[str, str], relation: str, **changed: int) -> str:
    # a number of the other mode would mislead whoever follows the link
    kept = {name: value for name, value in arguments.items() if name not in {"page", "pageId"}}
    return f'<{url}?{urlencode(kept | changed)}>; rel="{relation}"'


def _cut(records: list[Record], arguments: Mapping[str, str]) -> list[Record]:
    return [cut(record, arguments.get("fields", "")) for record in records]


def cut(record: Record, fields: str) -> Record:
    """A record with the named fields alone (``id,name,status/id``); an unknown one is left out."""
    wanted: dict[str, JsonValue] = {}
    for name in fields.split(","):
        here = wanted
        parts = [part.lower() for part in name.strip().split("/") if part]
        for part in parts[:-1]:
            inner = here.setdefault(part, {})
            here = inner if isinstance(inner, dict) else {}
        if parts:
            here[parts[-1]] = True  # all of it, whatever else names a part of it
    return _only(record, wanted) if wanted else record


def _only(record: Record, wanted: Record) -> Record:
    kept: Record = {}
    for name, value in record.items():
        inner = wanted.get(name.lower())
        if inner is None:
            continue
        if isinstance(value, dict) and isinstance(inner, dict) and inner:
            kept[name] = _only(value, inner)
        elif isinstance(value, list) and isinstance(inner, dict) and inner:
            kept[name] = [_only(item, inner) if isinstance(item, dict) else item for item in value]
        else:
            kept[name] = value
    return kept
