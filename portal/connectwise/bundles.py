"""Many reads in one call: ``POST /system/bundles``.

Assumptions, kept here alone: ``resourceType`` is the name of the record's schema; the agreement of
additions is their ``parentId``; a list comes by id where ``orderBy`` says so; a result is found by its
``sequenceNumber``. How many reads a bundle may hold is for the connection to say.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.connectwise.errors import Rejected, Throttled, UnexpectedPayload, Unreachable
from portal.connectwise.transport import Transport

log = logging.getLogger(__name__)

PATH = "/system/bundles"
_NOT_KNOWN = frozenset({400, 403, 404, 405, 413, 501})
"""Refusals of a bundle as a whole, after which none is sent again."""


@dataclass(frozen=True, slots=True)
class Part:
    """One list within a bundle.

    Args:
        rows: Its first page.
        request_id: ConnectWise's id of the bundle's request.
        whole: Whether no further page can follow.
    """

    rows: list[Mapping[str, object]]
    request_id: str | None
    whole: bool


def lists_of(
    transport: Transport, kind: str, parents: Sequence[int], *, fields: Sequence[str], conditions: str | None
) -> dict[int, Part]:
    """Read the first page of a list below each of many parents, in one call.

    Args:
        transport: Sends the request; it is told where there are no bundles.
        kind: The schema of the records.
        parents: The ids of what they belong to.
        fields: What to ask for.
        conditions: Which records; all without it.

    Returns:
        What came, by parent. A parent that is not among them is for the caller to ask for by itself: its
        part failed or was not understood, or there are no bundles.

    Raises:
        Unreachable: ConnectWise does not answer, or asks to wait.
        Rejected: The keys are refused.
    """
    asked = [
        _part(number, kind, parent, transport.page_size, fields, conditions) for number, parent in enumerate(parents)
    ]
    return _asked(transport, asked, parents)


def with_list(
    transport: Transport, record: tuple[str, Sequence[str]], below: tuple[str, Sequence[str]], record_id: int
) -> tuple[Part | None, Part | None]:
    """Read one record and the first page of a list below it, in one call.

    Args:
        transport: Sends the request; it is told where there are no bundles.
        record: The schema of the record, and what to ask for.
        below: The schema of the records below it, and what to ask for.
        record_id: The record's id.

    Returns:
        The record as a part with one row, and the list; none of what failed or was not understood.

    Raises:
        ConnectWiseError: As `lists_of`.
    """
    one = {
        "sequenceNumber": 1,
        "resourceType": record[0],
        "apiRequest": {"id": record_id, "fields": ",".join(record[1])},
    }
    listed = _part(1, below[0], record_id, transport.page_size, below[1], None)
    found = _asked(transport, [one, listed], (1, 2))
    return found.get(1), found.get(2)


def _asked(transport: Transport, asked: Sequence[Mapping[str, object]], parents: Sequence[int]) -> dict[int, Part]:
    """Send a bundle, and give what came by the key of each part."""
    try:
        answer = transport.ask(PATH, {"requests": list(asked)})
    except Rejected as error:
        if error.status not in _NOT_KNOWN:
            raise
        transport.without_bundles()
        log.warning("ConnectWise takes no bundles here; everything is read singly from now on. %s", error)
        return {}
    except UnexpectedPayload as error:
        log.warning("A bundle's answer was of no use; its parts are read singly. %s", error)
        return {}
    except Unreachable as error:
        if isinstance(error, Throttled) or error.status is None:
            raise
        if error.status in _NOT_KNOWN:
            transport.without_bundles()
        log.warning("A bundle failed; its parts are read singly. %s", error)
        return {}
    results = answer.value.get("results") if isinstance(answer.value, dict) else None
    if not isinstance(results, list):
        transport.without_bundles()
        log.warning("ConnectWise's answer to a bundle has no results (ConnectWise request %s).", answer.request_id)
        return {}
    return _sorted_out(results, parents, transport.page_size, answer.request_id)


def _sorted_out(
    results: Sequence[object], parents: Sequence[int], page_size: int, request_id: str | None
) -> dict[int, Part]:
    """Give each parent its part; what cannot be told apart is given to none."""
    found: dict[int, Part] = {}
    met: set[int] = set()
    for result in results:
        number = result.get("sequenceNumber") if isinstance(result, dict) else None
        if not isinstance(result, dict) or not isinstance(number, int) or not 0 < number <= len(parents):
            continue
        rows = _rows(result)
        if number in met:
            found.pop(parents[number - 1], None)
        elif rows is not None:
            found[parents[number - 1]] = Part(rows, request_id, len(rows) < page_size)
        met.add(number)
    return found


def _part(
    number: int, kind: str, parent: int, page_size: int, fields: Sequence[str], conditions: str | None
) -> dict[str, object]:
    filters = {"orderBy": "id asc"} | ({} if conditions is None else {"conditions": conditions})
    asked = {"parentId": parent, "filters": filters, "page": {"pageSize": page_size}, "fields": ",".join(fields)}
    return {"sequenceNumber": number + 1, "resourceType": kind, "apiRequest": asked}


def _rows(result: Mapping[str, object]) -> list[Mapping[str, object]] | None:
    """Take one result's records, by id; none where the part failed or is not as it should be."""
    rows = result.get("entities")
    if result.get("success") is not True or result.get("statusCode", 200) != 200:  # noqa: PLR2004 - HTTP: well done
        return None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    if result.get("count", len(rows)) != len(rows):
        return None
    ids = [row.get("id") for row in rows]
    whole = [each for each in ids if isinstance(each, int) and not isinstance(each, bool)]
    return rows if len(whole) == len(ids) and whole == sorted(set(whole)) else None
